"""Each tutorial in docs/tutorials works as it stands: its files, its commands and the output that it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.typed_pages import shows, steps, type_page

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs" / "tutorials").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tutorial_works_when_it_is_typed(page: Path, tmp_path: Path) -> None:
    (folder := tmp_path / "typed").mkdir()
    type_page(page.read_text(encoding="utf-8"), folder)


def test_the_readmes_first_session_works_when_it_is_typed(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    session = readme.partition("## Audit your reward\n")[2].partition("\n## ")[0]
    (folder := tmp_path / "typed").mkdir()
    type_page(session, folder)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tutorial_types_commands_and_shows_output(page: Path) -> None:
    blocks = list(steps(page.read_text(encoding="utf-8")))
    assert sum(step.language == "sh" for step in blocks) >= 3
    assert sum(step.title == "output" for step in blocks) >= 3


@pytest.mark.parametrize(
    "shown, printed, is_shown",
    [
        ("one\ntwo\n", "one\ntwo\n", True),
        ("one\n", "one\ntwo\n", False),
        ("one\n...\n", "one\ntwo\nthree\n", True),
        ("one\n...\nthree\n", "one\nthree\n", True),
        ("…s in all\n", "3 s in all\n", True),
        ("…s in all\n", "3 s\nin all\n", False),
        ("paid 0.5\n", "paid 0.6\n", False),
    ],
)
def test_shown_output_is_tolerant_only_where_it_says_so(shown: str, printed: str, is_shown: bool) -> None:
    assert shows(shown, printed) is is_shown


@pytest.mark.parametrize(
    "page",
    [
        '```sh\necho 4\n```\n```text title="output"\n5\n```\n',
        "```sh\nfalse\n```\n",
        "```python\nprint(4)\n```\n",
        '```python title="four.py"\nprint(4)\n```\n```sh\npython four.py\n```\n```text title="output"\n5\n```\n',
    ],
    ids=["other output", "a command that fails", "a block that is nothing", "a file that prints otherwise"],
)
def test_a_page_that_is_not_true_is_noticed(page: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        type_page(page, tmp_path)
