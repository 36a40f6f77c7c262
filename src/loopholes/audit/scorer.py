"""Scores completions: once each, repeatedly if the reward is noisy, and in a group if the reward reads its group.

A call that does not return in time is recorded as a problem and ends the reward's process
(:mod:`loopholes.audit.process`). The calls after it are repeated in the next process. The same holds if calls are
scored in parallel (:mod:`loopholes.audit.width`).

The first call of a process says nothing about the others, since it may import a library or read a model. It gets as
much time as loading and does not count for the speed.
"""

from __future__ import annotations

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
"""Maximum number of calls per request."""
CHUNK_SECONDS = 0.5
"""Intended maximum time of a request in seconds."""
SHORTEST_LIMIT = 2.0
"""Shortest time limit of a call in seconds, unless the user sets one."""
HANGS = 2
"""After so many late calls, ``shortest_limit`` counts, since a small budget has no time for more of them."""
HURRIED = 0.25
"""Fraction of the usual limit that calls get inside :meth:`Scorer.hurried`."""


class Scorer:
    """Scores completions. ``pay`` makes each different call once and remembers it; ``pay_now`` never remembers.

    ``companions`` are the other completions of each row's group, for rewards that read their group. ``seconds_a_call``
    limits a call; None means twenty times what right answers take, but at least two seconds (``shortest_limit`` after
    :data:`HANGS` late calls) and at least the time that another process would take to get ready. ``repeats``: ``pay``
    makes each call that often and takes the mean. ``singles`` are the times of calls that were a request of their own,
    in seconds; ``width`` is the number of calls of a request that are scored in parallel.
    """

    def __init__(
        self,
        process: Process,
        rows: Sequence[Row],
        *,
        seconds_a_call: float | None = None,
        shortest_limit: float = SHORTEST_LIMIT,
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
        self._shortest = shortest_limit
        self._hangs = 0
        self._hurry = 1.0
        self._least = 0.0
        self._opening: Call | None = None
        self._opening_seconds = 0.0
        self._stand_in_seconds = 0.0
        self._left_cold = False
        self._paces: list[float] = []  # seconds per call of each request, in ascending order
        self._timed_calls = 0
        self._seconds = 0.0
        self._payments: dict[tuple[int, str], Paid] = {}
        self._late: set[str] = set()
        self._reason = ""
        process.use(rows)

    @property
    def seconds_a_call(self) -> float:
        """The median time per call over requests so far, without the first call of each process."""
        if not self._paces:
            return self._opening_seconds
        count = len(self._paces)
        return (self._paces[(count - 1) // 2] + self._paces[count // 2]) / 2

    @property
    def limit(self) -> float:
        """Time limit of a call in seconds, at least the time that another process would take to get ready."""
        if self._fixed is not None:
            return self._fixed
        usual = self._usual if self._hangs < HANGS else max(self._shortest, 20 * self.slowest)
        return max(self._hurry * usual, self._stand_in_seconds, self._least)

    @property
    def target(self) -> Target:
        """The target that is scored."""
        return self._process.target

    @property
    def is_batched(self) -> bool:
        """Whether one call of the reward scores many completions."""
        return self._process.facts.batched

    @property
    def turns(self) -> int:
        """Maximum number of turns per completion; 1 unless completions are episodes."""
        return self._process.facts.turns

    @property
    def restart_seconds(self) -> float:
        """Time in seconds that a process without memory takes to get ready."""
        return self._process.restart_seconds

    @property
    def deaths(self) -> int:
        """How often the reward's process ended or had to be killed."""
        return self._process.deaths

    @property
    def notes(self) -> Sequence[str]:
        """Notes on how the framework's handling of the reward is modelled."""
        return self._process.facts.notes

    @property
    def chunk(self) -> int:
        """The number of calls in a request."""
        if not self._timed_calls:
            return 8
        return max(1, min(CHUNK, int(CHUNK_SECONDS / max(self.pace, 1e-6))))

    @property
    def pace(self) -> float:
        """Seconds per call for planning: at least the mean, so that a few slow calls make nothing late.

        It leaves out the first call of each process.
        """
        return max(self.seconds_a_call, self._seconds / max(1, self._timed_calls))

    def widen(self, width: int) -> bool:
        """Score ``width`` calls of a request in parallel from now on; returns whether the reward allows it."""
        facts = self._process.facts
        if facts.batched or facts.together or self.companions is not None:
            return False
        self.width = width if self._process.widen(width) else 1
        return self.width > 1

    def restart(self) -> None:
        """Continue in a process that remembers nothing, not even the first call."""
        self._left_cold = True
        self._process.restart()

    def warm_up(self, call: Call) -> None:
        """Make this call now, and as the first call of each process that replaces one that ended.

        If it fails, each process starts with whatever it is asked first.
        """
        self._opening = call
        for _ in range(2):  # a fork may fail where a process that loads the reward itself does not
            if self._open():
                return
        self._opening = None

    def settle(self) -> None:
        """Derive the usual time limit from the calls so far."""
        self._usual = max(self._usual, 20 * self.slowest)

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """Gives calls less time inside this block, since they are likely to hang."""
        self._hurry = HURRIED
        try:
            yield
        finally:
            self._hurry = 1.0

    @contextmanager
    def waiting(self, seconds: float) -> Iterator[None]:
        """Gives calls at least this much time inside this block, unless the user set a limit."""
        self._least = seconds
        try:
            yield
        finally:
            self._least = 0.0

    def pay(self, calls: Sequence[tuple[int, str]], *, patient: bool = True) -> list[Paid]:
        """The payments of these completions. The same call is made only once, however often it occurs.

        If not ``patient``, the result ends with the first call that does not return in time.
        """
        new = list(dict.fromkeys(call for call in calls if call not in self._payments))
        place = 0
        while place < len(new):
            chunk = new[place : place + (1 if self.companions is not None else self.chunk)]
            paid = self._repeated(chunk, patient)
            self._payments.update(zip(chunk, paid, strict=False))
            self._late.update(text for (_, text), payment in zip(chunk, paid, strict=False) if payment.is_late)
            if len(paid) < len(chunk) or (not patient and paid[-1].is_late):
                break
            place += len(chunk)
        return [self._payments[call] for call in takewhile(self._payments.__contains__, calls)]

    def is_late_on(self, text: str) -> bool:
        """Whether ``pay`` has seen the reward not return in time from this text, on any row."""
        return text in self._late

    def _repeated(self, calls: Sequence[tuple[int, str]], patient: bool) -> list[Paid]:
        rounds = [self.pay_again(calls, patient=patient) for _ in range(self.repeats)]
        return [_mean(payments) for payments in zip(*rounds, strict=False)]

    def pay_again(self, calls: Sequence[tuple[int, str]], *, patient: bool = True) -> list[Paid]:
        """The payments of these completions now, each in its group if it has one."""
        if self.companions is None:
            return self.pay_now(calls, patient=patient)
        return [self.pay_group(call)[0] for call in calls]

    def pay_group(self, call: tuple[int, str], turned: bool = False) -> list[Paid]:
        """The payments of a completion's group: it comes first, or last if the group is ``turned`` around."""
        assert self.companions is not None
        group = [call, *((call[0], text) for text in self.companions[call[0]])]
        return self.pay_now(group[::-1] if turned else group)

    def pay_now(self, calls: Sequence[Call], *, patient: bool = True) -> list[Paid]:
        """The payments of these calls as one request. Calls that may have failed because of others are repeated."""
        if not calls:
            return []
        paid = self._ask(calls)
        if paid is None and self._process.place == NOWHERE:
            paid = self._ask(calls)  # it ended before it reached any of these
        if paid is None:
            return self._around(calls, patient)
        if self._process.facts.batched and len(calls) > 1 and all(payment.problem for payment in paid):
            return self._halves(calls, patient)
        return paid

    def _around(self, calls: Sequence[Call], patient: bool) -> list[Paid]:
        """A call did not return, or was refused: record it as a problem, and repeat the calls before and after it."""
        fault = Paid(None, self._reason)
        if len(calls) == 1:
            return [fault]
        if self._process.facts.together:
            return self._halves(calls, patient) if patient else self._up_to_late(calls)
        at = min(max(0, self._process.place), len(calls) - 1)  # a child may have written the place
        before = self.pay_now(calls[:at], patient=patient)
        if not patient and fault.is_late:
            return [*before, fault]
        return [*before, fault, *self.pay_now(calls[at + 1 :], patient=patient)]

    def _up_to_late(self, calls: Sequence[Call]) -> list[Paid]:
        """Score the calls one by one, up to the first that does not return in time."""
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
        """Make the first call of a new process; returns whether it returned."""
        assert self._opening is not None
        self._process.start()
        reply = self._process.ask([self._opening], self._process.first_call_seconds)
        self.calls += 1
        if isinstance(reply, Refused):
            raise UsageError(reply.reason)
        if not isinstance(reply, Scored):
            return False
        self._opening_seconds = reply.seconds
        is_kept = self._process.keep()
        self._stand_in_seconds = 0.0 if is_kept else self._process.restart_seconds + reply.seconds
        return True

    def _ask(self, calls: Sequence[Call]) -> list[Paid] | None:
        """Make one request; None if it was refused, or the process did not survive it."""
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
            if not self._timed_calls:
                raise UsageError(reply.reason)
            self._reason = reply.reason.removeprefix(f"{self.target.label} ")  # it accepted other completions
        else:
            self._reason = f"{LATE_CALL} {self.limit:.1f} s" if reply.late else f"{GONE} that it ran in"
            self._hangs += reply.late
        self.calls += 1
        return None

    def _time_for(self, calls: Sequence[Call]) -> float:
        """Seconds until a request is late: per call if the process shows its place, otherwise for all calls."""
        if not self._process.facts.together:
            return self.limit
        return self.limit + 4 * self.pace * len(calls)

    def _note(self, reply: Scored, count: int, is_first: bool) -> None:
        self.calls += count
        pace = reply.seconds / count
        if not is_first:
            insort(self._paces, pace)
            self._timed_calls += count
            self._seconds += reply.seconds
            self.slowest = max(self.slowest, pace)
        if count == 1:
            self.singles.append(reply.seconds)
        self.mutates |= reply.changed
        self.evaluated |= reply.evaluated
        self.not_covered = reply.not_covered


def _mean(paid: Sequence[Paid]) -> Paid:
    """The mean of several payments of one completion. A problem, or no reward, in any of them counts for all."""
    odd = next((payment for payment in paid if payment.problem or payment.value is None), None)
    if odd is not None or len(paid) == 1:
        return odd or paid[0]
    return paid[0]._replace(value=sum(payment.value for payment in paid if payment.value is not None) / len(paid))


def companions_of(rows: Sequence[Row], group: int) -> list[list[str]]:
    """The companions of a completion in each row's group: alternating right and wrong answers."""
    golden = [row.golden for row in rows if row.golden is not None] or [""]
    companions = []
    for place, row in enumerate(rows):
        wrong = [text for text in (*golden[place + 1 :], *golden) if text != row.golden][: group - 1] or [""]
        right = wrong[0] if row.golden is None else row.golden
        companions.append([right if number % 2 == 0 else wrong[number % len(wrong)] for number in range(group - 1)])
    return companions
