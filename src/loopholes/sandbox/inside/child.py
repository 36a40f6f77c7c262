"""What happens inside the forked child: load one program, feed it one input, send its answer.

Part of the fork server (see zygote.py), so standard library only. Nothing here is trusted once a program
that is not pure (see syntax.py) has been loaded, and nothing here knows the expected output, or another input of such
a program: it only turns an answer into bounded text. The process that waits for the answer enforces the time.
"""

from __future__ import annotations

import _sitebuiltins
import ast
import builtins
import contextlib
import importlib
import inspect
import io
import os
import re
import sys
import types
from collections.abc import Callable
from typing import Any

from loopholes.sandbox.inside.syntax import is_pure
from loopholes.sandbox.inside.wire import BROKEN, FAILURE, FRAME, HOSTILE, LOADED, MORE, PURE, REQUEST, TEXT

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
    "json",
    "math",
    "random",
    "string",
    "typing",
]:
    importlib.import_module(_name)

MODULE = "solution"
ABOUT_ARGUMENTS = re.compile(r"argument|iterable|iterator|subscriptable|unpack")
REHEARSALS = 20  # enough for the interpreter to settle on the fast form of what every child executes
OpenFile = Callable[[str], int]
Send = Callable[[bytes, str], None]
Further = Callable[[], str | None]


class Streams:
    """Standard input and output as files, on the real descriptors and under the objects in ``sys`` alike.

    The same two objects serve a second attempt, because programs keep them (``input = sys.stdin.readline``).
    """

    def __init__(self) -> None:
        self.stdin, self.stdout = _standard_streams()

    def open(self, open_file: OpenFile) -> None:
        """Take the files that ``open_file`` gives, empty ones."""
        self.input, self.output = open_file("stdin"), open_file("stdout")
        self._rewind(2)
        self._connect()

    def feed(self, text: str) -> None:
        """Make ``text`` the standard input and start a fresh standard output."""
        # Going to the end before the file changes empties the buffers; going to 0 is then a real seek.
        self._rewind(2)
        for saved in (self.input, self.output):
            os.ftruncate(saved, 0)
            os.lseek(saved, 0, os.SEEK_SET)
        os.pwrite(self.input, text.encode("utf-8", "replace"), 0)
        self._connect()

    def _connect(self) -> None:
        os.dup2(self.input, 0)
        os.dup2(self.output, 1)
        self._rewind(0)

    def _rewind(self, whence: int) -> None:
        try:
            self.stdin.seek(0, whence)
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
    sizes = REQUEST.unpack(_exactly(channel, REQUEST.size))
    data = _exactly(channel, sum(sizes[:3]))
    second, third = sizes[0], sizes[0] + sizes[1]
    parts = data[:second], data[second:third], data[third:]
    source, entry_point, entered = [part.decode("utf-8", "surrogatepass") for part in parts]
    _streams.open(open_file)

    def further() -> str | None:
        size = _at_most(channel, MORE.size)
        return _exactly(channel, *MORE.unpack(size)).decode("utf-8", "surrogatepass") if size else None

    respond(source, entry_point, entered, sizes[3], lambda kind, text: send(channel, kind, text), further)
    os._exit(0)


def _exactly(channel: int, size: int) -> bytes:
    if len(data := _at_most(channel, size)) < size:
        os._exit(1)
    return data


def _at_most(channel: int, size: int) -> bytes:
    """``size`` bytes, or fewer if the channel ends."""
    data = os.read(channel, size)
    if len(data) < size:
        pieces = [data]
        while pieces[-1] and (missing := size - sum(map(len, pieces))):
            pieces.append(os.read(channel, missing))
        data = b"".join(pieces)
    return data


def rehearse() -> None:
    """Do in this process what a child does, so that children inherit a warm interpreter."""
    _make_at_home()
    program = "import sys\ndef solve(a, b):\n    print([a, b])\n"
    files = {name: unnamed_file(name) for name in ("stdin", "stdout")}
    for _ in range(REHEARSALS):
        _streams.open(lambda name: files[name])
        respond(program, "solve", "1 2", 9, lambda kind, text: None, lambda: None)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)
    for descriptor in (null, *files.values()):
        os.close(descriptor)
    del sys.modules[MODULE]


def respond(source: str, entry_point: str, entered: str, most: int, send: Send, further: Further) -> None:
    """Load the program and give it its input: LOADED and then TEXT or FAILURE, or else BROKEN.

    Before that, PURE or HOSTILE; a pure program is given ``further`` inputs until there are none. No answer is longer
    than ``most`` characters.
    """
    pure = is_pure(source)
    send(PURE if pure else HOSTILE, "")
    module = types.ModuleType(MODULE)
    sys.modules[MODULE] = module
    names = vars(module)
    kind, text = _guarded(most, lambda: _load(source, names))
    if kind == FAILURE:
        send(BROKEN, text)
        return
    send(LOADED, "")
    send(*_guarded(most, lambda: _answer(names, entry_point, entered, most)))
    # A hostile program gets no further input; not waiting for the end of the channel makes its run 5 % shorter.
    while pure and (another := further()) is not None:
        send(*_guarded(most, lambda: _answer(names, entry_point, another, most)))


def send(channel: int, kind: bytes, text: str) -> None:
    """One frame."""
    # str.encode and not text.encode: the text may be a subclass that the program made.
    data = str.encode(text, "utf-8", "replace")
    data = FRAME.pack(kind, len(data)) + data
    while data:
        data = data[os.write(channel, data) :]


def _load(source: str, names: dict[str, Any]) -> None:
    exec(compile(source, MODULE, "exec"), names)


def _make_at_home() -> None:
    """Add what scripts expect and an interpreter without ``site`` lacks."""
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


def _answer(names: dict[str, Any], entry_point: str, entered: str, most: int) -> object:
    """What the program answers to one input: its return value, or else its last printed line."""
    function = entry(names, entry_point)
    _streams.feed(entered)
    try:
        value = function(*arguments(function, entered))
    except TypeError as error:
        if not ABOUT_ARGUMENTS.search(str(error)):
            raise
        _streams.feed(entered)
        value = function()
    return _streams.last_line(most) if value is None else value


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


def arguments(function: Callable[..., object], entered: str) -> tuple[object, ...]:
    """How the input arrives: not at all (it is on standard input), as one value, or spread over the parameters."""
    count = _parameters(function)
    if count == 0:
        return ()
    value = _value(entered)
    if isinstance(value, (list, tuple)) and len(value) == count:
        return tuple(value)
    return (value,)


def _parameters(function: Callable[..., object]) -> int:
    """How many parameters it has, keyword dictionaries aside; 0 if that is unknown."""
    if type(function) is types.FunctionType and not function.__dict__:
        # What inspect would say of a plain function, without the pages that it would touch.
        code = function.__code__
        return code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & inspect.CO_VARARGS)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 0
    return sum(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters)


def _value(entered: str) -> object:
    words = entered.split()
    if len(words) < 2 or not all(map(str.isdecimal, words)):  # several numbers side by side are not a literal
        with contextlib.suppress(Exception):  # of any kind, since the program may have replaced what ast calls
            return ast.literal_eval(entered)
    return [_number(word) for word in words]


def _number(token: str) -> object:
    for kind in (int, float) if "." in token else (int,):
        with contextlib.suppress(ValueError):
            return kind(token)
    return token


def unnamed_file(name: str) -> int:
    """A descriptor of a file that is in no folder."""
    if sys.platform == "linux":
        return os.memfd_create(name)
    with importlib.import_module("tempfile").TemporaryFile() as file:
        return os.dup(file.fileno())
