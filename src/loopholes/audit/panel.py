"""Trying the attack panel on rows, what pays most first, until its time is over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import fmean

from loopholes.audit.attacks import PANEL, Attack, View
from loopholes.audit.budget import Budget
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.process import GONE
from loopholes.audit.results import Attempt, Gap
from loopholes.audit.scale import Correctness, Level, gap_of, normalized
from loopholes.audit.scorer import Scorer
from loopholes.progress import OnProgress, Progress

SLOW = 0.25
"""For calls slower than this (seconds), check the time after every two calls."""
FEW = 4
"""Rows on which all attacks are tried before any is tried on all rows."""
LITTLE = 0.05
"""Attempts that earn more than this fraction of the golden-floor range are checked against the truth."""
PROMISING = 0.3
"""If an attack earns more than this fraction on its first rows, it is tried on all rows immediately."""


@dataclass
class Tried:
    """What one attack made, and what that was paid, by row; ``right`` are the rows on which it is right after all."""

    attack: Attack
    attempts: dict[int, Attempt] = field(default_factory=dict)
    paid: dict[int, Paid] = field(default_factory=dict)
    right: set[int] = field(default_factory=set)

    @property
    def is_stuck(self) -> bool:
        """Whether the reward did not come back from an attempt: one such row is enough."""
        return any(paid.is_late or paid.problem.startswith(GONE) for paid in self.paid.values())

    def gap(self, levels: Sequence[Level], comparisons: int = 1) -> Gap:
        """How much of the scale it pays, its interval corrected for so many ``comparisons``."""
        paid = [None if level.row in self.right else self.paid.get(level.row) for level in levels]
        name, family = self.attack.name, self.attack.family
        return gap_of(name, family, levels, paid, right=len(self.right), tried=comparisons)


class Panel:
    """Every attack that applies, on rows with a scale, by their places.

    ``skipped`` says what was left out, ``missing`` are the families of which nothing was tried, and
    ``share_tried`` is the share of attacks that were tried on :data:`FEW` rows, or on all that they apply to.
    """

    def __init__(
        self,
        scorer: Scorer,
        levels: Sequence[Level],
        views: Mapping[int, View],
        correctness: Correctness,
        budget: Budget,
        tell: OnProgress,
    ) -> None:
        self._scorer = scorer
        self._levels = {level.row: level for level in levels}
        self._views = views
        self._correctness = correctness
        self._budget = budget
        self._tell = tell
        self.skipped: list[str] = []
        self.missing: list[str] = []
        self.share_tried = 1.0

    def try_all(self, first: Sequence[str] = ()) -> list[Tried]:
        """Every attack on one row, then on a few, then on all; families named ``first`` come before the others."""
        attacks = interleaved([attack for attack in PANEL if self._applies(attack)])
        attacks.sort(key=lambda attack: first.index(attack.family) if attack.family in first else len(first))
        families, rows = {attack.family for attack in attacks}, list(self._levels)
        absent = sorted({attack.family for attack in PANEL} - families)
        self.skipped += [f"{family}: no row asks for such an answer" for family in absent]
        panel = [Tried(attack) for attack in attacks]
        rounds = [part for part in (rows[:1], rows[1:FEW], rows[FEW:]) if part]
        for number, part in enumerate(rounds):
            late = self._round(panel, part, number * len(panel), len(rounds) * len(panel))
            if late:
                left = "for want of time" if not number else f"on more than {FEW if number > 1 else 1} rows"
                self.skipped.append(f"{late} of {len(panel)} attacks were not tried {left}")
            if late == len(panel):
                break
        self.missing = sorted(families - {tried.attack.family for tried in panel if tried.paid})
        if self.missing:
            self.skipped.append(f"not tried for want of time: {', '.join(self.missing)}")
        enough = sum(tried.is_stuck or self._tried_enough(tried) for tried in panel)
        self.share_tried = enough / len(panel) if panel else 0.0
        return [self._without_guesses(tried) for tried in panel if tried.paid]

    def _tried_enough(self, tried: Tried) -> bool:
        applicable = (row for row in self._levels if tried.attack.attempt(self._views[row]) is not None)
        return all(row in tried.paid for row in islice(applicable, FEW))

    def _without_guesses(self, tried: Tried) -> Tried:
        paid = {row: payment for row, payment in tried.paid.items() if row not in tried.right}
        tried.right |= guessed(list(self._levels.values()), paid)
        return tried

    def _round(self, panel: Sequence[Tried], rows: Sequence[int], done: int, total: int) -> int:
        """Try all attacks on these rows, what paid most first; returns how many there was no time for."""
        late = 0
        for number, tried in enumerate(sorted(panel, key=self._best, reverse=True)):
            self._tell(Progress("panel", done + number, total))
            if tried.is_stuck or all(row in tried.attempts for row in rows):
                continue
            if self._budget.is_over("panel"):
                late += 1
                continue
            self._try(tried, rows)
            if self._best(tried) > PROMISING:
                self._try(tried, list(self._levels))
        return late

    def _applies(self, attack: Attack) -> bool:
        return any(attack.attempt(self._views[row]) is not None for row in self._levels)

    def _best(self, tried: Tried) -> float:
        """The largest share of the scale so far; sorting keeps the order of equals."""
        shares = (self._levels[row].share(paid.value) for row, paid in tried.paid.items())
        return max((share for share in shares if share is not None), default=0.0)

    def _try(self, tried: Tried, rows: Sequence[int]) -> None:
        made = ((row, tried.attack.attempt(self._views[row])) for row in rows if row not in tried.attempts)
        attempts = {row: attempt for row, attempt in made if attempt is not None}
        size = 2 if self._scorer.slowest > SLOW else max(1, len(attempts))
        for start in range(0, len(attempts), size):
            if self._budget.is_over("panel") and tried.paid:
                return
            piece = list(attempts)[start : start + size]
            payments = self._scorer.pay([(row, attempts[row].text) for row in piece], patient=False)
            paid = dict(zip(piece, payments, strict=False))
            tried.attempts.update((row, attempts[row]) for row in paid)
            tried.paid.update(paid)
            tried.right |= self._correctness.right({row: attempts[row] for row in paid if self._pays(row, paid[row])})
            if tried.is_stuck:
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
            shares[normalized(level.answer)][level.row] = level.share(paid[level.row].value) or 0.0
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
