"""One run of a program, as seen from outside: bounded frames, a clock, a scale."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from loopholes.sandbox.records import Limits
from loopholes.sandbox.wire import BROKEN, FAILURE, FRAME, HOSTILE, LOADED, MORE, PLAIN, TEXT, UNSAFE

FORK_SECONDS = 0.5
SEND_SECONDS = 30.0
GLANCE_SECONDS = 0.05  # so often a program that takes its time is weighed


class Run:
    """A run in progress. ``plain`` once the program is known to be, ``loaded`` once it has been."""

    def __init__(self, channel: socket.socket, limits: Limits, server: int) -> None:
        self.channel, self.limits, self.server = channel, limits, server
        self.buffer = bytearray()
        self.plain = self.loaded = False
        self.weighed = time.monotonic()

    def answer(self, request: bytes) -> tuple[bytes, str]:
        """The kind of the first answer and its text; raises EOFError if the program ends without one."""
        self._allow(self.limits.test_seconds + FORK_SECONDS)
        return self._reply(request, self._first)

    def another(self, given: bytes) -> tuple[bytes, str]:
        """The answer of a plain program to one more input."""
        self._allow(self.limits.test_seconds)
        return self._reply(MORE.pack(len(given)) + given, lambda: self._frame((TEXT, FAILURE)))

    def _first(self) -> tuple[bytes, str]:
        kind, text = self._frame((PLAIN, HOSTILE, UNSAFE))
        if kind == UNSAFE:
            return kind, text
        self.plain = kind == PLAIN
        kind, text = self._frame((LOADED, BROKEN))
        if kind == BROKEN:
            return kind, text
        self.loaded = True
        self._allow(self.limits.test_seconds)
        return self._frame((TEXT, FAILURE))

    def _reply(self, message: bytes, read: Callable[[], tuple[bytes, str]]) -> tuple[bytes, str]:
        try:
            self._send(message)
            return read()
        except TimeoutError:
            problem = f"took longer than {self.limits.test_seconds:g} s"
        except ConnectionResetError:
            raise EOFError from None
        except ValueError as error:
            problem = str(error)
        self.plain = False  # nothing more is asked of it
        return FAILURE if self.loaded else BROKEN, problem

    def _send(self, request: bytes) -> None:
        self.channel.settimeout(SEND_SECONDS)
        with contextlib.suppress(BrokenPipeError):
            self.channel.sendall(request)
        self.channel.settimeout(GLANCE_SECONDS)

    def _allow(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds

    def _frame(self, expected: tuple[bytes, ...]) -> tuple[bytes, str]:
        kind, size = FRAME.unpack(self._exactly(FRAME.size))
        if kind not in expected or size > 4 * self.limits.output_chars + 1024:
            raise ValueError("the program wrote something else where its result belongs")
        return kind, self._exactly(size).decode("utf-8", "replace")

    def _exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            with contextlib.suppress(TimeoutError):
                if not (piece := self.channel.recv(1 << 16)):
                    raise EOFError
                self.buffer += piece
            if len(self.buffer) < size:
                self._glance()
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def _glance(self) -> None:
        """Has it had its time, or taken too much memory? What has come already counts, however late we look."""
        now = time.monotonic()
        if now > self.deadline:
            raise TimeoutError
        if now > self.weighed + GLANCE_SECONDS:
            self.weighed = now
            if _resident(self.server) > self.limits.memory_bytes:
                mebibytes = self.limits.memory_bytes >> 20
                raise ValueError(f"used more than {mebibytes} MiB of memory, all its processes together")


def _resident(server: int) -> int:
    """Bytes of memory in use below a fork server, what each process shares with it aside; 0 where nobody says."""
    total, todo, own = 0, [server], None
    while todo:
        process = Path(f"/proc/{todo.pop()}")
        try:
            pages = int((process / "statm").read_text().split()[1])
            own = pages if own is None else own
            total += max(0, pages - own)
            for thread in (process / "task").iterdir():
                todo += map(int, (thread / "children").read_text().split())
        except OSError:
            continue
    return total * os.sysconf("SC_PAGE_SIZE")
