"""How fast a rate grows or decays: the slope of its log-odds over training steps.

The time until an exploit appears holds where it began as well as how fast it grew. The slope holds the second alone,
and varies less from seed to seed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loopholes.stats.milestones import Rates, running

GROWTH = (0.05, 0.60)
"""Between these rates an exploit's growth is measured."""
DECAY = (0.02, 0.98)
"""Between these rates its decay is: beyond them a batch shows too few of the rarer kind."""


def growth_slope(
    steps: Sequence[int], curve: Rates, window: int, between: tuple[float, float] = GROWTH
) -> float | None:
    """How many nats of log-odds a rate gains per step while it climbs from the lower rate to the higher one.

    ``curve`` is the rate at each of ``steps``. Least squares over its running means, from the last that is below the
    lower rate to the first that is above the higher one, without these two. A curve that begins above the lower rate
    counts from its beginning. None for a curve that never gets above the higher rate, or jumps there.
    """
    low, high = between
    means = running(curve, window)
    if not (means > high).any():
        return None
    end = int(np.argmax(means > high))
    below = np.flatnonzero(means[:end] < low)
    return _slope(steps, means, slice(int(below[-1]) + 1 if len(below) else 0, end))


def decay_slope(steps: Sequence[int], curve: Rates, window: int, between: tuple[float, float] = DECAY) -> float | None:
    """How many nats of log-odds a rate loses per step while it lies between the two rates; negative where it gains.

    Least squares over the running means between the rates, until the first that is below the lower one. None where
    fewer than two are.
    """
    low, high = between
    means = running(curve, window)
    gone = means < low
    end = int(np.argmax(gone)) if gone.any() else len(means)
    means = np.where(means > high, np.nan, means)
    slope = _slope(steps, means, slice(0, end))
    return None if slope is None else -slope


def live_share(rate: float, group_size: int) -> float:
    """The chance that a group holds samples of both kinds, so that GRPO compares them: 1 - q^G - (1 - q)^G."""
    q = min(1.0, max(0.0, rate))
    return float(1 - q**group_size - (1 - q) ** group_size)


def explained(x: Sequence[float], y: Sequence[float]) -> float | None:
    """The share of the variation of ``y`` that a straight line in ``x`` explains: R squared, in [0, 1].

    None for fewer than three points, or where either does not vary.
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
