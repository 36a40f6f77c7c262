"""verl 0.9's reward loop: how it calls ``compute_score`` and what its managers make of the score.

As in ``verl/experimental/reward_loop``: one sample a call, everything by keyword, ``reward_kwargs`` over the
framework's own; never on the main thread, so that ``signal.alarm`` fails; a number, or a dict whose ``score`` counts.
The default trainer drops a completion whose function raises, or returns what a tensor does not take, and goes on.
"""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from loopholes.errors import UsageError
from loopholes.integrations.base import Paid, Part, Rejected, Row, function, number, raised
from loopholes.integrations.tokens import Tokens

VERL = "0.9"
MANAGERS = {
    "naive": "a completion whose function raises is left out of its group",
    "remote": "a completion whose function raises is left out of its group; async functions are not taken",
    "gdpo": "a completion whose function raises is left out of its group; the combination of several rewards within "
    "a group is not modelled",
    "dapo": "long completions cost as overlong_buffer_cfg says",
    "rate_limited": "exceptions and timeouts pay 0.0; waiting for a rate is not modelled",
}
"""What each reward manager does beside calling the function."""


class VerlReward:
    """One ``compute_score`` under a reward manager."""

    batched = False

    def __init__(self, part: Part, options: Mapping[str, Any]) -> None:
        self._part = part
        self._call = function(part, registered=False)
        self._is_async = inspect.iscoroutinefunction(self._call)
        self._kwargs = dict(options.get("reward_kwargs") or {})
        self._manager = str(options.get("manager") or "naive")
        if self._manager not in MANAGERS:
            raise UsageError(f"there is no reward manager {self._manager!r}; choose from: {', '.join(MANAGERS)}")
        if self._manager == "remote" and self._is_async:
            raise Rejected(f"{part.label} is async, which the remote manager does not take")
        self._tokens = Tokens(options.get("tokenizer"))
        self._overlong = _Overlong.of(options) if self._manager == "dapo" else None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="asyncio")
        self.notes = [f"reward manager {self._manager}: {MANAGERS[self._manager]}", self._tokens.note]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        pay = self._pay_async if self._is_async else self._pay_all
        return self._thread.submit(pay, rows, texts).result()

    def _pay_all(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        paid = []
        for row, text in zip(rows, texts, strict=True):
            try:
                paid.append(self._read(self._call(**self._given(row, text)), text))
            except Rejected:
                raise
            except Exception as error:
                paid.append(self._failed(error))
        return paid

    def _pay_async(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        async def one(row: Row, text: str) -> Paid:
            try:
                return self._read(await self._call(**self._given(row, text)), text)
            except Rejected:
                raise
            except Exception as error:
                return self._failed(error)

        async def every() -> list[Paid]:
            return await asyncio.gather(*(one(row, text) for row, text in zip(rows, texts, strict=True)))

        return asyncio.run(every())

    def _given(self, row: Row, text: str) -> dict[str, Any]:
        columns = row.columns
        extra = dict(columns.get("extra_info") or {})
        if self._manager in ("naive", "remote"):
            extra |= {"turn_scores": [], "tool_rewards": [], "num_turns": np.int64(2), "rollout_reward_scores": {}}
        elif self._manager == "rate_limited":
            extra |= {"turn_scores": [], "tool_rewards": []}
        elif self._manager == "gdpo":
            extra["experiment_name"] = "audit"
        return {
            "data_source": np.str_(columns["data_source"]) if "data_source" in columns else _missing("data_source"),
            "solution_str": text,
            "ground_truth": _ground_truth(columns),
            "extra_info": extra,
            **self._kwargs,
        }

    def _read(self, result: Any, text: str) -> Paid:
        keys: tuple[str, ...] = ("acc",)
        if isinstance(result, Mapping):
            if "score" not in result:
                return self._failed(KeyError("score"))
            keys = tuple(sorted(map(str, result)))
            result = result["score"]
        if isinstance(result, np.float32 | np.bool_):
            problem = f"returned a numpy.{type(result).__name__}, which verl's trainer cannot store"
            return Paid(None, problem, keys=keys)
        if inspect.iscoroutine(result):
            result.close()
            raise Rejected(f"{self._part.label} is not seen as async by verl, and its coroutine would be the score")
        value = number(result, self._part.label)
        if value is None:
            return Paid(None, "returned None, for which verl has no reward", keys=keys)
        if self._overlong is not None:
            value += self._overlong.penalty(self._tokens.count(text))
        return Paid(value, "" if math.isfinite(value) else f"returned {value}", keys=keys)

    def _failed(self, error: Exception) -> Paid:
        return Paid(0.0 if self._manager == "rate_limited" else None, raised(error))


class _Overlong:
    """DAPO's penalty: none up to the buffer's beginning, then down by a line without an end."""

    def __init__(self, longest: int, buffer: int, factor: float) -> None:
        self._begins = longest - buffer
        self._buffer = buffer
        self._factor = factor

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> _Overlong | None:
        """From the options; None if the penalty is off."""
        if options.get("overlong_buffer") is None:
            return None
        longest, buffer = int(options.get("max_completion_tokens") or 0), int(options["overlong_buffer"])
        if not 0 < buffer <= longest:
            raise UsageError("overlong_buffer lies between 1 and the longest completion")
        return cls(longest, buffer, float(options.get("penalty_factor", 1.0)))

    def penalty(self, tokens: int) -> float:
        """What a completion of this length is paid less, at most 0."""
        return min(-(tokens - self._begins) / self._buffer * self._factor, 0.0)


def _ground_truth(columns: Mapping[str, Any]) -> Any:
    """Where verl reads it; a flat column does as well."""
    section = columns.get("reward_model")
    if isinstance(section, Mapping) and "ground_truth" in section:
        return section["ground_truth"]
    return columns["ground_truth"] if "ground_truth" in columns else _missing("reward_model.ground_truth")


def _missing(name: str) -> Any:
    raise Rejected(f"the data has no column {name}, which verl hands to compute_score")


def build(parts: Sequence[Part], options: Mapping[str, Any]) -> VerlReward:
    """See :mod:`loopholes.integrations`.

    Options: ``manager``, ``reward_kwargs``, ``tokenizer``, and for DAPO ``overlong_buffer``, ``penalty_factor`` and
    ``max_completion_tokens``.
    """
    if len(parts) != 1 or parts[0].weight != 1:
        raise UsageError("verl takes one compute_score, without a weight")
    return VerlReward(parts[0], options)
