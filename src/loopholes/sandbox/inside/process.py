"""The process cell: a process of its own for each run, and the kernel's limits; files and network stay open.

For machines that cannot isolate, by the user's choice. If the server is root, programs run as a user of their own,
which keeps only root's power to read files.
"""

from __future__ import annotations

import contextlib
import math
import os
import random
import shutil
import signal
import sys
import time

from loopholes.sandbox.inside import child, kernel
from loopholes.sandbox.inside.bounds import limit, own_bytes, reap, settings
from loopholes.sandbox.inside.relatives import descendants, end_with_parent
from loopholes.sandbox.inside.wire import Bounds

READ_ANY_FILE = 1 << 2
GENTLE_SECONDS = 0.2


class Cell:
    """Where programs run one at a time."""

    def __init__(self) -> None:
        self.home = os.getcwd()
        self.turn = 0
        if sys.platform == "linux":
            # Orphans of a program become ours, so that none of them outlives its turn.
            kernel.control(kernel.SUBREAPER, 1, "adopt orphans")
        self.user = _spare_user()
        self.own_bytes = own_bytes("/proc/self/statm")
        self.tasks, self.counted = 0, -math.inf

    def begin(self, bounds: Bounds) -> int:
        """Fork; 0 in the child."""
        self.turn += 1
        self.directory = os.path.join(self.home, str(self.turn))
        os.mkdir(self.directory, 0o700)
        if self.user is not None:
            os.chown(self.directory, self.user, self.user)
        elif time.monotonic() > self.counted + 1.0:
            self.tasks, self.counted = _tasks_of_user(), time.monotonic()
        self.bounds = bounds
        self.program = os.fork()
        return self.program

    def enter(self) -> child.OpenFile:
        """In the child: give up everything that belongs to the server."""
        os.setpgid(0, 0)
        os.chdir(self.directory)
        os.environ["TMPDIR"] = self.directory
        random.seed(0)  # the fork has undone this
        limit(settings(self.bounds, self.own_bytes, self.tasks))
        if self.user is not None:
            _drop_privileges(self.user)
        if sys.platform == "linux":
            end_with_parent()
        return child.unnamed_file

    def end(self, by_itself: bool) -> int:
        """End and reap the program's process, its group, and whatever it started that left the group.

        Returns the signal that ended it, or 0 if there was none or it was ours.
        """
        status = reap(self.program, GENTLE_SECONDS) if by_itself else None
        for send in (os.killpg, os.kill):
            # The group is gone if the program left it, or not there yet if the child is very young.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if send is os.killpg or status is None:
                    send(self.program, signal.SIGKILL)
        if status is None:
            os.waitpid(self.program, 0)
        self._end_orphans()
        _remove(self.directory)
        return os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else 0

    def _end_orphans(self) -> None:
        deadline = time.monotonic() + 5.0
        while time.monotonic() < deadline:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    _kill_descendants()
            except ChildProcessError:
                return
        raise BrokenPipeError("a program forks faster than it can be ended: this server cannot continue")


def _tasks_of_user() -> int:
    """Processes and threads that this user has already: RLIMIT_NPROC counts them all."""
    count = 0
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}").st_uid == os.getuid():
                    count += os.stat(f"/proc/{name}/task").st_nlink - 2
            except OSError:
                continue
    return count


def _spare_user() -> int | None:
    """A user id for the programs if we are root, since a limit on processes does not apply to root."""
    if sys.platform != "linux" or os.getuid() != 0:
        return None
    user = 0x70000000 + os.getpid() % 0x0FFFFFFF
    pid = os.fork()
    if pid == 0:
        try:
            _drop_privileges(user)
            with open(os.__file__, "rb"):
                os._exit(0)
        finally:
            os._exit(1)
    return user if os.waitpid(pid, 0)[1] == 0 else None


def _drop_privileges(user: int) -> None:
    """Become ``user``, keeping only root's power to read, which the standard library may need."""
    kernel.control(kernel.KEEP_CAPABILITIES, 1, "keep capabilities")
    os.setgroups([])
    if sys.platform == "linux":
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    kernel.limit_capabilities(READ_ANY_FILE)
    kernel.control(kernel.NO_NEW_PRIVILEGES, 1, "refuse new privileges")


def _kill_descendants() -> None:
    """Stop all descendants first, since a stopped process cannot fork; then kill them."""
    for send in (signal.SIGSTOP, signal.SIGKILL):
        for pid in descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, send)
    time.sleep(0.001)


def _remove(directory: str) -> None:
    try:
        os.rmdir(directory)
    except OSError:
        shutil.rmtree(directory, ignore_errors=True)
