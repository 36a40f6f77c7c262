"""Trying the attack panel on rows, what pays most first, until its time is over."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from statistics import fmean

from loopholes.audit.attacks import Attack, View
from loopholes.audit.budget import Budget, Stage
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.process import GONE
from loopholes.audit.results import Attempt, Gap
from loopholes.audit.scale import Correctness, Level, gap_of, normalized
from loopholes.audit.scorer import Scorer
from loopholes.audit.width import EXPENSIVE
from loopholes.progress import OnProgress, Progress

ENOUGH = 8
"""Rows on which an attack has to be tried at least: what is paid on none is paid on less than a third (95 %)."""
PLENTY = 30
"""Rows that are always enough: what is paid on none of them is paid on less than a tenth (95 %)."""
AMPLE = 4
"""Where there is so many times the time that the panel is expected to take, what is tried first does not matter."""
LITTLE = 0.05
"""Attempts that earn more than this fraction of the golden-floor range are checked against the truth."""
PROMISING = 0.3
"""If an attack earns more than this fraction on its first rows, it is tried on all rows immediately."""
BREAKING = "break-the-grader"
"""The family that comes last, since what it breaks or hangs takes the longest."""
PROSE = ("hedge", "length", "stuffing", "forged-role", "judge-injection")
"""Families that say something to a reader; where every row asks for a program, they come behind the others."""
LEADING_FORMS = 2
"""Forms in which an attack is tried first where a call is expensive: the plainest, and that of golden completions.

The plainest is the bare text. Where golden completions have no form, the second is the first standard form.
"""
AHEAD = 4
"""First attempts that are asked in one request, for each call that is paid at once."""
HANGS = 3
"""Attacks of a family that hang the reward after which the others of it get less time."""
MOST_HANGS = 10
"""Attacks of a family that hang the reward after which the others of it are not tried."""


def enough(rows: int) -> int:
    """On how many of so many rows with a scale an attack has to be tried, to count as tried."""
    return min(rows, max(ENOUGH, (rows + 1) // 2), PLENTY)


@dataclass
class Tried:
    """What one attack made, and what that was paid, by row; ``right`` are the rows on which it is right after all.

    ``best`` is the largest share of the scale. ``is_stuck``: the reward did not come back from an attempt, and one such
    row is enough. ``rows`` are those on which it was not tried yet, and ``ready`` what it made for such rows.
    """

    attack: Attack
    attempts: dict[int, Attempt] = field(default_factory=dict)
    paid: dict[int, Paid] = field(default_factory=dict)
    right: set[int] = field(default_factory=set)
    best: float = 0.0
    is_stuck: bool = False
    rows: list[int] = field(default_factory=list, repr=False)
    ready: dict[int, Attempt] = field(default_factory=dict, repr=False)

    def has_more(self, views: Mapping[int, View], count: int = 1) -> bool:
        """Whether it applies to further rows; makes at most ``count`` further attempts ready."""
        while self.rows and len(self.ready) < count:
            row = self.rows.pop(0)
            attempt = self.attack.attempt(views[row])
            if attempt is not None:
                self.ready[row] = attempt
        return bool(self.ready)

    def gap(self, levels: Sequence[Level], comparisons: int = 1) -> Gap:
        """How much of the scale it pays, its interval corrected for so many ``comparisons``."""
        paid = [None if level.row in self.right else self.paid.get(level.row) for level in levels]
        name, family = self.attack.name, self.attack.family
        return gap_of(name, family, levels, paid, right=len(self.right), tried=comparisons)


class Panel:
    """Every attack that applies, on rows with a scale, then on the others, by their places.

    ``skipped`` says what was left out, ``missing`` are the families of which nothing was tried. ``share_tried`` is the
    share of attacks that were tried on enough rows with a scale (:func:`enough`; all, if fewer apply), or that the
    reward did not come back from; attacks that apply to no row do not count. ``is_late``: there was no time for
    something.

    Where a call is expensive, the forms of an attack count together: once its :data:`LEADING_FORMS` paid nothing on the
    first rows, the others come after everything else was tried on enough rows; and once the leading ones were tried on
    enough rows and paid nothing, the others count as tried.
    """

    def __init__(
        self,
        scorer: Scorer,
        levels: Sequence[Level],
        views: Mapping[int, View],
        correctness: Correctness,
        budget: Budget,
        tell: OnProgress,
        attacks: Sequence[Attack],
    ) -> None:
        self._scorer = scorer
        self._levels: dict[int, Level] = {}
        self._views = views
        self._correctness = correctness
        self._budget = budget
        self._tell = tell
        self._panel = [Tried(attack) for attack in attacks]
        self._hangs: Counter[str] = Counter()
        self._leading: dict[str, list[Tried]] = {}  # of each further form, by its name
        self.is_late = False
        self.add(levels)

    def add(self, levels: Sequence[Level]) -> None:
        """Further rows, on which nothing was tried yet."""
        ordered = sorted(levels, key=lambda level: level.width is None)
        self._levels |= {level.row: level for level in ordered}
        for tried in self._panel:
            tried.rows += [level.row for level in ordered]

    def try_all(self, first: Sequence[str] = (), last: Sequence[str] = ()) -> None:
        """Every attack on one row, then on enough, and on all; attacks that break graders come last.

        Families named ``first`` come before the others in each round, those named ``last`` behind them.
        """
        panel = interleaved(self._applying())
        panel.sort(key=lambda tried: _rank(tried.attack.family, first, last))
        self._leading = leading(panel) if self._scorer.pace > EXPENSIVE else {}
        rounds = sorted({1, enough(self._measurable), len(self._levels)})
        calls = self._budget.affordable_calls("panel", AMPLE * self._scorer.pace)
        if calls > len(panel) * len(self._levels):
            rounds = sorted({1, len(self._levels)})  # in fewer requests
        total, done = len(panel) * len(rounds), 0
        stages: tuple[Stage, Stage] = ("panel", "breaking")
        for stage in stages:
            group = [tried for tried in panel if (tried.attack.family == BREAKING) == (stage == "breaking")]
            for count, attacks in self._turns(group, rounds):
                if count == 1 and stage == "panel":
                    self._ask_ahead(attacks)
                for tried in attacks:
                    self._tell(Progress("panel", min(done, total), total))
                    done += 1
                    self._try(tried, count, stage)

    def _turns(self, group: Sequence[Tried], rounds: Sequence[int]) -> Iterator[tuple[int, list[Tried]]]:
        """On how many rows which attacks are tried next, what paid most first."""
        for count in rounds[:-1]:
            yield count, _best_first(tried for tried in group if not self._is_spare(tried))
        for count in rounds[:-1]:
            yield count, _best_first(filter(self._is_spare, group))
        yield rounds[-1], _best_first(group)

    def _is_spare(self, tried: Tried) -> bool:
        """Whether it is a further form of what paid nothing in the leading ones."""
        forms = self._leading.get(tried.attack.name, ())
        return bool(forms) and all(form.best <= LITTLE for form in forms)

    def _ask_ahead(self, attacks: Sequence[Tried]) -> None:
        """The first attempts of several attacks in one request, where its calls are paid at once."""
        size = AHEAD * self._scorer.width
        for start in range(0, len(attacks) if self._scorer.width > 1 else 0, size):
            if self._budget.is_over("panel"):
                return
            new = [tried for tried in attacks[start : start + size] if not tried.paid and tried.has_more(self._views)]
            firsts = [next(iter(tried.ready.items())) for tried in new]
            self._scorer.pay([(row, attempt.text) for row, attempt in firsts])

    def results(self) -> list[Tried]:
        """What was tried, without what is paid for one answer alone."""
        tried = [tried for tried in self._panel if tried.paid]
        levels = list(self._levels.values())
        for attack in tried:
            paid = {row: payment for row, payment in attack.paid.items() if row not in attack.right}
            attack.right |= guessed(levels, paid)
        return tried

    @property
    def missing(self) -> list[str]:
        """Families that apply, and of which nothing was tried."""
        applying = self._applying()
        return sorted(_families(applying) - _families([tried for tried in applying if tried.paid]))

    @property
    def share_tried(self) -> float:
        """See above; 0 where no attack applies or no row has a scale."""
        applying = self._applying()
        return sum(map(self._is_covered, applying)) / len(applying) if applying and self._measurable else 0.0

    @property
    def skipped(self) -> list[str]:
        """What was left out, a sentence each."""
        applying = self._applying()
        absent = sorted(_families(self._panel) - _families(applying))
        sentences = [f"{', '.join(absent)}, since no row asks for such an answer"] if absent else []
        stopped = sorted(family for family, hangs in self._hangs.items() if hangs >= MOST_HANGS)
        sentences += [f"the rest of {family}, since {MOST_HANGS} attacks of it took too long" for family in stopped]
        open_ = [tried for tried in applying if not self._is_covered(tried)]
        none = sum(not tried.paid for tried in open_)
        few = len(open_) - none
        forms = sum(self._is_covered(tried) and not self._is_tried(tried) for tried in applying)
        of, rows = f"of {len(applying)} attacks were", enough(self._measurable)
        sentences += [f"{none} {of} not tried for want of time"] if none else []
        sentences += [f"{few} {of} tried on fewer than {rows} rows, for want of time"] if few else []
        sentences += [f"{forms} further forms of attacks that paid nothing in two, for want of time"] if forms else []
        return sentences + ([f"not tried for want of time: {', '.join(self.missing)}"] if self.missing else [])

    @property
    def _measurable(self) -> int:
        return sum(level.width is not None for level in self._levels.values())

    def _applying(self) -> list[Tried]:
        return [tried for tried in self._panel if tried.paid or tried.has_more(self._views)]

    def _is_covered(self, tried: Tried) -> bool:
        forms = self._leading.get(tried.attack.name, ())
        return self._is_tried(tried) or (self._is_spare(tried) and all(map(self._is_tried, forms)))

    def _is_tried(self, tried: Tried) -> bool:
        measured = sum(self._levels[row].width is not None for row in tried.paid)
        return tried.is_stuck or measured >= enough(self._measurable) or not tried.has_more(self._views)

    def _try(self, tried: Tried, count: int, stage: Stage) -> None:
        """Try an attack until it was tried on so many rows, or on all if it is paid."""
        family = tried.attack.family
        while len(tried.paid) < (wanted := self._wanted(tried, count)) and not tried.is_stuck:
            if self._hangs[family] >= MOST_HANGS:
                return
            if self._budget.is_over(stage):
                self.is_late = True
                return
            if not tried.has_more(self._views, min(self._scorer.chunk, wanted - len(tried.paid))):
                return
            with self._scorer.hurried() if self._hangs[family] >= HANGS else nullcontext():
                self._ask(tried)
            self._hangs[family] += tried.is_stuck

    def _wanted(self, tried: Tried, count: int) -> int:
        """On how many rows an attack is to be tried now: so many, or all if it is paid."""
        return len(self._levels) if tried.best > PROMISING else count

    def _ask(self, tried: Tried) -> None:
        """What the attempts that are ready are paid, up to the first that the reward does not come back from."""
        attempts, tried.ready = tried.ready, {}
        payments = self._scorer.pay([(row, attempt.text) for row, attempt in attempts.items()], patient=False)
        paid = dict(zip(attempts, payments, strict=False))
        tried.attempts.update((row, attempts[row]) for row in paid)
        tried.paid.update(paid)
        tried.is_stuck |= any(payment.is_late or payment.problem.startswith(GONE) for payment in paid.values())
        shares = {row: self._levels[row].share(payment.value) or 0.0 for row, payment in paid.items()}
        tried.best = max(tried.best, *shares.values(), 0.0)
        tried.right |= self._correctness.right({row: attempts[row] for row in paid if shares[row] > LITTLE})


def _rank(family: str, first: Sequence[str], last: Sequence[str]) -> int:
    if family in first:
        return first.index(family)
    return len(first) + (family in last)


def _best_first(attacks: Iterable[Tried]) -> list[Tried]:
    return sorted(attacks, key=lambda tried: tried.best, reverse=True)


def leading(panel: Sequence[Tried]) -> dict[str, list[Tried]]:
    """The leading forms of each attack that is a further form of them, by its name."""
    ideas: dict[tuple[str, str], list[Tried]] = defaultdict(list)
    for tried in panel:
        ideas[tried.attack.family, tried.attack.idea].append(tried)
    return {tried.attack.name: forms[:LEADING_FORMS] for forms in ideas.values() for tried in forms[LEADING_FORMS:]}


def _families(panel: Sequence[Tried]) -> set[str]:
    return {tried.attack.family for tried in panel}


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


def interleaved(panel: Sequence[Tried]) -> list[Tried]:
    """The panel with its families in turn, so that none is left out where time is short."""
    families: dict[str, list[Tried]] = {}
    for tried in panel:
        families.setdefault(tried.attack.family, []).append(tried)
    longest = max(map(len, families.values()), default=0)
    return [attacks[turn] for turn in range(longest) for attacks in families.values() if turn < len(attacks)]
