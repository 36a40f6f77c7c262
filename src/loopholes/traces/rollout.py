"""One answer that another trainer sampled and paid for, as its file holds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Rollout:
    """``text`` is the answer, ``step`` the training step (0 and up), ``reward`` what was paid, None if nothing was.

    It is joined to its task by ``task``, the whole task as a JSON object, if the file carries it, else by ``task_id``,
    else by ``prompt``, the text that the policy saw. ``verdict`` is the policy's reply to the game's second question,
    if it was asked one.
    """

    text: str
    step: int
    reward: float | None
    prompt: str = ""
    task: Mapping[str, Any] | None = None
    task_id: str | None = None
    verdict: str | None = None


class Missing(str):
    """Why a row holds no answer, although the file is in order."""


def text_in(row: Mapping[str, Any], key: str) -> str:
    """A text of a row; raises ValueError."""
    if not isinstance(row.get(key), str):
        raise ValueError(f"{key!r} is not a text")
    return str(row[key])


def number_in(row: Mapping[str, Any], key: str) -> float:
    """A number of a row; raises ValueError."""
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key!r} is not a number")
    return float(value)


def task_in(value: object) -> Mapping[str, Any] | None:
    """The JSON object of a task, which may be encoded as text; None for anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, Mapping) and "id" in value and "prompt" in value else None
