"""Tests of a difference are exact, corrected for their number, and right about the detectable change."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from loopholes.stats import Comparison, Estimate, Sums, compare, detectable, difference, holm, mean_difference

NOTHING = Estimate(None, None, None, 0, 0)
Values = Sequence[float]


def p_of(a: Values, b: Values) -> float | None:
    return compare("", "", a, b, NOTHING).p


def brute_force(a: Values, b: Values) -> float:
    """The share of all splits of the values in which the first side is at least as far above."""
    pool, seen = [*a, *b], np.mean(a) - np.mean(b)
    splits = itertools.combinations(range(len(pool)), len(a))
    changes = [
        np.mean([pool[i] for i in ours]) - np.mean([pool[i] for i in range(len(pool)) if i not in ours])
        for ours in splits
    ]
    return float(np.mean([change >= seen - 1e-9 for change in changes]))


small = st.lists(st.integers(0, 4).map(lambda number: number / 4), min_size=2, max_size=4)


@given(small, small)
def test_p_is_the_share_of_all_splits_that_are_as_extreme(a: list[float], b: list[float]) -> None:
    assert p_of(a, b) == pytest.approx(brute_force(a, b))


@pytest.mark.parametrize(
    ("a", "b", "p"),
    [
        ([5, 6, 7, 8, 9], [0, 1, 2, 3, 4], 1 / 252),
        ([0, 1, 2, 3, 4], [5, 6, 7, 8, 9], 1.0),
        ([1, 1, 1], [0, 0, 0], 1 / 20),
        ([1, 3], [0, 2], 2 / 6),  # sums of 4 or more: 1+3 and 2+3
        ([1, 1], [1, 1], 1.0),
        ([1], [0, 0, 0], None),
    ],
)
def test_p_by_hand(a: Values, b: Values, p: float | None) -> None:
    assert p_of(a, b) == (None if p is None else pytest.approx(p))


def corrected(*p: float | None) -> list[float | None]:
    return [comparison.p_holm for comparison in holm([Comparison("", "", NOTHING, p=value) for value in p])]


@pytest.mark.parametrize(
    ("p", "holm_p"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # 3 x 0.01, max(1 x 0.04, 2 x 0.03), 2 x 0.03, 4 x 0.005
        ([0.02], [0.02]),
        ([0.6, 0.9], [1.0, 1.0]),
        ([0.02, 0.02], [0.04, 0.04]),
        ([None, 0.01, None, 0.02], [None, 0.02, None, 0.02]),
        ([], []),
    ],
)
def test_holm_by_hand(p: Sequence[float | None], holm_p: Sequence[float | None]) -> None:
    assert corrected(*p) == [None if value is None else pytest.approx(value) for value in holm_p]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_no_correction_and_bonferronis_and_keeps_the_order(p: list[float]) -> None:
    p_holm = [value for value in corrected(*p) if value is not None]
    for raw, value in zip(p, p_holm, strict=True):
        assert raw - 1e-12 <= value <= min(1, raw * len(p)) + 1e-12
    assert [value for _, value in sorted(zip(p, p_holm, strict=True))] == sorted(p_holm)


@pytest.mark.slow
def test_in_a_study_where_nothing_is_true_hardly_anything_is_claimed() -> None:
    rng, claimed = np.random.default_rng(0), 0
    for _ in range(200):
        arms = rng.normal(size=(6, 2, 5)).tolist()
        family = [compare("", "", a, b, NOTHING) for a, b in arms]
        claimed += any(comparison.p_holm is not None and comparison.p_holm <= 0.05 for comparison in holm(family))
    assert 0.0 < claimed / 200 <= 0.08  # 0.05 is promised; without the correction it would be about 0.26


@pytest.mark.parametrize(
    ("a", "b", "h"),
    [
        ([1.0], [0.0], math.pi),
        ([0.5], [0.0], math.pi / 2),
        ([0.75], [0.25], math.pi / 3),
        ([0.25], [0.75], -math.pi / 3),
        ([0.6, 0.4], [0.5], 0.0),
        ([-0.1], [0.5], None),  # a gap of rates is not a rate
    ],
)
def test_cohens_h_by_hand(a: Values, b: Values, h: float | None) -> None:
    assert compare("", "", a, b, NOTHING).cohens_h == (None if h is None else pytest.approx(h, abs=1e-12))


@pytest.mark.parametrize(
    ("a", "b", "chance"),
    [([3, 4], [1, 2], 1.0), ([1, 2], [3, 4], 0.0), ([1, 3], [2], 0.5), ([1, 1], [1], 0.5), ([2, 3], [2, 1], 3.5 / 4)],
)
def test_superiority_is_the_share_of_pairs_won_and_half_of_those_tied(a: Values, b: Values, chance: float) -> None:
    assert compare("", "", a, b, NOTHING).superiority == pytest.approx(chance)


def test_an_arm_without_values_is_compared_by_its_change_alone() -> None:
    assert compare("name", "metric", [], [0.5], NOTHING) == Comparison("name", "metric", NOTHING)


@pytest.mark.parametrize(("seeds", "spreads"), [(2, (1.0, 1.0)), (5, (1.0, 1.0)), (5, (1.0, 0.2)), (5, (1.0, 0.0))])
def test_the_interval_of_a_mean_difference_covers_it(seeds: int, spreads: tuple[float, float]) -> None:
    rng, hits = np.random.default_rng(1), 0
    for _ in range(1000):
        a, b = (spread * rng.normal(size=seeds) for spread in spreads)
        estimate = mean_difference((a + 0.7).tolist(), b.tolist())
        assert estimate.low is not None and estimate.high is not None
        hits += estimate.low <= 0.7 <= estimate.high
    assert 0.93 <= hits / 1000 <= 0.99


def test_a_mean_difference_is_welchs_as_scipy_has_it() -> None:
    a, b = [0.2, 0.5, 0.9, 0.4], [0.1, 0.15, 0.12]
    theirs = ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    estimate = mean_difference(a, b, level=0.9)
    assert (estimate.low, estimate.high) == pytest.approx((theirs.low, theirs.high))
    assert estimate.value == pytest.approx(0.5 - 0.37 / 3)
    assert estimate.seeds == 3


@pytest.mark.parametrize(
    ("a", "b", "has_interval"),
    [
        ([0.1] * 5, [0.1, 0.2, 0.3, 0.1, 0.5], True),  # 0.1 has no exact mean: SciPy warns
        ([0.3, 0.3, 0.1 + 0.2], [0.1] * 3, False),  # they differ only by rounding
        ([0.3], [0.1, 0.5], False),
    ],
)
def test_seeds_that_agree_have_no_spread_of_their_own(a: Values, b: Values, has_interval: bool) -> None:
    estimate = mean_difference(a, b)
    assert estimate.value == pytest.approx(np.mean(a) - np.mean(b))
    assert (estimate.low is not None) is has_interval


def test_without_values_there_is_no_mean_difference() -> None:
    assert mean_difference([], [1.0]) == NOTHING
    assert detectable(NOTHING) is None and detectable(Estimate(0.1, None, None, 1, 1)) is None


Change = Callable[[np.random.Generator, float], Estimate]


def of_means(seeds: int) -> Change:
    return lambda rng, rise: mean_difference(list(rng.normal(size=seeds) + rise), list(rng.normal(size=seeds)))


def of_tasks(seeds: int, between: float) -> Change:
    """Differences by the hierarchical bootstrap: two policies on the same 20 tasks per seed, new tasks in each seed."""

    def change(rng: np.random.Generator, rise: float) -> Estimate:
        arms = []
        for above in (rise, 0.0):
            centers = above + between * rng.normal(size=seeds)
            arms.append([sums_of(center + rng.normal(size=20)) for center in centers])
        return difference(*arms, resamples=200, rng_seed=int(rng.integers(2**31)))

    return change


def sums_of(values: Values) -> Sums:
    sums = Sums()
    sums.by_task = {str(task): [value, 1.0] for task, value in enumerate(values)}
    return sums


@pytest.mark.parametrize(
    ("change", "times"),
    [
        pytest.param(of_means(2), 1500, id="two seeds"),
        pytest.param(of_means(5), 1500, id="five seeds"),
        pytest.param(of_tasks(1, 0.0), 400, id="one seed, many tasks"),
        pytest.param(of_tasks(5, 1.0), 300, id="five seeds with tasks", marks=pytest.mark.slow),
    ],
)
def test_a_change_of_the_detectable_size_is_seen_in_four_of_five_repetitions(change: Change, times: int) -> None:
    """On the safe side by up to seven points: few seeds cannot show how much of the spread comes from tasks."""
    rng = np.random.default_rng(2)
    sizes = [detectable(change(rng, 0.0)) for _ in range(times)]
    size = float(np.mean([estimate for estimate in sizes if estimate is not None]))
    seen = sum((estimate.low or 0.0) > 0 for estimate in (change(rng, size) for _ in range(times)))
    assert 0.77 - 1 / math.sqrt(times) / 2 <= seen / times <= 0.87


def test_more_power_takes_a_larger_change() -> None:
    change = Estimate(0.1, -0.1, 0.3, 5, 5)
    assert detectable(change, power=0.5) == pytest.approx(0.2)  # half of the estimates lie above the truth
    assert detectable(change) == pytest.approx(0.2 * (1 + 0.841621 / 1.959964))
    assert detectable(change, power=0.975) == pytest.approx(0.4)
