"""TRL 1.16's GRPOTrainer: how it calls reward functions, and what it does with their values.

As in ``GRPOTrainer._calculate_rewards``, all arguments are keywords, nothing is filtered by signature, and a batch is
one call. Async functions run together on an event loop of another thread. None and NaN mean that a function does not
apply; the other values are summed by weight, and a row to which no function applies gets no advantage. An exception
stops the training. Functions get the same lists in turn, so that each sees the changes of those before it. (The tests
compare this with TRL's own method.)
"""

from __future__ import annotations

import functools
import inspect
import math
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
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
    held,
    lacking,
    number,
    raised,
)
from loopholes.audit.frameworks.tokens import Tokens
from loopholes.errors import UsageError

if TYPE_CHECKING:
    import asyncio

NAME = "trl"
PACKAGE = "trl"
EXTRA = None  # calling such a reward does not need the library
REQUIREMENTS: Mapping[str, Sequence[str]] = {"trl": ("trl~=1.16.0", "math-verify")}
PREFIXES = ()
OPTIONS = COMMON
TRL = "1.16"
WITHHELD = ("prompt", "completion", "completion_ids")
"""Columns that TRL does not pass on."""
TAKEN = ("prompts", "completions")
"""TRL's own keywords, which no column may have as its name."""
STEPS = 1000
"""Length of the training, in steps, in the trainer state that a reward sees; the training has not begun."""


class TrlReward:
    """Several weighted functions, as ``reward_funcs`` and ``reward_weights``."""

    batched = True

    def __init__(self, parts: Sequence[Part], tokenizer: str | None = None) -> None:
        self._parts = parts
        self._calls = [function(part) for part in parts]
        self._tokens = Tokens(tokenizer)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.notes = [
            "rewards are compared before TRL normalises them within a group; multi_objective_aggregation="
            "'normalize_then_sum' weighs several functions differently",
            self._tokens.note,
        ]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        keywords = self._keywords(rows, texts)
        try:
            values = self._called(keywords, len(rows))
        except Rejected:
            raise
        except Exception as error:
            if isinstance(error, TypeError):
                self._refuse(error, rows[0])
            return [Paid(None, raised(error, [*map(file_of, self._calls)]))] * len(rows)
        return [self._sum(parts) for parts in zip(*values, strict=True)]

    def _called(self, keywords: Mapping[str, Any], count: int) -> list[list[float | None]]:
        """The values of each function. Async functions run together, after the others."""
        values: dict[int, list[float | None]] = {}
        late = [place for place, call in enumerate(self._calls) if _is_async(call)]
        for place, call in enumerate(self._calls):
            if place not in late:
                values[place] = _values(call(**keywords), count, self._parts[place].label)
        if late:
            outputs = self._wait(_together([self._calls[place] for place in late], keywords))
            for place, output in zip(late, outputs, strict=True):
                values[place] = _values(output, count, self._parts[place].label)
        return [values[place] for place in range(len(self._calls))]

    def _refuse(self, error: TypeError, row: Row) -> None:
        """Raise :class:`Rejected` if a signature does not accept TRL's keywords."""
        text = str(error).replace("()", "")
        if "unexpected keyword argument" in text:
            text = text.replace("got an unexpected keyword argument", "does not take:")
            raise Rejected(f"TRL calls with keywords that {text}: add **kwargs") from error
        name, is_missing, needed = re.sub(r"\d+ ", "", text).partition(" missing required keyword-only argument")
        if not is_missing:
            name, is_missing, needed = re.sub(r"\d+ ", "", text).partition(" missing required positional argument")
        if is_missing:
            missing = needed.partition(": ")[2]
            raise Rejected(lacking(name, missing, row)) from error

    def _keywords(self, rows: Sequence[Row], texts: Sequence[str]) -> dict[str, Any]:
        columns = [key for key in rows[0].columns if key not in WITHHELD]
        clash = [key for key in columns if key in TAKEN]
        if clash:
            raise Rejected(f"a column is called {clash[0]}, which is TRL's own keyword: rename it")
        keywords: dict[str, Any] = {key: [_of(row, key) for row in rows] for key in columns}
        chat = rows[0].is_chat
        keywords |= {
            "prompts": [
                row.prompt if isinstance(row.prompt, str) else [{**turn} for turn in row.prompt] for row in rows
            ],
            "completions": [[{"role": "assistant", "content": text}] if chat else text for text in texts],
            "completion_ids": [self._tokens.ids(text) for text in texts],
            "trainer_state": _State(),
            "log_extra": lambda column, values: None,
            "log_metric": lambda name, value: None,
        }
        return keywords

    def _sum(self, parts: tuple[float | None, ...]) -> Paid:
        applicable = [p.weight * value for p, value in zip(self._parts, parts, strict=True) if value is not None]
        total = sum(value for value in applicable if not math.isnan(value))
        return Paid(held(total) if applicable else None, parts=parts)

    def _wait(self, values: Coroutine[Any, Any, list[Any]]) -> list[Any]:
        import asyncio

        if self._loop is None:
            self._loop = background_loop(self, "GRPOTrainer-AsyncLoop")
        return asyncio.run_coroutine_threadsafe(values, self._loop).result()


async def _together(calls: Sequence[Callable[..., Any]], keywords: Mapping[str, Any]) -> list[Any]:
    import asyncio

    return await asyncio.gather(*(call(**keywords) for call in calls))


class _State:
    """The trainer's state at the start of a training. It is created on first use, since it imports transformers.

    Schedules divide by ``max_steps``, which is never 0 in a training.
    """

    def __getattr__(self, name: str) -> Any:
        from transformers import TrainerState

        return getattr(TrainerState(max_steps=STEPS, num_train_epochs=1), name)


def _of(row: Row, key: str) -> Any:
    if key not in row.columns:
        raise Rejected(f"row {row.number} has no {key}, which the first row has")
    return row.columns[key]


def _values(output: Any, count: int, label: str) -> list[float | None]:
    """A function's return value as TRL reads it: a number per completion, or None for None and NaN."""
    if inspect.iscoroutine(output):
        output.close()
    if isinstance(output, str | bytes | Mapping | set | frozenset):
        raise Rejected(f"{label} returned a {type(output).__name__}, not a list of numbers")
    try:
        listed = list(output)
    except TypeError as error:
        raise Rejected(f"{label} returned a {type(output).__name__}, not a list of numbers") from error
    if len(listed) != count:
        raise Rejected(f"{label} returned {len(listed)} rewards for {count} completions")
    return [_value(value, label) for value in listed]


def _value(output: Any, label: str) -> float | None:
    value = number(output, label)
    if value is None or math.isnan(value):
        return None
    return held(value)


def _is_async(call: Callable[..., Any]) -> bool:
    inner = call
    while isinstance(inner, functools.partial):
        inner = inner.func
    return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(getattr(inner, "__call__", None))  # noqa: B004


def recognises(shape: Shape) -> bool:
    """Whether a reward takes completions in batches."""
    return not {"completions", "completion_ids"}.isdisjoint(shape.parameters)


def build(parts: Sequence[Part], options: Mapping[str, Any]) -> TrlReward:
    """See :mod:`loopholes.audit.frameworks`. Option: ``tokenizer``."""
    if options.get("group") is not None and int(options["group"]) < 2:
        raise UsageError("--group is at least 2")
    return TrlReward(parts, options.get("tokenizer"))
