"""Descendants of processes, for tests that kill some."""

from __future__ import annotations

import os
import subprocess
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
