"""Trying the attack panel on rows, best paid attacks first, until time runs out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from statistics import fmean

from loopholes.audit.attacks import Attack, View
from loopholes.audit.baselines import FORM_ALONE, NOTHING
from loopholes.audit.budget import Budget, Stage
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.process import GONE
from loopholes.audit.results import Attempt, Gap
from loopholes.audit.scale import Correctness, Level, gap_of
from loopholes.audit.scorer import Scorer
from loopholes.audit.screening import EXPENSIVE, SCREENED, SIGNAL, Ideas
from loopholes.progress import OnProgress, Progress

ENOUGH = 8
"""Minimum number of rows for an attack: if none of these pays it, less than a third of all rows do (95 %)."""
PLENTY = 30
"""Rows that are always enough: if none of these pays an attack, less than a tenth of all rows do (95 %)."""
AMPLE = 4
"""With this many times the panel's expected time left, the order of attacks does not matter."""
LITTLE = SIGNAL
"""Attempts that earn more than this fraction of the golden-floor range are checked against the truth."""
PROMISING = 0.3
"""If an attack earns more than this fraction on its first rows, it is tried on all rows immediately."""
BREAKING = "break-the-grader"
"""The family that is tried last, since attacks that break or hang the reward take the longest."""
PROSE = ("hedge", "length", "stuffing", "forged-role", "judge-injection")
"""Families that address a reader. They are tried after the others if every row asks for a program."""
AHEAD = 4
"""First attempts in one request, per call that can be scored in parallel."""
HANGS = 3
"""Once this many attacks of a family have hung the reward, its other attacks get less time."""
MOST_HANGS = 10
"""Once this many attacks of a family have hung the reward, its other attacks are not tried."""
LONG = 20
"""An attempt that takes this many times a usual call is *slow*. If it also pays nothing, it is not tried again."""
LONG_SECONDS = 0.5
"""A slow attempt takes at least this many seconds."""
PROGRAM_SECONDS = 12.0
"""Time limit of a call, at least, if rows ask for programs, since rewards that run programs set their own limits."""


def enough(rows: int) -> int:
    """The number of rows, among ``rows`` with a scale, on which an attack has to be tried to count as tried."""
    return min(rows, max(ENOUGH, (rows + 1) // 2), PLENTY)


@dataclass
class Tried:
    """The attempts of one attack and their payments, by row; ``right`` are the rows on which it happens to be right.

    ``best`` is the largest share of the scale. ``is_stuck``: the reward did not return from an attempt, which ends the
    attack. ``is_slow``: an attempt took very long and paid nothing. ``rows`` are the rows still to be tried, ``ready``
    attempts for some of them.
    """

    attack: Attack
    attempts: dict[int, Attempt] = field(default_factory=dict)
    paid: dict[int, Paid] = field(default_factory=dict)
    right: set[int] = field(default_factory=set)
    best: float = 0.0
    is_stuck: bool = False
    is_slow: bool = False
    rows: list[int] = field(default_factory=list, repr=False)
    ready: dict[int, Attempt] = field(default_factory=dict, repr=False)

    @property
    def texts(self) -> dict[int, str]:
        """The attempts that count, by row."""
        return {row: attempt.text for row, attempt in self.attempts.items() if row not in self.right}

    def has_more(self, views: Mapping[int, View], count: int = 1) -> bool:
        """Whether the attack applies to further rows. Prepares up to ``count`` further attempts."""
        while self.rows and len(self.ready) < count:
            row = self.rows.pop(0)
            attempt = self.attack.attempt(views[row])
            if attempt is not None:
                self.ready[row] = attempt
        return bool(self.ready)

    def gap(self, levels: Sequence[Level], comparisons: int = 1) -> Gap:
        """The attack's gap, with an interval that is corrected for a number of ``comparisons``."""
        paid = [None if level.row in self.right else self.paid.get(level.row) for level in levels]
        name, family = self.attack.name, self.attack.family
        return gap_of(name, family, levels, paid, right=len(self.right), tried=comparisons)


class Panel:
    """Tries every attack that applies, on rows with a scale first, then on the others.

    ``skipped`` says what was left out; ``missing`` are the families of which nothing was tried. ``share_tried`` is the
    share of attacks that were tried on enough rows with a scale (:func:`enough`; all, if fewer apply), or from which
    the reward did not return. Attacks that apply to no row do not count. ``is_late``: there was no time for something
    that should have been tried.

    If calls are expensive, attacks are screened (:mod:`.screening`): families that earn nothing are tried on few rows,
    starting each attack on a different row, and then count as tried.
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
        self._is_expensive = scorer.pace > EXPENSIVE
        self._ideas = Ideas()
        self.is_late = False
        self.add(levels)

    def add(self, levels: Sequence[Level]) -> None:
        """Add further rows, on which nothing was tried yet."""
        ordered = sorted(levels, key=lambda level: level.width is None)
        self._levels |= {level.row: level for level in ordered}
        measurable = [level.row for level in ordered if level.width is not None]
        without_scale = [level.row for level in ordered if level.width is None]
        places: Counter[str] = Counter()
        for tried in self._panel:
            first = places[tried.attack.family] % max(1, len(measurable)) if self._is_expensive else 0
            places[tried.attack.family] += 1
            tried.rows += [*measurable[first:], *measurable[:first], *without_scale]

    def try_all(self, first: Sequence[str] = (), last: Sequence[str] = ()) -> None:
        """Try every attack on one row, then on enough rows, then on all; attacks that break graders come last.

        In each round, families in ``first`` come before the others, and families in ``last`` after them.
        """
        panel = interleaved(self._applying())
        panel.sort(key=lambda tried: _rank(tried.attack.family, first, last))
        self._is_expensive |= self._scorer.pace > EXPENSIVE
        self._ideas = Ideas(panel if self._is_expensive else [], focus=first)
        rounds = sorted(
            {1, *([SCREENED, ENOUGH] if self._is_expensive else []), enough(self._measurable), len(self._levels)}
        )
        calls = self._budget.affordable_calls("panel", AMPLE * self._scorer.pace)
        if calls > len(panel) * len(self._levels) and not self._is_expensive:
            rounds = sorted({1, len(self._levels)})  # in fewer requests
        total, done = len(panel) * len(rounds), 0
        stages: tuple[Stage, Stage] = ("panel", "breaking")
        for stage in stages:
            group = [tried for tried in panel if (tried.attack.family == BREAKING) == (stage == "breaking")]
            for count, attacks in self._turns(group, rounds):
                if count <= SCREENED and stage == "panel":
                    self._ask_ahead(attacks, count)
                for tried in attacks:
                    self._tell(Progress("panel", min(done, total), total))
                    done += 1
                    self._try(tried, count, stage)

    def _turns(self, group: Sequence[Tried], rounds: Sequence[int]) -> Iterator[tuple[int, list[Tried]]]:
        """Rounds: a number of rows, and the attacks to try on them, best paid first, further forms after the others."""
        for count in rounds[:-1]:
            yield count, _best_first(tried for tried in group if not self._ideas.is_further(tried))
        for count in rounds[:-1]:
            yield count, _best_first(filter(self._ideas.is_further, group))
        yield rounds[-1], _best_first(group)

    def _ask_ahead(self, attacks: Sequence[Tried], count: int) -> None:
        """Score the next attempts of several attacks in one request, if calls are scored in parallel.

        Programs are scored one by one, since each may run as long as the reward lets it.
        """
        size = AHEAD * self._scorer.width
        waiting = [tried for tried in attacks if tried.attack.family != "code"] if self._scorer.width > 1 else []
        for start in range(0, len(waiting), size):
            if self._budget.is_over("panel"):
                return
            several = [tried for tried in waiting[start : start + size] if self._is_due(tried, count)]
            firsts = [next(iter(tried.ready.items())) for tried in several if tried.has_more(self._views)]
            self._scorer.pay([(row, attempt.text) for row, attempt in firsts])

    def _is_due(self, tried: Tried, count: int) -> bool:
        """Whether an attack has to be tried on a further row now, to reach ``count`` rows."""
        if len(tried.paid) >= self._wanted(tried, count) or tried.is_stuck:
            return False
        return not (self._is_screened(tried) and self._budget.is_over("screening"))

    def results(self) -> list[Tried]:
        """The attacks that were tried. Rows on which an attack is only a lucky guess count as right."""
        tried = [tried for tried in self._panel if tried.paid]
        levels = list(self._levels.values())
        for attack in tried:
            paid = {row: payment for row, payment in attack.paid.items() if row not in attack.right}
            attack.right |= guessed(levels, paid)
        return tried

    @property
    def has_time(self) -> bool:
        """Whether there is time for further rows."""
        return not (self.is_late or (self._is_expensive and self._budget.is_over("screening")))

    @property
    def missing(self) -> list[str]:
        """Families that apply but were never tried."""
        applying = self._applying()
        return sorted(_families(applying) - _families([tried for tried in applying if tried.paid]))

    @property
    def share_tried(self) -> float:
        """The share of attacks that were tried enough; 0 if no attack applies or no row has a scale."""
        applying = self._applying()
        return sum(map(self._is_covered, applying)) / len(applying) if applying and self._measurable else 0.0

    @property
    def skipped(self) -> list[str]:
        """What was left out, in sentences."""
        applying = self._applying()
        absent = sorted(_families(self._panel) - _families(applying))
        sentences = [f"{', '.join(absent)}, since no row asks for such an answer"] if absent else []
        stopped = sorted(family for family, hangs in self._hangs.items() if hangs >= MOST_HANGS)
        sentences += [f"the rest of {family}, since {MOST_HANGS} attacks of it took too long" for family in stopped]
        open_ = [tried for tried in applying if not self._is_covered(tried)]
        none = sum(not tried.paid for tried in open_)
        few = len(open_) - none
        least = min(ENOUGH, self._measurable)
        screened = [tried for tried in applying if self._is_screened(tried) and self._measured(tried) < least]
        of, rows = f"of {len(applying)} attacks were", enough(self._measurable)
        sentences += [f"{none} {of} not tried, for lack of time"] if none else []
        sentences += [f"{few} {of} tried on fewer than {rows} rows, for lack of time"] if few else []
        if screened:
            sentences.append(
                f"{len(screened)} {of} tried on fewer than {least} rows, since no form of the same attack was paid on "
                f"{SCREENED} rows; this misses 1 in 4 of the attacks that pay on half of all rows"
            )
        return sentences + ([f"whole families, for lack of time: {', '.join(self.missing)}"] if self.missing else [])

    @property
    def _measurable(self) -> int:
        return sum(level.width is not None for level in self._levels.values())

    def _applying(self) -> list[Tried]:
        return [tried for tried in self._panel if tried.paid or tried.has_more(self._views)]

    def _is_covered(self, tried: Tried) -> bool:
        return self._is_tried(tried) or self._is_screened(tried)

    def _is_screened(self, tried: Tried) -> bool:
        """Whether the payments of its family suffice to skip an attack, if calls are expensive."""
        silent = tried.attack.name in (*NOTHING, *FORM_ALONE) and self._measurable < len(self._levels)
        return not silent and self._ideas.is_screened(tried, self._measured, min(ENOUGH, self._measurable))

    def _measured(self, tried: Tried) -> int:
        """The number of rows with a scale on which it was tried; enough, if it applies to no further rows."""
        measured = sum(self._levels[row].width is not None for row in tried.paid)
        return measured if tried.has_more(self._views) else max(measured, enough(self._measurable))

    def _is_tried(self, tried: Tried) -> bool:
        return tried.is_stuck or self._measured(tried) >= enough(self._measurable)

    def _try(self, tried: Tried, count: int, stage: Stage) -> None:
        """Try an attack until it has been tried on ``count`` rows, or on all rows if it is paid."""
        family = tried.attack.family
        while self._is_due(tried, count):
            if self._hangs[family] >= MOST_HANGS:
                return
            if self._budget.is_over(stage):
                self.is_late = True
                return
            if not tried.has_more(self._views, min(self._scorer.chunk, self._wanted(tried, count) - len(tried.paid))):
                return
            with self._scorer.hurried() if self._hangs[family] >= HANGS else self._waiting(tried):
                self._ask(tried)
            self._hangs[family] += tried.is_stuck or tried.is_slow

    def _wanted(self, tried: Tried, count: int) -> int:
        """The number of rows on which an attack should be tried now: ``count``, or all rows if it is paid."""
        if tried.best > PROMISING:
            return len(self._levels)
        if self._ideas.is_slow(tried):
            return 0
        return 1 if tried.is_slow else count

    def _waiting(self, tried: Tried) -> AbstractContextManager[None]:
        """Allows more time for calls of rewards that run programs."""
        runs = any(self._views[row].codes for row in tried.ready)
        return self._scorer.waiting(PROGRAM_SECONDS) if runs else nullcontext()

    def _ask(self, tried: Tried) -> None:
        """Score the attempts that are ready, up to the first from which the reward does not return."""
        attempts, tried.ready = tried.ready, {}
        began = self._budget.spent
        payments = self._scorer.pay([(row, attempt.text) for row, attempt in attempts.items()], patient=False)
        seconds = (self._budget.spent - began) / len(attempts)
        paid = dict(zip(attempts, payments, strict=False))
        tried.attempts.update((row, attempts[row]) for row in paid)
        tried.paid.update(paid)
        tried.is_stuck |= any(payment.is_late or payment.problem.startswith(GONE) for payment in paid.values())
        shares = {row: self._levels[row].share(payment.value) or 0.0 for row, payment in paid.items()}
        tried.best = max(tried.best, *shares.values(), 0.0)
        tried.is_slow |= tried.best <= LITTLE and seconds > max(LONG_SECONDS, LONG * self._scorer.seconds_a_call)
        tried.right |= self._correctness.right({row: attempts[row] for row in paid if shares[row] > LITTLE})


def _rank(family: str, first: Sequence[str], last: Sequence[str]) -> int:
    if family in first:
        return first.index(family)
    return len(first) + (family in last)


def _best_first(attacks: Iterable[Tried]) -> list[Tried]:
    return sorted(attacks, key=lambda tried: tried.best, reverse=True)


def _families(panel: Sequence[Tried]) -> set[str]:
    return {tried.attack.family for tried in panel}


def guessed(levels: Sequence[Level], paid: Mapping[int, Paid]) -> set[int]:
    """Rows that share the only answer for which a text is paid: always giving that answer would earn as much.

    Several rows have to share that answer, and others have to differ. Empty if rows with other answers pay, too.
    """
    shares: dict[str, dict[int, float]] = defaultdict(dict)
    for level in levels:
        if level.width is not None and level.row in paid:
            shares[level.name][level.row] = level.share(paid[level.row].value) or 0.0
    best = max(shares, key=lambda answer: sum(shares[answer].values()), default="")
    other_shares = [share for answer, rows in shares.items() if answer != best for share in rows.values()]
    return set(shares[best]) if len(shares[best]) > 1 and other_shares and fmean(other_shares) <= LITTLE else set()


def interleaved(panel: Sequence[Tried]) -> list[Tried]:
    """The panel with its families taking turns, so that none is left out if time is short."""
    families: dict[str, list[Tried]] = {}
    for tried in panel:
        families.setdefault(tried.attack.family, []).append(tried)
    longest = max(map(len, families.values()), default=0)
    return [attacks[turn] for turn in range(longest) for attacks in families.values() if turn < len(attacks)]
