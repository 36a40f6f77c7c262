"""A user's reward in a process of its own, seen from outside: start it, ask it, end it.

The reward may hang, crash, or eat all memory: then the process is ended with all that it started, and the next request
starts another one. What a payment means, and whom to blame for a failure, is the affair of
:mod:`loopholes.audit.scorer`.
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
from multiprocessing.connection import Connection
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from loopholes.audit.frameworks.base import LATE_CALL, Row
from loopholes.audit.results import Target
from loopholes.audit.worker import (
    NOWHERE,
    PLACE,
    Call,
    ListRows,
    Load,
    Loaded,
    Refused,
    Reply,
    Request,
    Rows,
    Score,
    Scored,
    Use,
)
from loopholes.errors import UsageError
from loopholes.sandbox.inside.relatives import descendants

SECONDS_TO_LOAD = 120.0
"""Seconds for imports, models included."""
GIB = 2**30
GONE = "ended the process"
"""Prefix of ``Paid.problem`` when the call ended the reward's process."""


class Ended(NamedTuple):
    """The process ended instead of replying; ``late``: it was ended, since no reply came in time."""

    late: bool


class Process(Protocol):
    """What a :class:`~loopholes.audit.scorer.Scorer` asks. ``facts`` and ``deaths`` are there once it is started."""

    target: Target
    facts: Loaded
    load_seconds: float
    deaths: int

    @property
    def place(self) -> int:
        """The completion of the last request that the reward looked at last, by its place; -1 for none."""
        ...

    def start(self) -> None:
        """Load the reward, unless it is there; raises :class:`UsageError` if it cannot be loaded."""
        ...

    def own_rows(self) -> list[Row]:
        """The rows that the target brings along; raises :class:`UsageError` if it brings none."""
        ...

    def use(self, rows: Sequence[Row]) -> None:
        """Name the rows whose places later calls give."""
        ...

    def ask(self, calls: Sequence[Call], patience: float) -> Scored | Refused | Ended:
        """Pay these calls, within so many seconds."""
        ...

    def end(self) -> None:
        """End the process and all that it started; the next request starts another, which remembers nothing."""
        ...


class RewardProcess:
    """The process of one target; see :class:`Process`. A ``with`` block starts it and ends it."""

    def __init__(self, target: Target, *, memory: float = 8.0, seconds_to_load: float = SECONDS_TO_LOAD) -> None:
        """``memory`` in GiB. The reward has to load within ``seconds_to_load``, at most :data:`SECONDS_TO_LOAD`."""
        self.target = target
        self.facts = Loaded(batched=False, together=False)
        self.load_seconds = 0.0
        self.deaths = 0
        self._memory = int(memory * GIB)
        self._patience = min(seconds_to_load, SECONDS_TO_LOAD)
        self._rows: Sequence[Row] = ()
        self._process: subprocess.Popen[bytes] | None = None
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as this is)
        self._file.truncate(PLACE.size)
        self._place = mmap.mmap(self._file.fileno(), PLACE.size)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process and let go of what it shared."""
        self.end()
        self._place.close()
        self._file.close()

    @property
    def place(self) -> int:
        """See :class:`Process`."""
        return int(PLACE.unpack_from(self._place, 0)[0])

    def start(self) -> None:
        """See :class:`Process`."""
        if self._process is not None:
            return
        self._spawn()
        began = time.monotonic()
        self._send(Load(self.target))
        reply = self._hear(self._patience)
        if isinstance(reply, Refused):
            self.end()
            raise UsageError(reply.reason)
        if isinstance(reply, Ended):
            reason = f"{LATE_CALL} {self._patience:.0f} s" if reply.late else f"{GONE} that it ran in"
            raise UsageError(f"{self.target.label} {reason} while it was loaded")
        assert isinstance(reply, Loaded)
        self.facts = reply
        self.load_seconds = time.monotonic() - began
        if self._rows:
            self._send(Use(self._rows))

    def own_rows(self) -> list[Row]:
        """See :class:`Process`."""
        self.start()
        self._send(ListRows())
        reply = self._hear(self._patience)
        if isinstance(reply, Rows):
            return list(reply.rows)
        self.end()
        raise UsageError(reply.reason if isinstance(reply, Refused) else f"{self.target.label} ends instead of rows")

    def use(self, rows: Sequence[Row]) -> None:
        """See :class:`Process`."""
        self._rows = list(rows)
        if self._process is not None:
            self._send(Use(self._rows))

    def ask(self, calls: Sequence[Call], patience: float) -> Scored | Refused | Ended:
        """See :class:`Process`."""
        self.start()
        PLACE.pack_into(self._place, 0, NOWHERE)
        self._send(Score(calls))
        reply = self._hear(patience)
        assert isinstance(reply, Scored | Refused | Ended)
        return reply

    def _send(self, request: Request) -> None:
        with contextlib.suppress(OSError):  # it may have ended since the last reply, which :meth:`_hear` notices
            self._pipe.send(request)

    def _hear(self, patience: float) -> Reply | Ended:
        late = False
        try:
            if self._pipe.poll(patience):
                reply: Reply = self._pipe.recv()
                return reply
            late = True
        except (EOFError, OSError):
            pass
        self.deaths += 1
        self.end()
        return Ended(late)

    def _spawn(self) -> None:
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

    def end(self) -> None:
        """See :class:`Process`."""
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
