"""Tests within seeds: equal to a count by hand, blind to what a seed does to both arms, and right under the null."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from loopholes.stats import Estimate, compare, compare_within_seeds, log_rank_within_seeds, paired, swap_test
from loopholes.stats.survival import Time

NOTHING = Estimate(None, None, None, 0, 0)


@given(st.lists(st.integers(-4, 4), min_size=2, max_size=7))
def test_p_is_the_share_of_all_swaps_that_are_as_extreme(differences: list[int]) -> None:
    sums = [sum(s * d for s, d in zip(signs, differences, strict=True))
            for signs in itertools.product((1, -1), repeat=len(differences))]  # fmt: skip
    seen = sum(differences)
    assert swap_test(differences) == pytest.approx(np.mean([total >= seen for total in sums]))
    assert swap_test(differences, two_sided=True) == pytest.approx(np.mean([abs(t) >= abs(seen) for t in sums]))


@pytest.mark.parametrize(
    ("differences", "one_sided", "two_sided"),
    [
        ([1.0] * 5, 1 / 32, 2 / 32),
        ([0.3, 0.1, 0.2], 1 / 8, 2 / 8),
        ([-1.0, -2.0], 1.0, 2 / 4),
        ([0.0, 0.0], 1.0, 1.0),
        ([1.0], None, None),
    ],
)
def test_p_by_hand(differences: list[float], one_sided: float | None, two_sided: float | None) -> None:
    assert swap_test(differences) == one_sided
    assert swap_test(differences, two_sided=True) == two_sided


def test_what_a_seed_does_to_both_arms_hides_nothing() -> None:
    seeds = [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]
    a, b = [seed + 1.0 for seed in seeds], seeds
    assert compare_within_seeds("", "", a, b).p == pytest.approx(1 / 64)
    assert (compare("", "", a, b, NOTHING).p or 0) > 0.3  # over all runs, the differences between seeds are noise


def test_a_seed_that_lacks_one_run_takes_no_part() -> None:
    a: list[float | None] = [1.0, None, 3.0, 4.0]
    b: list[float | None] = [0.0, 5.0, None, 1.0]
    assert paired(a, b) == [1.0, 3.0]
    test = compare_within_seeds("", "", a, b)
    assert test.change.value == 2.0 and test.change.seeds == 2 and test.p == 0.25
    assert compare_within_seeds("", "", [None], [1.0]).p is None
    rates = compare_within_seeds("", "", [0.5, 0.9, 0.5], [0.5, None, 0.5])
    assert rates.cohens_h == 0.0  # the seed without its partner does not change the effect size


def test_many_seeds_are_swapped_at_random_to_the_same_p() -> None:
    rng = np.random.default_rng(0)
    differences = (rng.normal(size=30) + 0.2).tolist()
    values = np.array(differences)
    assert swap_test(differences) == pytest.approx(norm.sf(values.sum() / np.sqrt((values**2).sum())), abs=0.01)
    assert swap_test([1.0] * 30) == pytest.approx(1 / (2**16 + 1))


def test_log_rank_within_seeds_by_hand() -> None:
    sooner: list[Time] = [(1, True), (2, True), (3, True)]
    later: list[Time] = [(4, True), (5, True), (6, False)]
    assert log_rank_within_seeds(sooner, later) == pytest.approx(2 / 8)
    assert log_rank_within_seeds(sooner, sooner) == 1.0


def test_a_run_in_which_it_never_came_counts_as_later_than_one_in_which_it_came_at_the_same_step() -> None:
    came: list[Time] = [(70, True)] * 6
    never: list[Time] = [(70, False)] * 6
    assert log_rank_within_seeds(came, never) == pytest.approx(2 / 64)
    assert log_rank_within_seeds(never, never) is None
    with pytest.raises(ValueError, match="cannot belong to the same seeds"):
        log_rank_within_seeds(came, never[:5])


def test_seeds_that_are_early_or_late_in_both_arms_do_not_hide_a_pace() -> None:
    a: list[Time] = [(10.0 * seed + 1, True) for seed in range(1, 9)]
    b: list[Time] = [(10.0 * seed + 5, True) for seed in range(1, 9)]
    assert log_rank_within_seeds(a, b) == pytest.approx(2 / 2**8)


def test_log_rank_within_seeds_raises_few_false_alarms_where_seeds_differ() -> None:
    rng = np.random.default_rng(0)

    def arm(paces: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[Time]:
        return [(min(at, 3.0), bool(at <= 3)) for at in rng.exponential(paces).tolist()]

    alarms = []
    for _ in range(400):
        paces = rng.exponential(1.0, size=8)
        p = log_rank_within_seeds(arm(paces), arm(paces))
        alarms.append(p is not None and p <= 0.05)
    assert 0.01 <= np.mean(alarms) <= 0.08
