"""The fork server: a small Python process that forks once for each run of a program.

It is run by path, as a script, in a process of its own, and imports nothing but the standard library and its
neighbours. It never sees a program, an input or an answer: with each order comes a descriptor, through which the
child that inherits it talks to the trusted side (server.py). So the memory that a child inherits holds nothing of any
other run.

Orders and replies travel over the socket on descriptor 0: ``RUN`` with bounds and a descriptor ends what runs and
starts anew; ``END`` ends what runs and is answered with the signal that ended it before we did, if one did.

Both sides of a fork pay for every page that they write to, so the loop here and the child's way to the program are
kept short.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import random
import socket
import sys
import types
from typing import Protocol

if __name__ == "__main__":
    # This folder's modules, without what importing the package would load: this file is run by path.
    _here = os.path.dirname(os.path.abspath(__file__))
    for _name, _folder in (
        ("loopholes", os.path.dirname(os.path.dirname(_here))),
        ("loopholes.sandbox", os.path.dirname(_here)),
        ("loopholes.sandbox.inside", _here),
    ):
        sys.modules[_name] = types.ModuleType(_name)
        sys.modules[_name].__path__ = [_folder]

from loopholes.sandbox.inside import child
from loopholes.sandbox.inside.wire import END, ENDED, MISSING, ORDER, READY, RUN, UNSAFE, Bounds

ONE_DESCRIPTOR = socket.CMSG_SPACE(4)
HIGHEST_DESCRIPTOR = 1 << 10
RECEIVE = socket.MSG_WAITALL | getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Cell(Protocol):
    """Where programs run, one at a time (isolated.py, process.py)."""

    def begin(self, bounds: Bounds) -> int: ...
    def enter(self) -> child.OpenFile: ...
    def end(self, by_itself: bool) -> int: ...


def main(kind: str) -> None:
    """Serve until the other side hangs up."""
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    child.rehearse()
    made_by = importlib.import_module(f"loopholes.sandbox.inside.{'isolated' if kind == 'isolated' else 'process'}")
    _hide()
    try:
        cell: Cell = made_by.Cell()
    except NotImplementedError as missing:
        child.send(control.fileno(), MISSING, str(missing))
        return
    # Nothing here draws from it, so every program finds it in the same state, and no time is spent on seeding.
    random.seed(0)
    gc.collect()
    gc.freeze()
    gc.disable()
    child.send(control.fileno(), READY, "")
    serve(control, cell)


def serve(control: socket.socket, cell: Cell) -> None:
    """One run at a time, until the other side hangs up."""
    running, latest, bounds = False, b"", Bounds(*[0] * len(Bounds._fields))
    while True:
        message, attached, _, _ = control.recvmsg(ORDER.size, ONE_DESCRIPTOR, RECEIVE)
        if len(message) < ORDER.size:
            return
        ended_by = cell.end(message[1] != 0) if running else 0
        running = message[:1] == RUN
        if message[:1] == END:
            child.send(control.fileno(), ENDED, str(ended_by))
            continue
        if message != latest:
            latest, bounds = message, Bounds(*ORDER.unpack(message)[2:])
        channel = int.from_bytes(attached[0][2], sys.byteorder)
        if cell.begin(bounds) == 0:
            become_program(cell, channel)
        os.close(channel)


def become_program(cell: Cell, channel: int) -> None:
    """Give up everything that belongs to the server, then run the program. Never returns."""
    try:
        try:
            open_file = cell.enter()
            os.closerange(3, channel)
            os.closerange(channel + 1, HIGHEST_DESCRIPTOR)
            gc.enable()
        except Exception as error:
            child.send(channel, UNSAFE, f"{type(error).__name__}: {error}")
            os._exit(1)
        child.run(channel, open_file)
    finally:
        os._exit(1)


def _hide() -> None:
    """Programs find an empty ``__main__`` and none of our modules."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "loopholes"]:
        _kept.append(sys.modules.pop(name))
    _kept.append(sys.modules["__main__"])
    sys.modules["__main__"] = types.ModuleType("__main__")


_kept: list[object] = []

if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        main(sys.argv[1])
