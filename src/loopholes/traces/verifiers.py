"""verifiers 0.4 (its v1): ``traces.jsonl``, one episode per line, of ``vf-eval`` and of trainers that use it.

An episode has the task and a trace for each agent; a trace has the messages as ``nodes``, of which the policy wrote
the ``sampled`` ones, and named ``rewards`` with weights. An exported game has the whole task as ``game_task``; if it
asks its policy a second question, the second reply is the verdict. ``run.work.step`` is the training step; an
evaluation has none, and is step 0 here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loopholes.files import json_lines
from loopholes.traces.rollout import Missing, Rollout, number_in, task_in

WRITTEN_BY = "verifiers writes an episode per line, with task and traces, into traces.jsonl"


def files_in(folder: Path) -> list[Path]:
    """``traces.jsonl`` in a folder or below it, by path."""
    return sorted(folder.rglob("traces.jsonl"))


def read(path: Path) -> Iterator[Rollout | Missing | str]:
    """The trace of every episode of a file; an episode without an answer, as after an error, is :class:`Missing`."""
    for number, row in json_lines(path):
        try:
            if isinstance(row, ValueError):
                raise row
            if not isinstance(row.get("traces"), list):
                raise ValueError("'traces' is not a list")
            if not row["traces"]:
                yield Missing("the episode has no trace")
            for trace in row["traces"]:
                yield _rollout(trace, _step(row))
        except ValueError as error:
            yield f"line {number}: {error}"


def _rollout(trace: Any, step: int) -> Rollout | Missing:
    nodes, data = _part(trace, "nodes"), _part(_part(trace, "task"), "data")
    if not isinstance(nodes, list) or not isinstance(data, Mapping):
        raise ValueError("a trace has no nodes, or no task with data")
    written = [_part(node, "message") for node in nodes if _part(node, "sampled") is True]
    replies = [_content(message) for message in written if _part(message, "role") == "assistant"]
    if not replies:
        return Missing("the policy wrote nothing")
    sent = [_part(node, "message") for node in nodes if _part(node, "sampled") is not True]
    identifier = data.get("id")
    return Rollout(
        replies[0],
        step,
        _reward(_part(trace, "rewards")),
        "\n".join(map(_content, sent)),
        task_in(data.get("game_task")),
        identifier if isinstance(identifier, str) else None,
        replies[1] if len(replies) > 1 else None,
    )


def _part(value: object, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def _content(message: object) -> str:
    """The text of a message, which may come in parts."""
    content = _part(message, "content")
    if isinstance(content, list):
        return "".join(str(_part(part, "text") or "") for part in content)
    return content if isinstance(content, str) else ""


def _reward(rewards: object) -> float | None:
    """All rewards by their weights; None if there are none, or if one is missing."""
    if not isinstance(rewards, Mapping) or not rewards or any(reward is None for reward in rewards.values()):
        return None
    if not all(isinstance(reward, Mapping) for reward in rewards.values()):
        raise ValueError("a reward has no score")
    return sum(
        number_in(reward, "score") * (number_in(reward, "weight") if "weight" in reward else 1.0)
        for reward in rewards.values()
    )


def _step(row: Mapping[str, Any]) -> int:
    step = _part(_part(row.get("run"), "work"), "step")
    return step if isinstance(step, int) and not isinstance(step, bool) and step >= 0 else 0
