"""The trusted side of a fork server: start it, ask it, replace it when it dies."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from loopholes.errors import ScoringError
from loopholes.sandbox.records import Limits, Program, ProgramResult, Result

LENGTH = struct.Struct(">Q")
START_SECONDS = 30.0
SLACK_SECONDS = 30.0
GOODBYE_SECONDS = 2.0
CANARY = Program("def solve(x):\n    return x + 1", "solve", ("41",))


class ServerDied(Exception):
    """The server hung up, stopped answering, or answered nonsense."""


class Server:
    """A running fork server. Belongs to the process that started it and to one thread at a time."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.home = tempfile.mkdtemp(prefix="loopholes-")
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(START_SECONDS)
        try:
            with theirs:
                self.process = subprocess.Popen(
                    # No site, no user packages, no path of ours: programs get the standard library and nothing else.
                    [sys.executable, "-P", "-s", "-S", "-B", str(Path(__file__).with_name("zygote.py"))],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=self.home,
                    env=_environment(),
                    start_new_session=True,
                )
        except BaseException:
            self.socket.close()
            shutil.rmtree(self.home, ignore_errors=True)
            raise
        try:
            self._receive()
        except ServerDied:
            self.close()
            raise

    def run(self, program: Program, limits: Limits) -> ProgramResult:
        """One program against all its inputs; raises :class:`ServerDied`."""
        request = {
            "source": program.source,
            "entry_point": program.entry_point,
            "inputs": program.inputs,
            **{name: getattr(limits, name) for name in Limits.__slots__},
        }
        data = json.dumps(request).encode()
        # Each input may cost a child that has to load the program again, and a second of grace and cleaning.
        self.socket.settimeout(2 * (limits.test_seconds + 6.0) * (len(program.inputs) + 1) + SLACK_SECONDS)
        try:
            self.socket.sendall(LENGTH.pack(len(data)) + data)
        except OSError as error:
            raise ServerDied(str(error)) from None
        answer = self._receive().get("results")
        if not isinstance(answer, list) or len(answer) != len(program.inputs):
            raise ServerDied("it answered nonsense")
        return ProgramResult(tuple(_result(*item) for item in answer))

    def _receive(self) -> dict[str, Any]:
        try:
            size = LENGTH.unpack(self._exactly(LENGTH.size))[0]
            answer = json.loads(self._exactly(size))
        except (OSError, ValueError) as error:
            raise ServerDied(str(error)) from None
        if not isinstance(answer, dict):
            raise ServerDied("it answered nonsense")
        return answer

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self.socket.recv(min(size - len(data), 1 << 20))
            if not piece:
                raise ServerDied("it hung up")
            data += piece
        return bytes(data)

    def close(self) -> None:
        """End it, unless this process is only a fork of the one that started it."""
        self.socket.close()
        if self.owner != os.getpid():
            self.process.returncode = 0  # not ours to wait for
            return
        try:
            # It sees that we hung up, and ends what it was running.
            self.process.wait(GOODBYE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


def start() -> Server:
    """A server that has proved itself on a small program; raises :class:`ScoringError` if there is none to be had."""
    if os.name != "posix" or not sys.executable:
        raise ScoringError("model-written programs cannot be run here: that needs Linux or macOS")
    reason = ""
    for _ in range(2):
        try:
            server = Server()
        except (OSError, ServerDied) as error:
            reason = str(error)
            continue
        try:
            result = server.run(CANARY, Limits(test_seconds=START_SECONDS)).results[0]
        except ServerDied as error:
            result = Result(None, str(error))
        if result.text == "42":
            return server
        server.close()
        reason = result.failure
    raise ScoringError(
        f"the sandbox for model-written programs does not start ({reason}): check the machine's memory and processes"
    )


def _environment() -> dict[str, str]:
    # A fixed hash seed, so that the same program gives the same answer twice; library paths for relocated Pythons.
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
    return {"PYTHONHASHSEED": "0", "PATH": os.defpath, "LANG": "C.UTF-8", **kept}


def _result(ok: object, text: object) -> Result:
    if ok is True and isinstance(text, str):
        return Result(text)
    words = str(text)[:200]
    return Result(None, "".join(letter if letter.isprintable() else " " for letter in words) or "failed")
