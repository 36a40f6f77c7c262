"""A plain ``f(completion, **row) -> float``: the row's columns by the names that the function takes."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from loopholes.audit.frameworks.base import (
    COMMON,
    Paid,
    Part,
    Rejected,
    Row,
    Shape,
    background_loop,
    function,
    lacking,
    number,
    parameters,
    raised,
)

NAME = "plain"
PACKAGE = None
EXTRA = None
REQUIREMENTS: Mapping[str, Sequence[str]] = {}
PREFIXES = ()
OPTIONS = COMMON
FIRST = ("completion", "response", "answer", "output", "text", "solution", "prediction")
"""Names of a first parameter that a plain function is recognised by."""
ANYWHERE = ("completion", "response")
"""Names that say which parameter is the completion wherever it stands, as in ``f(prompt, completion, answer)``."""


class PlainReward:
    """Calls each function once a completion. Exceptions are problems, and no reward."""

    batched = False

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = [(part, _Caller(part)) for part in parts]
        self.notes = [call.note for _, call in self._parts if call.note]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        return [self._pay(row, text) for row, text in zip(rows, texts, strict=True)]

    def _pay(self, row: Row, text: str) -> Paid:
        values: list[float | None] = []
        for part, call in self._parts:
            try:
                values.append(number(call(text, row.columns), part.label))
            except Rejected:
                raise
            except Exception as error:
                return Paid(None, raised(error))
        known = [part.weight * value for (part, _), value in zip(self._parts, values, strict=True) if value is not None]
        return Paid(sum(known) if known else None, parts=tuple(values))


class _Caller:
    """A function with the columns that it takes."""

    def __init__(self, part: Part) -> None:
        self._call = function(part)
        self._part = part
        self._takes, self._takes_all, self._name, self._by_name = _parameters(self._call, part)
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def note(self) -> str:
        """Which columns it gets; empty if it takes all."""
        if self._takes_all:
            return ""
        columns = ", ".join(self._takes) or "none"
        return f"{self._part.label} gets those columns that it has a parameter for ({columns}); others are left out"

    def __call__(self, text: str, columns: Mapping[str, Any]) -> Any:
        missing = [name for name, needed in self._takes.items() if needed and name not in columns]
        if missing:
            raise Rejected(lacking(self._part.label, ", ".join(missing), columns))
        given = {key: value for key, value in columns.items() if self._takes_all or key in self._takes}
        for name in ("completion", self._name):
            given.pop(name, None)
        found = self._call(**{self._name: text}, **given) if self._by_name else self._call(text, **given)
        return self._awaited(found) if inspect.isawaitable(found) else found

    def _awaited(self, found: Awaitable[Any]) -> Any:
        async def value() -> Any:
            return await found

        if self._loop is None:
            self._loop = background_loop(self, self._part.label)
        return asyncio.run_coroutine_threadsafe(value(), self._loop).result()


def _parameters(call: Callable[..., Any], part: Part) -> tuple[dict[str, bool], bool, str, bool]:
    """The names that a function takes beside the completion, whether each is needed; whether it takes all.

    Then comes the name of the completion itself, since a column of that name is not handed over, and whether the
    completion has to be handed over by this name.
    """
    signature = parameters(call)
    if signature is None:
        return {}, True, "completion", False
    known = list(signature.values())
    if not known or known[0].kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD):
        raise Rejected(f"{part.label} takes no completion: a plain reward is f(completion, **row)")
    completion = _completion([one.name for one in known]) or known[0].name
    rest = [
        one for one in known if one.name != completion and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    ]
    takes_all = any(one.kind is one.VAR_KEYWORD for one in known)
    return {one.name: one.default is one.empty for one in rest}, takes_all, completion, completion != known[0].name


def _completion(names: Sequence[str]) -> str | None:
    """The parameter that is the completion by its name; None if no name says so."""
    if names and names[0] in FIRST:
        return names[0]
    return next((name for name in ANYWHERE if name in names), None)


def recognises(shape: Shape) -> bool:
    """Whether a parameter is a completion by its name."""
    return _completion(shape.parameters) is not None


def build(parts: Sequence[Part], options: Mapping[str, Any]) -> PlainReward:
    """See :mod:`loopholes.audit.frameworks`."""
    return PlainReward(parts)
