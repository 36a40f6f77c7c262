"""Processes that a reward's process makes of itself, and the one that sees to it that none outlives the audit.

    the audit ── the guard ── the loader ── (one that made its first call) ── the one that scores

The loader imports the reward and never scores. The process that scores is a fork of it, so that another one is there
within milliseconds and remembers nothing. After its first call, which may import more, a fork can be kept to be forked
in turn. What only a reload makes anew cannot be forked: threads, processes that it started, connections, event loops
(verl makes one for an async function while it is loaded, others in their first call) and GPUs. Then the loader scores
itself.

The guard runs nothing of the user's. All processes below it stay below it, whoever their parent was, and end with it,
also when the audit is killed.
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
"""How files are listed that a process and its fork must not both use."""
_earlier: list[int] = []
"""Forks that this process made; they may still run, or be about to end."""


def guarded(*files: int) -> None:
    """Go on in a child, while this process, without these files, waits for it and ends everything below itself.

    Where the kernel does not offer what that takes, this process goes on itself, and ends with its parent.
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
            os.wait()  # what it was the parent of is a child of ours now
    return 0


def end(processes: Iterable[int]) -> None:
    """Kill processes; one that has ended is no error."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)


def forked(pipe: Connection) -> int:
    """Fork this process for another channel, whose descriptor comes next through ``pipe``.

    Returns 0 in the child, whose ``pipe`` is the other channel; in the parent the child's id, or -1 where this process
    cannot be forked.
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
        warnings.simplefilter("ignore")  # of Python, about threads that a library runs beside it
        child = os.fork()
    if child == 0:
        end_with_parent()
        os.setsid()
        os.dup2(channel, pipe.fileno())
        _earlier.clear()
        random.setstate(state)  # Python seeds it anew in a fork
    else:
        _earlier.append(child)
    os.close(channel)
    return child


def can_fork(pipe: Connection, *others: int) -> bool:
    """Whether a fork of this process works as it does itself, as far as can be told; ``others`` are files of ours."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return False
    ours = {process for fork in _earlier for process in (fork, *descendants(fork))}
    if not ours.issuperset(descendants(os.getpid())):
        return False
    files = [number for number in os.listdir("/proc/self/fd") if int(number) not in (pipe.fileno(), *others)]
    return not any(_link(number).startswith(SHARED) for number in files)


def _link(number: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except OSError:  # that of the listing itself
        return ""
