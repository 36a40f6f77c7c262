"""What one run of a program may use, as it travels to the fork server and as the kernel enforces it."""

from __future__ import annotations

import resource
import struct
import sys
from typing import NamedTuple

WIRE = struct.Struct("=dQQQQQQ")


class Bounds(NamedTuple):
    """``Limits`` without what is enforced outside, and the size of the run's input."""

    test_seconds: float
    memory_bytes: int
    file_bytes: int
    disk_bytes: int
    processes: int
    open_files: int
    input_bytes: int


def limit(bounds: Bounds, own_bytes: int, own_tasks: int) -> None:
    """Bound this process and what it starts; the fork server's own address space and tasks come on top."""
    seconds = int(2 * bounds.test_seconds) + 2
    _set(resource.RLIMIT_CPU, seconds)
    _set(resource.RLIMIT_AS, bounds.memory_bytes + own_bytes)
    _set(resource.RLIMIT_FSIZE, bounds.file_bytes + bounds.input_bytes)
    _set(resource.RLIMIT_NOFILE, bounds.open_files)
    _set(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":
        _set(resource.RLIMIT_NPROC, bounds.processes + own_tasks)


def _set(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(which, (value, value))
    except (ValueError, OSError):
        if sys.platform == "linux":
            raise
