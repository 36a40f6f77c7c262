"""TRL 1.16's GRPOTrainer: how it calls reward functions and what it makes of their values.

As in ``GRPOTrainer._calculate_rewards``: everything by keyword, nothing filtered by signature, one call a batch; async
functions together on an event loop of another thread; None and NaN say that a function does not apply, and the rest is
summed by weight; a row to which none applies gets no advantage. An exception stops the training. Functions get the same
lists one after another, so that what one of them changes the next one sees. (The tests compare this with TRL's own
method.)
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import math
import re
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
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
    held,
    lacking,
    number,
    raised,
)
from loopholes.audit.frameworks.tokens import Tokens
from loopholes.errors import UsageError

NAME = "trl"
PACKAGE = "trl"
EXTRA = None  # the library is not needed to call a reward of its kind
REQUIREMENTS: Mapping[str, Sequence[str]] = {"trl": ("trl~=1.16.0", "math-verify")}
PREFIXES = ()
OPTIONS = COMMON
TRL = "1.16"
KEPT_BACK = ("prompt", "completion", "completion_ids")
"""Columns that TRL does not hand on."""
TAKEN = ("prompts", "completions")
"""Names that a column cannot have: TRL's own keywords."""
STEPS = 1000
"""Of the training that a reward is told of; it stands before the first."""


class TrlReward:
    """Several functions with weights, as ``reward_funcs`` and ``reward_weights``."""

    batched = True

    def __init__(self, parts: Sequence[Part], tokenizer: str | None = None) -> None:
        self._parts = parts
        self._calls = [function(part) for part in parts]
        self._tokens = Tokens(tokenizer)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.notes = [
            "rewards are compared before TRL normalises them within a group; multi_objective_aggregation="
            "'normalize_then_sum' weighs several functions otherwise",
            self._tokens.note,
        ]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        given = self._given(rows, texts)
        try:
            found = self._called(given, len(rows))
        except Rejected:
            raise
        except Exception as error:
            if isinstance(error, TypeError):
                self._refuse(error, rows[0].columns)
            return [Paid(None, raised(error))] * len(rows)
        return [self._sum(parts) for parts in zip(*found, strict=True)]

    def _called(self, given: Mapping[str, Any], count: int) -> list[list[float | None]]:
        """The values of each function: those of async ones together, behind the others."""
        found: dict[int, list[float | None]] = {}
        late = [place for place, call in enumerate(self._calls) if _is_async(call)]
        for place, call in enumerate(self._calls):
            if place not in late:
                found[place] = _values(call(**given), count, self._parts[place].label)
        if late:
            outputs = self._wait(_together([self._calls[place] for place in late], given))
            for place, output in zip(late, outputs, strict=True):
                found[place] = _values(output, count, self._parts[place].label)
        return [found[place] for place in range(len(self._calls))]

    def _refuse(self, error: TypeError, columns: Iterable[str]) -> None:
        """Raise :class:`Rejected` for a signature that TRL's keywords do not fit."""
        text = str(error).replace("()", "")
        if "unexpected keyword argument" in text:
            text = text.replace("got an unexpected keyword argument", "does not take:")
            raise Rejected(f"TRL calls with keywords that {text}: add **kwargs") from error
        name, is_missing, needed = re.sub(r"\d+ ", "", text).partition(" missing required keyword-only argument")
        if not is_missing:
            name, is_missing, needed = re.sub(r"\d+ ", "", text).partition(" missing required positional argument")
        if is_missing:
            missing = needed.partition(": ")[2]
            raise Rejected(lacking(name, missing, columns)) from error

    def _given(self, rows: Sequence[Row], texts: Sequence[str]) -> dict[str, Any]:
        columns = [key for key in rows[0].columns if key not in KEPT_BACK]
        clash = [key for key in columns if key in TAKEN]
        if clash:
            raise Rejected(f"a column is called {clash[0]}, which is TRL's own keyword: rename it")
        given: dict[str, Any] = {key: [_of(row, key) for row in rows] for key in columns}
        chat = rows[0].is_chat
        given |= {
            "prompts": [
                row.prompt if isinstance(row.prompt, str) else [{**turn} for turn in row.prompt] for row in rows
            ],
            "completions": [[{"role": "assistant", "content": text}] if chat else text for text in texts],
            "completion_ids": [self._tokens.ids(text) for text in texts],
            "trainer_state": _State(),
            "log_extra": lambda column, values: None,
            "log_metric": lambda name, value: None,
        }
        return given

    def _sum(self, parts: tuple[float | None, ...]) -> Paid:
        known = [p.weight * value for p, value in zip(self._parts, parts, strict=True) if value is not None]
        total = sum(one for one in known if not math.isnan(one))
        return Paid(held(total) if known else None, parts=parts)

    def _wait(self, found: Coroutine[Any, Any, list[Any]]) -> list[Any]:
        if self._loop is None:
            self._loop = background_loop(self, "GRPOTrainer-AsyncLoop")
        return asyncio.run_coroutine_threadsafe(found, self._loop).result()


async def _together(calls: Sequence[Callable[..., Any]], given: Mapping[str, Any]) -> list[Any]:
    return await asyncio.gather(*(call(**given) for call in calls))


class _State:
    """The trainer's state at the start of a training; made when a function looks at it, since that takes transformers.

    ``max_steps`` is what schedules divide by, which is never 0 in a training.
    """

    def __getattr__(self, name: str) -> Any:
        from transformers import TrainerState

        return getattr(TrainerState(max_steps=STEPS, num_train_epochs=1), name)


def _of(row: Row, key: str) -> Any:
    if key not in row.columns:
        raise Rejected(f"row {row.number} has no {key}, which the first row has")
    return row.columns[key]


def _values(output: Any, count: int, label: str) -> list[float | None]:
    """What TRL reads of a function's return value: a number a completion, None and NaN alike for "not applicable"."""
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
    return [_value(one, label) for one in listed]


def _value(given: Any, label: str) -> float | None:
    value = number(given, label)
    if value is None or math.isnan(value):
        return None
    return held(value)


def _is_async(call: Callable[..., Any]) -> bool:
    inner = call
    while isinstance(inner, functools.partial):
        inner = inner.func
    return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(getattr(inner, "__call__", None))  # noqa: B004


def recognises(shape: Shape) -> bool:
    """Whether it takes completions in batches."""
    return not {"completions", "completion_ids"}.isdisjoint(shape.parameters)


def build(parts: Sequence[Part], options: Mapping[str, Any]) -> TrlReward:
    """See :mod:`loopholes.audit.frameworks`. Option: ``tokenizer``."""
    if options.get("group") is not None and int(options["group"]) < 2:
        raise UsageError("--group is at least 2")
    return TrlReward(parts, options.get("tokenizer"))
