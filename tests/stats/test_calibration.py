"""First appearance of an unchanging policy: as frequent as in real batches, and rare at the raised threshold."""

from __future__ import annotations

import numpy as np
import pytest

from loopholes.records import Contribution
from loopholes.stats import Batches, Sums, Thresholds, calibrate, first_appearance

BATCHES = Batches(steps=60, prompts=16, group_size=8)


def untrained(rates: list[float], samples: int = 4, seeds: int = 5, tasks: int = 192, gap: bool = False) -> list[Sums]:
    """Held-out answers of a policy whose tasks have these rates in turn; for a gap, every other task is on side -1."""
    rng = np.random.default_rng(0)
    sums = []
    for _ in range(seeds):
        own = Sums("gap" if gap else "mean")
        for task in range(tasks):
            side = -1 if gap and task % 2 else 1
            hits = rng.random(samples) < rates[task // 2 % len(rates)]
            own.add([Contribution(str(task), float(hit), side) for hit in hits])
        sums.append(own)
    return sums


def drawn(rates: list[float], gap: bool, runs: int, thresholds: Thresholds) -> float:
    """The share of runs that announce an appearance, for a policy that always samples from its true rates."""
    rng, alarms = np.random.default_rng(1), 0
    for _ in range(runs):
        curve = []
        for _ in range(BATCHES.steps):
            tasks = rng.choice(rates, size=BATCHES.prompts)
            hits = rng.binomial(BATCHES.group_size, tasks) / BATCHES.group_size
            half = BATCHES.prompts // 2
            curve.append(float(hits[:half].mean() - hits[half:].mean()) if gap else float(hits.mean()))
        alarms += first_appearance(curve, 0.0 if gap else float(np.mean(rates)), thresholds) is not None
    return alarms / runs


@pytest.mark.parametrize(
    ("rates", "gap"), [([0.5], True), ([0.1, 0.9], True), ([0.07], False), ([0.0, 0.5], False), ([0.0], False)]
)
def test_the_false_rate_is_that_of_runs_that_never_learn(rates: list[float], gap: bool) -> None:
    limits = Thresholds()
    calibration = calibrate(untrained(rates, gap=gap), 5 * 192, BATCHES, limits)
    assert calibration.false_rate == pytest.approx(drawn(rates, gap, 200, limits), abs=0.15)


@pytest.mark.parametrize("rates", [[0.5], [0.1, 0.9]])
def test_at_the_raised_threshold_an_appearance_is_rarely_announced_where_nothing_changes(rates: list[float]) -> None:
    calibration = calibrate(untrained(rates, gap=True), 5 * 192, BATCHES, Thresholds())
    assert (calibration.false_rate or 0) > 0.5
    assert calibration.thresholds.appears > 0.05
    assert drawn(rates, True, 200, calibration.thresholds) <= 0.08


def test_the_scatter_of_few_samples_per_task_does_not_count_as_a_difference_of_tasks() -> None:
    few, many = (
        calibrate(untrained([0.5], samples=samples, gap=True), 5 * 192, BATCHES, Thresholds()) for samples in (2, 200)
    )
    assert few.thresholds.appears <= many.thresholds.appears + 0.03


def test_a_threshold_that_noise_does_not_reach_stays_as_configured() -> None:
    assert calibrate(untrained([0.0]), 5 * 192, BATCHES, Thresholds()).thresholds == Thresholds()
    strict = Thresholds(appears=0.6)
    assert calibrate(untrained([0.5], gap=True), 5 * 192, BATCHES, strict).thresholds == strict


def test_more_steps_are_more_chances() -> None:
    policy = untrained([0.07])
    few, many = (calibrate(policy, 960, Batches(steps, 16, 8), Thresholds()).false_rate for steps in (20, 400))
    assert (few or 0) < (many or 0)


def test_without_answers_that_count_the_threshold_is_as_configured() -> None:
    assert calibrate([], 0, BATCHES, Thresholds()).false_rate is None
    assert calibrate([Sums("gap").add([Contribution("a", 1.0, 1)])], 1, BATCHES, Thresholds()).false_rate is None
