"""The time until an event if some runs end before it: the Kaplan-Meier curve.

A run without the event is censored at its last step, not dropped: the event took longer than that.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scipy.stats import CensoredData

Time = tuple[float, bool]
"""A step, and whether the event came then (False: the run ended there without the event)."""


@dataclass(frozen=True, slots=True)
class Survival:
    """The share of runs without the event so far (``left``), with one entry per step where it may change.

    ``low`` and ``high`` are the 95 % interval (exponential Greenwood), None where it does not exist. ``median`` is the
    first step at which at most half are left, None if more than half never have the event.
    """

    steps: tuple[float, ...]
    left: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    median: float | None
    events: int
    runs: int


def survival(times: Sequence[Time]) -> Survival:
    """The curve of these runs, starting at step 0 with all runs left."""
    from scipy.stats import ecdf

    if not times:
        return Survival((), (), (), (), None, 0, 0)
    curve = ecdf(_censored(times)).sf
    steps, left = [float(at) for at in curve.quantiles], [float(share) for share in curve.probabilities]
    with warnings.catch_warnings():  # with all or no runs left the formula has no value, which becomes None below
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = curve.confidence_interval(method="log-log")
    bounds = [[_finite(share) for share in side.probabilities] for side in (interval.low, interval.high)]
    median = next((at for at, share in zip(steps, left, strict=True) if share <= 0.5 + 1e-12), None)
    events = sum(happened for _, happened in times)
    return Survival((0.0, *steps), (1.0, *left), (None, *bounds[0]), (None, *bounds[1]), median, events, len(times))


def _censored(times: Sequence[Time]) -> CensoredData:
    from scipy.stats import CensoredData

    return CensoredData.right_censored([at for at, _ in times], [not happened for _, happened in times])


def _finite(value: float) -> float | None:
    return float(value) if 0 <= value <= 1 else None  # NaN is neither
