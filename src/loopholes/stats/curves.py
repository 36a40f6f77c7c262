"""Curves over steps, one a seed: running means as first appearance is judged by, and their mean with a band."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

Known = Sequence[float | None]


def running(curve: Known, window: int) -> NDArray[np.float64]:
    """The mean of the last ``window`` points at each point; NaN before there are that many, or where none is known."""
    points = np.array([math.nan if point is None else point for point in curve], dtype=float)
    means = np.full(len(points), math.nan)
    for end in range(window, len(points) + 1):
        known = points[end - window : end]
        known = known[~np.isnan(known)]
        if len(known):
            means[end - 1] = known.mean()
    return means


def mean_band(curves: Sequence[Known], level: float = 0.95) -> tuple[list[float | None], ...]:
    """The mean over seeds at each point and its t interval: ``(mean, low, high)``; None where it is not known.

    Curves may differ in length; a point counts the seeds that have it. There is a band from two seeds on.
    """
    longest = max((len(curve) for curve in curves), default=0)
    means: list[float | None] = []
    lows: list[float | None] = []
    highs: list[float | None] = []
    for place in range(longest):
        known = [curve[place] for curve in curves if place < len(curve)]
        values = np.array([value for value in known if value is not None and not math.isnan(value)])
        mean = float(values.mean()) if len(values) else None
        means.append(mean)
        reach = math.nan
        if len(values) > 1:
            reach = float(t.ppf(0.5 + level / 2, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))
        lows.append(None if mean is None or math.isnan(reach) else mean - reach)
        highs.append(None if mean is None or math.isnan(reach) else mean + reach)
    return means, lows, highs
