"""A user's reward in a process of its own, seen from outside: start it, ask it, end it.

The reward may hang, crash, or eat all memory: then the process is ended with all that it started, and the next request
starts another one. What a payment means, and whom to blame for a failure, is the affair of
:mod:`loopholes.audit.scorer`.
"""

from __future__ import annotations

import contextlib
import io
import mmap
import os
import pickle
import resource
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from types import TracebackType
from typing import IO, Any, NamedTuple, Protocol, Self

from loopholes.audit.environments import command, home_of
from loopholes.audit.forks import end
from loopholes.audit.frameworks.base import LATE_CALL, Paid, Row, wanting
from loopholes.audit.results import Target
from loopholes.audit.worker import (
    NOWHERE,
    PLACE,
    SLOTS,
    Call,
    Fork,
    Forked,
    ListRows,
    Load,
    Loaded,
    Members,
    Prepare,
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
SECONDS_TO_FORK = 20.0
"""Seconds after which a process that does not fork is taken for one that cannot."""
SECONDS_TO_END = 5.0
"""Seconds that the guard may take to end everything below it."""
GIB = 2**30
GONE = "ended the process"
"""Prefix of ``Paid.problem`` when the call ended the reward's process."""


MOST_BYTES = 2**28
"""The longest reply that is read. What a reward writes into the pipe itself is mostly taken for a longer one."""
SENT = {(kind.__module__, kind.__name__): kind for kind in (Members, Loaded, Rows, Forked, Scored, Refused, Row, Paid)}
"""What a reply is made of, beside what JSON holds."""


class Ended(NamedTuple):
    """The process ended instead of replying; ``late``: it was ended, since no reply came in time."""

    late: bool


class Process(Protocol):
    """What a :class:`~loopholes.audit.scorer.Scorer` asks. ``facts`` and ``deaths`` are there once it is started.

    ``is_cold``: what is asked next is the first call of a new process. ``first_call_seconds``: how long that may take.
    """

    target: Target
    facts: Loaded
    load_seconds: float
    deaths: int
    is_cold: bool

    @property
    def place(self) -> int:
        """The completion of the last request that the reward looked at last, by its place; -1 for none."""
        ...

    @property
    def restart_seconds(self) -> float:
        """What it takes until a process that remembers nothing can be asked."""
        ...

    @property
    def first_call_seconds(self) -> float:
        """How long the first call of a new process may take."""
        ...

    def start(self) -> None:
        """Have a process that can be asked; raises :class:`UsageError` if the reward cannot be loaded."""
        ...

    def keep(self) -> bool:
        """Let processes that stand in for one that ended begin as this one is now; whether they can."""
        ...

    def widen(self, width: int) -> bool:
        """Pay the calls of a request in so many processes at once; whether there can be more than one.

        Replies are as if one process had paid them in order, but for the seconds that they took.
        """
        ...

    def restart(self) -> None:
        """End the process that was asked; the next one remembers nothing."""
        ...

    def own_rows(self) -> list[Row]:
        """The rows that the target brings along; raises :class:`UsageError` if it brings none."""
        ...

    def use(self, rows: Sequence[Row]) -> None:
        """Name the rows whose places later calls give."""
        ...

    def ask(self, calls: Sequence[Call], patience: float) -> Scored | Refused | Ended:
        """Pay these calls, within so many seconds: for each where the place shows which it looks at, else for all."""
        ...

    def end(self) -> None:
        """End the process and all that it started."""
        ...


class _Fork(NamedTuple):
    """A process that another one made of itself, and its pipe."""

    process: int
    pipe: Connection


class RewardProcess:
    """The process of one target; see :class:`Process`. A ``with`` block starts it and ends it.

    It loads the reward once, and forks of it score where it can be forked (:mod:`loopholes.audit.forks`); otherwise the
    loader scores itself, and is loaded again where it ended.
    """

    def __init__(
        self,
        target: Target,
        *,
        memory: float = 8.0,
        seconds_to_load: float = SECONDS_TO_LOAD,
        host: RewardProcess | None = None,
    ) -> None:
        """``memory`` in GiB. The reward has to load within ``seconds_to_load``, at most :data:`SECONDS_TO_LOAD`.

        ``host`` is a process that has imported what the target needs (:meth:`prepare`) and outlives this one, which is
        a fork of it where it can be forked.
        """
        self.target = target
        self.facts = Loaded(batched=False, together=False)
        self.load_seconds = 0.0
        self.deaths = 0
        self.is_cold = True
        self._memory = int(memory * GIB)
        self._patience = min(seconds_to_load, SECONDS_TO_LOAD)
        self._rows: Sequence[Row] = ()
        self._guard: subprocess.Popen[bytes] | None = None
        self._loader: Connection | None = None
        self._kept: _Fork | None = None
        self._scoring: _Fork | None = None
        self._helpers: list[_Fork] = []
        self._width = 1
        self._asked_at = 0
        self._slot = 0
        self._forks = True
        self._fork_answered = False
        self._from_loader = False
        self._host = host
        self._process = 0  # that of a host, once it is prepared
        self._is_hosted = False
        self._home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True) if target.requires else None
        self._file: IO[bytes] = tempfile.TemporaryFile() if host is None else host._file  # noqa: SIM115 (stays open)
        self._file.truncate(SLOTS * PLACE.size)
        self._place = mmap.mmap(self._file.fileno(), SLOTS * PLACE.size)

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
        if self._host is None:
            self._file.close()
        if self._home is not None:
            self._home.cleanup()

    @property
    def place(self) -> int:
        """See :class:`Process`."""
        place = int(PLACE.unpack_from(self._place, self._slot * PLACE.size)[0])
        return place if place == NOWHERE else self._asked_at + place

    @property
    def restart_seconds(self) -> float:
        """See :class:`Process`."""
        return 0.0 if self._can_fork else self.load_seconds

    @property
    def first_call_seconds(self) -> float:
        """See :class:`Process`. Less in a fork that may be stuck, since the reward is then loaded anew for another try.

        It leaves time for the other calls.
        """
        return self._patience / (4 if self._can_fork and not self._fork_answered else 2)

    @property
    def _can_fork(self) -> bool:
        return self._forks and self.facts.forks

    def prepare(self, source: str) -> tuple[str, ...]:
        """Import what targets of this framework and module share, for processes that this one is the host of.

        Returns the names that the framework's package offers, if the framework can tell. Raises :class:`UsageError`.
        """
        self._loader = self._spawn()
        _send(self._loader, Prepare(self.target.framework, source))
        reply = self._hear(self._loader, self._patience)
        if isinstance(reply, Members):
            self._process = reply.process
            return reply.names
        self.end()
        late = isinstance(reply, Ended) and reply.late
        reason = f"takes longer than {self._patience:.0f} s to import" if late else f"{GONE} that imported it"
        raise UsageError(reply.reason if isinstance(reply, Refused) else f"{source} {reason}")

    def start(self) -> None:
        """See :class:`Process`."""
        if self._scoring is not None:
            return
        if self._loader is None:
            self._load()
        assert self._loader is not None
        self.is_cold = self._from_loader or self._kept is None
        if self._can_fork:
            self._scoring = self._fork(self._loader if self.is_cold or self._kept is None else self._kept.pipe)
        if self._scoring is None:
            self._forks, self.is_cold = False, True
            self._scoring = _Fork(self.facts.process, self._loader)
        self._from_loader = False

    def _load(self) -> None:
        began = time.monotonic()
        self._loader = self._spawn()
        _send(self._loader, Load(self.target))
        reply = self._hear(self._loader, self._patience)
        if not isinstance(reply, Loaded):
            self.deaths += isinstance(reply, Ended)
            self.end()
        if isinstance(reply, Refused):
            raise UsageError(f"{reply.reason}{wanting(reply.reason)}")
        if isinstance(reply, Ended):
            reason = f"{LATE_CALL} {self._patience:.0f} s" if reply.late else f"{GONE} that it ran in"
            raise UsageError(f"{self.target.label} {reason} while it was loaded")
        assert isinstance(reply, Loaded)
        self.facts = reply
        self.load_seconds = time.monotonic() - began
        if self._rows:
            _send(self._loader, Use(self._rows))

    def _fork(self, parent: Connection, slot: int = 0) -> _Fork | None:
        """Another process of what ``parent`` leads to; None where it cannot be forked any more."""
        ours, theirs = socket.socketpair()
        with theirs:
            _send(parent, Fork(slot))
            with contextlib.suppress(OSError):
                send_handle(parent, theirs.fileno(), None)
        reply = self._hear(parent, SECONDS_TO_FORK)
        if isinstance(reply, Forked) and reply.process > 0:
            return _Fork(reply.process, Connection(ours.detach()))
        ours.close()
        return None

    def keep(self) -> bool:
        """See :class:`Process`."""
        if self._kept is not None:
            return True
        if not self._can_fork or self._scoring is None:
            return False
        fork = self._fork(self._scoring.pipe)
        if fork is None:
            return False
        self._kept, self._scoring, self.is_cold = self._scoring, fork, False
        return True

    def widen(self, width: int) -> bool:
        """See :class:`Process`."""
        self._width = min(width, SLOTS) if self._kept is not None and not self.facts.together else 1
        return self._width > 1

    def restart(self) -> None:
        """See :class:`Process`."""
        self._from_loader = True
        self._end_scoring()

    def own_rows(self) -> list[Row]:
        """See :class:`Process`."""
        if self._loader is None:
            self._load()
        assert self._loader is not None
        lister = self._fork(self._loader) if self._can_fork else None  # so that the loader stays as it was loaded
        pipe = self._loader if lister is None else lister.pipe
        _send(pipe, ListRows())
        reply = self._hear(pipe, self._patience)
        if lister is not None:
            lister.pipe.close()
            end([lister.process])
        if isinstance(reply, Rows):
            return list(reply.rows)
        self.end()
        late = isinstance(reply, Ended) and reply.late
        reason = f"{LATE_CALL} {self._patience:.0f} s to list its rows" if late else "ends instead of listing its rows"
        raise UsageError(reply.reason if isinstance(reply, Refused) else f"{self.target.label} {reason}")

    def use(self, rows: Sequence[Row]) -> None:
        """See :class:`Process`."""
        self._rows = list(rows)
        forks = [fork.pipe for fork in (self._kept, self._scoring, *self._helpers) if fork is not None]
        for pipe in {id(pipe): pipe for pipe in (self._loader, *forks) if pipe is not None}.values():
            _send(pipe, Use(self._rows))

    def ask(self, calls: Sequence[Call], patience: float) -> Scored | Refused | Ended:
        """See :class:`Process`."""
        self.start()
        assert self._scoring is not None
        forks = [self._scoring, *self._helped(len(calls))]
        share = -(-len(calls) // len(forks))
        forks = forks[: -(-len(calls) // share)]
        for slot, fork in enumerate(forks):
            PLACE.pack_into(self._place, slot * PLACE.size, NOWHERE)
            _send(fork.pipe, Score(calls[slot * share : (slot + 1) * share]))
        replies: list[Scored] = []
        for slot, fork in enumerate(forks):
            self._slot, self._asked_at = slot, slot * share
            reply = self._hear(fork.pipe, patience, watch=not self.facts.together)
            assert isinstance(reply, Scored | Refused | Ended)
            if not isinstance(reply, Scored):
                self._lose(reply, len(forks))
                return reply
            replies.append(reply)
        self._answered()
        return _joined(replies)

    def _helped(self, calls: int) -> list[_Fork]:
        """The processes that pay a part of so many calls beside the one that is asked."""
        if self._width == 1 or self._kept is None or self.is_cold:
            return []
        while len(self._helpers) < min(self._width, calls) - 1:
            fork = self._fork(self._kept.pipe, len(self._helpers) + 1)
            if fork is None:
                self._width = 1 + len(self._helpers)
                break
            self._helpers.append(fork)
        return self._helpers[: calls - 1]

    def _answered(self) -> None:
        self.is_cold = False
        self._fork_answered |= self._can_fork

    def _lose(self, reply: Refused | Ended, asked: int) -> None:
        """One of the processes that were asked has ended or has to, or refused; what the others pay is not heard."""
        if isinstance(reply, Refused):
            self._answered()
            if asked > 1:
                self._end_scoring()
            return
        self.deaths += 1
        if self._can_fork and not self._fork_answered:
            self._forks = False  # perhaps only since it was a fork
            self.end()
        else:
            self._end_scoring()

    def _hear(self, pipe: Connection, patience: float, watch: bool = False) -> Reply | Ended:
        """The next reply; ``watch``: it is late only once the reward looks at one completion for so long."""
        place, since = self.place, time.monotonic()
        try:
            while not pipe.poll(patience / 8 if watch else patience):
                if watch and self.place != place:
                    place, since = self.place, time.monotonic()
                elif time.monotonic() - since >= patience:
                    return Ended(late=True)
            reply = pipe.recv_bytes(MOST_BYTES)
        except (EOFError, OSError) as error:
            return Refused(self._unread) if str(error) == "bad message length" else Ended(late=False)
        return _read(reply) or Refused(self._unread)

    @property
    def _unread(self) -> str:
        return f"{self.target.label} replies with what is no payment: its process wrote into the audit's own pipe"

    def _spawn(self) -> Connection:
        host = self._host
        fork = host._fork(host._loader) if host is not None and host._loader is not None else None
        self._is_hosted = fork is not None
        if host is not None and fork is not None:
            self._guard = host._guard
            return fork.pipe
        ours, theirs = socket.socketpair()
        with theirs:
            most = resource.getrlimit(resource.RLIMIT_AS)[1]
            memory = self._memory if most == resource.RLIM_INFINITY else min(self._memory, most)
            numbers = [theirs.fileno(), memory, self._file.fileno()]
            self._guard = subprocess.Popen(
                [*command(self.target.python, "loopholes.audit.worker"), *map(str, numbers)],
                pass_fds=(theirs.fileno(), self._file.fileno()),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env=home_of(self._home.name, os.environ) if self._home is not None else None,
            )
        return Connection(ours.detach())

    def _end_scoring(self) -> None:
        """End the process that is asked, those beside it, and all that they started."""
        scoring, self._scoring = self._scoring, None
        helpers, self._helpers = self._helpers, []
        if scoring is None:
            return
        if scoring.pipe is self._loader or self._guard is None:
            self.end()
            return
        for fork in (scoring, *helpers):
            fork.pipe.close()
        stay = {self.facts.process, *([self._kept.process] if self._kept is not None else [])}
        self._end_below(stay, {scoring.process, *(fork.process for fork in helpers)})

    def _end_below(self, stay: set[int], processes: set[int]) -> None:
        """End these processes, and all below the guard but for those that ``stay`` and a host."""
        assert self._guard is not None
        stay = {*stay, *([self._host._process] if self._is_hosted and self._host is not None else [])}
        killed: set[int] = set()
        while below := {*processes, *descendants(self._guard.pid)} - stay - killed:
            end(below)
            killed |= below

    def end(self) -> None:
        """See :class:`Process`."""
        if self._is_hosted and self._guard is not None:
            self._end_below(set(), set())
            self._guard = None
        guard, self._guard = self._guard, None
        forks = [fork.pipe for fork in (self._kept, self._scoring, *self._helpers) if fork is not None]
        for pipe in (self._loader, *forks):
            if pipe is not None:
                pipe.close()
        self._loader = self._kept = self._scoring = None
        self._helpers = []
        if guard is None:
            return
        guard.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            guard.wait(SECONDS_TO_END)
        end([*descendants(guard.pid), guard.pid])
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(guard.pid, signal.SIGKILL)  # what nobody is the parent of any more
        guard.wait()


def _joined(replies: Sequence[Scored]) -> Scored:
    """The replies to the parts of a request as one; what they took at once is what the longest of them took."""
    paid = [payment for reply in replies for payment in reply.paid]
    not_covered = tuple(dict.fromkeys(part for reply in replies for part in reply.not_covered))
    seconds, changed = max(reply.seconds for reply in replies), any(reply.changed for reply in replies)
    return Scored(paid, seconds, changed, not_covered, any(reply.evaluated for reply in replies))


class _Unpickler(pickle.Unpickler):
    """Reads replies, and nothing that would have to be imported from the target's environment."""

    def find_class(self, module: str, name: str) -> Any:
        """A record of :data:`SENT`; raises UnpicklingError for anything else."""
        if (module, name) not in SENT:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return SENT[module, name]


def _read(reply: bytes) -> Reply | None:
    """A reply, or None for bytes that the worker did not send."""
    try:
        record = _Unpickler(io.BytesIO(reply)).load()
    except Exception:  # whatever bytes do that are no pickle
        return None
    return record if isinstance(record, Members | Loaded | Rows | Forked | Scored | Refused) else None


def _send(pipe: Connection, request: Request) -> None:
    with contextlib.suppress(OSError):  # the process may have ended since the last reply, which the next one will show
        pipe.send(request)
