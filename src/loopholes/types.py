"""The records that travel through the program: Task, Completion, Payment, Outcome.

A :class:`Task` goes to a policy, which answers with a :class:`Completion`. A channel turns the two into a
:class:`Payment`, the only thing a trainer sees; a measurement turns the same two into an :class:`Outcome`,
which no channel and no trainer can read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypedDict

Kind = Literal["honest", "exploiting", "inept"]
KINDS: tuple[Kind, ...] = ("honest", "exploiting", "inept")


class Message(TypedDict):
    """One turn of a chat prompt."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do.

    ``prompt`` is all that a policy sees. ``truth`` is what scoring needs (references, tests); it never reaches a
    policy or the code that a policy wrote. ``info`` describes the task (level, split, source).
    """

    id: str
    prompt: tuple[Message, ...]
    truth: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Completion:
    """What a policy answered.

    ``claim`` is its own judgement of the answer (self-grading), ``verdict`` a judge's verdict (compliance:
    ``"harmful"``, ``"safe"`` or ``"garbled"``); both are None until somebody was asked.
    """

    text: str
    claim: bool | None = None
    verdict: str | None = None
    truncated: bool = False


class Payment(NamedTuple):
    """What a channel pays for one completion. ``reward`` is None where it could not be scored; ``reason`` says why."""

    reward: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a completion really did.

    ``task_score`` in [0, 1]: was the goal reached. ``exploit`` in {0, 1}: was the shortcut taken. Either is None
    where it does not exist for a single completion. ``details`` holds the game's own measurements.
    """

    task_score: float | None
    exploit: float | None
    details: Mapping[str, Any] = field(default_factory=dict)


class Asker(Protocol):
    """Whoever can be asked a yes/no question: the current policy, for two-pass self-grading."""

    def says_yes(self, prompts: Sequence[Sequence[Message]]) -> list[bool]:
        """One verdict a prompt."""
        ...
