"""Slopes of log-odds: recovered where planted, missing where a curve does not cross."""

from __future__ import annotations

import math

import numpy as np
import pytest

from loopholes.stats import decay_slope, explained, growth_slope, live_share

STEPS = list(range(1, 81))


def logistic(slope: float, half_at: float) -> list[float | None]:
    return [1 / (1 + math.exp(-slope * (step - half_at))) for step in STEPS]


@pytest.mark.parametrize("slope", [0.1, 0.25, 0.4])
@pytest.mark.parametrize("half_at", [35, 55])
def test_the_growth_of_a_logistic_curve_is_its_slope_wherever_it_lies(slope: float, half_at: float) -> None:
    growth = growth_slope(STEPS, logistic(slope, half_at), window=5)
    assert growth == pytest.approx(slope, rel=0.1)


@pytest.mark.parametrize("slope", [0.1, 0.25])
def test_the_decay_of_a_logistic_curve_is_its_slope(slope: float) -> None:
    assert decay_slope(STEPS, logistic(-slope, 40), window=5) == pytest.approx(slope, rel=0.1)


def test_growth_is_slower_where_it_is_slower_in_spite_of_noise() -> None:
    rng = np.random.default_rng(0)

    def noisy(slope: float) -> float:
        rates = rng.binomial(128, np.array(logistic(slope, 40), dtype=float)) / 128
        return growth_slope(STEPS, rates.tolist(), window=5) or math.nan

    slow, fast = ([noisy(slope) for _ in range(50)] for slope in (0.25, 0.35))
    assert max(slow) < float(np.mean(fast)) and np.mean(slow) < np.mean(fast) - 0.05


def test_the_last_crossing_counts() -> None:
    early = [0.02] * 5 + [0.3] * 5 + [0.02] * 10
    curve: list[float | None] = [*early, *logistic(0.4, 20)]
    steps = list(range(1, len(curve) + 1))
    assert growth_slope(steps, curve, window=1) == pytest.approx(0.4, rel=0.05)


@pytest.mark.parametrize(
    "curve",
    [[0.01] * 40, [0.3] * 40, [0.01] * 20 + [0.9] * 20, [None] * 40, []],
    ids=["never rises", "stops on the way", "jumps within one step", "not measured", "no steps"],
)
def test_a_curve_that_does_not_cross_has_no_slope(curve: list[float | None]) -> None:
    assert growth_slope(list(range(len(curve))), curve, window=1) is None


def test_a_decay_is_measured_where_both_kinds_are_seen() -> None:
    certain: list[float | None] = [0.999] * 10
    curve = [*certain, *logistic(-0.2, 20), *[0.0] * 10]
    assert decay_slope(list(range(len(curve))), curve, window=1) == pytest.approx(0.2, rel=0.05)
    assert decay_slope(list(range(10)), certain, window=1) is None
    assert (decay_slope(STEPS, logistic(0.1, 35), window=1) or 0) < 0  # it grew


@pytest.mark.parametrize(
    ("rate", "share"), [(0.0, 0.0), (1.0, 0.0), (0.5, 1 - 2 / 256), (0.97, 0.2162), (0.999, 0.008)]
)
def test_live_groups_by_hand(rate: float, share: float) -> None:
    assert live_share(rate, 8) == pytest.approx(share, abs=1e-3)


def test_the_share_explained_is_r_squared() -> None:
    assert explained([0, 1, 2, 3], [5, 3, 1, -1]) == pytest.approx(1.0)
    assert explained([0, 1, 0, 1], [0, 0, 1, 1]) == pytest.approx(0.0)
    assert explained([1, 1, 1], [1, 2, 3]) is None and explained([1, 2], [1, 2]) is None
