"""Is one arm really above another? A permutation test over seeds, an effect size, and the detectable change.

The test exchanges seeds, since a run is trained once however many answers are measured. It is exact: with five seeds
per arm its smallest p is 1/252, whatever the difference. It is one-sided, since every claim here has a direction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from loopholes.numbers import Estimate
from loopholes.stats.quantiles import normal_quantile

LARGEST_EXACT = 200_000  # up to so many permutations are all tried; beyond, as many random ones
SAME = 1e-12  # smaller differences are rounding


@dataclass(frozen=True, slots=True)
class Comparison:
    """The claim that arm ``a`` lies above arm ``b`` in one metric, with its test.

    - ``change``: a minus b, with its interval.
    - ``p``: of the one-sided permutation test (for times until an event, of the two-sided log-rank test); None if an
      arm has fewer than two seeds.
    - ``p_holm``: ``p`` corrected for all comparisons of the study.
    - ``cohens_h``: the effect size of two rates, 2 asin sqrt(a) - 2 asin sqrt(b) (Cohen, 1988); None if either value
      is not a rate.
    - ``superiority``: the probability that a seed of ``a`` lies above a seed of ``b``.
    - ``detectable``: the change that this design shows in four of five repetitions.
    """

    name: str
    metric: str
    change: Estimate
    p: float | None = None
    p_holm: float | None = None
    cohens_h: float | None = None
    superiority: float | None = None
    detectable: float | None = None


def compare(name: str, metric: str, a: Sequence[float], b: Sequence[float], change: Estimate) -> Comparison:
    """Compare two arms by one value per seed; ``change`` comes from :func:`loopholes.stats.difference`."""
    from scipy.stats import mannwhitneyu

    if not a or not b:
        return Comparison(name, metric, change)
    return Comparison(
        name,
        metric,
        change,
        p=_permuted(a, b),
        cohens_h=cohens_h(float(np.mean(a)), float(np.mean(b))),
        superiority=float(mannwhitneyu(a, b).statistic) / (len(a) * len(b)),
        detectable=detectable(change),
    )


def holm(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons with ``p_holm``: Holm's (1979) step-down correction over all that have a ``p``."""
    ordered = sorted((comparison.p, place) for place, comparison in enumerate(comparisons) if comparison.p is not None)
    corrected = list(comparisons)
    reached = 0.0
    for rank, (p, place) in enumerate(ordered):
        reached = min(1.0, max(reached, p * (len(ordered) - rank)))
        corrected[place] = replace(comparisons[place], p_holm=reached)
    return corrected


def detectable(change: Estimate, *, level: float = 0.95, power: float = 0.8) -> float | None:
    """The smallest true change at which an interval as wide as this one excludes 0 with probability ``power``.

    It is half the width of the interval plus ``z_power`` standard errors, where a standard error is taken as
    ``half / z_level``. With few seeds that overestimates the standard error, which is on the safe side: in simulations
    the probability is 0.78 to 0.86 for a power of 0.8. None without an interval.
    """
    if change.low is None or change.high is None:
        return None
    return (change.high - change.low) / 2 * (1 + normal_quantile(power) / normal_quantile(0.5 + level / 2))


def mean_difference(a: Sequence[float], b: Sequence[float], *, level: float = 0.95) -> Estimate:
    """Mean of ``a`` minus mean of ``b``, one value per seed, with Welch's interval if either side varies."""
    from scipy.stats import t

    seeds = min(len(a), len(b))
    if not seeds:
        return Estimate(None, None, None, 0, 0)
    change = float(np.mean(a) - np.mean(b))
    errors = [_squared_error(side) for side in (a, b)] if seeds > 1 else [0.0]
    if not any(errors):
        return Estimate(change, None, None, seeds, seeds)
    freedom = sum(errors) ** 2 / sum(error**2 / (len(side) - 1) for error, side in zip(errors, (a, b), strict=True))
    reach = float(t.ppf(0.5 + level / 2, freedom)) * math.sqrt(sum(errors))
    return Estimate(change, change - reach, change + reach, seeds, seeds)


def mean_over_seeds(values: Sequence[float | None]) -> Estimate:
    """The mean of one value per seed with its t interval; no interval for a single seed or equal values.

    Seeds without a value are ignored.
    """
    present = [value for value in values if value is not None]
    return mean_difference(present, [0.0] * len(present))


def _squared_error(values: Sequence[float]) -> float:
    """The squared standard error of the mean; exactly 0 if all values agree up to rounding, unlike in SciPy."""
    return float(np.var(values, ddof=1)) / len(values) if np.ptp(values) > SAME else 0.0


def _permuted(a: Sequence[float], b: Sequence[float]) -> float | None:
    from scipy.stats import permutation_test

    if min(len(a), len(b)) < 2:
        return None
    test = permutation_test(
        (np.asarray(a), np.asarray(b)),
        lambda x, y, axis: np.mean(x, axis=axis) - np.mean(y, axis=axis),
        vectorized=True,
        alternative="greater",
        n_resamples=LARGEST_EXACT,
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)


def cohens_h(a: float, b: float) -> float | None:
    """2 asin sqrt(a) - 2 asin sqrt(b), the effect size of two rates (Cohen, 1988); None if either is not a rate."""
    if not (0 <= a <= 1 and 0 <= b <= 1):
        return None
    return 2 * math.asin(math.sqrt(a)) - 2 * math.asin(math.sqrt(b))
