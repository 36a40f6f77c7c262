"""Asks a user's reward, which runs in a process of its own: it may hang, crash, or eat all memory.

A call that does not come back in time ends that process; the call is a problem, and the next process goes on behind it.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import takewhile
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from loopholes.audit.frameworks.base import LATE_CALL, Paid, Row
from loopholes.audit.results import Target
from loopholes.audit.worker import NOWHERE, PLACE
from loopholes.errors import UsageError
from loopholes.sandbox.inside.relatives import descendants

TO_LOAD = 120.0  # seconds for imports, models included
CHUNK = 256
CHUNK_SECONDS = 0.5
GIB = 2**30
GONE = "ended the process"
"""How the problem begins of a call after which there is no process any more."""

Call = tuple[int | Row, str]
"""A row, by its place or whole, and a completion."""


class Scorer:
    """``pay`` asks once a different call and remembers; ``pay_now`` asks again, in just this company.

    ``companions`` are, for rewards that read their group, the other completions of each row's group.
    ``seconds_a_call`` is None for a limit of twenty times what right answers take, at least two seconds. ``repeats``:
    ``pay`` asks that often and takes the mean. ``singles`` are the seconds of calls that were asked alone.
    """

    def __init__(
        self,
        target: Target,
        rows: Sequence[Row] | None,
        *,
        seconds_a_call: float | None = None,
        memory: float = 8.0,
        to_load: float = TO_LOAD,
        repeats: int = 1,
    ) -> None:
        self.target = target
        self.rows: Sequence[Row] = rows  # type: ignore[assignment]
        self.limit = seconds_a_call or 2.0
        self._fixed = seconds_a_call is not None
        self._memory = int(memory * GIB)
        self._patience = min(to_load, TO_LOAD)
        self.repeats = repeats
        self._known: dict[tuple[int, str], Paid] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as this is)
        self._file.truncate(PLACE.size)
        self._place = mmap.mmap(self._file.fileno(), PLACE.size)
        self.calls = 0
        self.seconds = 0.0
        self.slowest = 0.0
        self.mutates = False
        self.deaths = 0
        self.to_load = 0.0
        self.singles: list[float] = []
        self.companions: list[list[str]] | None = None
        self.told: dict[str, Any] = {}
        self.not_covered: list[str] = []

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        self._end()
        self._place.close()
        self._file.close()

    @property
    def batched(self) -> bool:
        """Whether one call of the reward scores many completions."""
        return bool(self.told.get("batched"))

    @property
    def seconds_a_call(self) -> float:
        """The mean so far."""
        return self.seconds / max(1, self.calls)

    @property
    def _together(self) -> bool:
        """Whether a request does not tell which of its completions is being looked at."""
        return bool(self.told.get("together"))

    def restart(self) -> None:
        """Go on in a fresh process, which remembers nothing."""
        self._end()

    def settle(self) -> None:
        """Take the time that calls took so far as the usual one."""
        if not self._fixed:
            self.limit = max(self.limit, 20 * self.slowest)

    def pay(self, calls: Sequence[tuple[int, str]], *, patient: bool = True) -> list[Paid]:
        """What each completion is paid; the same call is asked once, however often.

        Not ``patient``: the first that does not come back in time is the last of what is returned.
        """
        new = list(dict.fromkeys(call for call in calls if call not in self._known))
        place = 0
        while place < len(new):
            chunk = new[place : place + (1 if self.companions is not None else self.chunk)]
            paid = self._repeated(chunk, patient)
            self._known.update(zip(chunk, paid, strict=False))
            if len(paid) < len(chunk) or (not patient and paid[-1].is_late):
                break
            place += len(chunk)
        return [self._known[call] for call in takewhile(self._known.__contains__, calls)]

    def _repeated(self, calls: Sequence[tuple[int, str]], patient: bool) -> list[Paid]:
        rounds = [self.pay_again(calls, patient=patient) for _ in range(self.repeats)]
        return [_mean(one) for one in zip(*rounds, strict=False)]

    def pay_again(self, calls: Sequence[tuple[int, str]], *, patient: bool = True) -> list[Paid]:
        """What each is paid now, in its group where it has one."""
        if self.companions is None:
            return self.pay_now(calls, patient=patient)
        return [self.pay_group(call)[0] for call in calls]

    def pay_now(self, calls: Sequence[Call], *, patient: bool = True) -> list[Paid]:
        """What each is paid in one request; only problems are asked once more, by themselves."""
        if not calls:
            return []
        answer = self._ask(calls)
        if answer is None and PLACE.unpack_from(self._place, 0)[0] == NOWHERE:
            answer = self._ask(calls)  # it ended before it looked at any of these
        if answer is None:
            return self._around(calls, patient)
        if self.batched and len(calls) > 1 and all(one.problem for one in answer):
            return self._halves(calls, patient)
        return answer

    def pay_group(self, call: tuple[int, str], turned: bool = False) -> list[Paid]:
        """What a completion is paid in its group, it first, or the whole group ``turned`` around, it last."""
        assert self.companions is not None
        group = [call, *((call[0], text) for text in self.companions[call[0]])]
        return self.pay_now(group[::-1] if turned else group)

    def _around(self, calls: Sequence[Call], patient: bool) -> list[Paid]:
        """One call did not come back, or was refused: it is a problem, those before and behind it are asked again."""
        fault = Paid(None, self._reason)
        if len(calls) == 1:
            return [fault]
        if self._together:
            return self._halves(calls, patient)
        at = min(max(0, PLACE.unpack_from(self._place, 0)[0]), len(calls) - 1)  # a child may have written it
        before = self.pay_now(calls[:at], patient=patient)
        if not patient and fault.is_late:
            return [*before, fault]
        return [*before, fault, *self.pay_now(calls[at + 1 :], patient=patient)]

    def _halves(self, calls: Sequence[Call], patient: bool) -> list[Paid]:
        half = len(calls) // 2
        first = self.pay_now(calls[:half], patient=patient)
        if not patient and first[-1].is_late:
            return first
        return [*first, *self.pay_now(calls[half:], patient=patient)]

    @property
    def chunk(self) -> int:
        """How many calls go into one request."""
        if not self.calls:
            return 8
        return max(1, min(CHUNK, int(CHUNK_SECONDS / max(self.seconds_a_call, 1e-6))))

    def _ask(self, calls: Sequence[Call]) -> list[Paid] | None:
        """One request; None if the process did not come back from it."""
        if self._process is None:
            self._start()
        PLACE.pack_into(self._place, 0, NOWHERE)
        with contextlib.suppress(OSError):  # it may have ended since the last answer, which is heard below
            self._pipe.send(calls)
        patience = self.limit + 4 * self.seconds_a_call * len(calls)
        began = time.monotonic()
        kind, found = self._hear(patience, f"{LATE_CALL} {self.limit:.1f} s")
        if kind == "rejected" and not self.calls:
            raise UsageError(found)
        if kind == "rejected":  # of others it took the reward
            self._reason = found.removeprefix(f"{self.target.label} ")
        if kind != "paid":
            self.calls += 1
            self.seconds += time.monotonic() - began
            return None
        paid, seconds, changed, self.not_covered = found
        self.calls += len(calls)
        self.seconds += seconds
        self.slowest = max(self.slowest, seconds / len(calls))
        if len(calls) == 1:
            self.singles.append(seconds)
        self.mutates |= changed
        return list(paid)

    def _hear(self, patience: float, late: str) -> tuple[str, Any]:
        try:
            if self._pipe.poll(patience):
                heard: tuple[str, Any] = self._pipe.recv()
                return heard
            self._reason = late
        except (EOFError, OSError):
            self._reason = f"{GONE} that it ran in"
        self.deaths += 1
        self._end()
        return "gone", None

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            os.set_inheritable(theirs.fileno(), True)
            command = [sys.executable, "-c", "from loopholes.audit.worker import main; main()"]
            most = resource.getrlimit(resource.RLIMIT_AS)[1]
            memory = self._memory if most == resource.RLIM_INFINITY else min(self._memory, most)
            numbers = [theirs.fileno(), memory, self._file.fileno()]
            self._process = subprocess.Popen(
                [*command, *map(str, numbers)],
                pass_fds=(theirs.fileno(), self._file.fileno()),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._pipe = Connection(ours.detach())
        began = time.monotonic()
        self._pipe.send((self.target, None if self.rows is None else list(self.rows)))
        kind, found = self._hear(self._patience, f"{LATE_CALL} {self._patience:.0f} s")
        if kind == "rejected":
            raise UsageError(found)
        if kind == "gone":
            raise UsageError(f"{self.target.label} {self._reason} while it was loaded")
        if kind == "rows":
            self.rows = found
        else:
            self.told = found
            self.to_load = time.monotonic() - began

    def _end(self) -> None:
        """End the process and all that it started."""
        if self._process is None:
            return
        self._pipe.close()
        for process in (*descendants(self._process.pid), self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)  # what nobody is the parent of any more
        self._process.wait()
        self._process = None


def _mean(paid: Sequence[Paid]) -> Paid:
    """Several payments of one completion as one; a problem, or no reward, in any of them stands for all."""
    odd = next((one for one in paid if one.problem or one.value is None), None)
    if odd is not None or len(paid) == 1:
        return odd or paid[0]
    return paid[0]._replace(value=sum(one.value for one in paid if one.value is not None) / len(paid))


def rows_of(target: Target) -> list[Row]:
    """The rows that a target brings along; raises :class:`UsageError` if it brings none."""
    with Scorer(target, None) as scorer:
        return list(scorer.rows)
