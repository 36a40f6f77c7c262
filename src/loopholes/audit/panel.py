"""Trying the attack panel on rows, what pays first, until the time is over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from loopholes.audit.attacks import PANEL, Attack, View
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.results import Attempt
from loopholes.audit.scale import Level, plain
from loopholes.audit.scorer import GONE, Scorer

SLOW = 0.25
"""Seconds of a call from which on the time is looked at after every other one."""
FEW = 4
"""Rows on which attacks are tried before any is tried on all."""
LITTLE = 0.05
"""The share of the scale from which on it is asked whether an attempt is right after all."""
PROMISING = 0.3
"""The share of the scale on its first rows from which on an attack is tried on all rows at once."""


@dataclass
class Tried:
    """What one attack made, and what that was paid, by row; ``right`` are the rows on which it is right after all."""

    attack: Attack
    attempts: dict[int, Attempt] = field(default_factory=dict)
    paid: dict[int, Paid] = field(default_factory=dict)
    right: set[int] = field(default_factory=set)

    @property
    def stuck(self) -> bool:
        """Whether the reward did not come back from an attempt: one such row is enough."""
        return any(paid.is_late or paid.problem.startswith(GONE) for paid in self.paid.values())


class Panel:
    """Every attack that applies, on rows with a scale, by their places.

    ``right`` tells on which rows attempts are right after all, ``late`` whether the time is over. ``skipped`` says what
    was left out, ``missing`` are the families of which nothing was tried.
    """

    def __init__(
        self,
        scorer: Scorer,
        levels: Sequence[Level],
        views: Mapping[int, View],
        right: Callable[[Mapping[int, Attempt]], set[int]],
        late: Callable[[], bool],
        tell: Callable[[str, int, int], None],
    ) -> None:
        self._scorer = scorer
        self._levels = {level.row: level for level in levels}
        self._views = views
        self._right = right
        self._late = late
        self._tell = tell
        self.skipped: list[str] = []
        self.missing: list[str] = []

    def try_all(self) -> list[Tried]:
        """Every attack on one row, then on a few, then on all."""
        attacks = interleaved([attack for attack in PANEL if self._applies(attack)])
        families, rows = {attack.family for attack in attacks}, list(self._levels)
        absent = sorted({attack.family for attack in PANEL} - families)
        self.skipped += [f"{family}: no row asks for such an answer" for family in absent]
        tried = [Tried(attack) for attack in attacks]
        rounds = [part for part in (rows[:1], rows[1:FEW], rows[FEW:]) if part]
        for number, part in enumerate(rounds):
            late = self._round(tried, part, number * len(tried), len(rounds) * len(tried))
            if late:
                left = "for want of time" if not number else f"on more than {FEW if number > 1 else 1} rows"
                self.skipped.append(f"{late} of {len(tried)} attacks were not tried {left}")
            if late == len(tried):
                break
        self.missing = sorted(families - {one.attack.family for one in tried if one.paid})
        if self.missing:
            self.skipped.append(f"not tried for want of time: {', '.join(self.missing)}")
        return [one for one in tried if one.paid]

    def _round(self, tried: Sequence[Tried], rows: Sequence[int], done: int, total: int) -> int:
        """Try all attacks on these rows, what paid most first; returns how many there was no time for."""
        late = 0
        for number, one in enumerate(sorted(tried, key=self._best, reverse=True)):
            self._tell("panel", done + number, total)
            if one.stuck or all(row in one.attempts for row in rows):
                continue
            if self._late():
                late += 1
                continue
            self._try(one, rows)
            if self._best(one) > PROMISING:
                self._try(one, list(self._levels))
        return late

    def _applies(self, attack: Attack) -> bool:
        return any(attack.attempt(self._views[row]) is not None for row in self._levels)

    def _best(self, one: Tried) -> float:
        """The largest share of the scale so far; sorting keeps the order of equals."""
        shares = (self._levels[row].share(paid.value) for row, paid in one.paid.items())
        return max((share for share in shares if share is not None), default=0.0)

    def _try(self, one: Tried, rows: Sequence[int]) -> None:
        todo = [row for row in rows if row not in one.attempts]
        made = {row: attempt for row in todo if (attempt := one.attack.attempt(self._views[row])) is not None}
        size = 2 if self._scorer.slowest > SLOW else max(1, len(made))
        for start in range(0, len(made), size):
            if self._late() and one.paid:
                return
            piece = list(made)[start : start + size]
            paid = self._scorer.pay([(row, made[row].text) for row in piece], patient=False)
            done = dict(zip(piece, paid, strict=False))
            one.attempts.update((row, made[row]) for row in done)
            one.paid.update(done)
            one.right |= self._right({row: made[row] for row in done if self._pays(row, done[row])})
            if one.stuck:
                return

    def _pays(self, row: int, paid: Paid) -> bool:
        share = self._levels[row].share(paid.value)
        return share is not None and share > LITTLE


def guessed(levels: Sequence[Level], paid: Mapping[int, Paid]) -> set[int]:
    """Rows of the one answer for which alone it is paid: always giving that answer would be paid as much.

    Several rows need to have it, and others another one; no rows where it is paid for other answers, too.
    """
    shares: dict[str, dict[int, float]] = defaultdict(dict)
    for level in levels:
        if level.width is not None and level.row in paid:
            shares[plain(level.answer)][level.row] = level.share(paid[level.row].value) or 0.0
    best = max(shares, key=lambda answer: sum(shares[answer].values()), default="")
    others = [share for answer, rows in shares.items() if answer != best for share in rows.values()]
    return set(shares[best]) if len(shares[best]) > 1 and others and fmean(others) <= LITTLE else set()


def interleaved(panel: Sequence[Attack]) -> list[Attack]:
    """The panel with its families in turn, so that none is left out where time is short."""
    families: dict[str, list[Attack]] = {}
    for attack in panel:
        families.setdefault(attack.family, []).append(attack)
    longest = max(map(len, families.values()), default=0)
    return [attacks[turn] for turn in range(longest) for attacks in families.values() if turn < len(attacks)]
