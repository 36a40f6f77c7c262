"""How fast a rate grows or decays: the slope of its log-odds over training steps.

The time until an exploit appears depends both on where it started and on how fast it grew. The slope measures only the
second, and varies less from seed to seed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loopholes.stats.milestones import Rates, running

GROWTH = (0.05, 0.60)
"""The growth of an exploit is measured between these rates."""
DECAY = (0.02, 0.98)
"""Its decay is measured between these rates; beyond them a batch has too few answers of the rarer kind."""


def growth_slope(
    steps: Sequence[int], curve: Rates, window: int, between: tuple[float, float] = GROWTH
) -> float | None:
    """How many nats of log-odds a rate gains per step while it climbs from the lower to the higher rate of ``between``.

    ``curve`` is the rate at each of ``steps``. The slope is a least-squares fit to its running means, between the last
    mean below the lower rate and the first mean above the higher one. A curve that starts above the lower rate counts
    from its start. None if the curve never exceeds the higher rate, or jumps there.
    """
    low, high = between
    means = running(curve, window)
    if not (means > high).any():
        return None
    end = int(np.argmax(means > high))
    below = np.flatnonzero(means[:end] < low)
    return _slope(steps, means, slice(int(below[-1]) + 1 if len(below) else 0, end))


def decay_slope(steps: Sequence[int], curve: Rates, window: int, between: tuple[float, float] = DECAY) -> float | None:
    """How many nats of log-odds a rate loses per step while it lies between two rates; negative if it gains.

    The slope is a least-squares fit to the running means between the rates, up to the first mean below the lower one.
    None if there are fewer than two.
    """
    low, high = between
    means = running(curve, window)
    gone = means < low
    end = int(np.argmax(gone)) if gone.any() else len(means)
    means = np.where(means > high, np.nan, means)
    slope = _slope(steps, means, slice(0, end))
    return None if slope is None else -slope


def live_share(rate: float, group_size: int) -> float:
    """The probability that a group has completions of both kinds for GRPO to compare: 1 - q^G - (1 - q)^G."""
    q = min(1.0, max(0.0, rate))
    return float(1 - q**group_size - (1 - q) ** group_size)


def explained(x: Sequence[float], y: Sequence[float]) -> float | None:
    """The share of the variation of ``y`` that a straight line in ``x`` explains: R squared, in [0, 1].

    None for fewer than three points, or if either does not vary.
    """
    if len(x) < 3 or not np.ptp(x) or not np.ptp(y):
        return None
    return float(np.corrcoef(x, y)[0, 1] ** 2)


def _slope(steps: Sequence[int], means: NDArray[np.float64], where: slice) -> float | None:
    rates, at = means[where], np.asarray(steps, dtype=float)[where]
    inside = (rates > 0) & (rates < 1)
    if inside.sum() < 2:
        return None
    return float(np.polyfit(at[inside], np.log(rates[inside] / (1 - rates[inside])), 1)[0])
