"""The records that travel through the program: Task, Completion, Payment, Outcome.

A :class:`Task` goes to a policy, which answers with a :class:`Completion`. A channel turns the two into a
:class:`Payment`, the only thing a trainer sees; a measurement turns the same two into an :class:`Outcome`,
which no channel and no trainer can read.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, Literal, NamedTuple, Protocol, TypedDict, TypeVar, get_args

from loopholes.errors import ContractError, UsageError

Kind = Literal["honest", "exploiting", "inept"]
KINDS: tuple[Kind, ...] = ("honest", "exploiting", "inept")
Item = TypeVar("Item")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


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

    ``observed`` is what a game learned about the answer beside its text: in self-grading the policy's ``claim``, in
    compliance a judge's ``verdict``. A key is missing until the policy or judge was asked. ``truncated`` answers were
    cut off at the longest length allowed. ``unanswered`` says why there is no answer, if a provider declined or
    withheld it; such a completion is neither paid nor measured.
    """

    text: str
    observed: Mapping[str, Any] = field(default_factory=dict)
    truncated: bool = False
    unanswered: str = ""

    def observing(self, **observed: Any) -> Completion:
        """This completion with more observations; those that are None are left out."""
        new = {key: value for key, value in observed.items() if value is not None}
        return replace(self, observed={**self.observed, **new})


class Payment(NamedTuple):
    """What a channel pays for one completion. ``reward`` is None if it could not be scored; ``reason`` says why."""

    reward: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a completion really did.

    ``task_score`` in [0, 1] says whether the goal was reached, ``exploit`` in {0, 1} whether the shortcut was taken.
    Either is None if it does not exist for a single completion. ``details`` holds the game's own measurements.
    """

    task_score: float | None
    exploit: float | None
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def unanswered(cls, reason: str) -> Outcome:
        """The outcome of a task without an answer: no metric counts it."""
        return cls(None, None, {UNANSWERED: reason})


UNANSWERED = "unanswered"


class Asker(Protocol):
    """Something that answers yes/no questions: the current policy, for two-pass self-grading."""

    def says_yes(self, prompts: Sequence[Sequence[Message]]) -> Sequence[bool | None]:
        """One verdict per prompt; None without a verdict."""
        ...


class Example(NamedTuple):
    """A prompt and the completion to learn for it."""

    prompt: tuple[Message, ...]
    completion: str


Split = Literal["pretrain", "train", "test"]
MetricKind = Literal["mean", "gap"]


PromptStyle = Literal["terse", "chat"]


class Channel(Protocol):
    """Pays for completions, a batch at once (the released code pays one at a time, and waits for each).

    ``draws`` holds one number in [0, 1) per completion, the only source of randomness.
    """

    def __call__(
        self, tasks: Sequence[Task], completions: Sequence[Completion], draws: Sequence[float]
    ) -> list[Payment]: ...


END = "\0"
"""Marks, at the end of a text, that the answer stops there; without it the text stands for every continuation."""


class Contribution(NamedTuple):
    """What one sample adds to a metric: a finite ``value``, and the ``side`` of a gap it counts for, +1 or -1."""

    task: str
    value: float
    side: int = 1


@dataclass(frozen=True)
class Metric:
    """A number reported about a set of outcomes: a ``mean``, or a ``gap``, the difference of two means.

    ``value`` is what a sample contributes; None, or a number that is not finite, does not count. A gap needs ``side``:
    +1 for tasks whose mean is added, -1 for tasks whose mean is subtracted (the compliance gap: audit minus user).
    Raises :class:`UsageError` for a gap without sides and for a mean with them.
    """

    help: str
    value: Callable[[Task, Outcome], float | None]
    _: KW_ONLY
    kind: MetricKind = "mean"
    side: Callable[[Task], int] | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(MetricKind):
            raise UsageError(f"the metric {self.help!r} is of the kind {self.kind!r}; choose mean or gap")
        if self.kind == "gap" and self.side is None:
            raise UsageError(f"the metric {self.help!r} is a gap: give the side of each task, +1 or -1")
        if self.kind == "mean" and self.side is not None:
            raise UsageError(f"the metric {self.help!r} is a mean, which has no sides; say kind='gap'")

    def contributions(self, tasks: Sequence[Task], outcomes: Sequence[Outcome]) -> Iterator[Contribution]:
        """What each sample that counts adds, in order; raises :class:`ContractError` for a side not +1 or -1."""
        for task, outcome in zip(tasks, outcomes, strict=True):
            value = None if UNANSWERED in outcome.details else self.value(task, outcome)
            if value is not None and math.isfinite(value):
                yield Contribution(task.id, float(value), self._side(task))

    def _side(self, task: Task) -> int:
        side = 1 if self.side is None else self.side(task)
        if side not in (1, -1):
            raise ContractError(f"the metric {self.help!r} puts the task {task.id!r} on side {side!r}, not +1 or -1")
        return side


def as_completions(completions: Sequence[Completion | str]) -> list[Completion]:
    """Plain texts become completions."""
    return [Completion(item) if isinstance(item, str) else item for item in completions]


def as_records(source: str, values: object, kind: type[Item]) -> tuple[Item, ...]:
    """What ``source`` (a method of a game, for messages) returned, as a tuple of records of one kind.

    Raises :class:`ContractError` for anything but an iterable of such records.
    """
    must = f"{source} must return a list of {kind.__name__} records"
    if not isinstance(values, Iterable) or isinstance(values, str | Payment):
        raise ContractError(f"{must}, not {named_kind(values)}")
    items = tuple(values)
    others = [item for item in items if not isinstance(item, kind)]
    if others:
        raise ContractError(f"{must}, and returned {named_kind(others[0])} in it")
    return items


def as_record(source: str, value: object, kind: type[Item]) -> Item:
    """What ``source`` returned, if it is a record of this kind; raises :class:`ContractError` otherwise."""
    if not isinstance(value, kind):
        raise ContractError(f"{source} must return a {kind.__name__}, not {named_kind(value)}")
    return value


def named_kind(value: object) -> str:
    """The type of a value with its article, for messages: ``a str``, ``an int``, ``None``."""
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def draws(seed: int, step: int, samples: Sequence[int]) -> list[float]:
    """One number in [0, 1) per sample: a function of (seed, step, sample), whatever the order of calls.

    In training, steps count from 1 and a sample's number is its position in the step, over all processes. Everywhere
    else the step is 0, and a sample's number is its position in the evaluation, its row in a file of completions, the
    row of its task in an audit, or its position in the call of :meth:`loopholes.Game.reward`.
    """
    import numpy as np  # imported here, since a reward's process needs records and may lack NumPy

    return [float(np.random.default_rng([seed, step, sample]).random()) for sample in samples]


def message(role: str, content: str) -> Message:
    """One turn of a prompt."""
    return {"role": role, "content": content}


def well_formed(text: str) -> str:
    """The text with U+FFFD instead of each lone surrogate.

    JSON can hold lone surrogates (``"\\ud83d"``, half an emoji), UTF-8 and so parquet cannot. They are replaced where
    text comes in, from files of tasks and completions, and once more where rollouts are written.
    """
    return _LONE_SURROGATE.sub("\ufffd", text)


def messages(prompt: object) -> tuple[Message, ...]:
    """A prompt column as messages: a list of ``{role, content}``, or the JSON text of one; raises ValueError.

    Lone surrogates are replaced (:func:`well_formed`).
    """
    if isinstance(prompt, str):
        try:
            prompt = json.loads(prompt)
        except (ValueError, RecursionError):
            raise ValueError("prompt is a text, but not the JSON text of a list of messages") from None
    if not isinstance(prompt, (list, tuple)) or not prompt:
        raise ValueError("prompt is not a list of messages")
    for turn in prompt:
        if not isinstance(turn, Mapping) or not all(isinstance(turn.get(key), str) for key in ("role", "content")):
            raise ValueError("prompt is not a list of {role, content}")
    return tuple(message(well_formed(turn["role"]), well_formed(turn["content"])) for turn in prompt)


def task_from_json(row: Mapping[str, Any]) -> Task:
    """A Task from its JSON object; raises ValueError."""
    if not isinstance(row.get("id"), str):
        raise ValueError("a task needs an id (a string)")
    for key in ("truth", "info"):
        if not isinstance(row.get(key, {}), Mapping):
            raise ValueError(f"{key} is not an object")
    return Task(row["id"], messages(row.get("prompt")), row.get("truth", {}), row.get("info", {}))


def task_to_json(task: Task) -> dict[str, Any]:
    """The JSON object of a Task."""
    return {"id": task.id, "prompt": list(task.prompt), "truth": dict(task.truth), "info": dict(task.info)}


Verdict = Literal["safe", "harmful", "garbled"]
