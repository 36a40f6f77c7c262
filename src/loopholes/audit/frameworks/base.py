"""What an audit needs of a reward: rows and completions in, what a trainer would optimise out."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import math
import re
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NamedTuple, Protocol

from loopholes import modules
from loopholes.errors import UsageError
from loopholes.records import Message

Prompt = str | tuple[Message, ...]
LARGEST = 3.4028234663852886e38
"""That a 32-bit float holds, and so what trainers store."""
COMMON: Mapping[str, str] = {
    "max_completion_tokens": "The longest completion, in tokens.",
    "tokenizer": "The model whose tokens are counted.",
    "group": "Completions per group, for rewards that compare them.",
}
"""Options of every framework that is handed rows; the command has flags for them."""
FIXED = (str, int, float, bool, type(None))
"""What cannot be changed."""
WANTS = {
    r"api[_ -]?key|credential|unauthori[sz]ed|access token|\b40[13]\b": "credentials, which an audit does not have",
    r"\bcuda\b|nvidia|\bgpus?\b": "a GPU",
    r"docker|podman|container": "a container, which is not started here",
    r"connection|connect to|name resolution|max retries|network is unreachable": "a server that cannot be reached",
    r"no model|model has been initiali[sz]ed|get_model|grader model": "a model, which an audit does not run",
}
"""What a target asks for that an audit cannot give, by a pattern in what it raises."""
LATE_CALL = "took longer than"
"""How the problem begins of a call that did not come back in time."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a user's data. ``columns`` is all of it, ``prompt`` and ``golden`` included.

    ``golden`` is a whole completion that is right and well-formed, or None where the data has none; ``floor`` is one
    that is honestly wrong, where the data says what that is.
    """

    number: int
    prompt: Prompt
    golden: str | None = None
    floor: str | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What a policy reads, as plain text."""
        return self.prompt if isinstance(self.prompt, str) else "\n".join(turn["content"] for turn in self.prompt)

    @property
    def is_chat(self) -> bool:
        """Whether the prompt is a list of messages, so that completions are, too."""
        return not isinstance(self.prompt, str)


class Paid(NamedTuple):
    """What a trainer would get for one completion: ``value``, or None where the reward says that it does not apply.

    ``problem`` is what went wrong, in a few words; a framework that turns that into a number gives both. ``parts`` are
    the values of the single rewards before weights; ``keys`` those of a dict that was returned; ``shown`` is what an
    environment showed first in the episode that was paid.
    """

    value: float | None
    problem: str = ""
    parts: tuple[float | None, ...] = ()
    keys: tuple[str, ...] = ()
    shown: str = ""

    @property
    def is_late(self) -> bool:
        """Whether it did not come back in time."""
        return self.problem.startswith(LATE_CALL)


@dataclass(frozen=True, slots=True)
class Part:
    """One function of a reward: where it is, its name there, and the weight of its value.

    ``source`` is ``FILE.py``, ``package.module`` or a framework's prefix; a name may be a call with literal arguments.
    """

    source: str
    name: str
    weight: float = 1.0

    @property
    def label(self) -> str:
        """As it is typed."""
        return f"{self.source}:{self.name}" if self.name else self.source


@dataclass(frozen=True, slots=True)
class Shape:
    """Names that tell which framework a reward was written for: parameters, decorators, a class's bases and methods."""

    parameters: Sequence[str] = ()
    bases: frozenset[str] = frozenset()
    decorators: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()


class Library:
    """A library of a framework, imported when something of it is first used; every attribute is that module's."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


class Loop:
    """An event loop for everything that is async, and for nothing else; it is made when it is first needed.

    A process with one cannot be forked.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def wait(self, answer: Any) -> Any:
        """What was returned, awaited if need be."""
        if not inspect.isawaitable(answer):
            return answer
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            weakref.finalize(self, self._loop.close)
        return self._loop.run_until_complete(answer)


class Reward(Protocol):
    """A user's reward, in the process that it runs in.

    ``batched``: one call scores many completions, as a trainer would hand them over together. ``notes`` tell what of
    the framework's handling is modelled, and what is not. Where a completion is what is done in an episode, an
    attribute ``turns`` says how many turns one has at most.
    """

    batched: bool
    notes: Sequence[str]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        """One payment a completion, in order; raises :class:`Rejected` for what no trainer could use."""
        ...


class Rejected(UsageError):
    """The function cannot be audited, since no trainer could use it: wrong signature, wrong type, wrong length."""


def lacking(reward: str, missing: str, columns: Iterable[str]) -> str:
    """What to say where a reward has parameters without a default that the data has no columns for."""
    shown = ", ".join(list(columns)[:8])
    return f"{reward} needs {missing}, which the data has no column for, only: {shown}; rename a column or a parameter"


def load(part: Part, *, registered: bool = True) -> Any:
    """The object that a part names; raises :class:`UsageError` in one sentence. See :mod:`loopholes.modules`."""
    return modules.load(part.source, part.name, registered=registered)


def named(module: ModuleType, part: Part) -> Any:
    """What a part names in its module; raises :class:`UsageError` with the names that there are."""
    return modules.resolve(module, part.name, part.source)


def copied(value: Any) -> Any:
    """A value of a row, down to what cannot be changed; several times as fast as deepcopy for what JSON holds."""
    if isinstance(value, FIXED):
        return value
    if type(value) is dict:
        return {key: copied(one) for key, one in value.items()}
    return [copied(one) for one in value] if type(value) is list else deepcopy(value)


def raised(error: BaseException) -> str:
    """How a problem names an exception."""
    text = str(error).strip().splitlines()
    return f"raised {type(error).__name__}{': ' + text[0][:160] if text else ''}"


def wanting(problem: str) -> str:
    """What a target seems to need, as the end of a sentence about its problem; empty if that cannot be told."""
    wanted = next((what for pattern, what in WANTS.items() if re.search(pattern, problem, re.IGNORECASE)), "")
    return f"; it seems to need {wanted}" if wanted else ""


def number(value: Any, label: str) -> float | None:
    """A reward as a float, or None; raises :class:`Rejected` for what is no number."""
    if value is None:
        return None
    if isinstance(value, str | bytes):
        raise Rejected(f"{label} returned the {type(value).__name__} {value[:40]!r}, not a number")
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Rejected(f"{label} returned a {type(value).__name__}, not a number") from error


def held(value: float) -> float:
    """A number as a tensor of 32-bit floats holds it, but for the rounding of its digits."""
    return math.copysign(math.inf, value) if abs(value) > LARGEST else value


def function(part: Part, **how: Any) -> Callable[..., Any]:
    """The callable that a part names; raises :class:`UsageError`."""
    value = load(part, **how)
    if isinstance(value, type):
        raise UsageError(f"{part.label} is a class, not a function: name an instance, such as {part.label}()")
    if not callable(value):
        raise UsageError(f"{part.label} is a {type(value).__name__}, not a function")
    return value  # type: ignore[no-any-return]


def parameters(call: Callable[..., Any]) -> Mapping[str, inspect.Parameter] | None:
    """The parameters of a function, or of what it decorates; None if they cannot be told, as of some C functions."""
    try:
        return inspect.signature(call).parameters
    except (TypeError, ValueError):
        return None


def background_loop(owner: object, name: str) -> asyncio.AbstractEventLoop:
    """An event loop that runs on a thread of this name until its owner is gone."""
    loop = asyncio.new_event_loop()

    def run() -> None:
        loop.run_forever()
        loop.close()

    threading.Thread(target=run, daemon=True, name=name).start()
    weakref.finalize(owner, loop.call_soon_threadsafe, loop.stop)
    return loop
