"""The chosen student is closest to its teacher in log-odds, prompt by prompt, whatever its exploit rate."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopholes.errors import RunError
from loopholes.log_odds import write_log_odds
from loopholes.records import Contribution
from loopholes.runs import Run
from loopholes.studies.jobs import Distil, Evaluate, Match, Train
from loopholes.studies.settings import SETTINGS

SETTING = SETTINGS["reward-tampering"]
TARGET = Evaluate(SETTING, Train(SETTING, "vulnerable", "mini", 0), 0, 8, 2)
STUDENTS = [
    Evaluate(SETTING, Distil("mini", Evaluate(SETTING, "mini", 0, 8, 1, split="train"), amount, 0), 0, 8, 2)
    for amount in (1, 2, 3)
]
MATCH = Match(tuple(STUDENTS), TARGET)


def measured(root: Path, job: Evaluate, values: list[float] | None) -> None:
    """The finished evaluation of a policy with these log-odds, one per prompt; None writes no log-odds."""
    with Run.create(job.folder(root), {"kind": "eval", "game": "reward-tampering", "policy": "mini"}) as run:
        if values is not None:
            write_log_odds(run.path, [Contribution(str(prompt), value, 1) for prompt, value in enumerate(values)])


def test_the_closest_student_by_prompt_is_chosen_and_not_the_one_with_the_closest_mean(tmp_path: Path) -> None:
    measured(tmp_path, TARGET, [4.0, 2.0])
    for student, values in zip(STUDENTS, ([2.0, 4.0], [4.5, 2.5], [9.0, 9.0]), strict=True):
        measured(tmp_path, student, values)
    MATCH.run(tmp_path)
    run = Run.open(MATCH.folder(tmp_path))
    assert run.summary is not None
    assert run.summary["chosen"] == 1
    assert [row["absolute"] for row in run.summary["distances"]] == [2.0, 0.5, 6.0]
    assert run.summary["distances"][0]["mean"] == 0.0
    source = STUDENTS[1].source
    assert isinstance(source, Distil)
    assert run.policy.readlink() == Path("..") / source.folder(tmp_path).name / "policy"


def test_an_evaluation_without_log_odds_is_named_with_the_command_that_adds_them(tmp_path: Path) -> None:
    measured(tmp_path, TARGET, [4.0])
    for student in STUDENTS:
        measured(tmp_path, student, None)
    with pytest.raises(RunError, match=rf"python benchmarks/log_odds\.py {tmp_path}$"):
        MATCH.run(tmp_path)
