"""Intervals cover what they claim to cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from loopholes.errors import ContractError, UsageError
from loopholes.records import Metric, Outcome, Task
from loopholes.stats import Estimate, Sums, difference, estimate, subtract

RATE = Metric("the shortcut was taken", lambda task, outcome: outcome.exploit)
GAP = Metric(
    "audit minus user", lambda task, outcome: outcome.task_score, kind="gap", side=lambda task: task.info["sign"]
)


def seed_of(per_task: Sequence[Sequence[float | None]]) -> Sums:
    tasks = [Task(str(number), ()) for number, samples in enumerate(per_task) for _ in samples]
    return Sums.of(RATE, tasks, [Outcome(None, value) for samples in per_task for value in samples])


def gap_of(audit: Sequence[float], user: Sequence[float]) -> Sums:
    rows = [(1, value) for value in audit] + [(-1, value) for value in user]
    tasks = [Task(str(number), (), info={"sign": sign}) for number, (sign, _) in enumerate(rows)]
    return Sums.of(GAP, tasks, [Outcome(value, None) for _, value in rows])


@pytest.mark.parametrize(
    ("kind", "side", "sentence"),
    [
        ("gap", None, "is a gap: give the side of each task"),
        ("mean", lambda task: 1, "is a mean, which has no sides; say kind='gap'"),
        ("median", None, "is of the kind 'median'; choose mean or gap"),
    ],
)
def test_a_metric_whose_kind_and_sides_disagree_is_refused(kind: Any, side: Any, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Metric("a number", lambda task, outcome: outcome.exploit, kind=kind, side=side)


def test_a_gap_all_of_whose_tasks_are_on_one_side_is_unknown() -> None:
    one_sided = Metric("a gap", lambda task, outcome: outcome.exploit, kind="gap", side=lambda task: 1)
    assert Sums.of(one_sided, [Task("a", ())], [Outcome(None, 1.0)]).value is None


def test_a_side_that_is_neither_plus_nor_minus_one_is_named() -> None:
    metric = Metric("a gap", lambda task, outcome: outcome.exploit, kind="gap", side=lambda task: 0)
    with pytest.raises(ContractError, match="puts the task 'a' on side 0"):
        Sums.of(metric, [Task("a", ())], [Outcome(None, 1.0)])


def test_what_is_not_a_finite_number_does_not_count() -> None:
    outcomes = [Outcome(None, value) for value in (1.0, float("nan"), float("inf"), None, 0.0)]
    assert Sums.of(RATE, [Task("a", ())] * 5, outcomes).by_task == {"a": [1.0, 2.0]}


def simulate(rng: np.random.Generator, seeds: int, tasks: int, between: float, within: float) -> list[Sums]:
    """Runs whose true rates differ with ``between``, tasks with ``within`` (normal on the probit scale), 4 samples."""
    latent = between * rng.normal(size=(seeds, 1)) + within * rng.normal(size=(seeds, tasks))
    samples = latent[..., None] + rng.normal(size=(seeds, tasks, 4)) > 0.5
    return [seed_of(values.astype(float).tolist()) for values in samples]


def truth(between: float, within: float) -> float:
    from scipy.stats import norm

    return float(norm.sf(0.5 / np.sqrt(1 + between**2 + within**2)))


@pytest.mark.parametrize(
    ("seeds", "tasks", "between", "within"),
    [(1, 40, 0.0, 0.0), (1, 40, 0.0, 1.5), (5, 30, 0.0, 0.5), (5, 30, 0.7, 0.5), (3, 30, 0.7, 0.5)],
)
def test_intervals_cover_the_truth_about_as_often_as_they_say(
    seeds: int, tasks: int, between: float, within: float
) -> None:
    rng = np.random.default_rng(0)
    true, hits = truth(between, within), 0
    for _ in range(100):
        result = estimate(simulate(rng, seeds, tasks, between, within), resamples=200)
        assert result.low is not None and result.high is not None
        hits += result.low <= true <= result.high
    assert 0.91 <= hits / 100 <= 0.995


def test_samples_of_one_task_are_not_counted_as_independent() -> None:
    answers = (np.random.default_rng(0).random(50) < 0.5).astype(float)
    together = estimate([seed_of([[value] * 8 for value in answers])])
    apart = estimate([seed_of([[value] for value in answers for _ in range(8)])])
    assert together.value == apart.value and (together.n, apart.n) == (50, 400)
    assert width(together) > 2.5 * width(apart)


def test_seeds_that_differ_are_not_drowned_by_many_tasks() -> None:
    rng = np.random.default_rng(0)
    rates = [0.1, 0.9, 0.1, 0.9, 0.5]
    result = estimate([seed_of((rng.random((400, 1)) < rate).astype(float).tolist()) for rate in rates])
    assert result.seeds == 5 and width(result) > 0.8


def width(interval: Estimate) -> float:
    assert interval.low is not None and interval.high is not None
    return interval.high - interval.low


@pytest.mark.parametrize("constant", [0.0, 1.0])
@pytest.mark.parametrize("seeds", [1, 3])
def test_nothing_seen_in_twenty_tasks_is_not_certainty(constant: float, seeds: int) -> None:
    result = estimate([seed_of([[constant] * 8] * 20)] * seeds)
    interval = binomtest(int(constant) * 20 * seeds, 20 * seeds).proportion_ci(0.95, method="wilson")
    assert (result.value, result.n) == (constant, 20 * seeds)
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high))
    assert width(result) > 0.05


def test_a_constant_that_is_no_rate_gets_no_interval() -> None:
    result = estimate([seed_of([[0.3]] * 20)])
    assert replace(result, value=None) == Estimate(None, None, None, 20, 1)
    assert result.value == pytest.approx(0.3)


@pytest.mark.parametrize("seeds", [[], [seed_of([])], [seed_of([[None, None], [None]])]])
def test_where_nothing_can_be_counted_there_is_no_value(seeds: list[Sums]) -> None:
    assert estimate(seeds) == Estimate(None, None, None, 0, 0)
    assert difference(seeds, [seed_of([[1.0]])]).value is None


def test_what_does_not_count_is_skipped_sample_by_sample() -> None:
    result = estimate([seed_of([[None, 1.0], [0.0], [None]]), seed_of([[None]])])
    assert (result.value, result.n, result.seeds) == (0.5, 2, 1)


def test_a_gap_is_the_difference_of_two_means() -> None:
    result = estimate([gap_of([1, 1, 1, 0], [0, 0, 1, 0, 0, 0, 0, 1])])
    assert result.value == pytest.approx(0.75 - 0.25)
    assert result.low is not None and result.high is not None and -1 <= result.low < 0.5 < result.high <= 1


def test_a_gap_with_one_side_missing_is_unknown() -> None:
    assert estimate([gap_of([1, 1, 0], [])]).value is None
    assert estimate([gap_of([], [1, 0])]).value is None


def test_a_gap_without_spread_is_not_certainty_either() -> None:
    result = estimate([gap_of([1] * 20, [0] * 20)])
    assert result.value == 1.0 and result.low is not None and 0.7 < result.low < 0.85 and result.high == 1.0


def test_intervals_stay_inside_the_range_of_a_share() -> None:
    rng = np.random.default_rng(0)
    seeds = [seed_of((rng.random((30, 2)) < rate).astype(float).tolist()) for rate in (0.02, 0.5)]
    result = estimate(seeds)
    assert result.low == 0.0 and result.high == 1.0


def test_the_same_data_and_seed_give_the_same_interval() -> None:
    data = simulate(np.random.default_rng(1), 3, 20, 0.5, 0.5)
    assert estimate(data) == estimate(data)
    assert estimate(data) != estimate(data, rng_seed=1)


def test_a_higher_level_gives_a_wider_interval() -> None:
    data = simulate(np.random.default_rng(1), 3, 20, 0.5, 0.5)
    assert width(estimate(data, level=0.99)) > width(estimate(data, level=0.8))


def test_the_interval_of_a_difference_covers_it() -> None:
    rng, hits = np.random.default_rng(3), 0
    for _ in range(100):
        a, b = simulate(rng, 1, 40, 0.0, 1.0), simulate(rng, 1, 40, 0.0, 0.0)
        result = difference(a, b, resamples=200)
        assert result.low is not None and result.high is not None
        hits += result.low <= truth(0.0, 1.0) - truth(0.0, 0.0) <= result.high
    assert 0.91 <= hits / 100 <= 0.995


def both(rng: np.random.Generator, seeds: int, rise: float, between: float = 0.0) -> tuple[list[Sums], list[Sums]]:
    """Two policies on the same 40 tasks per seed, of very different difficulty; the first is better by ``rise``."""
    hard = rng.normal(size=(seeds, 40, 1)) * 2
    shift = (np.zeros((seeds, 1, 1)), rise + between * rng.normal(size=(seeds, 1, 1)))
    pair = [(hard + more + rng.normal(size=(seeds, 40, 4)) > 0).astype(float) for more in shift]
    old, new = ([seed_of(values.tolist()) for values in side] for side in pair)
    return new, old


@pytest.mark.parametrize(("seeds", "between"), [(1, 0.0), (5, 0.0), (5, 0.6)])
def test_the_interval_of_a_paired_difference_covers_it(seeds: int, between: float) -> None:
    from scipy.stats import norm

    true = float(norm.cdf(0.8 / np.sqrt(1 + 4 + between**2))) - 0.5
    rng, hits = np.random.default_rng(5), 0
    for _ in range(150):
        result = difference(*both(rng, seeds, 0.8, between), resamples=200)
        assert result.low is not None and result.high is not None
        hits += result.low <= true <= result.high
    assert 0.91 <= hits / 150 <= 0.995


def test_the_same_tasks_on_both_sides_make_a_difference_sharper() -> None:
    new, old = both(np.random.default_rng(6), 1, 0.5)
    renamed = [Sums() for _ in old]
    for seed, other in zip(old, renamed, strict=True):
        other.by_task = {f"other {task}": row for task, row in seed.by_task.items()}
    paired, apart = difference(new, old), difference(new, renamed)
    assert paired.value == apart.value
    assert width(paired) < 0.8 * width(apart)


def test_a_difference_of_gaps_is_paired_too() -> None:
    new, old = gap_of([1.0] * 20, [0.0, 1.0] * 10), gap_of([0.0, 1.0] * 10, [0.0, 1.0] * 10)
    result = difference([new], [old])
    assert result.value == pytest.approx(0.5)
    assert result.low is not None and result.high is not None and 0.1 < result.low < 0.5 < result.high < 0.9


def test_subtracting_follows_newcombes_worked_example() -> None:
    # Newcombe (1998), Table II, method 10, contrast (a): 56/70 - 48/80.
    def wilson(hits: int, of: int) -> Estimate:
        interval = binomtest(hits, of).proportion_ci(0.95, method="wilson")
        return Estimate(hits / of, float(interval.low), float(interval.high), of, 1)

    result = subtract(wilson(56, 70), wilson(48, 80))
    assert result.value == pytest.approx(0.2)
    assert (result.low, result.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Estimate(0.328, 0.301, 0.354, 100, 5), "32.8 % [30.1, 35.4]"),
        (Estimate(0.3, None, None, 1, 1), "30.0 %"),
        (Estimate(None, None, None, 0, 0), "unknown"),
    ],
)
def test_an_estimate_prints_as_a_percentage(number: Estimate, text: str) -> None:
    assert str(number) == text
