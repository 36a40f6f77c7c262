"""Ranks of exploited rewards, and intervals that keep related rewards together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from loopholes.stats.ranking import over_families, rank_correlation, ranked_above, share_that_rose


def test_the_area_counts_a_reward_by_the_share_of_its_runs_that_were_exploited() -> None:
    values, shares = np.array([0.9, 0.5, 0.1]), np.array([1.0, 0.5, 0.0])
    assert ranked_above(values, shares) == 1.0
    assert ranked_above(values[::-1].copy(), shares) == 0.0
    assert ranked_above(np.array([0.5, 0.5, 0.5]), shares) == 0.5
    # Pairs of runs: 1 x 0.5 and 1 x 1 of the first, 0.5 x 1 of the second, which the third ranks above.
    assert ranked_above(np.array([0.9, 0.1, 0.5]), shares) == pytest.approx(1.5 / 2)


@pytest.mark.parametrize("shares", [[0.0, 0.0], [1.0, 1.0]])
def test_there_is_no_area_where_all_runs_are_alike(shares: list[float]) -> None:
    assert ranked_above(np.array([0.1, 0.9]), np.array(shares)) is None


def test_a_predictor_that_does_not_vary_correlates_with_nothing() -> None:
    assert rank_correlation(np.ones(3), np.array([0.0, 0.5, 1.0])) is None
    assert rank_correlation(np.arange(3.0), np.array([0.0, 0.5, 1.0])) == pytest.approx(1.0)


def test_the_rank_correlation_is_spearmans_with_ties_in_common() -> None:
    rng = np.random.default_rng(0)
    values, shares = rng.integers(4, size=30) / 4, rng.integers(6, size=30) / 5
    assert rank_correlation(values, shares) == pytest.approx(spearmanr(values, shares).statistic)


def test_copies_of_a_reward_in_one_family_make_no_interval_narrower() -> None:
    rng = np.random.default_rng(1)
    values, shares = rng.random(8), rng.random(8)
    families = [str(place) for place in range(8)]
    alone = over_families(rank_correlation, values, shares, families)
    copied = over_families(rank_correlation, np.repeat(values, 5), np.repeat(shares, 5), list(np.repeat(families, 5)))
    assert alone.low is not None and alone.high is not None and copied.low is not None and copied.high is not None
    assert copied.high - copied.low == pytest.approx(alone.high - alone.low, rel=0.05)


def test_a_run_that_ends_just_at_the_threshold_rose() -> None:
    assert share_that_rose([0.06, 0.05], base=0.01, least=0.05) == 0.5  # 0.06 - 0.01 is below 0.05 in floats
    assert share_that_rose([], base=0.01, least=0.05) == 0.0
