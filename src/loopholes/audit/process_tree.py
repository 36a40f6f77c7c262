"""The processes of one reward, seen from outside: start them below a guard, fork them, send, hear and end them.

:mod:`loopholes.audit.forks` is the guard itself and a fork from inside. Which process loads the reward, which stays
warm and which score is decided in :mod:`loopholes.audit.process`.
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
from collections.abc import Iterable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from typing import IO, NamedTuple

from loopholes.audit.environments import command, home_of
from loopholes.audit.forks import end
from loopholes.audit.replies import MOST_BYTES, read_reply
from loopholes.audit.results import Target
from loopholes.audit.worker import NOWHERE, PLACE, SLOTS, Call, Fork, Forked, Refused, Reply, Request, Score, Scored
from loopholes.sandbox.inside.relatives import descendants

SECONDS_TO_FORK = 20.0
"""A process that does not fork within this time, in seconds, counts as one that cannot."""
SECONDS_TO_END = 5.0
"""Time limit for the guard to end everything below it, in seconds."""


class Ended(NamedTuple):
    """The process ended instead of replying. ``late``: the reply did not come in time."""

    late: bool


class Handle(NamedTuple):
    """The id of a process, and the pipe to it."""

    process: int
    pipe: Connection


class ProcessTree:
    """A first process and its forks, below a guard that no process outlives.

    ``root`` is the pipe to the first process; None before :meth:`spawn` and after :meth:`end`.
    """

    def __init__(self, target: Target, memory: int, host: ProcessTree | None) -> None:
        """``memory`` is the limit of a process in bytes. The first process is a fork of the host's, if it has one."""
        self.root: Connection | None = None
        self.hosting = 0  # the id of the first process, if it hosts other trees
        self._target = target
        self._memory = memory
        self._host = host
        self._is_hosted = False
        self._guard: subprocess.Popen[bytes] | None = None
        self._offset = 0
        self._slot = 0
        self._forks_requested = 0
        self._late_forks: set[int] = set()
        self._home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True) if target.requires else None
        self._file: IO[bytes] = tempfile.TemporaryFile() if host is None else host._file  # noqa: SIM115 (stays open)
        self._file.truncate(SLOTS * PLACE.size)
        self._place = mmap.mmap(self._file.fileno(), SLOTS * PLACE.size)

    @property
    def place(self) -> int:
        """The place, in the last request, of the completion that the reward reached last; -1 for none."""
        place = int(PLACE.unpack_from(self._place, self._slot * PLACE.size)[0])
        return place if place == NOWHERE else self._offset + place

    def close(self) -> None:
        """Release what the processes shared. They have to be ended before."""
        self._place.close()
        if self._host is None:
            self._file.close()
        if self._home is not None:
            self._home.cleanup()

    def spawn(self) -> Connection:
        """Start the first process; returns the pipe to it."""
        host = self._host
        fork = host.fork(host.root) if host is not None and host.root is not None else None
        self._is_hosted = fork is not None
        if host is not None and fork is not None:
            self._guard, self.root = host._guard, fork.pipe
            return self.root
        ours, theirs = socket.socketpair()
        with theirs:
            most = resource.getrlimit(resource.RLIMIT_AS)[1]
            memory = self._memory if most == resource.RLIM_INFINITY else min(self._memory, most)
            numbers = [theirs.fileno(), memory, self._file.fileno()]
            seeded = {"PYTHONHASHSEED": "0", **os.environ}  # data and rewards may go through sets of strings
            self._guard = subprocess.Popen(
                [*command(self._target.python, "loopholes.audit.worker"), *map(str, numbers)],
                pass_fds=(theirs.fileno(), self._file.fileno()),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env=home_of(self._home.name, seeded) if self._home is not None else seeded,
            )
        self.root = Connection(ours.detach())
        return self.root

    def fork(self, parent: Connection, slot: int = 0) -> Handle | None:
        """A fork of the process at the other end of ``parent``; None if it can no longer be forked.

        A fork that comes too late ends at once, since its pipe is closed, and the reply that tells of it is discarded.
        """
        self._forks_requested += 1
        number = self._forks_requested
        ours, theirs = socket.socketpair()
        with theirs:
            send(parent, Fork(slot, number))
            with contextlib.suppress(OSError):
                send_handle(parent, theirs.fileno(), None)
        reply = self.hear(parent, SECONDS_TO_FORK)
        if isinstance(reply, Forked) and reply.process > 0:
            return Handle(reply.process, Connection(ours.detach()))
        if isinstance(reply, Ended) and reply.late:
            self._late_forks.add(number)
        ours.close()
        return None

    def score(
        self, processes: Sequence[Handle], calls: Sequence[Call], patience: float, watch: bool
    ) -> Scored | Refused | Ended:
        """Divide calls among processes, and join their replies; what the first that did not score replied instead.

        ``patience`` is in seconds, per call if ``watch``, otherwise for all.
        """
        share = -(-len(calls) // len(processes))
        processes = processes[: -(-len(calls) // share)]
        for slot, process in enumerate(processes):
            PLACE.pack_into(self._place, slot * PLACE.size, NOWHERE)
            send(process.pipe, Score(calls[slot * share : (slot + 1) * share]))
        replies: list[Scored] = []
        for slot, process in enumerate(processes):
            self._slot, self._offset = slot, slot * share
            reply = self.hear(process.pipe, patience, watch)
            if not isinstance(reply, Scored):
                return reply if isinstance(reply, Refused | Ended) else Refused(self._unread)
            replies.append(reply)
        return _joined(replies)

    def hear(self, pipe: Connection, patience: float, watch: bool = False) -> Reply | Ended:
        """The next reply that is not that of a late fork. ``patience`` is in seconds.

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
        return f"{self._target.label} sent an invalid reply: its process wrote into the audit's own pipe"

    def end_below(self, stay: Iterable[int], processes: Iterable[int]) -> None:
        """End these processes, and all below the guard except a host and those that ``stay``."""
        assert self._guard is not None
        kept = {*stay, *([self._host.hosting] if self._is_hosted and self._host is not None else [])}
        killed: set[int] = set()
        while below := {*processes, *descendants(self._guard.pid)} - kept - killed:
            end(below)
            killed |= below

    def end(self, forks: Iterable[Handle]) -> None:
        """End the first process, its forks and everything that they started."""
        if self._is_hosted and self._guard is not None:
            self.end_below((), ())
            self._guard = None
        guard, self._guard = self._guard, None
        for pipe in (self.root, *(fork.pipe for fork in forks)):
            if pipe is not None:
                pipe.close()
        self.root = None
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


def send(pipe: Connection, request: Request) -> None:
    """Send a request; the next reply will show if the process has ended."""
    with contextlib.suppress(OSError):
        pipe.send(request)
