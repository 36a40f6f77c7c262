"""What a reward pays for completions: asked once each, or several times if it is noisy, in a group if it reads one.

A call that does not come back in time ends the reward's process (:mod:`loopholes.audit.process`); that call is a
problem, and the calls behind it are asked again in the next process. Where calls are paid several at once
(:mod:`loopholes.audit.width`), it is the same.

The first call of a process is no measure of the others: it may import a library or read a model. It gets as much time
as loading does and does not count for the speed.
"""

from __future__ import annotations

import statistics
from bisect import insort
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile

from loopholes.audit.frameworks.base import LATE_CALL, Paid, Row
from loopholes.audit.process import GONE, Process
from loopholes.audit.results import Target
from loopholes.audit.worker import NOWHERE, Call, Refused, Scored
from loopholes.errors import UsageError

CHUNK = 256
"""Calls per request at most."""
CHUNK_SECONDS = 0.5
"""Seconds that a request is meant to take at most."""
SHORTEST_LIMIT = 2.0
"""Seconds that a call may take at least, unless the user says otherwise."""
HURRIED = 0.25
"""Fraction of its usual limit that a call gets while the scorer is hurried."""


class Scorer:
    """``pay`` asks each different call once and remembers it; ``pay_now`` asks again, in just this company.

    ``companions`` are, for rewards that read their group, the other completions of each row's group.
    ``seconds_a_call`` is None for a limit of twenty times what right answers take, at least two seconds and at least
    what another process would take to get ready. ``repeats``: ``pay`` asks that often and takes the mean. ``singles``
    are the seconds of calls that were asked alone, and ``width`` is how many of a request are paid at once.
    """

    def __init__(
        self,
        process: Process,
        rows: Sequence[Row],
        *,
        seconds_a_call: float | None = None,
        repeats: int = 1,
        companions: Sequence[Sequence[str]] | None = None,
    ) -> None:
        self.rows = rows
        self.companions = companions
        self.repeats = repeats
        self.calls = 0
        self.width = 1
        self.slowest = 0.0
        self.mutates = False
        self.evaluated = False
        self.singles: list[float] = []
        self.not_covered: tuple[str, ...] = ()
        self._process = process
        self._fixed = seconds_a_call
        self._usual = SHORTEST_LIMIT
        self._hurry = 1.0
        self._least = 0.0
        self._opening: Call | None = None
        self._opening_seconds = 0.0
        self._stand_in_seconds = 0.0
        self._left_cold = False
        self._paces: list[float] = []  # seconds per call of each request, in ascending order
        self._asked = 0
        self._seconds = 0.0
        self._payments: dict[tuple[int, str], Paid] = {}
        self._reason = ""
        process.use(rows)

    @property
    def seconds_a_call(self) -> float:
        """The median over requests so far, without the first of each process."""
        return statistics.median(self._paces) if self._paces else self._opening_seconds

    @property
    def limit(self) -> float:
        """Seconds that a call may take. Waiting is never cut shorter than what another process would cost."""
        if self._fixed is not None:
            return self._fixed
        return max(self._hurry * self._usual, self._stand_in_seconds, self._least)

    @property
    def target(self) -> Target:
        """Whose reward is asked."""
        return self._process.target

    @property
    def is_batched(self) -> bool:
        """Whether one call of the reward scores many completions."""
        return self._process.facts.batched

    @property
    def turns(self) -> int:
        """The most turns that a completion may take, 1 where it is no episode."""
        return self._process.facts.turns

    @property
    def restart_seconds(self) -> float:
        """What a process that remembers nothing takes to get ready."""
        return self._process.restart_seconds

    @property
    def deaths(self) -> int:
        """How often the reward's process ended or had to be ended."""
        return self._process.deaths

    @property
    def notes(self) -> Sequence[str]:
        """How the framework's handling of the reward is modelled."""
        return self._process.facts.notes

    @property
    def chunk(self) -> int:
        """How many calls go into one request."""
        if not self._asked:
            return 8
        return max(1, min(CHUNK, int(CHUNK_SECONDS / max(self.pace, 1e-6))))

    @property
    def pace(self) -> float:
        """Seconds per call to plan with, a mean: a few slow calls in it must neither make a request late nor a stage.

        Without the first call of each process.
        """
        return max(self.seconds_a_call, self._seconds / max(1, self._asked))

    def widen(self, width: int) -> bool:
        """Pay so many calls of a request at once from now on, if the reward scores them one by one; whether it does."""
        facts = self._process.facts
        if facts.batched or facts.together or self.companions is not None:
            return False
        self.width = width if self._process.widen(width) else 1
        return self.width > 1

    def restart(self) -> None:
        """Continue in a process that remembers nothing, its first call included."""
        self._left_cold = True
        self._process.restart()

    def warm_up(self, call: Call) -> None:
        """Make this call now, and again as the first of each process that stands in for one that ended.

        If it fails, each process begins with whatever it is asked.
        """
        self._opening = call
        for _ in range(2):  # a fork of the loaded process may fail where one that loads it anew does not
            if self._open():
                return
        self._opening = None

    def settle(self) -> None:
        """Take the time that calls took so far as the usual one."""
        self._usual = max(self._usual, 20 * self.slowest)

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """In this block a call gets less time: what is asked is known to take very long where it does."""
        self._hurry = HURRIED
        try:
            yield
        finally:
            self._hurry = 1.0

    @contextmanager
    def waiting(self, seconds: float) -> Iterator[None]:
        """In this block a call gets at least so much time, unless the user set a limit."""
        self._least = seconds
        try:
            yield
        finally:
            self._least = 0.0

    def pay(self, calls: Sequence[tuple[int, str]], *, patient: bool = True) -> list[Paid]:
        """What each completion is paid; the same call is asked once, however often.

        Not ``patient``: the first that does not come back in time is the last of what is returned.
        """
        new = list(dict.fromkeys(call for call in calls if call not in self._payments))
        place = 0
        while place < len(new):
            chunk = new[place : place + (1 if self.companions is not None else self.chunk)]
            paid = self._repeated(chunk, patient)
            self._payments.update(zip(chunk, paid, strict=False))
            if len(paid) < len(chunk) or (not patient and paid[-1].is_late):
                break
            place += len(chunk)
        return [self._payments[call] for call in takewhile(self._payments.__contains__, calls)]

    def _repeated(self, calls: Sequence[tuple[int, str]], patient: bool) -> list[Paid]:
        rounds = [self.pay_again(calls, patient=patient) for _ in range(self.repeats)]
        return [_mean(payments) for payments in zip(*rounds, strict=False)]

    def pay_again(self, calls: Sequence[tuple[int, str]], *, patient: bool = True) -> list[Paid]:
        """What each is paid now, in its group where it has one."""
        if self.companions is None:
            return self.pay_now(calls, patient=patient)
        return [self.pay_group(call)[0] for call in calls]

    def pay_group(self, call: tuple[int, str], turned: bool = False) -> list[Paid]:
        """What a completion is paid in its group, it first, or the whole group ``turned`` around, it last."""
        assert self.companions is not None
        group = [call, *((call[0], text) for text in self.companions[call[0]])]
        return self.pay_now(group[::-1] if turned else group)

    def pay_now(self, calls: Sequence[Call], *, patient: bool = True) -> list[Paid]:
        """What each is paid in one request; only problems are asked once more, by themselves."""
        if not calls:
            return []
        paid = self._ask(calls)
        if paid is None and self._process.place == NOWHERE:
            paid = self._ask(calls)  # it ended before it looked at any of these
        if paid is None:
            return self._around(calls, patient)
        if self._process.facts.batched and len(calls) > 1 and all(payment.problem for payment in paid):
            return self._halves(calls, patient)
        return paid

    def _around(self, calls: Sequence[Call], patient: bool) -> list[Paid]:
        """One call did not come back, or was refused: it is a problem, those before and behind it are asked again."""
        fault = Paid(None, self._reason)
        if len(calls) == 1:
            return [fault]
        if self._process.facts.together:
            return self._halves(calls, patient) if patient else self._up_to_late(calls)
        at = min(max(0, self._process.place), len(calls) - 1)  # a child may have written it
        before = self.pay_now(calls[:at], patient=patient)
        if not patient and fault.is_late:
            return [*before, fault]
        return [*before, fault, *self.pay_now(calls[at + 1 :], patient=patient)]

    def _up_to_late(self, calls: Sequence[Call]) -> list[Paid]:
        """One by one, up to the first that does not come back in time."""
        paid: list[Paid] = []
        while len(paid) < len(calls) and not (paid and paid[-1].is_late):
            paid += self.pay_now(calls[len(paid) : len(paid) + 1])
        return paid

    def _halves(self, calls: Sequence[Call], patient: bool) -> list[Paid]:
        half = len(calls) // 2
        first = self.pay_now(calls[:half], patient=patient)
        if not patient and first[-1].is_late:
            return first
        return [*first, *self.pay_now(calls[half:], patient=patient)]

    def _open(self) -> bool:
        """Make the first call of a new process; whether it came back."""
        assert self._opening is not None
        self._process.start()
        reply = self._process.ask([self._opening], self._process.first_call_seconds)
        self.calls += 1
        if isinstance(reply, Refused):
            raise UsageError(reply.reason)
        if not isinstance(reply, Scored):
            return False
        self._opening_seconds = reply.seconds
        kept = self._process.keep()
        self._stand_in_seconds = 0.0 if kept else self._process.restart_seconds + reply.seconds
        return True

    def _ask(self, calls: Sequence[Call]) -> list[Paid] | None:
        """One request; None if it was refused, or the process did not come back from it."""
        self._process.start()
        if self._process.is_cold and self._opening is not None and not self._left_cold:
            self._open()
            self._process.start()
        is_first, self._left_cold = self._process.is_cold and self._left_cold, False
        limit = self._process.first_call_seconds if is_first else self._time_for(calls)
        reply = self._process.ask(calls, limit)
        if isinstance(reply, Scored):
            self._note(reply, len(calls), is_first)
            return reply.paid
        if isinstance(reply, Refused):
            if not self._asked:
                raise UsageError(reply.reason)
            self._reason = reply.reason.removeprefix(f"{self.target.label} ")  # it took other completions
        else:
            self._reason = f"{LATE_CALL} {self.limit:.1f} s" if reply.late else f"{GONE} that it ran in"
        self.calls += 1
        return None

    def _time_for(self, calls: Sequence[Call]) -> float:
        """Seconds until a request is late: of one call, where the process shows which one it looks at, or of all."""
        if not self._process.facts.together:
            return self.limit
        return self.limit + 4 * self.pace * len(calls)

    def _note(self, reply: Scored, count: int, is_first: bool) -> None:
        self.calls += count
        pace = reply.seconds / count
        if not is_first:
            insort(self._paces, pace)
            self._asked += count
            self._seconds += reply.seconds
            self.slowest = max(self.slowest, pace)
        if count == 1:
            self.singles.append(reply.seconds)
        self.mutates |= reply.changed
        self.evaluated |= reply.evaluated
        self.not_covered = reply.not_covered


def _mean(paid: Sequence[Paid]) -> Paid:
    """Several payments of one completion as one; a problem, or no reward, in any of them stands for all."""
    odd = next((payment for payment in paid if payment.problem or payment.value is None), None)
    if odd is not None or len(paid) == 1:
        return odd or paid[0]
    return paid[0]._replace(value=sum(payment.value for payment in paid if payment.value is not None) / len(paid))


def companions_of(rows: Sequence[Row], group: int) -> list[list[str]]:
    """For each row, what stands beside a completion in its group: right and wrong answers in turn."""
    golden = [row.golden for row in rows if row.golden is not None] or [""]
    companions = []
    for place, row in enumerate(rows):
        wrong = [text for text in (*golden[place + 1 :], *golden) if text != row.golden][: group - 1] or [""]
        right = wrong[0] if row.golden is None else row.golden
        companions.append([right if number % 2 == 0 else wrong[number % len(wrong)] for number in range(group - 1)])
    return companions
