"""docs/score.md says what ``loopholes score`` reads and writes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from loopholes.cli import main
from loopholes.games import BUILT_IN, game
from loopholes.records import Outcome

PAGE = (Path(__file__).parents[1] / "docs" / "score.md").read_text(encoding="utf-8")
READ, WRITTEN = PAGE.split("## What is read")[1].split("## What is written")
HEAD = {"task", "reward", "reason", "task_score", "exploit"}


def named(table: str) -> set[str]:
    """The fields in the first column of a table."""
    return set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


def test_the_session_comes_out_as_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks, completions, records = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    (summary,) = re.findall(r"```\n(reward-tampering, .*?)```", PAGE, re.DOTALL)
    (tmp_path / "tasks.jsonl").write_text(tasks)
    (tmp_path / "completions.jsonl").write_text(completions)
    files = ["--tasks", str(tmp_path / "tasks.jsonl"), "--completions", str(tmp_path / "completions.jsonl")]
    assert main(["score", "reward-tampering", *files]) == 0
    printed = capsys.readouterr()
    assert printed.out == records
    assert [line.split() for line in printed.err.splitlines()] == [line.split() for line in summary.splitlines()]


def outcomes(name: str) -> list[Outcome]:
    """The measured outcomes of a game's demonstrations, with and without what a judge must say."""
    played = game(name)
    rows = [
        line
        for demonstration in played.demonstrations()
        for line in zip(demonstration.tasks, demonstration.completions, strict=True)
    ]
    return played.measure(*zip(*rows, strict=True))


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_field_of_a_record_is_there_with_its_type(name: str) -> None:
    table = WRITTEN.split(f"| **{name}** |")[1].split("| **")[0]
    described: dict[str, Any] = dict(re.findall(r"^\| `(\w+)` \| (number|boolean|string|list)", table, re.MULTILINE))
    kinds = {"number": float, "boolean": bool, "string": str, "list": list}
    for outcome in outcomes(name):
        assert set(outcome.details) == set(described)
        for field, value in outcome.details.items():
            assert value is None or type(value) is kinds[described[field]], field


@pytest.mark.parametrize("name", BUILT_IN)
def test_everything_that_scoring_needs_of_a_task_is_there(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}` \| (.*) \|$", READ, re.MULTILINE)
    assert set(game(name).truth_types) <= set(re.findall(r"`(\w+)`", row))


def test_every_field_that_is_read_or_always_written_is_there() -> None:
    assert {"id", "prompt", "truth", "info", "task", "completion", "claim", "harmful"} <= named(READ)
    assert named(WRITTEN.split("| **")[0]) == HEAD
