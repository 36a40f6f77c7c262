from __future__ import annotations

from pathlib import Path

import pytest

import loopholes.audit
from loopholes.audit.panel_hash import panel_hash

SOURCE = '''"""What this module is about."""

LIMIT = 0.5
"""What the limit is."""


def over(values, limit=LIMIT, *, scale: float = 1.0):
    """The values over the limit."""
    return [f"{value:>{12}.3f}" "\\u00e9\\U0001fae8" for value in values if value * scale > limit]  # strictly over


class Rule:
    """A rule."""

    async def __call__(self, text: str) -> bool:
        match text.split():
            case ["pay", *rest] if rest:
                return True
        return False
'''


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where hashes are kept: a folder of this test's own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("LOOPHOLES_CACHE", str(folder))
    return folder


def hash_of(folder: Path, source: str) -> str:
    (folder / "rule.py").write_text(source, encoding="utf-8")
    panel_hash.cache_clear()
    return panel_hash(folder)


@pytest.mark.parametrize(
    "file, changes",
    [
        ("attacks/answers.py", True),
        ("gold/near.py", True),
        ("verdicts.py", True),
        ("anything_new.py", True),
        ("targets.py", False),
        ("frameworks/trl.py", False),
        ("process.py", False),
        ("process_tree.py", False),
    ],
)
def test_the_hash_changes_with_the_files_that_decide_verdicts_and_not_with_those_that_find_targets(
    file: str, changes: bool, tmp_path: Path
) -> None:
    package = Path(loopholes.audit.__file__).parent
    assert (package / file).exists() or file == "anything_new.py"
    (tmp_path / file).parent.mkdir(exist_ok=True)
    for name in ("verdicts.py", file):
        (tmp_path / name).write_text("LIMIT = 1\n")
    before = panel_hash(tmp_path)
    (tmp_path / file).write_text("LIMIT = 2\n")
    panel_hash.cache_clear()
    assert (panel_hash(tmp_path) != before) is changes


@pytest.mark.parametrize(
    "old, new",
    [
        ("What this module is about.", "What this module does."),
        ('"""What the limit is."""\n', ""),
        ("The values over the limit.", "Values that exceed the limit."),
        ('    """A rule."""\n', ""),
        ("  # strictly over", ""),
        ("*, scale: float = 1.0):", "\n    *,\n    scale: float = 1.0,\n):"),
        ('"pay"', "'pay'"),
    ],
)
def test_an_edit_of_a_comment_a_docstring_or_the_layout_keeps_the_hash(old: str, new: str, tmp_path: Path) -> None:
    assert old in SOURCE
    assert hash_of(tmp_path, SOURCE) == hash_of(tmp_path, SOURCE.replace(old, new))


@pytest.mark.parametrize(
    "old, new",
    [
        ("LIMIT = 0.5", "LIMIT = 0.6"),
        ("> limit", ">= limit"),
        (".3f", ".2f"),
        ("*rest] if rest", "*rest]"),
        ("return False", "return None"),
        ('"pay"', '"pays"'),
    ],
)
def test_an_edit_of_a_constant_an_operator_or_a_condition_changes_the_hash(old: str, new: str, tmp_path: Path) -> None:
    assert old in SOURCE
    assert hash_of(tmp_path, SOURCE) != hash_of(tmp_path, SOURCE.replace(old, new))


def test_the_hash_is_the_same_under_every_python(tmp_path: Path) -> None:
    assert hash_of(tmp_path, SOURCE) == "adb9e13953ff0440a6dd7e28d4171d450236c932ed5e098eeb4501692cb1596e"


def test_sources_are_parsed_once_for_all_processes(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = hash_of(tmp_path, SOURCE)
    with monkeypatch.context() as without_parser:
        without_parser.delattr("ast.parse")
        assert hash_of(tmp_path, SOURCE) == first
        with pytest.raises(AttributeError):
            hash_of(tmp_path, SOURCE.replace("0.5", "0.6"))


def test_a_hash_needs_no_place_to_keep_it(cache: Path, tmp_path: Path) -> None:
    kept = hash_of(tmp_path, SOURCE)
    (cache / "panels").rename(cache / "elsewhere")
    (cache / "panels").write_text("a file in the place of the folder")
    assert hash_of(tmp_path, SOURCE) == kept
