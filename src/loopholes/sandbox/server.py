"""The trusted side of a fork server: start it, send it programs, enforce time and memory, replace it when it dies."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from loopholes.errors import ScoringError, UsageError
from loopholes.sandbox.inside.wire import (
    BROKEN,
    END,
    ENDED,
    FAILURE,
    FRAME,
    MISSING,
    ORDER,
    REQUEST,
    RUN,
    TEXT,
    UNSAFE,
    Bounds,
)
from loopholes.sandbox.limits import DEFAULT_LIMITS, Limits, Program, ProgramResult, Result
from loopholes.sandbox.run import Run
from loopholes.sandbox.watch import Watch

Kind = Literal["isolated", "process"]
KINDS: tuple[Kind, ...] = ("isolated", "process")
DEFAULT: Kind = "isolated"
ABOVE: dict[Kind, int] = {"isolated": 2, "process": 1}  # processes between us and a program
VARIABLE = "LOOPHOLES_SANDBOX"
START_SECONDS = 30.0
SLACK_SECONDS = 30.0
GOODBYE_SECONDS = 2.0
SHORT = 1 << 12  # bytes of an input that every run has room for
OUT_OF_MEMORY = "MemoryError"
CANARY = Program("def solve(x):\n    return x + 1", "solve", ("41",))


class ServerDied(Exception):
    """The server hung up, stopped answering, or answered nonsense."""


class Killed(Exception):
    """A run was killed, and not by us: by itself, for lack of memory, or by another process."""


class Server:
    """A running fork server. Belongs to the process that started it and to one thread at a time."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.owner = os.getpid()
        self.home = tempfile.mkdtemp(prefix="loopholes-") if kind == "process" else None
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(START_SECONDS)
        try:
            with theirs:
                self.process = subprocess.Popen(
                    # No site, no user packages, no path of ours: programs get the standard library and nothing else.
                    # Nor a virtual environment's name for the interpreter.
                    [
                        os.path.realpath(sys.executable),
                        "-P",
                        "-s",
                        "-S",
                        "-B",
                        str(Path(__file__).parent / "inside" / "zygote.py"),
                        kind,
                    ],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=self.home or "/",
                    env=_environment(),
                    start_new_session=True,
                )
        except BaseException:
            self.socket.close()
            self._remove_home()
            raise
        try:
            word, text = self._reply()
            if word == MISSING:
                raise ScoringError(
                    f"model-written programs cannot be isolated on this machine: {text}; --sandbox process (or "
                    f"{VARIABLE}=process) runs them all the same, with limits on time and memory but within reach of "
                    "your files, your network and your other processes"
                )
        except BaseException:
            self.close()
            raise

    def run(self, program: Program, limits: Limits, alone: bool = True) -> ProgramResult:
        """One program against all its inputs, each in a run of its own; raises :class:`ServerDied`.

        A program whose syntax shows that it cannot tell one run from the next (syntax.py) gets several inputs per run.
        The answer is not ``settled`` if a run was stopped for lack of processor time; unless ``alone``, no further
        inputs are then tried.
        """
        results: list[Result] = []
        self.starved = False
        while left := program.inputs[len(results) :]:
            try:
                answers = self._run(program, left, limits)
            except Killed:
                # Something else on this machine may have killed it, so it gets one more attempt.
                try:
                    answers = self._run(program, left, limits)
                except Killed:
                    answers = [(FAILURE, "the program was killed, twice: by itself or for want of memory")]
            results += [Result(text) if kind == TEXT else Result(None, _printable(text)) for kind, text in answers]
            if answers[0][0] == BROKEN and len(results) == 1:
                results *= len(program.inputs)
            if self.starved and not alone:
                results = [results[-1]] * len(program.inputs)
        self._end(by_itself=False)
        return ProgramResult(tuple(results), settled=not self.starved)

    def _run(self, program: Program, inputs: Sequence[str], limits: Limits) -> list[tuple[bytes, str]]:
        """The answer to the first input, and to as many of the next ones as the same run may answer."""
        texts = [text.encode("utf-8", "surrogatepass") for text in (program.source, program.entry_point, inputs[0])]
        request = b"".join([REQUEST.pack(*map(len, texts), limits.output_chars), *texts])
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                self._order(RUN, limits, max(len(texts[2]), SHORT), [theirs.fileno()])
            run = Run(ours, limits, Watch(self.process.pid, ABOVE[self.kind]))
            try:
                answers = [run.answer(request)]
            except EOFError:
                ended_by = self._end(by_itself=True)
                if ended_by == signal.SIGKILL:
                    raise Killed from None
                cause = f" ({signal.strsignal(ended_by)})" if ended_by else ""
                return [(FAILURE if run.loaded else BROKEN, f"the program's process ended without a result{cause}")]
            # A run that fails on one of these is not the last word: the next run begins with the same input.
            with suppress(EOFError):
                for text in inputs[1:]:
                    if not run.pure or OUT_OF_MEMORY in answers[-1][1]:
                        break
                    if len(encoded := text.encode("utf-8", "surrogatepass")) > SHORT:
                        break
                    answers.append(run.another(encoded))
            self.starved |= run.starved
        if answers[0][0] == UNSAFE:
            raise ServerDied(f"a program could not be confined ({answers[0][1]})")
        return answers

    def _order(
        self, order: bytes, limits: Limits, input_bytes: int, descriptors: list[int], flag: bool = False
    ) -> None:
        values = [getattr(limits, name) for name in Bounds._fields[:-1]]
        message = ORDER.pack(order, flag, *values, input_bytes)
        self.socket.settimeout(SLACK_SECONDS)
        try:
            socket.send_fds(self.socket, [message], descriptors)
        except OSError as error:
            raise ServerDied(str(error)) from None

    def _end(self, by_itself: bool) -> int:
        self._order(END, DEFAULT_LIMITS, 0, [], by_itself)
        word, text = self._reply()
        if word != ENDED or not text.isdigit():
            raise ServerDied("it answered nonsense")
        return int(text)

    def _reply(self) -> tuple[bytes, str]:
        try:
            word, size = FRAME.unpack(self._exactly(FRAME.size))
            return word, self._exactly(size).decode("utf-8", "replace")
        except OSError as error:
            raise ServerDied(str(error)) from None

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
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
        self._remove_home()

    def _remove_home(self) -> None:
        if self.home is not None:
            shutil.rmtree(self.home, ignore_errors=True)


def mode() -> Kind:
    """How programs run if the caller does not say: as LOOPHOLES_SANDBOX says, else isolated."""
    return checked(os.environ.get(VARIABLE) or DEFAULT)


def checked(kind: str) -> Kind:
    """``kind`` if there is such a sandbox; raises :class:`UsageError`."""
    for name in KINDS:
        if kind == name:
            return name
    raise UsageError(f"the sandbox is isolated or process, not {kind!r}: see --sandbox and {VARIABLE}")


def start(kind: Kind) -> Server:
    """A server that has proved itself on a small program; raises :class:`ScoringError` if none starts."""
    if os.name != "posix" or not sys.executable:
        raise ScoringError("model-written programs cannot be run here: that needs Linux or macOS")
    reason = ""
    for _ in range(2):
        try:
            server = Server(kind)
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


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text[:200]) or "failed"
