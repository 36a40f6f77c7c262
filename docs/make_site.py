"""Build the documentation as a website into site/, offline, and fail on a broken link: ``make docs``.

The site has the layout of the repository: README.md is its first page, and docs/, results/ and examples/ keep their
places, so the links in a page work on a code host and on the site alike. :func:`stage` copies the pages and every file
that one of them links to, makes a list of files of a linked folder, and gives docs/api.md an entry for each name
in ``loopholes.__all__``. Zensical builds the site from that by mkdocs.yml. :func:`broken` then reads every page of the
site and looks for the file and the anchor behind each link.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[1]
STAGE, SITE = ROOT / "build" / "site", ROOT / "site"
PAGES = ("*.md", "docs/**/*.md", "docs/*.css", "results/*.md", "examples/*.py")
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
COLOUR = re.compile(r"\x1b\[[\d;]*m")
NAMES = "<!-- The site lists every public name here. -->"


def main() -> int:
    """Build and check the site, and print each broken link; returns 1 if there are any."""
    stage(ROOT, STAGE)
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    built = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
    warnings = built.stderr.partition("Traceback")[0]  # which is how --strict ends
    print(COLOUR.sub("", warnings), file=sys.stderr, end="")
    if built.returncode:
        return built.returncode
    problems = broken(SITE)
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"{len(list(SITE.rglob('*.html')))} pages in {SITE.name}/, {len(problems)} broken links")
    return min(len(problems), 1)


def stage(root: Path, place: Path) -> None:
    """Copy the pages in ``root``, and every file that one of them links to, into ``place``."""
    shutil.rmtree(place, ignore_errors=True)
    for page in {path for pattern in PAGES for path in root.glob(pattern)}:
        text = page.read_text(encoding="utf-8") if page.suffix == ".md" else None
        copy = place / page.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            shutil.copyfile(page, copy)
            continue
        copy.write_text(staged(text, page, root, place), encoding="utf-8")


def staged(text: str, page: Path, root: Path, place: Path) -> str:
    """The text of a page of the site; what it links to is copied."""
    if NAMES in text:
        text = text.replace(NAMES, "\n\n".join(f"::: loopholes.{name}" for name in public_names()))

    def link(match: re.Match[str]) -> str:
        before, address, after = match.groups()
        path = urlsplit(address).path
        target = (page.parent / unquote(path)).resolve()
        if urlsplit(address).scheme or not path or not target.exists() or not target.is_relative_to(root):
            return match[0]
        copy = place / target.relative_to(root)
        if target.is_dir():
            listed(target, copy)
            return f"{before}{path.rstrip('/')}/index.md{after}"
        if target.suffix != ".md" or target.name == "README.md":
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not copy.exists():
                shutil.copyfile(target, copy)
        return match[0]

    return LINK.sub(link, text)


def listed(folder: Path, copy: Path) -> None:
    """Copy a folder that a page links to, with a page that lists its files."""
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    lines = [f"# {folder.name}", "", *(f"- [{file}]({file})" for file in files)]
    (copy / "index.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def public_names() -> list[str]:
    """The names of ``loopholes.__all__``: functions first, then classes."""
    import loopholes

    return sorted(loopholes.__all__, key=lambda name: (name[0].isupper(), name))


class Page(HTMLParser):
    """The anchors of a page of the site, and the addresses that it links to or loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        self.addresses += [values[name] for name in ("href", "src") if name in values]


def broken(site: Path) -> list[str]:
    """A line for every link of the site that leads to no file of it, or to no anchor of its page."""
    pages = {path.resolve(): Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    return [
        f"{path.relative_to(site.resolve())}: {problem}"
        for path, page in sorted(pages.items())
        for problem in dict.fromkeys(problems(path, page, pages, site.resolve()))
    ]


def problems(path: Path, page: Page, pages: dict[Path, Page], site: Path) -> Iterator[str]:
    """What is wrong with the links of one page."""
    for address in page.addresses:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        folder = site if parts.path.startswith("/") else path.parent
        target = (folder / unquote(parts.path).lstrip("/")).resolve() if parts.path else path
        target = target / "index.html" if target.is_dir() else target
        if not target.is_file():
            yield f"{address} leads to no file"
        elif parts.fragment and target in pages and not leads(unquote(parts.fragment), pages[target]):
            yield f"{address} leads to no anchor"


def leads(fragment: str, page: Page) -> bool:
    """Whether a page has the anchor; ``__`` begins those that the theme's own scripts handle."""
    return fragment in page.anchors or fragment.startswith("__")


if __name__ == "__main__":
    sys.exit(main())
