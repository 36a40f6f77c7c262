"""A plain ``f(completion, **row) -> float``, which gets the columns that it has parameters for."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from loopholes.audit.frameworks.base import (
    COMMON,
    Paid,
    Part,
    Rejected,
    Row,
    Shape,
    background_loop,
    file_of,
    function,
    lacking,
    number,
    parameters,
    raised,
)

if TYPE_CHECKING:
    import asyncio

NAME = "plain"
PACKAGE = None
EXTRA = None
REQUIREMENTS: Mapping[str, Sequence[str]] = {}
PREFIXES = ()
OPTIONS = COMMON
FIRST = ("completion", "response", "answer", "output", "text", "solution", "prediction")
"""Names by which the first parameter of a plain function is recognised."""
ANYWHERE = ("completion", "response")
"""Names that mark the completion in any position, as in ``f(prompt, completion, answer)``."""


class PlainReward:
    """Calls each function once per completion. An exception is a problem, without a reward."""

    batched = False

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = [(part, _Caller(part)) for part in parts]
        self.notes = [call.note for _, call in self._parts if call.note]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        return [self._pay(row, text) for row, text in zip(rows, texts, strict=True)]

    def _pay(self, row: Row, text: str) -> Paid:
        total: float | None = None
        values: list[float | None] = []
        for part, call in self._parts:
            try:
                value = number(call(text, row), part.label)
            except Rejected:
                raise
            except Exception as error:
                return Paid(None, raised(error, [call.file]))
            values.append(value)
            if value is not None:
                total = (total or 0) + part.weight * value
        return Paid(total, parts=tuple(values))


class _Caller:
    """A function, and the columns that it takes."""

    def __init__(self, part: Part) -> None:
        self._call = function(part)
        self.file = file_of(self._call)
        self._part = part
        self._takes, self._takes_all, self._name, self._by_name = _parameters(self._call, part)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gets: dict[tuple[str, ...], list[str]] = {}

    @property
    def note(self) -> str:
        """The columns that it gets; empty if it gets all."""
        if self._takes_all:
            return ""
        columns = ", ".join(self._takes) or "none"
        return f"{self._part.label} gets only the columns that it has parameters for ({columns})"

    def __call__(self, text: str, row: Row) -> Any:
        columns = row.columns
        present = tuple(columns)
        if (names := self._gets.get(present)) is None:
            names = self._gets[present] = self._chosen(row)
        chosen = {name: columns[name] for name in names}
        value = self._call(**{self._name: text}, **chosen) if self._by_name else self._call(text, **chosen)
        return value if isinstance(value, float | int) or not inspect.isawaitable(value) else self._awaited(value)

    def _chosen(self, row: Row) -> list[str]:
        """The names of the columns that it gets; raises :class:`Rejected` if it needs another."""
        missing = [name for name, needed in self._takes.items() if needed and name not in row.columns]
        if missing:
            raise Rejected(lacking(self._part.label, ", ".join(missing), row))
        taken = (name for name in row.columns if self._takes_all or name in self._takes)
        return [name for name in taken if name not in ("completion", self._name)]

    def _awaited(self, awaitable: Awaitable[Any]) -> Any:
        async def value() -> Any:
            return await awaitable

        import asyncio

        if self._loop is None:
            self._loop = background_loop(self, self._part.label)
        return asyncio.run_coroutine_threadsafe(value(), self._loop).result()


def _parameters(call: Callable[..., Any], part: Part) -> tuple[dict[str, bool], bool, str, bool]:
    """A function's parameters besides the completion, with whether each is required; and whether it takes any name.

    Also the name of the completion's parameter, since a column of that name is not passed on, and whether the
    completion has to be passed by name.
    """
    signature = parameters(call)
    if signature is None:
        return {}, True, "completion", False
    every = list(signature.values())
    if not every or every[0].kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD):
        raise Rejected(f"{part.label} takes no completion: a plain reward is f(completion, **row)")
    completion = completion_parameter([parameter.name for parameter in every]) or every[0].name
    named = [
        parameter for parameter in every if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    required = {
        parameter.name: parameter.default is parameter.empty for parameter in named if parameter.name != completion
    }
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in every)
    return required, takes_all, completion, completion != every[0].name


def completion_parameter(names: Sequence[str]) -> str | None:
    """The name of the parameter that is the completion; None if no name says so."""
    if names and names[0] in FIRST:
        return names[0]
    return next((name for name in ANYWHERE if name in names), None)


def recognises(shape: Shape) -> bool:
    """Whether the name of a parameter marks a completion."""
    return completion_parameter(shape.parameters) is not None


def build(parts: Sequence[Part], options: Mapping[str, Any]) -> PlainReward:
    """See :mod:`loopholes.audit.frameworks`."""
    return PlainReward(parts)
