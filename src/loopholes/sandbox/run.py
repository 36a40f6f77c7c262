"""One run of a program, as seen from outside: bounded frames, a time limit, a memory limit."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable

from loopholes.sandbox.inside.wire import BROKEN, FAILURE, FRAME, HOSTILE, LOADED, MORE, PURE, TEXT, UNSAFE
from loopholes.sandbox.limits import Limits
from loopholes.sandbox.watch import Use, Watch

FORK_SECONDS = 0.5
SEND_SECONDS = 30.0
GLANCE_SECONDS = 0.05  # seconds between two checks of a program that runs for longer
PATIENCE = 4  # a program that gets no processor may run for this many times its limit


class Run:
    """A run in progress. ``pure``: the program is known to be pure; ``loaded``: it has been loaded.

    Its clock stops while it waits for a processor and has none, so that other work on the machine takes none of its
    time. ``starved``: it was stopped anyway, after waiting too long.
    """

    def __init__(self, channel: socket.socket, limits: Limits, watch: Watch) -> None:
        self.channel, self.limits, self.watch = channel, limits, watch
        self.buffer = bytearray()
        self.pure = self.loaded = self.starved = False
        self.looked = time.monotonic()

    def answer(self, request: bytes) -> tuple[bytes, str]:
        """The kind of the first answer and its text; raises EOFError if the program ends without one."""
        self._allow(self.limits.test_seconds + FORK_SECONDS)
        return self._reply(request, self._first)

    def another(self, text: bytes) -> tuple[bytes, str]:
        """The answer of a pure program to one more input."""
        self._allow(self.limits.test_seconds)
        return self._reply(MORE.pack(len(text)) + text, lambda: self._frame((TEXT, FAILURE)))

    def _first(self) -> tuple[bytes, str]:
        kind, text = self._frame((PURE, HOSTILE, UNSAFE))
        if kind == UNSAFE:
            return kind, text
        self.pure = kind == PURE
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
        except TimeoutError as error:
            problem = f"took longer than {error}"
        except ConnectionResetError:
            raise EOFError from None
        except ValueError as error:
            problem = str(error)
        self.pure = False  # no more input for it
        return FAILURE if self.loaded else BROKEN, problem

    def _send(self, request: bytes) -> None:
        self.channel.settimeout(SEND_SECONDS)
        try:
            self.channel.sendall(request)
        except BrokenPipeError:
            pass  # an answer that it gave before that counts
        except TimeoutError:
            raise TimeoutError(f"{SEND_SECONDS:g} s to take its input") from None
        self.channel.settimeout(GLANCE_SECONDS)

    def _allow(self, seconds: float) -> None:
        """Start the clock at the next check, so that a fast answer costs no look at the program."""
        self.allowed = seconds
        self.start: tuple[float, Use] | None = None

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
        """Check time and memory; raises TimeoutError or ValueError. An answer that came before a late check counts."""
        now = time.monotonic()
        if now < self.looked + GLANCE_SECONDS:
            return
        self.looked, use = now, self.watch.look()
        if use.memory > self.limits.memory_bytes:
            mebibytes = self.limits.memory_bytes >> 20
            raise ValueError(f"used more than {mebibytes} MiB of memory, all its processes together")
        if self.start is None:
            self.start = now, use
        began, before = self.start
        passed, computed = now - began, use.computed - before.computed
        # While its own processes wait for each other, one of them computes, so the clock keeps running.
        had = max(computed, passed - (use.waited - before.waited))
        if min(passed, had) > self.allowed:
            raise TimeoutError(f"{self.limits.test_seconds:g} s")
        if passed > PATIENCE * self.allowed:
            self.starved = True
            raise TimeoutError(f"{passed:.1f} s, in which it had a processor for {computed:.1f} s")
