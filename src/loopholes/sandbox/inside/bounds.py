"""What one run of a program may use, as the kernel enforces it for each process."""

from __future__ import annotations

import os
import resource
import sys
import time

from loopholes.sandbox.inside.wire import Bounds

Settings = list[tuple[int, tuple[int, int]]]


def settings(bounds: Bounds, own_bytes: int, own_tasks: int) -> Settings:
    """The kernel's limits for a run; the fork server's own address space and tasks come on top."""
    wanted = {
        resource.RLIMIT_CPU: int(2 * bounds.test_seconds) + 2,
        resource.RLIMIT_AS: bounds.memory_bytes + own_bytes,
        resource.RLIMIT_FSIZE: bounds.file_bytes + bounds.input_bytes,
        resource.RLIMIT_NOFILE: bounds.open_files,
        resource.RLIMIT_CORE: 0,
    }
    if sys.platform == "linux":
        wanted[resource.RLIMIT_NPROC] = bounds.processes + own_tasks
    limits = []
    for which, value in wanted.items():
        hard = resource.getrlimit(which)[1]
        limits.append((which, (value,) * 2 if hard == resource.RLIM_INFINITY else (min(value, hard),) * 2))
    return limits


def limit(settings: Settings) -> None:
    """Bound this process and what it starts."""
    for which, value in settings:
        try:
            resource.setrlimit(which, value)
        except (ValueError, OSError):
            if sys.platform == "linux":
                raise


def own_bytes(statm: str, directory: int | None = None) -> int:
    """Bytes of address space that the server itself takes, which do not count against the program."""
    try:
        with open(os.open(statm, os.O_RDONLY, dir_fd=directory)) as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def reap(pid: int, seconds: float) -> int | None:
    """The wait status of ``pid``, or None if it does not end in time."""
    deadline = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        if time.monotonic() > deadline:
            return None
        time.sleep(0.001)
