"""What happens inside the forked child: load one program, feed it each input, write down what it answers.

Part of the fork server (see zygote.py), so standard library only. Nothing here is trusted by anybody once the
program has been loaded, and nothing here knows what would be right: it only turns answers into bounded text.
"""

from __future__ import annotations

import _sitebuiltins
import ast
import builtins
import contextlib
import functools
import importlib
import inspect
import io
import os
import re
import signal
import struct
import sys
import tempfile
import time
import types
from collections.abc import Callable
from typing import Any

# What programs import most: loaded once, before any fork, so that none of them waits for it.
for _name in [
    "bisect",
    "collections",
    "copy",
    "dataclasses",
    "decimal",
    "fractions",
    "heapq",
    "itertools",
    "json",
    "math",
    "string",
    "typing",
]:
    importlib.import_module(_name)

FRAME = struct.Struct(">cI")
STARTED, LOADED, TEXT, FAILURE = b"S", b"L", b"T", b"F"
KINDS = frozenset({STARTED, LOADED, TEXT, FAILURE})
MODULE = "solution"
ABOUT_ARGUMENTS = re.compile(r"argument|iterable|iterator|subscriptable|unpack")


class TimeUp(BaseException):
    """Raised inside a program that has used up its time; not an Exception, so that honest handlers let it pass."""


class Clock:
    """The limit of one test in seconds, by an alarm that rings again for a program that swallows it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.armed = False
        signal.signal(signal.SIGALRM, self._ring)

    def _ring(self, *unused: object) -> None:
        if self.armed:
            raise TimeUp

    @contextlib.contextmanager
    def running(self) -> Any:
        """Raises TimeUp in the block when the time is over, or after it if the block took too long."""
        started = time.monotonic()
        self.armed = True
        signal.setitimer(signal.ITIMER_REAL, self.seconds, 0.1)
        try:
            yield
        finally:
            self.armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        if time.monotonic() - started > self.seconds:
            raise TimeUp


class Streams:
    """Standard input and output as files, on the real descriptors and under the objects in ``sys`` alike.

    The same two objects serve every input, because programs keep them (``input = sys.stdin.readline``).
    """

    def __init__(self) -> None:
        self.input, self.output = _memory_file(), _memory_file()
        self.stdin, self.stdout = _standard_streams()
        self.connect("")

    def connect(self, text: str) -> None:
        """Lay out ``text`` as standard input and start a fresh standard output."""
        self._rewind(0)
        for saved, data in ((self.input, text.encode("utf-8", "replace")), (self.output, b"")):
            os.ftruncate(saved, 0)
            os.lseek(saved, 0, os.SEEK_SET)
            os.write(saved, data)
            os.lseek(saved, 0, os.SEEK_SET)
        os.dup2(self.input, 0)
        os.dup2(self.output, 1)
        self._rewind(1)

    def _rewind(self, step: int) -> None:
        # Going to the end before the file changes empties the buffers; going to 0 is then a real seek.
        try:
            self.stdin.seek(0, 0 if step else 2)
            self.stdout.flush()
        except (ValueError, OSError):
            self.stdin, self.stdout = _standard_streams()
        sys.stdin = sys.__stdin__ = self.stdin  # type: ignore[misc]
        sys.stdout = sys.__stdout__ = self.stdout  # type: ignore[misc]

    def last_line(self, most: int) -> str:
        """The last printed line, stripped; raises ValueError if it is longer than ``most`` characters."""
        for stream in (sys.stdout, self.stdout):
            with contextlib.suppress(Exception):
                stream.flush()
        size = os.fstat(self.output).st_size
        first = max(0, size - 4 * most - 2)
        lines = os.pread(self.output, size - first, first).decode("utf-8", "replace").splitlines()
        if first and len(lines) == 1:
            raise ValueError(f"the last printed line is longer than {most} characters")
        return lines[-1].strip() if lines else ""


def _standard_streams() -> tuple[io.TextIOWrapper, io.TextIOWrapper]:
    return (
        open(0, encoding="utf-8", closefd=False),
        open(1, "w", encoding="utf-8", errors="replace", closefd=False),
    )


def run(request: dict[str, Any], first: int, channel: int) -> None:
    """Answer every input from number ``first`` on over ``channel``, then end the process. Never returns."""
    _send(channel, STARTED, "")
    clock, streams, most = Clock(request["test_seconds"]), Streams(), request["output_chars"]
    _make_at_home()
    module = types.ModuleType(MODULE)
    sys.modules[MODULE] = module
    load = functools.partial(_load, request["source"], vars(module))
    kind, text = _guarded(clock, most, load)
    _send(channel, LOADED if kind == TEXT else FAILURE, text)
    for given in request["inputs"][first:]:
        function = functools.partial(_answer, vars(module), request["entry_point"], given, streams, most)
        _send(channel, *_guarded(clock, most, function))
    os._exit(0)


def _load(source: str, names: dict[str, Any]) -> None:
    exec(compile(source, MODULE, "exec"), names)


def _make_at_home() -> None:
    """What a script expects of its surroundings and an interpreter without ``site`` lacks."""
    os.environ["TMPDIR"] = os.getcwd()
    sys.argv = [MODULE]
    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, "Ctrl-D"))
    builtins.input = _input


def _input(prompt: object = "", /) -> str:
    """As the built-in, except that a prompt is not printed: it would be part of the last printed line."""
    line = sys.stdin.readline()
    if not line:
        raise EOFError("EOF when reading a line")
    return line.rstrip("\n")


def _guarded(clock: Clock, most: int, function: Callable[[], object]) -> tuple[bytes, str]:
    try:
        with clock.running():
            text = function()
            text = "" if text is None else str(text)
    except TimeUp:
        return FAILURE, f"took longer than {clock.seconds:g} s"
    except BaseException as error:
        return FAILURE, _describe(error)
    if len(text) > most:
        return FAILURE, f"the answer is longer than {most} characters"
    return TEXT, text


def _describe(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:200]
    except BaseException:
        return "an error that cannot be described"


def _send(channel: int, kind: bytes, text: str) -> None:
    # str.encode and not text.encode: the text may be a subclass that the program made.
    data = str.encode(text, "utf-8", "replace")
    data = FRAME.pack(kind, len(data)) + data
    while data:
        data = data[os.write(channel, data) :]


def _answer(names: dict[str, Any], entry_point: str, given: str, streams: Streams, most: int) -> object:
    """What the program answers to one input: its return value, or else its last printed line."""
    function = entry(names, entry_point)
    streams.connect(given)
    try:
        value = function(*arguments(function, given))
    except TypeError as error:
        if not ABOUT_ARGUMENTS.search(str(error)):
            raise
        streams.connect(given)
        value = function()
    return streams.last_line(most) if value is None else value


def entry(names: dict[str, Any], entry_point: str) -> Callable[..., object]:
    """A function of that name, else ``Solution().<name>``, else ``Solution().solve``, else ``solve``."""
    if callable(names.get(entry_point)):
        return names[entry_point]  # type: ignore[no-any-return]
    with contextlib.suppress(Exception):
        solution = names["Solution"]()
        for name in (entry_point, "solve"):
            if callable(getattr(solution, name, None)):
                return getattr(solution, name)  # type: ignore[no-any-return]
    if callable(names.get("solve")):
        return names["solve"]  # type: ignore[no-any-return]
    raise LookupError(f"the program defines no {entry_point}")


def arguments(function: Callable[..., object], given: str) -> tuple[object, ...]:
    """How the input arrives: not at all (it is on standard input), as one value, or spread over the parameters."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()
    count = sum(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters)
    if count == 0:
        return ()
    value = _value(given)
    if isinstance(value, (list, tuple)) and len(value) == count:
        return tuple(value)
    return (value,)


def _value(given: str) -> object:
    try:
        return ast.literal_eval(given)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return [_number(token) for token in given.split()]


def _number(token: str) -> object:
    for kind in (int, float) if "." in token else (int,):
        with contextlib.suppress(ValueError):
            return kind(token)
    return token


def _memory_file() -> int:
    """A descriptor of an unnamed file, above those a program expects to be its own."""
    if sys.platform == "linux":
        return os.memfd_create("stream")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
