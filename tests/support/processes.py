"""Descendants of processes, for tests that kill some."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Collection
from pathlib import Path


def children(parent: int) -> list[int]:
    """The descendants of a process, in all generations."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(pid): int(above) for pid, above in map(str.split, listed.splitlines())}
    descendants, new = [], [parent]
    while new:
        new = [pid for pid, above in parents.items() if above in new]
        descendants += new
    return descendants


def alive(pid: int) -> bool:
    """Whether a process still runs (one that has ended and waits to be reaped does not)."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def wait_for_end(pids: Collection[int]) -> None:
    """Wait until none of the processes runs; it is an error if one still does after 30 seconds."""
    deadline = time.monotonic() + 30
    while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left
