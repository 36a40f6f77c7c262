"""Is a change real, too small to matter, or unknown? Two one-sided tests beside the usual interval.

A change that is not significant may still be large. So "none" must be shown like anything else: the 90 % interval must
lie within ± a bound that was fixed beforehand, which amounts to two one-sided tests at 5 % (Schuirmann, 1987).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from loopholes.stats.quantiles import student_reach

Verdict = Literal["none", "moves", "open"]
# Levels of the interval that must exclude 0, and of the one that must lie within the bound.
SINGLE, DOUBLE = 0.95, 0.90


def equivalence(changes: Sequence[float], bound: float) -> Verdict:
    """The verdict on one change per seed, by Student's intervals of the mean; ``bound`` is positive, in the same unit.

    ``none``: the 90 % interval lies within ± ``bound``, even if the 95 % interval excludes 0. ``moves``: it does not,
    and the 95 % interval excludes 0. ``open``: neither, or fewer than two seeds.
    """
    if len(changes) < 2:
        return "open"
    mean = math.fsum(changes) / len(changes)
    error = float(np.std(changes, ddof=1)) / math.sqrt(len(changes))
    if abs(mean) + student_reach(DOUBLE, len(changes) - 1) * error < bound:
        return "none"
    return "moves" if abs(mean) > student_reach(SINGLE, len(changes) - 1) * error else "open"
