"""Forks of a reward's process, and the guard that makes sure that none of them outlives the audit.

    the audit ── the guard ── the loader ── (a warm fork, which made its first call) ── the scoring process

The loader imports the reward and never scores. The scoring process is a fork of it, so a replacement that remembers
nothing is ready within milliseconds. After its first call, which may import more, a fork can stay warm and be forked in
turn. Some state survives only a reload, not a fork: threads, started processes, connections, the event loops of
frameworks (verl creates one for an async function while it is loaded, others in their first call) and GPUs. A reward
with such state is scored by the loader itself.

The guard runs no user code. All processes below it stay below it, whoever their parent was, and end with it, even if
the audit is killed.
"""

from __future__ import annotations

import contextlib
import gc
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Iterable
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle

from loopholes.sandbox.inside import kernel
from loopholes.sandbox.inside.relatives import descendants, end_with_parent

SHARED = ("socket:", "anon_inode:[eventpoll]", "/dev/nvidia", "/dev/kfd")
"""Links of open files that a process and its fork must not share."""
_earlier: list[int] = []
"""Forks of this process that may still be running."""


def guarded(*files: int) -> None:
    """Continue in a child, while this process closes these files, waits for the child and ends everything below.

    On other systems than Linux there is no guard: this process continues, and ends with its parent.
    """
    if sys.platform != "linux":
        end_with_parent()
        return
    child = os.fork()
    if child == 0:
        end_with_parent()
        return
    try:
        for number in files:
            os.close(number)
        signal.signal(signal.SIGTERM, lambda *_: os._exit(_end_all()))
        kernel.control(kernel.SUBREAPER, 1, "stay the ancestor of what is below")
        kernel.control(kernel.DIE_WITH_PARENT, signal.SIGTERM, "end with the parent")
        while os.wait()[0] != child:
            pass
    finally:
        os._exit(_end_all())


def _end_all() -> int:
    """End all descendants of this process; returns its exit status."""
    with contextlib.suppress(ChildProcessError):
        while True:
            end(descendants(os.getpid()))
            os.wait()  # orphans of a process that ended are our children now
    return 0


def end(processes: Iterable[int]) -> None:
    """Kill processes. It is no error if one has ended already."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)


def forked(pipe: Connection) -> int:
    """Fork this process for another channel, whose descriptor comes next through ``pipe``.

    Returns 0 in the child, whose ``pipe`` becomes the other channel. Returns the child's id in the parent, or -1 if
    this process cannot be forked.
    """
    channel = recv_handle(pipe)
    for fork in _earlier:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(fork, os.WNOHANG)
    if not can_fork(pipe, channel):
        os.close(channel)
        return -1
    state = random.getstate()
    gc.freeze()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python warns about threads of libraries
        child = os.fork()
    if child == 0:
        end_with_parent()
        os.setsid()
        os.dup2(channel, pipe.fileno())
        _earlier.clear()
        random.setstate(state)  # Python reseeds it in a fork
    else:
        _earlier.append(child)
    os.close(channel)
    return child


def can_fork(pipe: Connection, *own_files: int) -> bool:
    """Whether a fork of this process would work like the process itself. ``own_files`` are descriptors to ignore."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return False
    ours = {process for fork in _earlier for process in (fork, *descendants(fork))}
    if not ours.issuperset(descendants(os.getpid())):
        return False
    files = [number for number in os.listdir("/proc/self/fd") if int(number) not in (pipe.fileno(), *own_files)]
    return not any(_link(number).startswith(SHARED) for number in files)


def _link(number: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except OSError:  # the descriptor of the listing itself
        return ""
