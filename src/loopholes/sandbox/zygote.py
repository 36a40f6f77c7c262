"""The fork server: a small Python process that forks once for each run of a program.

It is run by path, as a script, in a process of its own, and imports nothing but the standard library and its
neighbours. It never sees a program, an input or an answer: with each order comes a descriptor, and what comes and
goes through that is between the child that inherits it and the trusted side (server.py). So a child finds in the
memory that it inherits nothing of any other run.

Orders and replies travel over the socket on descriptor 0: ``RUN`` with bounds and a descriptor ends what runs and
starts anew; ``END`` ends what runs and is answered with the signal that ended it before we did, if one did.
"""

from __future__ import annotations

import contextlib
import gc
import os
import random
import shutil
import socket
import struct
import sys
import types
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loopholes.sandbox import child, isolated, plain
    from loopholes.sandbox.bounds import WIRE, Bounds
else:
    # The neighbouring files: this one is run by path, without the package.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import child
    import isolated
    import plain
    from bounds import WIRE, Bounds

    sys.path.pop(0)

ORDER = struct.Struct("=c?" + WIRE.format[1:])
RUN, END = b"R", b"E"
READY, MISSING, ENDED = b"R", b"M", b"E"
HIGHEST_DESCRIPTOR = 1 << 10


def main(kind: str) -> None:
    """Serve until the other side hangs up."""
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    child.rehearse()
    try:
        cell = isolated.Cell() if kind == "isolated" else plain.Cell()
    except isolated.Missing as missing:
        child.send(control.fileno(), MISSING, str(missing))
        return
    _hide()
    # Nobody here draws from it: every program finds it in the same state, without the time that seeding takes.
    random.seed(0)
    gc.collect()
    gc.freeze()
    child.send(control.fileno(), READY, "")
    serve(control, cell)


def serve(control: socket.socket, cell: isolated.Cell | plain.Cell) -> None:
    """One run at a time, until the other side hangs up."""
    running = False
    while True:
        message, descriptors, *_ = socket.recv_fds(control, ORDER.size, 1, socket.MSG_WAITALL)
        if len(message) < ORDER.size:
            return
        order, by_itself, *values = ORDER.unpack(message)
        ended_by = cell.end(by_itself) if running else 0
        running = order == RUN
        if order == END:
            child.send(control.fileno(), ENDED, str(ended_by))
            continue
        (channel,) = descriptors
        bounds = Bounds(*values)
        if cell.begin(bounds) == 0:
            become_program(cell, bounds, channel)
        os.close(channel)


def become_program(cell: isolated.Cell | plain.Cell, bounds: Bounds, channel: int) -> None:
    """Give up everything that belongs to the server, then run the program. Never returns."""
    try:
        try:
            open_file = cell.enter(bounds)
            os.closerange(3, channel)
            os.closerange(channel + 1, HIGHEST_DESCRIPTOR)
        except Exception as error:
            child.send(channel, child.UNSAFE, f"{type(error).__name__}: {error}")
            os._exit(1)
        child.run(channel, open_file)
    finally:
        os._exit(1)


def _hide() -> None:
    """Programs find an empty ``__main__`` and none of our modules."""
    for name in ("child", "isolated", "plain", "bounds", "kernel", "landlock", "seccomp", "tree"):
        _kept.append(sys.modules.pop(name, None))
    _kept.append(sys.modules["__main__"])
    sys.modules["__main__"] = types.ModuleType("__main__")


_kept: list[object] = []

if __name__ == "__main__":
    home = os.getcwd()
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, plain.Stuck):
            main(sys.argv[1])
    finally:
        # Whoever started us may have died without cleaning up. A forked child never comes here.
        shutil.rmtree(home, ignore_errors=True)
