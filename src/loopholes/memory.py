"""How much memory this process can still use."""

from __future__ import annotations

from pathlib import Path

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")


def available_memory() -> int | None:
    """Bytes of memory that are free or can be freed, within this process's cgroup; None if that is unknown."""
    limits = [size for size in (_of_machine(), _of_cgroup()) if size is not None]
    return min(limits, default=None)


def _of_machine() -> int | None:
    try:
        lines = MEMINFO.read_text().splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
    except (OSError, ValueError):
        return None


def _of_cgroup() -> int | None:
    """The limit of cgroup v2, as in containers; cached files count as available, since the kernel drops them first."""
    try:
        most, used = (int((CGROUP / f"memory.{name}").read_text()) for name in ("max", "current"))
        kinds = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
        return most - used + int(kinds.get("inactive_file", 0))
    except (OSError, ValueError):  # no such file, or "max", which means no limit
        return None
