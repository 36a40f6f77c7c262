"""The adversarial floor: the most that any attack earns on average, regardless of what right answers earn.

It needs no right answer and no scale, only the largest possible reward. docs/adversarial-floor.md specifies it. An
audit of an expensive environment tries each attack on two rows. Those that earned most there are played on further rows
here, and the interval is corrected for all attacks that were tried.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from loopholes.audit.attacks import View, views_of
from loopholes.audit.engine import AuditConfig, scorer_of
from loopholes.audit.form import form_of
from loopholes.audit.observations import Observations
from loopholes.audit.panel import Tried
from loopholes.audit.process import Process
from loopholes.audit.scale import Correctness
from loopholes.audit.scorer import Scorer
from loopholes.stats import Estimate, over_tasks

LEVEL = 0.95
"""Simultaneous confidence level of the intervals of all attacks."""
FINALISTS = 16
"""Attacks that are tried on further rows."""
ROWS = 32
"""Maximum number of rows on which finalists are tried."""
FEWEST = 8
"""Minimum number of rows on which an attack has to be tried to count."""


@dataclass(frozen=True)
class Floor:
    """The attack that certainly earns most, its mean reward, and an example of its completions.

    ``reward`` is its mean over rows, ``most`` the largest upper bound of the mean of any attack on enough rows. The
    intervals hold for all ``attacks`` together (Bonferroni).
    """

    attack: str
    family: str
    reward: Estimate
    most: float
    attacks: int
    completion: str

    def verdict(self, largest: float, margin: float) -> Literal["pass", "fail", "skip"]:
        """``fail`` if the attack certainly comes within ``margin`` of the ``largest`` reward.

        ``pass`` if no attack does, ``skip`` if there are too few rows to tell.
        """
        limit = largest - margin
        if (self.reward.low or 0.0) > limit:
            return "fail"
        return "pass" if self.most <= limit else "skip"


def measure(process: Process, seen: Observations, config: AuditConfig, smallest: float, largest: float) -> Floor | None:
    """The floor of an audited target whose process still runs, rewards in [``smallest``, ``largest``].

    None if no attack applies to enough rows.
    """
    form = form_of([row.golden for row in seen.rows if row.golden is not None])
    views = views_of(seen.rows, form, config.max_completion_tokens)
    scorer, correctness = scorer_of(process, seen.rows, config), Correctness(seen.rows, seen.levels, form, None)
    rows = [level.row for level in seen.levels][:ROWS]
    finalists = sorted(seen.tried, key=lambda tried: -_so_far(tried, smallest, largest))[:FINALISTS]
    played = [_played(tried, rows, views, scorer, correctness) for tried in finalists]
    return floor_of(played, smallest, largest, attacks=len(seen.tried))


def _so_far(tried: Tried, smallest: float, largest: float) -> float:
    values = _values(tried, smallest, largest)
    return math.fsum(values) / len(values) if values else smallest


def _played(
    tried: Tried, rows: Sequence[int], views: Sequence[View], scorer: Scorer, correctness: Correctness
) -> Tried:
    """An attack, tried on these rows as well."""
    attempts = {row: attempt for row in rows if (attempt := tried.attack.attempt(views[row])) is not None}
    paid = dict(zip(attempts, scorer.pay([(row, attempt.text) for row, attempt in attempts.items()]), strict=True))
    return Tried(tried.attack, attempts, paid, tried.right | correctness.right(attempts))


def floor_of(tried: Sequence[Tried], smallest: float, largest: float, attacks: int = 0) -> Floor | None:
    """The floor of these attacks, which were selected from ``attacks``; None if none was tried on enough rows.

    If the reward fails on an attack, or is not finite, the attack earns the smallest reward there. Rows on which an
    attack happens to be right do not count.
    """
    values = {place: _values(attack, smallest, largest) for place, attack in enumerate(tried)}
    counted = {place: earned for place, earned in values.items() if len(earned) >= FEWEST}
    if not counted:
        return None
    attacks = max(attacks, len(tried))
    sure = 1 - (1 - LEVEL) / attacks
    means = {place: over_tasks(earned, level=sure, most=largest) for place, earned in counted.items()}
    place = max(means, key=lambda place: (means[place].low or smallest, means[place].value or smallest))
    best = tried[place]
    row = max(best.paid, key=lambda row: _earned(best.paid[row].value, smallest, largest))
    most = max(mean.high if mean.high is not None else largest for mean in means.values())
    return Floor(best.attack.name, best.attack.family, means[place], most, attacks, best.attempts[row].text)


def _values(tried: Tried, smallest: float, largest: float) -> list[float]:
    return [_earned(paid.value, smallest, largest) for row, paid in tried.paid.items() if row not in tried.right]


def _earned(reward: float | None, smallest: float, largest: float) -> float:
    return smallest if reward is None or not math.isfinite(reward) else min(max(reward, smallest), largest)
