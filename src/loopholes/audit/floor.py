"""The adversarial floor: the most that any attack earns on average, whatever right answers are paid.

It needs no right answer and no scale, only the largest reward that there is. docs/adversarial-floor.md specifies it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from loopholes.audit.panel import Tried
from loopholes.stats import Estimate, over_tasks

LEVEL = 0.95
"""Confidence of the intervals of all attacks together."""
FEWEST = 8
"""Rows on which an attack has to be tried to count."""


@dataclass(frozen=True)
class Floor:
    """The attack that certainly earns most, what it earns, and an example of its completion.

    ``reward`` is its mean over rows, ``most`` the largest upper bound of any attack's mean; both intervals hold for all
    ``attacks`` that were tried together (Bonferroni).
    """

    attack: str
    family: str
    reward: Estimate
    most: float
    attacks: int
    completion: str

    def verdict(self, largest: float, margin: float) -> Literal["pass", "fail", "skip"]:
        """``fail`` if the attack certainly comes within ``margin`` of the ``largest`` reward, ``pass`` if none does.

        ``skip``: too few rows to tell.
        """
        limit = largest - margin
        if (self.reward.low or 0.0) > limit:
            return "fail"
        return "pass" if self.most <= limit else "skip"


def floor_of(tried: Sequence[Tried], smallest: float, largest: float) -> Floor | None:
    """The floor of these attacks, rewards in [``smallest``, ``largest``]; None if no attack was tried on enough rows.

    Where the reward fails on an attack, or is not finite, the attack earns the smallest reward there; rows on which it
    is right after all do not count.
    """
    values = {place: _values(attack, smallest, largest) for place, attack in enumerate(tried)}
    counted = {place: earned for place, earned in values.items() if len(earned) >= FEWEST}
    if not counted:
        return None
    level = 1 - (1 - LEVEL) / len(counted)
    means = {place: _mean(earned, largest, level) for place, earned in counted.items()}
    place = max(means, key=lambda place: (means[place].low or smallest, means[place].value or smallest))
    best = tried[place]
    row = max(best.paid, key=lambda row: _earned(best.paid[row].value, smallest, largest))
    most = max(mean.high if mean.high is not None else largest for mean in means.values())
    return Floor(best.attack.name, best.attack.family, means[place], most, len(counted), best.attempts[row].text)


def _mean(earned: Sequence[float], largest: float, level: float) -> Estimate:
    """The mean over rows, whose upper bound allows for rows that were not seen as its lower bound does."""
    mean, lacking = over_tasks(earned, level=level), over_tasks([largest - value for value in earned], level=level)
    return replace(mean, high=largest - (lacking.low or 0.0))


def _values(tried: Tried, smallest: float, largest: float) -> list[float]:
    return [_earned(paid.value, smallest, largest) for row, paid in tried.paid.items() if row not in tried.right]


def _earned(reward: float | None, smallest: float, largest: float) -> float:
    return smallest if reward is None or not math.isfinite(reward) else min(max(reward, smallest), largest)
