"""A charge on tampering: a charge of 0 keeps earlier runs, and only a positive charge pushes against an edit."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopholes.log_odds import write_log_odds
from loopholes.records import Contribution
from loopholes.studies import STUDIES, StudyConfig, charge
from loopholes.studies.base import Runs
from loopholes.studies.jobs import Evaluate, Train, closure
from support.finished_runs import cell, fabricate

SMALL = StudyConfig(policies=("mini",), games=("reward-tampering",), seeds=2, steps=12, count=8, samples=1)


def test_no_charge_is_what_persistence_corrects_with() -> None:
    config = StudyConfig(seeds=2)
    persistence = {job.identity for job in closure(STUDIES["persistence"].plan(config))}
    for value in charge.CHARGES:
        for seed in range(2):
            assert (charge.correction(config, value, seed).identity in persistence) == (value == 0)


def test_every_charge_makes_other_runs_and_its_policies_answer_the_same_tasks() -> None:
    plan = STUDIES["charge"].plan(SMALL)
    corrections = {job.identity for job in closure(plan) if isinstance(job, Train) and isinstance(job.source, Train)}
    assert len(corrections) == len(charge.CHARGES) * SMALL.seeds
    evaluated = [job for job in plan if isinstance(job, Evaluate)]
    assert {job.setting.make().parameters.model_dump()["charge"] for job in evaluated} == {0.0}


@pytest.mark.parametrize("rate", [0.05, 0.5, 0.97])
def test_only_a_charge_pushes_against_an_edit(rate: float) -> None:
    free, small, large = (charge.push(value, rate) for value in charge.CHARGES)
    assert free == pytest.approx(0.0, abs=1e-9)
    assert large < small < -0.01


def test_the_answer_tells_what_each_charge_left_and_how_far_drift_went(tmp_path: Path) -> None:
    plan = STUDIES["charge"].plan(SMALL)
    charged = {job.identity for value in charge.CHARGES[1:] for job in charge.corrected(SMALL, value)}
    free = {job.identity for job in charge.corrected(SMALL, 0.0)}

    def rate(job: Evaluate) -> float:
        return 0.0 if job.identity in charged or job.source == "mini" else 1.0

    fabricate(plan, tmp_path, rate, lambda job, step: 1.0)
    for job in (job for job in plan if isinstance(job, Evaluate)):
        x = {True: -3.0 + 2 * job.seed}.get(job.identity in free, 5.0)
        write_log_odds(job.folder(tmp_path), [Contribution("a task", x)])
    summary = STUDIES["charge"].summarize(SMALL, Runs(tmp_path))
    assert cell(summary, "reward-tampering/tampering, charge 0/mini", "exploit_rate")["value"] == 1.0
    assert cell(summary, "reward-tampering/tampering, charge 0.1/mini", "exploit_rate")["value"] == 0.0
    assert cell(summary, "reward-tampering/tampering, charge 0/mini", "log_odds_change")["value"] == -7.0
    assert "a standard deviation of 1.41 over 2 runs" in summary.section.answer
