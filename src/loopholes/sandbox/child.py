"""What happens inside the forked child: load one program, feed it one input, write down what it answers.

Part of the fork server (see zygote.py), so standard library only. Nothing here is trusted by anybody once the
program has been loaded, and nothing here knows what would be right, or any input but this one: it only turns an
answer into bounded text. Whoever waits for it out there keeps the time.
"""

from __future__ import annotations

import _sitebuiltins
import ast
import builtins
import contextlib
import importlib
import inspect
import io
import json
import os
import re
import struct
import sys
import tempfile
import types
from collections.abc import Callable

# What programs import most: loaded once, before any fork, so that none of them waits for it.
for _name in [
    "bisect",
    "collections",
    "copy",
    "dataclasses",
    "decimal",
    "fractions",
    "functools",
    "heapq",
    "itertools",
    "math",
    "random",
    "string",
    "typing",
]:
    importlib.import_module(_name)

LENGTH = struct.Struct(">Q")
FRAME = struct.Struct(">cI")
# UNSAFE: the sandbox is not in force, nothing was run. BROKEN: the program does not load. FAILURE: it fails here.
UNSAFE, BROKEN, LOADED, TEXT, FAILURE = b"X", b"B", b"L", b"T", b"F"
KINDS = frozenset({UNSAFE, BROKEN, LOADED, TEXT, FAILURE})
MODULE = "solution"
ABOUT_ARGUMENTS = re.compile(r"argument|iterable|iterator|subscriptable|unpack")
REHEARSALS = 20  # enough for the interpreter to settle on the fast form of what every child executes
OpenFile = Callable[[str], int]
Send = Callable[[bytes, str], None]


class Streams:
    """Standard input and output as files, on the real descriptors and under the objects in ``sys`` alike.

    The same two objects serve a second attempt, because programs keep them (``input = sys.stdin.readline``).
    """

    def __init__(self) -> None:
        self.stdin, self.stdout = _standard_streams()

    def open(self, open_file: OpenFile) -> None:
        """Take the files that ``open_file`` gives, empty ones."""
        self.input, self.output = open_file("stdin"), open_file("stdout")
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


_streams = Streams()


def run(channel: int, open_file: OpenFile) -> None:
    """Answer the request on ``channel`` there, then end the process. Never returns."""
    os.set_inheritable(channel, False)
    request = json.loads(_exactly(channel, LENGTH.unpack(_exactly(channel, LENGTH.size))[0]))
    _streams.open(open_file)
    respond(request, _streams, lambda kind, text: send(channel, kind, text))
    os._exit(0)


def rehearse() -> None:
    """Do what a child does, here, so that children inherit an interpreter that has warmed up to it."""
    program = "import sys\ndef solve(a, b):\n    print([a, b])\n"
    request = {"source": program, "entry_point": "solve", "input": "1 2", "output_chars": 9}
    with contextlib.ExitStack() as opened:
        files = {name: opened.enter_context(tempfile.TemporaryFile()) for name in ("stdin", "stdout")}
        for _ in range(REHEARSALS):
            _streams.open(lambda name: files[name].fileno())
            respond(json.loads(json.dumps(request)), _streams, lambda kind, text: None)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1):
            os.dup2(null, descriptor)
        os.close(null)
    del sys.modules[MODULE]


def respond(request: dict[str, str], streams: Streams, send: Send) -> None:
    """Load the program and give it its input: LOADED and then TEXT or FAILURE, or else BROKEN."""
    _make_at_home()
    module = types.ModuleType(MODULE)
    sys.modules[MODULE] = module
    names, most = vars(module), int(request["output_chars"])
    kind, text = _guarded(most, lambda: _load(request["source"], names))
    if kind == FAILURE:
        return send(BROKEN, text)
    send(LOADED, "")
    return send(*_guarded(most, lambda: _answer(names, request["entry_point"], request["input"], streams, most)))


def send(channel: int, kind: bytes, text: str) -> None:
    """One frame."""
    # str.encode and not text.encode: the text may be a subclass that the program made.
    data = str.encode(text, "utf-8", "replace")
    data = FRAME.pack(kind, len(data)) + data
    while data:
        data = data[os.write(channel, data) :]


def _exactly(channel: int, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = os.read(channel, min(size - len(data), 1 << 20))
        if not piece:
            os._exit(1)
        data += piece
    return bytes(data)


def _load(source: str, names: dict[str, Any]) -> None:
    exec(compile(source, MODULE, "exec"), names)


def _make_at_home() -> None:
    """What a script expects of its surroundings and an interpreter without ``site`` lacks."""
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


def _guarded(most: int, function: Callable[[], object]) -> tuple[bytes, str]:
    try:
        text = function()
        text = "" if text is None else str(text)
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
