"""Running means and the band around several curves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from loopholes.stats import mean_band, running

NAN = math.nan


@pytest.mark.parametrize(
    ("curve", "window", "means"),
    [
        ([1, 2, 3, 4], 2, [NAN, 1.5, 2.5, 3.5]),
        ([1, 2, 3], 1, [1, 2, 3]),
        ([1, None, 3, None, None], 2, [NAN, 1, 3, 3, NAN]),
        ([1, 2], 3, [NAN, NAN]),
        ([], 3, []),
    ],
)
def test_a_running_mean_waits_for_its_window_and_skips_what_is_unknown(
    curve: list[float | None], window: int, means: list[float]
) -> None:
    np.testing.assert_allclose(running(curve, window), means)


def test_a_band_by_hand() -> None:
    # mean 2, standard deviation 1, t(0.975, 2) = 4.302653
    means, lows, highs = mean_band([[1.0], [2.0], [3.0]])
    reach = 4.302653 / math.sqrt(3)
    assert means == [2.0]
    assert lows == pytest.approx([2 - reach])
    assert highs == pytest.approx([2 + reach])


def test_a_band_counts_at_each_point_the_seeds_that_have_it() -> None:
    means, lows, highs = mean_band([[1.0, 2.0, NAN], [3.0, None], []])
    assert means == [2.0, 2.0, None]
    assert lows[0] is not None and lows[1:] == [None, None] and highs[1:] == [None, None]
    assert mean_band([]) == ([], [], [])


@pytest.mark.parametrize("seeds", [2, 5])
def test_a_band_covers_the_true_curve_at_its_level(seeds: int) -> None:
    rng, true = np.random.default_rng(0), np.linspace(0, 1, 500)
    for level in (0.8, 0.95):
        _, lows, highs = mean_band(list(true + rng.normal(size=(seeds, 500)) * 0.2), level)
        band = np.array([lows, highs], dtype=float)
        inside = (band[0] <= true) & (true <= band[1])
        assert abs(np.mean(inside) - level) < 0.05
