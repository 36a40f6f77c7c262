"""A user's reward in a process of its own, seen from outside: start it, send it requests, end it.

The reward may hang, crash, or use up all memory. Then the process is killed with everything that it started, and the
next request starts another one. :mod:`loopholes.audit.scorer` interprets payments and decides which call to blame for a
failure.
"""

from __future__ import annotations

import contextlib
import mmap
import os
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
from typing import IO, NamedTuple, Protocol, Self

from loopholes.audit.environments import command, home_of
from loopholes.audit.forks import end
from loopholes.audit.frameworks import framework
from loopholes.audit.frameworks.base import LATE_CALL, Row, wanting
from loopholes.audit.replies import MOST_BYTES, read_reply
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
"""Time limit for loading a reward, including models, in seconds."""
SECONDS_TO_FORK = 20.0
"""A process that does not fork within this time, in seconds, counts as one that cannot."""
SECONDS_TO_END = 5.0
"""Time limit for the guard to end everything below it, in seconds."""
GIB = 2**30
GONE = "ended the process"
"""Prefix of ``Paid.problem`` when the call ended the reward's process."""


class Ended(NamedTuple):
    """The process ended instead of replying. ``late``: the reply did not come in time."""

    late: bool


class Process(Protocol):
    """The process that a :class:`~loopholes.audit.scorer.Scorer` uses. ``facts`` are valid once it has started.

    ``is_cold``: the next call is the first of a new process. ``first_call_seconds`` is the time limit of that call.
    """

    target: Target
    facts: Loaded
    load_seconds: float
    deaths: int
    is_cold: bool

    @property
    def place(self) -> int:
        """The place, in the last request, of the completion that the reward reached last; -1 for none."""
        ...

    @property
    def restart_seconds(self) -> float:
        """Time in seconds until a process without memory is ready."""
        ...

    @property
    def first_call_seconds(self) -> float:
        """Time limit for the first call of a new process, in seconds."""
        ...

    def start(self) -> None:
        """Make a process ready for requests; raises :class:`UsageError` if the reward cannot be loaded."""
        ...

    def keep(self) -> bool:
        """Make replacement processes start in the present state of this one; returns whether that is possible."""
        ...

    def widen(self, width: int) -> bool:
        """Score the calls of a request in ``width`` processes in parallel; returns whether there can be more than one.

        Replies are as if one process had scored the calls in order, except for the time that they took.
        """
        ...

    def restart(self) -> None:
        """End the scoring process; the next one remembers nothing."""
        ...

    def own_rows(self) -> list[Row]:
        """The target's own rows; raises :class:`UsageError` if it has none."""
        ...

    def use(self, rows: Sequence[Row]) -> None:
        """Set the rows that later calls refer to by place."""
        ...

    def ask(self, calls: Sequence[Call], patience: float) -> Scored | Refused | Ended:
        """Score these calls. ``patience`` is in seconds, per call if the process shows its place, otherwise for all."""
        ...

    def end(self) -> None:
        """End the process and everything that it started."""
        ...


class _Fork(NamedTuple):
    """A fork of a process, and the pipe to it."""

    process: int
    pipe: Connection


class RewardProcess:
    """The process of one target; see :class:`Process`. A ``with`` block starts it and ends it.

    The loader loads the reward once, and its forks score (:mod:`loopholes.audit.forks`). If it cannot be forked, the
    loader scores itself, and the reward is loaded again if that process ends. If the framework keeps the rows that a
    fork has listed, forks of that one score, so that rows that take long to generate are generated once.
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

        ``host`` is a process that has imported what the target needs (:meth:`prepare`) and outlives this one. This one
        is a fork of it if it can be forked.
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
        self._lister: _Fork | None = None
        self._warm: _Fork | None = None
        self._scoring: _Fork | None = None
        self._helpers: list[_Fork] = []
        self._width = 1
        self._offset = 0
        self._slot = 0
        self._forks = True
        self._forks_requested = 0
        self._late_forks: set[int] = set()
        self._fork_answered = False
        self._from_loader = False
        self._host = host
        self._process = 0  # the process id of a host, once it is prepared
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
        """End the process and release what it shared."""
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
        return place if place == NOWHERE else self._offset + place

    @property
    def restart_seconds(self) -> float:
        """See :class:`Process`."""
        return 0.0 if self._can_fork else self.load_seconds

    @property
    def first_call_seconds(self) -> float:
        """See :class:`Process`. Shorter in the first fork, which may be stuck: a second try without forks follows.

        In any case it leaves time for the other calls.
        """
        return self._patience / (4 if self._can_fork and not self._fork_answered else 2)

    @property
    def _can_fork(self) -> bool:
        return self._forks and self.facts.forks

    def prepare(self, source: str) -> tuple[str, ...]:
        """Import what targets of this framework and module share, so that this process can host others.

        Returns the names that the framework's package offers, if the framework can list them. Raises
        :class:`UsageError`.
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
        self.is_cold = self._from_loader or self._warm is None
        if self._can_fork:
            self._scoring = self._new_scoring(self._loader)
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
        """A fork of the process at the other end of ``parent``; None if it can no longer be forked.

        A fork that comes too late ends at once, since its pipe is closed, and the reply that tells of it is discarded.
        """
        self._forks_requested += 1
        number = self._forks_requested
        ours, theirs = socket.socketpair()
        with theirs:
            _send(parent, Fork(slot, number))
            with contextlib.suppress(OSError):
                send_handle(parent, theirs.fileno(), None)
        reply = self._hear(parent, SECONDS_TO_FORK)
        if isinstance(reply, Forked) and reply.process > 0:
            return _Fork(reply.process, Connection(ours.detach()))
        if isinstance(reply, Ended) and reply.late:
            self._late_forks.add(number)
        ours.close()
        return None

    def _new_scoring(self, loader: Connection) -> _Fork | None:
        """A fork of the warm process, or a cold one: of the process that keeps the rows, else of the loader."""
        if self._warm is not None and not self.is_cold:
            return self._fork(self._warm.pipe)
        fork = None if self._lister is None else self._fork(self._lister.pipe)
        return fork or self._fork(loader)

    def keep(self) -> bool:
        """See :class:`Process`."""
        if self._warm is not None:
            return True
        if not self._can_fork or self._scoring is None:
            return False
        fork = self._fork(self._scoring.pipe)
        if fork is None:
            return False
        self._warm, self._scoring, self.is_cold = self._scoring, fork, False
        return True

    def widen(self, width: int) -> bool:
        """See :class:`Process`."""
        self._width = min(width, SLOTS) if self._warm is not None and not self.facts.together else 1
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
        if getattr(framework(self.target.framework), "KEEPS_ROWS", False) and self._lister is None:
            self._lister = lister
        elif lister is not None:
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
        forks = [fork.pipe for fork in (self._lister, self._warm, self._scoring, *self._helpers) if fork is not None]
        for pipe in {id(pipe): pipe for pipe in (self._loader, *forks) if pipe is not None}.values():
            _send(pipe, Use(self._rows))

    def ask(self, calls: Sequence[Call], patience: float) -> Scored | Refused | Ended:
        """See :class:`Process`."""
        self.start()
        assert self._scoring is not None
        forks = [self._scoring, *self._helpers_for(len(calls))]
        share = -(-len(calls) // len(forks))
        forks = forks[: -(-len(calls) // share)]
        for slot, fork in enumerate(forks):
            PLACE.pack_into(self._place, slot * PLACE.size, NOWHERE)
            _send(fork.pipe, Score(calls[slot * share : (slot + 1) * share]))
        replies: list[Scored] = []
        for slot, fork in enumerate(forks):
            self._slot, self._offset = slot, slot * share
            reply = self._hear(fork.pipe, patience, watch=not self.facts.together)
            if not isinstance(reply, Scored | Refused | Ended):
                reply = Refused(self._unread)
            if not isinstance(reply, Scored):
                self._lose(reply, len(forks))
                return reply
            replies.append(reply)
        self._answered()
        return _joined(replies)

    def _helpers_for(self, calls: int) -> list[_Fork]:
        """The helper processes that score a part of this many calls."""
        if self._width == 1 or self._warm is None or self.is_cold:
            return []
        while len(self._helpers) < min(self._width, calls) - 1:
            fork = self._fork(self._warm.pipe, len(self._helpers) + 1)
            if fork is None:
                self._width = 1 + len(self._helpers)
                break
            self._helpers.append(fork)
        return self._helpers[: calls - 1]

    def _answered(self) -> None:
        self.is_cold = False
        self._fork_answered |= self._can_fork

    def _lose(self, reply: Refused | Ended, processes: int) -> None:
        """A scoring process ended, is late or refused: the replies of the others are lost as well."""
        if isinstance(reply, Refused):
            self._answered()
            if processes > 1:
                self._end_scoring()
            return
        self.deaths += 1
        if self._can_fork and not self._fork_answered:
            self._forks = False  # perhaps only because it was a fork
            self.end()
        else:
            self._end_scoring()

    def _hear(self, pipe: Connection, patience: float, watch: bool = False) -> Reply | Ended:
        """The next reply that is not that of a late fork.

        ``watch``: it is late only if the reward spends that long on a single completion.
        """
        reply = self._next_reply(pipe, patience, watch)
        while isinstance(reply, Forked) and reply.number in self._late_forks:
            self._late_forks.remove(reply.number)
            reply = self._next_reply(pipe, patience, watch)
        return reply

    def _next_reply(self, pipe: Connection, patience: float, watch: bool) -> Reply | Ended:
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
        return read_reply(reply) or Refused(self._unread)

    @property
    def _unread(self) -> str:
        return f"{self.target.label} sent an invalid reply: its process wrote into the audit's own pipe"

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
            seeded = {"PYTHONHASHSEED": "0", **os.environ}  # data and rewards may go through sets of strings
            self._guard = subprocess.Popen(
                [*command(self.target.python, "loopholes.audit.worker"), *map(str, numbers)],
                pass_fds=(theirs.fileno(), self._file.fileno()),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env=home_of(self._home.name, seeded) if self._home is not None else seeded,
            )
        return Connection(ours.detach())

    def _end_scoring(self) -> None:
        """End the scoring process, its helpers, and everything that they started."""
        scoring, self._scoring = self._scoring, None
        helpers, self._helpers = self._helpers, []
        if scoring is None:
            return
        if scoring.pipe is self._loader or self._guard is None:
            self.end()
            return
        for fork in (scoring, *helpers):
            fork.pipe.close()
        stay = {self.facts.process, *(fork.process for fork in (self._lister, self._warm) if fork is not None)}
        self._end_below(stay, {scoring.process, *(fork.process for fork in helpers)})

    def _end_below(self, stay: set[int], processes: set[int]) -> None:
        """End these processes, and all below the guard except a host and those that ``stay``."""
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
        forks = [fork.pipe for fork in (self._lister, self._warm, self._scoring, *self._helpers) if fork is not None]
        for pipe in (self._loader, *forks):
            if pipe is not None:
                pipe.close()
        self._loader = self._lister = self._warm = self._scoring = None
        self._helpers = []
        if guard is None:
            return
        guard.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            guard.wait(SECONDS_TO_END)
        end([*descendants(guard.pid), guard.pid])
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(guard.pid, signal.SIGKILL)  # processes whose parent is gone
        guard.wait()


def _joined(replies: Sequence[Scored]) -> Scored:
    """The replies to the parts of a request as one reply. Its time is that of the slowest part."""
    paid = [payment for reply in replies for payment in reply.paid]
    not_covered = tuple(dict.fromkeys(part for reply in replies for part in reply.not_covered))
    seconds, changed = max(reply.seconds for reply in replies), any(reply.changed for reply in replies)
    return Scored(paid, seconds, changed, not_covered, any(reply.evaluated for reply in replies))


def _send(pipe: Connection, request: Request) -> None:
    with contextlib.suppress(OSError):  # the process may have ended, as the next reply will show
        pipe.send(request)
