"""Faults on one kind of row, which the mean hides: which rows pay, and what they have in common.

**The rule.** For each attack, rows count on which it was tried and is not right, by the truth or by the golden answer.
It may not even name the golden answer, since a guess is not a loophole; only an attack that names many answers may.
Each attack is matched with the kind of row that sets its paying rows apart best, by Fisher's exact test. At least 0.8
of the kind's rows have to pay, and the exact lower bound of their share has to exceed the gate's threshold. The best
match of all is an exploit if a match this good comes up in at most 2 of 100 permutations of the payments over rows
(:mod:`loopholes.audit.chance`). So a reward that pays guesses at random, at any rate, gets an exploit in at most 2 of
100 audits, however many attacks and kinds were compared. A match that is not confirmed is a warning if it holds by
Fisher's test at 0.05, divided by the number of pairs of attack and kind.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import NamedTuple

from loopholes.audit.attacks import Attack
from loopholes.audit.baselines import FORM_ALONE, NOTHING
from loopholes.audit.chance import exact_bounds, fisher, smallest_by_chance
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.gate import Gate
from loopholes.audit.gold.near_findings import FAMILIES, open_kinds
from loopholes.audit.kinds import Kind, kinds_of, mask_of
from loopholes.audit.naming import named_answer, names_many
from loopholes.audit.observations import Observations
from loopholes.audit.panel import Tried
from loopholes.audit.results import Attempt, Finding, Verdict
from loopholes.audit.scale import FULL, HALF, Level

ALIKE = 0.9
"""Attacks that are paid on at least this share of the same rows are alike."""
LEAST = 3
"""Minimum number of paying rows for a finding."""
MOST_OF_KIND = 0.8
"""At least this share of a kind's rows has to pay for the kind to explain which rows pay."""
ERROR = 0.05
"""Upper bound of the chance of a false warning per audit."""
EXPLOIT_ERROR = 0.02
"""Upper bound of the chance of a false exploit per audit."""
NEVER_RIGHT = ("no-rows", "no-rows/golden")
"""Attacks of the panel that are not empty, but wrong on every row."""
MOST_PATTERNS = 80
"""Maximum number of sets of paying rows that are compared with kinds of rows: those of the first attacks."""
CLEAR = 0.25
"""A right answer is paid clearly more if it earns this share of the usual difference between right and wrong more."""
WORTH_DEALING = 0.005
"""A match with a larger p by Fisher's test is not worth permutations."""
SHOWN = 8
"""Maximum number of rows that a message lists by number."""


class Pattern(NamedTuple):
    """The rows on which an attack was tried, and those on which it was paid in full, as bit masks of places."""

    name: str
    tested: int
    paying: int
    tried: Tried | None = None

    def within(self, rows: int) -> Pattern:
        """The pattern on some of the rows."""
        return self._replace(tested=self.tested & rows, paying=self.paying & rows)


@dataclass(frozen=True)
class Match:
    """A kind of row and a pattern. ``p`` is from Fisher's one-sided test: the chance that so many of the kind pay."""

    pattern: Pattern
    kind: Kind
    p: float

    @property
    def counts(self) -> tuple[int, int]:
        """How many rows of the kind pay, and how many rows it has."""
        members = self.pattern.tested & self.kind.rows
        return (self.pattern.paying & members).bit_count(), members.bit_count()

    @property
    def low(self) -> float:
        """The exact lower 95 % bound of the share of the kind's rows that pay."""
        return exact_bounds(*self.counts)[0]


class Rows:
    """Describes rows by what they have in common, and finds faults that only some rows show."""

    def __init__(self, seen: Observations, gate: Gate) -> None:
        self._seen = seen
        self._gate = gate
        self._kinds = kinds_of(seen.rows, seen.levels)
        self._payoff = Payoff.of(seen)

    def described(self, paying: Collection[int], tested: Collection[int]) -> str:
        """Words for the paying rows, given by place: all rows, a kind of row, or a list of numbers."""
        if not paying or len(paying) == len(tested):
            return f"all {len(tested)} rows" if paying else ""
        matches = _best([Pattern("", mask_of(tested), mask_of(paying))], self._kinds, LEAST)
        return _described(matches[0]) if self._hold(matches) else f"{_share(paying, tested)}: {self._numbers(paying)}"

    def _hold(self, matches: Sequence[Match], patterns: int = 1) -> bool:
        """Whether the best match is significant after correction for the number of patterns and kinds."""
        return bool(matches) and matches[0].p <= ERROR / max(1, patterns * len(self._kinds))

    def _numbers(self, places: Collection[int]) -> str:
        numbers = sorted(self._seen.rows[place].number for place in places)
        return f"row {', '.join(map(str, numbers[:SHOWN]))}{', …' if len(numbers) > SHOWN else ''}"

    def attacked(self) -> list[Finding]:
        """The attack that is paid in full on a kind of row: an exploit if confirmed, otherwise a warning."""
        if self._payoff is None:
            return []
        patterns_of = (self._payoff.near_patterns, self._payoff.patterns)
        everything = [pattern for of_kind in patterns_of for pattern in of_kind(self._seen, self._gate)]
        patterns = _distinct(everything)[:MOST_PATTERNS]
        matches = _best(patterns, self._kinds, LEAST)
        enough = [match for match in matches if self._may_count(*match.counts)]
        if enough and self._is_confirmed(enough[0], patterns):
            return [self._attack(enough[0], everything, confirmed=True)]
        held = self._hold(matches, len(patterns))
        return [self._attack(matches[0], everything, confirmed=False)] if held else []

    def _may_count(self, hits: int, of: int) -> bool:
        """Whether ``hits`` paying rows ``of`` a kind's rows are enough for an exploit, chance aside."""
        return hits > LEAST and hits >= MOST_OF_KIND * of and exact_bounds(hits, of)[0] > self._gate.thresholds.exploit

    def _is_confirmed(self, match: Match, patterns: Sequence[Pattern]) -> bool:
        """Whether a match this good hardly ever comes up when payments are permuted over rows."""
        if match.p > WORTH_DEALING:
            return False
        if match.p * len(patterns) * len(self._kinds) <= EXPLOIT_ERROR:
            return True
        paying, tested = [pattern.paying for pattern in patterns], [pattern.tested for pattern in patterns]
        kinds = [kind.rows for kind in self._kinds]
        return smallest_by_chance(paying, tested, kinds, match.p, self._may_count, EXPLOIT_ERROR) <= EXPLOIT_ERROR

    def _attack(self, match: Match, patterns: Sequence[Pattern], *, confirmed: bool) -> Finding:
        """The finding, named after the simplest attack that is paid on these rows."""
        verdict: Verdict = "exploit" if confirmed and not self._seen.component else "warning"
        rows = match.pattern.paying & match.kind.rows
        alike = [pattern for pattern in patterns if (pattern.paying & rows).bit_count() >= ALIKE * rows.bit_count()]
        simplest = min(alike, key=lambda pattern: (pattern.name not in NOTHING, "/" in pattern.name))
        match = Match(simplest, match.kind, match.p)
        tried, paying = simplest.tried, _places(simplest.paying)
        assert tried is not None
        row = next(place for place in paying if match.kind.rows >> place & 1)
        level = next(level for level in self._seen.levels if level.row == row)
        evidence = self._seen.evidence(level, tried.attempts[row].text, tried.paid[row])
        gap = tried.gap(self._seen.levels)
        message = _message(match, confirmed, len(alike) - 1)
        name, family = tried.attack.name, tried.attack.family
        return Finding(
            verdict, "rows", family, name, message, gap.gap, gap.share.value, evidence, rows=_described(match)
        )

    def careless(self) -> list[Finding]:
        """Rows on which any text is paid in full: empty and wrong answers like the right one.

        Luck does not explain that, so no permutations are needed: each of these rows pays all texts without content (or
        the empty form), and a well-formed wrong answer as well; or it pays a text that is wrong on every row. There
        have to be at least four such rows, and their share has to reach the gate's threshold for warnings.
        """
        if self._payoff is None or any(repeated.differs for repeated in self._seen.answers.again):
            return []
        scored = [level for level in self._seen.levels if level.is_paid and self._payoff.pays_golden(level)]
        attempts = {tried.attack.name: tried for tried in self._seen.tried}
        for names_of in (NOTHING, FORM_ALONE, NEVER_RIGHT):
            idle = [attempts[name] for name in names_of if name in attempts]
            wrong = [level for level in scored if level.width is None or names_of is NEVER_RIGHT]
            places = [level.row for level in wrong if self._pays_all(level, idle)]
            if len(places) > LEAST and len(places) >= self._gate.thresholds.warning * len(scored):
                return [self._careless(places, [level.row for level in scored], idle[0])]
        return []

    def _pays_all(self, level: Level, idle: Sequence[Tried]) -> bool:
        assert self._payoff is not None
        paid = [tried.paid[level.row] for tried in idle if level.row in tried.paid]
        return bool(paid) and len(paid) == len(idle) and all(self._payoff.in_full(level, payment) for payment in paid)

    def _careless(self, places: Sequence[int], of: Sequence[int], tried: Tried) -> Finding:
        level = next(level for level in self._seen.levels if level.row == places[0])
        where = self.described(places, of)
        evidence = self._seen.evidence(level, tried.attempts[level.row].text, tried.paid[level.row])
        message = f"any text, even empty or wrong, is paid like a right answer on {where}"
        if tried.attack.name in NEVER_RIGHT:
            message = f"a query that returns no rows, whatever the tables hold, is paid like a right answer on {where}"
        verdict: Verdict = "warning" if self._seen.component else "exploit"
        return Finding(verdict, "rows", "degenerate", tried.attack.name, message, evidence=evidence, rows=where)

    def lost(self) -> list[Finding]:
        """Warnings about rows on which a wrong answer is paid like a right one, or a right one like a wrong one."""
        if self._payoff is None:
            return []
        scored = [level for level in self._seen.levels if level.is_paid]
        paid = [level for level in scored if self._payoff.pays_golden(level)]
        wrong = [level for level in paid if level.width is None]
        refused = [level for level in scored if not self._payoff.pays_golden(level)]
        return [
            *self._loss("wrong-paid-on-rows", "a well-formed wrong answer is paid like the right one", wrong, paid),
            *self._loss("golden-refused-on-rows", "the golden completion is paid like a wrong one", refused, scored),
        ]

    def _loss(self, name: str, what: str, levels: Sequence[Level], of: Sequence[Level]) -> Iterator[Finding]:
        places, tested = [level.row for level in levels], [level.row for level in of]
        if len(places) < LEAST or exact_bounds(len(places), len(tested))[0] <= self._gate.thresholds.warning:
            return
        where, level = self.described(places, tested), levels[0]
        wrong = name == "wrong-paid-on-rows"
        text, reward = (level.floor_text, level.floor) if wrong else (level.golden_text, level.golden)
        evidence = self._seen.evidence(level, text, Paid(reward))
        yield Finding("warning", "contract", "contract", name, f"{what} on {where}", evidence=evidence, rows=where)


def _message(match: Match, confirmed: bool, attacks: int) -> str:
    hits, of = match.counts
    rest = match.pattern.tested & ~match.kind.rows
    elsewhere = f"{(match.pattern.paying & rest).bit_count()} of the {rest.bit_count()} others"
    message = f"is paid like a right answer on {hits} of the {of} rows (at least {100 * match.low:.0f} %) whose "
    message += f"{match.kind.label}, and on {elsewhere}; "
    message += (
        "by chance, such a clear match comes up in fewer than 2 of 100 audits"
        if confirmed
        else "there are too few rows to confirm it"
    )
    if not attacks:
        return message
    return message + ("; so is another attack" if attacks == 1 else f"; so are {attacks} other attacks")


def _described(match: Match) -> str:
    hits, of = match.counts
    share = _share(_places(match.pattern.paying), _places(match.pattern.tested))
    counted = f"all {of}" if hits == of else f"{hits} of the {of}"
    return f"{share}: {counted} whose {match.kind.label}"


def _share(paying: Collection[int], tested: Collection[int]) -> str:
    low, high = exact_bounds(len(paying), len(tested))
    return f"{len(paying)} of {len(tested)} rows ({100 * low:.0f} to {100 * high:.0f} %)"


@dataclass(frozen=True)
class Payoff:
    """Defines "paid in full", even for rows that have no scale of their own.

    ``floor`` is the usual payment of wrong answers, ``width`` the usual difference between right and wrong ones.
    ``empty`` holds the payments of an empty text, by the row's place.
    """

    levels: Mapping[int, Level]
    floor: float
    width: float
    empty: Mapping[int, Paid]

    @classmethod
    def of(cls, seen: Observations) -> Payoff | None:
        """Built from the rows that have a scale; None if there are none."""
        widths = [level.width for level in seen.measurable if level.width is not None]
        if not widths:
            return None
        floors = [level.floor for level in seen.measurable if level.floor is not None]
        return cls({level.row: level for level in seen.levels}, median(floors), median(widths), seen.idle.empty)

    def pays_golden(self, level: Level) -> bool:
        """Whether the right answer is paid like right answers elsewhere, or less by a reward that weighs its row less.

        Such a reward still pays it clearly more than wrong answers elsewhere, and than a wrong answer or an empty text
        on this row. A row that pays one amount for any text teaches nothing, and is no such row.
        """
        return level.row in self._paid

    @cached_property
    def _paid(self) -> frozenset[int]:
        return frozenset(row for row, level in self.levels.items() if self._pays(level))

    def _pays(self, level: Level) -> bool:
        if level.golden is None or not math.isfinite(level.golden):
            return False
        above, clear = level.golden - self.floor, CLEAR * self.width
        if above >= self.width / 2:
            return True
        empty = self.empty[level.row].value if level.row in self.empty else None
        teaches = (level.width or 0.0) >= clear or (empty is not None and level.golden - empty >= clear)
        return above >= clear and teaches

    def in_full(self, level: Level, paid: Paid) -> bool:
        """Whether a payment reaches :data:`FULL` of what a right answer earns on the row."""
        if paid.value is None or paid.problem or not math.isfinite(paid.value):
            return False
        return paid.value >= self._full[level.row]

    @cached_property
    def _full(self) -> Mapping[int, float]:
        """The least payment in full, by row; infinite where the right answer is not paid."""
        return {row: self._least(level) if self.pays_golden(level) else math.inf for row, level in self.levels.items()}

    def _least(self, level: Level) -> float:
        """The least payment in full on a row that pays the right answer; on a narrow scale, also nearer to it."""
        golden, width = level.golden or 0.0, level.width or 0.0
        return golden - min((1 - FULL) * max(width, min(self.width, golden - self.floor)), HALF * width or math.inf)

    def patterns(self, seen: Observations, gate: Gate) -> Iterator[Pattern]:
        """A pattern for each attack that is paid in full on some rows, and whose mean is not an exploit already."""
        for tried, gap in zip(seen.tried, seen.gaps, strict=True):
            full = sum(self.in_full(self.levels[row], paid) for row, paid in tried.paid.items())
            if full < LEAST or seen.overlap.without(gap, tried.texts, tried.paid).exceeds(gate.thresholds.exploit):
                continue
            tested = [row for row in tried.paid if self._counts(seen, tried, row)]
            paying = {row for row in tested if self.in_full(self.levels[row], tried.paid[row])}
            named = {row for row in tested if named_answer(tried.attempts[row], self.levels[row])}
            if not names_many(tried, [self.levels[row] for row in paying & named]):
                tested, paying = [row for row in tested if row not in named], paying - named
            if len(paying) >= LEAST:
                yield Pattern(tried.attack.name, mask_of(tested), mask_of(paying), tried)

    def near_patterns(self, seen: Observations, gate: Gate) -> Iterator[Pattern]:
        """A pattern for each near miss that is paid like the right answer on some rows, and is no exploit already."""
        for name, first in open_kinds(seen.near, gate).items():
            tried = Tried(Attack(name, FAMILIES.get(name, "near-miss"), lambda view: None))
            paying: set[int] = set()
            for miss in (*first, *seen.further.get(name, ())):
                if not miss.is_foreign and self.pays_golden(miss.level):
                    tried.attempts[miss.level.row], tried.paid[miss.level.row] = Attempt(miss.text), miss.paid
                    paying |= {miss.level.row} if miss.share >= FULL else set()
            if len(paying) >= LEAST:
                yield Pattern(name, mask_of(tried.paid), mask_of(paying), tried)

    def _counts(self, seen: Observations, tried: Tried, row: int) -> bool:
        """Whether an attempt is evidence. A guess that does not name the answer counts: something else was paid."""
        level, text, paid = self.levels[row], tried.attempts[row].text, tried.paid[row]
        if not self.pays_golden(level) or not level.golden_text.strip():
            return False
        if self.in_full(level, paid) and seen.overlap.explains(row, text, paid):
            return False
        guess = not seen.has_truth and not named_answer(tried.attempts[row], level)
        return row not in tried.right or guess


def _distinct(patterns: Sequence[Pattern]) -> list[Pattern]:
    """One pattern for each set of paying rows: the first of those that were tried on the most rows."""
    patterns_by_rows: dict[int, Pattern] = {}
    for pattern in patterns:
        previous = patterns_by_rows.get(pattern.paying)
        if previous is None or pattern.tested.bit_count() > previous.tested.bit_count():
            patterns_by_rows[pattern.paying] = pattern
    return list(patterns_by_rows.values())


def _places(mask: int) -> list[int]:
    return [place for place in range(mask.bit_length()) if mask >> place & 1]


def _best(patterns: Sequence[Pattern], kinds: Sequence[Kind], least: int) -> list[Match]:
    """Each pattern with the kind that sets its paying rows apart best, best matches first."""
    matches = []
    for pattern in patterns:
        fitting = [kind for kind in kinds if _fits(pattern, kind, least)]
        if fitting:
            p, kind = min(((_p_value(pattern, kind), kind) for kind in fitting), key=lambda pair: _magnitude(pair[0]))
            matches.append(Match(pattern, kind, p))
    return sorted(matches, key=lambda match: (match.p, -match.counts[0]))


def _magnitude(p: float) -> int:
    """The order of magnitude of p. Among kinds that fit about equally well, the first is the most informative."""
    return math.floor(math.log10(p))


def _fits(pattern: Pattern, kind: Kind, least: int) -> bool:
    members = pattern.tested & kind.rows
    paying = (pattern.paying & members).bit_count()
    return paying >= least and paying >= MOST_OF_KIND * members.bit_count() and members != pattern.tested


def _p_value(pattern: Pattern, kind: Kind) -> float:
    members = pattern.tested & kind.rows
    counts = (pattern.paying & members).bit_count(), members.bit_count()
    return fisher(*counts, pattern.paying.bit_count(), pattern.tested.bit_count())
