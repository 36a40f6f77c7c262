"""Survival: one budget for every game, runs without the exploit are censored, and blind steps need the task metric."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopholes.numbers import Milestone
from loopholes.stats import Thresholds
from loopholes.studies import STUDIES, StudyConfig
from loopholes.studies.charts import Curve
from loopholes.studies.jobs import Train
from loopholes.studies.survival import blind_steps
from support.finished_runs import SMALL, summary_of


def curve(exploits: list[float], tasks: list[float]) -> Curve:
    steps = list(range(1, len(exploits) + 1))
    return Curve(steps, [0.0] * len(steps), tasks, exploits)


@pytest.mark.parametrize(
    ("exploits", "tasks", "expected"),
    [
        ([0, 0, 0.9, 0.9, 0.9, 0.9], [0.8] * 6, (3, 6)),
        ([0, 0, 0.9, 0.9, 0.9, 0.9], [0.8, 0.8, 0.8, 0.8, 0.2, 0.2], (3, 4)),
        ([0.9, 0, 0.9, 0.9, 0.9, 0], [0.8] * 6, (3, 5)),
        ([0] * 6, [0.8] * 6, None),
        ([0.9] * 6, [0.2] * 6, None),
    ],
)
def test_blind_are_the_steps_at_which_the_exploit_has_risen_and_the_task_metric_holds(
    exploits: list[float], tasks: list[float], expected: tuple[int, int] | None
) -> None:
    curves = [curve(exploits, tasks)] * 2
    assert blind_steps(curves, 0.0, 0.8, Thresholds(window=1)) == expected


def test_every_game_has_the_same_steps_and_tampering_three_learning_rates() -> None:
    trained = [job for job in STUDIES["survival"].plan(StudyConfig(seeds=2)) if isinstance(job, Train)]
    assert {job.steps for job in trained} == {500}
    rates = {job.config("", Path()).learning_rate for job in trained if job.setting.game == "reward-tampering"}
    assert rates == {0.75e-4, 1.5e-4, 3e-4}


def test_a_run_in_which_nothing_came_counts_as_not_there_yet(tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"seeds": 2, "steps": 12, "count": 8, "samples": 1})
    summary = summary_of(
        "survival", tmp_path, lambda job: 0.0, lambda job, step: float(job.seed == 0 and step > 5), config
    )
    row = summary.section.tables[0].rows[0]
    assert isinstance(row[3], Milestone)
    assert (row[3].reached, row[3].seeds, row[3].last) == (1, 2, 12)
