"""Memory that training frees and asks for again at every step."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h


def keep_freed_memory() -> None:
    """Ask glibc not to hand large freed blocks back to the kernel; elsewhere, do nothing.

    By default each large tensor is a fresh mapping whose pages fault in one by one; two thirds of the time of a
    pretraining step on a CPU were spent in the kernel for it.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
