"""What an audit needs of a reward: rows and completions in, what a trainer would optimise out.

asyncio takes a third of the time in which a reward's process starts, so it is imported where something is awaited.
"""

from __future__ import annotations

import importlib
import inspect
import math
import os
import re
import threading
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from types import CodeType, ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from loopholes import modules
from loopholes.errors import UsageError

if TYPE_CHECKING:
    import asyncio

    from loopholes.records import Message

Prompt: TypeAlias = "str | tuple[Message, ...]"
LARGEST = 3.4028234663852886e38
"""Largest finite float32; trainers store rewards as float32."""
COMMON: Mapping[str, str] = {
    "max_completion_tokens": "The longest completion, in tokens.",
    "tokenizer": "The model whose tokens are counted.",
    "group": "Completions per group, for rewards that compare them.",
}
"""Options of every framework that takes rows. The command has flags for them."""
FIXED = (str, int, float, bool, type(None))
"""Immutable types, which need no copy."""
WANTS = {
    r"api[_ -]?key|credential|unauthori[sz]ed|access token|\b40[13]\b": "credentials, which an audit does not have",
    r"\bcuda\b|nvidia|\bgpus?\b": "a GPU",
    r"docker|podman|container": "a container, which is not started here",
    r"connection|connect to|name resolution|max retries|network is unreachable": "a server that cannot be reached",
    r"no model|model has been initiali[sz]ed|get_model|grader model": "a model, which an audit does not run",
    r"second pass": "--set self_report=inline, with which the answer itself makes the claim",
}
"""What a target needs and an audit cannot provide, by a pattern in its exceptions."""
LATE_CALL = "took longer than"
"""Prefix of ``Paid.problem`` for a call that did not return in time."""
NO_REWARD = "returned None, which is not a reward"
"""The problem of a reward that returned None to a framework that needs a number."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a user's data. ``columns`` holds all of it, including ``prompt`` and ``golden``.

    ``golden`` is a whole right and well-formed completion, or None if the data has none. ``floor`` is an honest wrong
    one, if the data has one.
    """

    number: int
    prompt: Prompt
    golden: str | None = None
    floor: str | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The prompt as plain text."""
        return self.prompt if isinstance(self.prompt, str) else "\n".join(turn["content"] for turn in self.prompt)

    @property
    def is_chat(self) -> bool:
        """Whether the prompt, and so every completion, is a list of messages."""
        return not isinstance(self.prompt, str)


class Paid(NamedTuple):
    """The payment of one completion: the ``value`` for the trainer, or None if the reward does not apply.

    ``problem`` says what went wrong, in a few words; a framework that turns a failure into a number sets both.
    ``parts`` are the values of the single rewards before weights, ``keys`` the keys of a returned dict, and
    ``first_observation`` is what an episode began with.
    """

    value: float | None
    problem: str = ""
    parts: tuple[float | None, ...] = ()
    keys: tuple[str, ...] = ()
    first_observation: str = ""

    @property
    def is_late(self) -> bool:
        """Whether the call did not return in time."""
        return self.problem.startswith(LATE_CALL)

    @property
    def is_none(self) -> bool:
        """Whether the reward returned None to a framework that needs a number."""
        return self.problem == NO_REWARD


@dataclass(frozen=True, slots=True)
class Part:
    """One function of a reward: its source, its name there, and the weight of its value.

    ``source`` is ``FILE.py``, ``package.module`` or a framework's prefix; a name may be a call with literal arguments.
    """

    source: str
    name: str
    weight: float = 1.0

    @property
    def label(self) -> str:
        """The part as a user types it."""
        return f"{self.source}:{self.name}" if self.name else self.source


@dataclass(frozen=True, slots=True)
class Shape:
    """Names that show a reward's framework: parameters, decorators, and a class's bases and methods."""

    parameters: Sequence[str] = ()
    bases: frozenset[str] = frozenset()
    decorators: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()


class Library:
    """A library of a framework, imported on first use. Every attribute is the module's."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


class Loop:
    """An event loop that is created when something async first needs it.

    A process with an event loop cannot be forked.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def wait(self, answer: Any) -> Any:
        """An answer, awaited if necessary."""
        if not inspect.isawaitable(answer):
            return answer
        if self._loop is None:
            import asyncio

            self._loop = asyncio.new_event_loop()
            weakref.finalize(self, self._loop.close)
        return self._loop.run_until_complete(answer)


class Reward(Protocol):
    """A user's reward, in the process that it runs in.

    ``batched``: one call scores many completions, as a trainer would pass them. ``notes`` say which of the framework's
    behaviour is modelled, and which is not. If completions are episodes, an attribute ``turns`` is the most turns per
    episode.
    """

    batched: bool
    notes: Sequence[str]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        """One payment per completion, in order; raises :class:`Rejected` if no trainer could use the reward."""
        ...


class Rejected(UsageError):
    """The function cannot be audited, since no trainer could use it: wrong signature, type or length."""


def lacking(reward: str, missing: str, row: Row) -> str:
    """The message about a reward's required parameters that a row has no columns for."""
    names = ", ".join(list(row.columns)[:8])
    return (
        f"{reward} needs {missing}, but row {row.number} has only the columns {names}: rename a column or a parameter, "
        "or fill the column in every row"
    )


def load(part: Part, *, registered: bool = True) -> Any:
    """The object that a part names; raises :class:`UsageError` in one sentence. See :mod:`loopholes.modules`."""
    return modules.load(part.source, part.name, registered=registered)


def named(module: ModuleType, part: Part) -> Any:
    """The object that a part names in its module; raises :class:`UsageError` with the existing names."""
    return modules.resolve(module, part.name, part.source)


def copied(value: Any) -> Any:
    """A deep copy of a value, several times as fast as deepcopy for JSON types."""
    if isinstance(value, FIXED):
        return value
    if type(value) is dict:
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if type(value) is list else deepcopy(value)


def raised(error: BaseException, files: Collection[str] = ()) -> str:
    """The problem that describes an exception, with the last line of these files that it passed through."""
    text = str(error).strip().splitlines()
    what = " ".join(filter(None, [text[0][:160] if text else "", _line_in(files, error.__traceback__)]))
    return f"raised {type(error).__name__}{': ' + what if what else ''}"


def _line_in(files: Collection[str], trace: TracebackType | None) -> str:
    """The last line of these files in a traceback, in parentheses; empty if it passes through none."""
    where = ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        where = f"({os.path.basename(file)}, line {trace.tb_lineno})" if file in files else where
        trace = trace.tb_next
    return where


def file_of(call: Callable[..., Any]) -> str:
    """The file in which a function, or the class of a callable, was written; empty if it was not written in Python."""
    try:
        inner = inspect.unwrap(call.func if isinstance(call, partial) else call)
    except ValueError:  # it wraps itself
        return ""
    code = getattr(inner, "__code__", None) or getattr(type(inner).__call__, "__code__", None)
    return code.co_filename if isinstance(code, CodeType) else ""


def wanting(problem: str) -> str:
    """What a target seems to need, as the end of a sentence about its problem; empty if unknown."""
    wanted = next((what for pattern, what in WANTS.items() if re.search(pattern, problem, re.IGNORECASE)), "")
    return f"; it seems to need {wanted}" if wanted else ""


def number(value: Any, label: str) -> float | None:
    """A reward as a float, or None; raises :class:`Rejected` if it is not a number."""
    if value is None or type(value) is float:
        return value
    if isinstance(value, str | bytes):
        raise Rejected(f"{label} returned the {type(value).__name__} {value[:40]!r}, not a number")
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Rejected(f"{label} returned a {type(value).__name__}, not a number") from error


def payment(value: Any, label: str) -> Paid:
    """What a returned value pays in a framework that needs a number; raises :class:`Rejected` for other types."""
    reward = number(value, label)
    return Paid(reward, "" if reward is not None else NO_REWARD)


def held(value: float) -> float:
    """A number in the range of float32; larger ones become infinite."""
    return math.copysign(math.inf, value) if abs(value) > LARGEST else value


def function(part: Part, **how: Any) -> Callable[..., Any]:
    """The callable that a part names; raises :class:`UsageError`."""
    value = load(part, **how)
    if isinstance(value, type):
        raise UsageError(f"{part.label} is a class, not a function: name an instance, such as {part.label}()")
    if not callable(value):
        raise UsageError(f"{part.label} is of type {type(value).__name__}, and no function")
    return value  # type: ignore[no-any-return]


def parameters(call: Callable[..., Any]) -> Mapping[str, inspect.Parameter] | None:
    """The parameters of a function, or of the one that it wraps; None if unknown, as for some C functions."""
    try:
        return inspect.signature(call).parameters
    except (TypeError, ValueError):
        return None


def background_loop(owner: object, name: str) -> asyncio.AbstractEventLoop:
    """An event loop on a thread of this name, which stops when its owner is garbage-collected."""
    import asyncio

    loop = asyncio.new_event_loop()

    def run() -> None:
        loop.run_forever()
        loop.close()

    threading.Thread(target=run, daemon=True, name=name).start()
    weakref.finalize(owner, loop.call_soon_threadsafe, loop.stop)
    return loop
