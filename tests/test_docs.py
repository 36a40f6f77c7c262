"""Links in the pages lead somewhere, on a code host as on the website; the website's check notices those that do not.

``make docs`` builds the website itself; it needs packages that the tests do without.
"""

from __future__ import annotations

import ast
import re
from email.message import Message
from pathlib import Path

import pytest

import loopholes
from loopholes.modules import run_file
from loopholes.version import documentation

ROOT = Path(__file__).parents[1]
SITE = run_file(ROOT / "docs" / "make_site.py", "make_site")
PAGES = sorted(path for pattern in ("*.md", "docs/**/*.md", "results/*.md") for path in ROOT.glob(pattern))
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
PAGE = "<html><body><h1 id='top'>Top</h1><a href='{address}'>there</a></body></html>"


def links(page: Path) -> list[str]:
    """The relative addresses that a page links to, outside code."""
    text = re.sub(r"`[^`\n]*`", "", FENCED.sub("", page.read_text(encoding="utf-8")))
    addresses: list[str] = re.findall(r"\]\(([^)\s]+)\)", text)
    return [address for address in addresses if "://" not in address and not address.startswith("mailto:")]


def anchors(page: Path) -> set[str]:
    """The anchors that a code host gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    for address in links(page):
        path, _, anchor = address.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), address
        assert not anchor or anchor in anchors(target), address


def test_every_page_of_the_documentation_is_reached_from_its_first_page() -> None:
    docs = ROOT / "docs"
    first = docs / "README.md"
    linked = {(first.parent / address.partition("#")[0]).resolve() for address in links(first)}
    assert {page.resolve() for page in docs.rglob("*.md")} - linked == {first.resolve()}


@pytest.mark.parametrize(
    "address, problem",
    [
        ("other.html", ""),
        ("other.html#top", ""),
        ("#top", ""),
        ("folder", ""),
        ("https://example.org/none", ""),
        ("none.html", "leads to no file"),
        ("other.html#none", "leads to no anchor"),
        ("#none", "leads to no anchor"),
        ("empty", "leads to no file"),
    ],
)
def test_a_link_of_the_website_that_leads_nowhere_is_named(address: str, problem: str, tmp_path: Path) -> None:
    for folder in ("folder", "empty"):
        (tmp_path / folder).mkdir()
    (tmp_path / "index.html").write_text(PAGE.format(address=address))
    for page in ("other.html", "folder/index.html"):
        (tmp_path / page).write_text(PAGE.format(address="#top"))
    assert SITE.broken(tmp_path) == ([f"index.html: {address} {problem}"] if problem else [])


def test_the_website_has_what_its_pages_link_to_at_the_same_place(tmp_path: Path) -> None:
    root, place = tmp_path / "repository", tmp_path / "stage"
    for path in ("docs", "results/tables", "src"):
        (root / path).mkdir(parents=True)
    (root / "README.md").write_text("[docs](docs/page.md), [code](src/code.py)")
    (root / "docs/page.md").write_text("[tables](../results/tables) and [elsewhere](https://example.org)")
    (root / "results/tables/one.csv").write_text("1,2\n")
    (root / "src/code.py").write_text("pass\n")
    (root / "src/other.py").write_text("pass\n")
    SITE.stage(root, place)
    files = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    assert files == {
        *("README.md", "docs/page.md", "src/code.py"),
        *("results/tables/one.csv", "results/tables/index.md"),
    }
    assert "[tables](../results/tables/index.md)" in (place / "docs/page.md").read_text()


@pytest.mark.parametrize(
    ("owner", "folder", "address"),
    [
        ("somebody", ROOT, "https://github.com/somebody/loopholes/blob/HEAD/docs/findings.md#echo"),
        ("OWNER", ROOT, "docs/findings.md#echo"),
        ("OWNER", ROOT / "tests", f"{ROOT}/docs/findings.md#echo"),
    ],
)
def test_a_released_package_names_web_addresses_of_its_documentation_and_any_other_names_files(
    monkeypatch: pytest.MonkeyPatch, owner: str, folder: Path, address: str
) -> None:
    about = Message()
    about["Project-URL"] = f"Source, https://github.com/{owner}/loopholes"
    monkeypatch.setattr("importlib.metadata.metadata", lambda name: about)
    monkeypatch.chdir(folder)
    assert documentation("docs/findings.md#echo") == address


def test_texts_of_the_package_name_pages_of_the_documentation_only_by_their_address() -> None:
    named = 0
    for file in sorted((ROOT / "src" / "loopholes").rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        addresses = [call.args[0] for call in calls if ast.unparse(call.func) == "documentation"]
        inside = {id(part) for address in addresses for part in ast.walk(address)}
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                pages = re.findall(r"docs/[\w/-]+\.md", node.value)
                assert not pages or id(node) in inside, f"{file}:{node.lineno}"
                assert all((ROOT / page).is_file() for page in pages)
                named += len(pages)
    assert named


def test_the_reference_lists_every_public_name(tmp_path: Path) -> None:
    page = ROOT / "docs" / "api.md"
    text = SITE.staged(page.read_text(encoding="utf-8"), page, ROOT, tmp_path)
    assert re.findall(r"^::: loopholes\.(\w+)$", text, re.MULTILINE) == SITE.public_names()
    assert sorted(SITE.public_names()) == sorted(loopholes.__all__)
