"""Inspect's scorers and tasks: ``package.module:SCORER(arguments)`` or ``FILE.py:TASK``, decorated with Inspect's own.

``inspect_ai:SCORER`` is one of Inspect's own scorers, from ``inspect_ai.scorer``.

A scorer is called as Inspect calls it, with the state after one reply and with the sample's target. Inspect's
``value_to_float`` turns its value into a number. If a sample has choices, the reply is read as the solver
``multiple_choice`` reads it. A task has its own data set; a scorer needs rows with a column ``target`` (or ``answer``),
and may use ``choices`` and ``metadata``. A scorer that calls a model, or runs in a sandbox, raises here, and the audit
reports that.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from loopholes.audit.frameworks.base import (
    COMMON,
    Library,
    Loop,
    Paid,
    Part,
    Prompt,
    Rejected,
    Row,
    Shape,
    load,
    number,
    raised,
)
from loopholes.errors import UsageError

NAME = "inspect_ai"
PACKAGE = "inspect-ai"
EXTRA = None
REQUIREMENTS: Mapping[str, Sequence[str]] = {"inspect_ai": ("inspect-ai",)}
PREFIXES = ("inspect_ai",)
OPTIONS = {
    **COMMON,
    "target": "The column of the rows that holds the target; default: target, else answer.",
    "scorer": "Which of a task's scorers, counted from 0; default: 0.",
    "rows": "How many samples of a task to take; default: 200.",
}
SCORERS = "inspect_ai.scorer"
"""The module with Inspect's own scorers."""
MODEL = "none/audit"
"""The name of the model, as a scorer sees it."""
TARGETS = ("target", "answer", "ground_truth")
"""Columns that may hold the target; the first that exists counts."""
ROWS = 200
scoring, solvers, models = Library(SCORERS), Library("inspect_ai.solver"), Library("inspect_ai.model")
tasks, registry = Library("inspect_ai"), Library("inspect_ai._util.registry")
choosing, named = Library("inspect_ai.solver._multiple_choice"), Library("inspect_ai.model._model")


class InspectReward:
    """The value of a scorer for one reply."""

    batched = False

    def __init__(self, part: Part, options: Mapping[str, Any]) -> None:
        self._part = part
        self._column = options.get("target")
        task, scorers = _scorers(part)
        place = int(options.get("scorer") or 0)
        if not 0 <= place < len(scorers):
            raise UsageError(f"{part.label} has {len(scorers)} scorers, so there is no number {place}")
        self._score = scorers[place]
        self._to_float = scoring.value_to_float()
        self._loop = Loop()
        further = len(scorers) - 1
        self.not_covered = [f"{further} other scorers of {part.label} (--set scorer=NUMBER)"] if further else []
        self.notes: Sequence[str] = [
            "one reply to the sample, without tools; a value becomes a number by Inspect's value_to_float",
            *([] if task is None else ["the task's solvers are not run, except for reading the choice in a reply"]),
        ]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        return [self._pay(row, text) for row, text in zip(rows, texts, strict=True)]

    def _pay(self, row: Row, text: str) -> Paid:
        target = scoring.Target(self._target(row))
        try:
            state = _state(row, text, target)
            score = self._loop.wait(self._score(state, target))
            value = None if score is None else score.value
            if value is None or isinstance(value, Mapping | list):
                return Paid(None, "returned no single value")
            paid = number(self._to_float(value), self._part.label)
        except Rejected:
            raise
        except Exception as error:
            return Paid(None, raised(error))
        return Paid(paid) if paid is not None and not math.isnan(paid) else Paid(None, "was not scored")

    def _target(self, row: Row) -> str | list[str]:
        names = TARGETS if self._column is None else (self._column,)
        name = next((name for name in names if name in row.columns), None)
        if name is None:
            raise Rejected(f"row {row.number} has no column {' or '.join(names)}, which the scorer compares with")
        value = row.columns[name]
        return [str(item) for item in value] if isinstance(value, list) else "" if value is None else str(value)


def _scorers(part: Part) -> tuple[Any, list[Any]]:
    """The task and scorers that a part names; None and one scorer if it names a scorer."""
    value = load(replace(part, source=SCORERS) if part.source == NAME else part)
    if registry.is_registry_object(value) and not part.name.endswith(")"):
        try:
            value = value()
        except Exception as error:
            raise Rejected(f"{part.label} cannot be created without arguments, it {raised(error)}") from error
    if isinstance(value, tasks.Task):
        listed = value.scorer if isinstance(value.scorer, list) else [value.scorer]
        scorers = [scorer for scorer in listed if scorer is not None]
        if not scorers:
            raise Rejected(f"{part.label} is a task without a scorer")
        return value, scorers
    if not callable(value):
        raise UsageError(f"{part.label} is neither a scorer nor a task of Inspect")
    return None, [value]


def _state(row: Row, text: str, target: Any) -> Any:
    """The state after a reply, as a scorer sees it."""
    turns = ({"role": "user", "content": row.prompt},) if isinstance(row.prompt, str) else row.prompt
    kinds = {"system": models.ChatMessageSystem, "assistant": models.ChatMessageAssistant}
    messages = [kinds.get(turn["role"], models.ChatMessageUser)(content=turn["content"]) for turn in turns]
    output, choices = models.ModelOutput.from_content(MODEL, text), row.columns.get("choices")
    state = solvers.TaskState(
        model=named.ModelName(MODEL),
        sample_id=row.number,
        epoch=1,
        input=row.prompt if isinstance(row.prompt, str) else messages,
        messages=[*messages, output.message],
        target=target,
        choices=[str(choice) for choice in choices] if isinstance(choices, list) else None,
        output=output,
        completed=True,
        metadata=dict(row.columns.get("metadata") or {}),
    )
    if state.choices:
        answers = choosing.parse_answers(state, multiple_correct=len(target) > 1)
        choosing.set_choices_based_on_generated_response(state, answers)
    return state


def members() -> list[str]:
    """The names of all of Inspect's own scorers."""
    named_scorers = ((name, getattr(scoring, name)) for name in scoring.__all__)
    return sorted(name for name, value in named_scorers if registry.is_registry_object(value, "scorer"))


def recognises(shape: Shape) -> bool:
    """Whether it has one of Inspect's decorators."""
    return not {"scorer", "task"}.isdisjoint(shape.decorators)


def brings_rows(shape: Shape) -> bool:
    """Whether it has samples, as tasks do and scorers do not."""
    return "task" in shape.decorators


def build(parts: Sequence[Part], options: Mapping[str, Any]) -> InspectReward:
    """See :mod:`loopholes.audit.frameworks`."""
    if len(parts) != 1 or parts[0].weight != 1:
        raise UsageError("one scorer or task of Inspect at a time is audited, without a weight")
    return InspectReward(parts[0], options)


def rows(parts: Sequence[Part], options: Mapping[str, Any]) -> list[Row]:
    """The samples of a task as rows; raises :class:`UsageError` for a scorer, or a data set that cannot be read."""
    task, _ = _scorers(parts[0])
    if task is None:
        raise UsageError(f"{parts[0].label} is a scorer, which has no rows: give --data with a column target")
    count = int(options.get("rows") or ROWS)
    try:
        samples = [sample for _, sample in zip(range(count), task.dataset, strict=False)]
    except Exception as error:
        raise UsageError(f"the data set of {parts[0].label} cannot be read: it {raised(error)}") from error
    return [_row(number, sample) for number, sample in enumerate(samples)]


def _row(place: int, sample: Any) -> Row:
    target = sample.target if isinstance(sample.target, str) else [*sample.target]
    columns = {"target": target, "metadata": json.loads(json.dumps(sample.metadata or {}, default=str))}
    if sample.choices:
        columns["choices"] = [*sample.choices]
    prompt = _prompt(sample)
    return Row(place, prompt, columns={"prompt": prompt if isinstance(prompt, str) else [*prompt], **columns})


def _prompt(sample: Any) -> Prompt:
    lines = [*_choices(sample.choices or ())]
    if isinstance(sample.input, str):
        return "\n".join([sample.input, *lines])
    turns = [{"role": turn.role, "content": turn.text} for turn in sample.input]
    if lines:
        turns[-1]["content"] = "\n".join([turns[-1]["content"], *lines])
    return tuple({"role": turn["role"], "content": turn["content"]} for turn in turns)


def _choices(choices: Sequence[str]) -> Iterator[str]:
    """The choices as ``multiple_choice`` shows them, and its instruction for the answer."""
    yield from (f"{chr(ord('A') + place)}) {choice}" for place, choice in enumerate(choices))
    if choices:
        yield "The last line of your response should be of the following format: 'ANSWER: $LETTER'."
