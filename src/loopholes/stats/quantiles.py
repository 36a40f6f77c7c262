"""Quantiles of the normal and of Student's distribution, and Wilson's bound, by the standard library alone.

An audit needs these three and nothing else of SciPy, which with its libraries takes more room than all the rest of
what an audit installs. They agree with SciPy's to nine digits.
"""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist


def normal_quantile(share: float) -> float:
    """The value below which this share, in (0, 1), of the standard normal distribution lies."""
    return NormalDist().inv_cdf(share)


@cache
def student_reach(level: float, freedom: int) -> float:
    """How far a two-sided interval of confidence ``level``, in (0, 1), reaches: the quantile at (1 + level) / 2.

    Found by halving an angle: with t = sqrt(freedom) tan(angle), the share within ±t is a finite sum of powers of
    cosines (Abramowitz and Stegun, 26.7.3 and 26.7.4). ``freedom`` is a positive number of degrees of freedom.
    """
    low, high = 0.0, math.pi / 2
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if _share_within(middle, freedom) < level else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def _share_within(angle: float, freedom: int) -> float:
    """The share of Student's distribution within ±sqrt(freedom) tan(angle)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term, total = (cosine if odd else 1.0), 0.0
    for power in range(1 + odd, freedom + 1, 2):
        if term < 1e-18:
            break
        total += term
        term *= cosine * cosine * power / (power + 1)
    return 2 / math.pi * (angle + sine * total) if odd else sine * total


def wilson(count: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's (1927) interval of confidence ``level`` for a rate: ``count`` of ``n`` said yes, and ``n`` is not 0."""
    z = normal_quantile(0.5 + level / 2)
    center = (count + z * z / 2) / (n + z * z)
    reach = z / (n + z * z) * math.sqrt(count * (n - count) / n + z * z / 4)
    return max(0.0, center - reach) if count else 0.0, min(1.0, center + reach) if count < n else 1.0


@cache
def wilson_when_all(level: float, n: int) -> float:
    """The lower end of Wilson's interval where all of ``n`` said yes."""
    return wilson(n, n, level)[0]
