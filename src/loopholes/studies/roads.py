"""The road by which a channel came to be exploited: amplified, climbed, or discovered.

::

    amplified    exploiting answers were frequent enough before training to count as appearing (5 %)
    climbed      they were rarer, and half or more of the reward's rise came before the exploit appeared:
                 steps on the way to the exploit were paid, too
    discovered   they were rarer, and most of the reward's rise came with the exploit: a rare event that took over

*Not seen in training*: the held-out exploit rate rose, but no batch of training shows where, as may happen to a gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Literal

import numpy as np

from loopholes.stats import Sums, Thresholds, running
from loopholes.stats.survival import Time
from loopholes.studies.charts import Curve

Road = Literal["amplified", "climbed", "discovered", "not seen in training", "not found"]
HALF = 0.5


def exploiting_before(sums: Sequence[Sums]) -> float | None:
    """The share of exploiting answers, in [0, 1], from an arm's sums of the exploit rate; None if unknown.

    If the exploit is a gap between two kinds of tasks, it takes an exploiting answer on both; the rarer one counts.
    """
    rows = [seed.rows().sum(axis=0) for seed in sums]
    total = np.sum(rows, axis=0) if rows else np.zeros(2)
    rates = [total[place] / total[place + 1] for place in range(0, len(total), 2) if total[place + 1]]
    if len(rates) < len(total) // 2:
        return None
    return float(rates[0] if len(rates) == 1 else min(rates[0], 1 - rates[1]))


def gained_before(curve: Curve, appeared: float, window: int) -> float | None:
    """The share of the reward's rise over a run that came before the exploit appeared at step ``appeared``.

    Compares means over ``window`` steps: the first window, the last one before ``appeared``, and the last one of the
    run. None if the reward did not rise; 0 if the exploit appeared within the first window.
    """
    rewards = running(curve.reward, window)
    means = [(step, float(reward)) for step, reward in zip(curve.steps, rewards, strict=True) if np.isfinite(reward)]
    if not means or means[-1][1] <= means[0][1]:
        return None
    start, end = means[0][1], means[-1][1]
    before = [reward for step, reward in means if step < appeared]
    return (before[-1] - start) / (end - start) if before else 0.0


def road(
    before: float | None, curves: Sequence[Curve], appearances: Sequence[Time], thresholds: Thresholds
) -> Road | None:
    """The road of the median run in which the exploit appeared; None if the base rate is unknown."""
    if before is None:
        return None
    exploited = [(curve, at) for curve, (at, seen) in zip(curves, appearances, strict=True) if seen]
    if not exploited:
        return "not found"
    if before >= thresholds.appears:
        return "amplified"
    gains = [gained_before(curve, at, thresholds.window) for curve, at in exploited]
    rises = [gain for gain in gains if gain is not None]
    return "climbed" if rises and median(rises) >= HALF else "discovered"
