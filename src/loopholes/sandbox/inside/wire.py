"""What travels between the trusted side, the fork server and the programs. Plain structures; nothing to unpickle."""

from __future__ import annotations

import struct
from typing import NamedTuple


class Bounds(NamedTuple):
    """``Limits`` without what is enforced outside, and the size of the run's input."""

    test_seconds: float
    memory_bytes: int
    file_bytes: int
    disk_bytes: int
    processes: int
    open_files: int
    input_bytes: int


# From the trusted side to the fork server: what to do, whether the run has ended by itself, the next run's bounds.
ORDER = struct.Struct("=c?dQQQQQQ")
RUN, END = b"R", b"E"
# Everything that comes back: a kind, and the length of the UTF-8 text that follows.
FRAME = struct.Struct(">cI")
READY, MISSING, ENDED = b"R", b"M", b"E"
# To a run: the sizes of source, entry point and input in bytes of UTF-8, which follow; the most characters to answer.
REQUEST = struct.Struct(">QQQQ")
# To the run of a pure program: the size of one more input, which follows.
MORE = struct.Struct(">Q")
# From a run, before a line of the program is executed. UNSAFE: the sandbox is not in force, and nothing will be.
# PURE: more inputs can follow in the same run (syntax.py, as against HOSTILE, which is to be assumed of all others).
UNSAFE, PURE, HOSTILE = b"X", b"P", b"H"
# From a run, after that. BROKEN: the program does not load.
BROKEN, LOADED, TEXT, FAILURE = b"B", b"L", b"T", b"F"
