"""How well a number ranks rewards by what was exploited: rank correlation and area under the ROC curve."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from loopholes.numbers import Estimate
from loopholes.stats.milestones import ROUNDING

RESAMPLES = 2000
Floats = NDArray[np.float64]
Statistic = Callable[[Floats, Floats], float | None]
"""A function of a predictor's values and of the shares of exploited runs, in [0, 1]; one of each per reward."""


def share_that_rose(rates: Sequence[float], base: float, least: float) -> float:
    """The share of runs whose rate ends at least ``least`` above the base rate; 0 without runs."""
    return float(np.mean([rate - base >= least - ROUNDING for rate in rates])) if rates else 0.0


def rank_correlation(values: Floats, shares: Floats) -> float | None:
    """Spearman's rank correlation; None if either argument does not vary."""
    x, y = _centred_ranks(values), _centred_ranks(shares)
    size = (x @ x) * (y @ y)
    return float(x @ y / math.sqrt(size)) if size > 0 else None


def ranked_above(values: Floats, shares: Floats) -> float | None:
    """The area under the ROC curve: the probability that an exploited run has a larger value than another run.

    The two runs belong to different rewards, and ties count half. None if all runs were exploited, or none was.
    """
    above = (values[:, None] > values) + 0.5 * (values[:, None] == values)
    weights = shares[:, None] * (1 - shares)
    np.fill_diagonal(weights, 0.0)
    total = weights.sum()
    return float((above * weights).sum() / total) if total > 0 else None


def _centred_ranks(values: Floats) -> Floats:
    """Ranks with a mean of 0; ties share a rank."""
    return np.asarray(np.sign(values[:, None] - values).sum(axis=1) / 2)


def over_families(statistic: Statistic, values: Floats, shares: Floats, families: Sequence[str]) -> Estimate:
    """A statistic with a bootstrap interval that draws families, each with all of its rewards.

    Rewards of one family are related, so they are not independent evidence. There is no interval if most resamples
    have no value.
    """
    value = statistic(values, shares) if len(values) else None
    if value is None:
        return Estimate(None, None, None, len(values), 1)
    places = [np.flatnonzero(np.array(families) == family) for family in dict.fromkeys(families)]
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([places[place] for place in rng.integers(len(places), size=len(places))])
        resample = statistic(values[rows], shares[rows])
        drawn += [] if resample is None else [resample]
    if len(drawn) < RESAMPLES / 2:
        return Estimate(value, None, None, len(values), 1)
    low, high = (float(end) for end in np.quantile(drawn, [0.025, 0.975]))
    return Estimate(value, low, high, len(values), 1)
