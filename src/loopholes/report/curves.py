"""From each seed's curve to one line with its band."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from loopholes.report.records import Role, Series

Values = Sequence[float | None]


def over_seeds(
    name: str, x: Sequence[float], seeds: Mapping[int, Values], *, role: Role = "", share: bool = True
) -> Series:
    """The mean over seeds, smoothed, with a 95 % t interval over them, and each seed's own line as it was logged.

    At least two seeds that are known at a point give it a band. A ``share`` keeps its band within [0, 1].
    """
    rows = np.array([smooth(_floats(values)) for values in seeds.values()]).reshape(len(seeds), len(x))
    known = (~np.isnan(rows)).sum(axis=0)
    sums = np.nansum(rows, axis=0)
    mean = np.divide(sums, known, out=np.full(len(x), np.nan), where=known > 0)
    reach = np.array([_reach(column) for column in rows.T])
    low, high = mean - reach, mean + reach
    if share:
        low, high = np.clip(low, 0, 1), np.clip(high, 0, 1)
    return Series(name, x, _known(mean), _known(low), _known(high), role, seeds)


def smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """A centred running mean over about a twelfth of the curve; gaps are skipped. Only for the eye."""
    half = max(1, len(values) // 24)
    means = np.full(len(values), np.nan)
    for center in range(len(values)):
        known = values[max(0, center - half) : center + half + 1]
        known = known[~np.isnan(known)]
        if len(known):
            means[center] = known.mean()
    return means


def _reach(column: NDArray[np.float64]) -> float:
    known = column[~np.isnan(column)]
    if len(known) < 2:
        return math.nan
    return float(t.ppf(0.975, len(known) - 1) * known.std(ddof=1) / math.sqrt(len(known)))


def _floats(values: Values) -> NDArray[np.float64]:
    return np.array([math.nan if value is None else value for value in values], dtype=float)


def _known(values: NDArray[np.float64]) -> list[float | None]:
    return [None if math.isnan(value) else float(value) for value in values]
