"""verifiers 0.4's tasks (its v1): a Taskset or a Task by its class, or ``verifiers:NAME`` of a package or a folder.

A task that takes one reply is scored without a rollout, as in ``Rollout`` and the environment server: it is created
from its row and the taskset's task config, its trace is the prompt and one sampled reply, and ``Task.score`` pays the
weighted sum of the rewards. An exception makes an errored rollout, which has no reward. A scoring timeout does not: it
pays the rewards that were recorded by then. (The tests run verifiers' own ``Task.score``.)

A task with tools, with an ``Env`` of its own, or with hooks that need a runtime is an episode, which verifiers' own
rollout plays (:mod:`loopholes.audit.frameworks._verifiers_episodes`). Parts that are not played, such as judges, are
listed in ``not_covered``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopholes.audit.episodes.playing import PLAYING, EpisodeReward, Rules, rules_of
from loopholes.audit.episodes.scripts import is_actions, script, with_leads
from loopholes.audit.frameworks._folders import class_in
from loopholes.audit.frameworks._verifiers_tasks import LIFECYCLE, Tasks, is_own
from loopholes.audit.frameworks._verifiers_tools import prepare
from loopholes.audit.frameworks.base import (
    COMMON,
    Library,
    Loop,
    Paid,
    Part,
    Prompt,
    Rejected,
    Reward,
    Row,
    Shape,
    raised,
)
from loopholes.audit.frameworks.tokens import Tokens
from loopholes.errors import UsageError

if TYPE_CHECKING:
    from loopholes.audit.frameworks._verifiers_episodes import Rollouts

NAME = "verifiers"
PACKAGE = "verifiers"
EXTRA = "verifiers"
REQUIREMENTS: Mapping[str, Sequence[str]] = {"verifiers": ("verifiers~=0.4.0",)}
PREFIXES = ("verifiers",)
OPTIONS = {
    **COMMON,
    "config": "A JSON object for the Taskset's config, or the Task's.",
    "rows": "How many of a Taskset's tasks to take; default: all.",
    "golden": "The field of a task that holds a whole right completion, or the actions of a right episode.",
    "env": "The Env that plays the tasks; needed if the module has several.",
    "turns": PLAYING["turns"],
}
VERIFIERS = "0.4"
vf = Library("verifiers.v1")
state, types = Library("verifiers.v1.state"), Library("verifiers.v1.types")
decorators = Library("verifiers.v1.utils.decorators")
NOT_AWAITABLE = "awaitable is required"  # asyncio's words for a reward that is a plain def
ONE_REPLY = (
    "one reply to the prompt, without tools, users or a harness",
    "a reward that raises makes an errored rollout, which has no reward",
)
ROLLOUT = (
    "an episode is a rollout of verifiers itself, in its subprocess runtime: what a task runs there, runs on this "
    "machine; a policy stands in for the model, and tool servers are forks of this process",
    'a call of a tool is written as <tool_call>{{"name": ..., "arguments": {{...}}}}</tool_call> or as that JSON '
    "alone; any other reply ends the turn",
    "an episode earns its trace's reward, the weighted sum of the rewards, once it is over; at most {turns} replies "
    "(--set turns=N), the last one again until the episode is over",
)


class RolloutReward(EpisodeReward):
    """The rewards of verifiers' rollouts; see :class:`~loopholes.audit.episodes.playing.EpisodeReward`."""

    def __init__(self, tasks: Tasks, rules: Rules, tokens: Tokens, label: str) -> None:
        super().__init__(rollouts(tasks, rules.turns, tokens), rules, label)
        self.not_covered = tasks.not_covered
        self.notes = [sentence.format(turns=rules.turns) for sentence in ROLLOUT] + [tokens.note]


def rollouts(tasks: Tasks, turns: int, tokens: Tokens) -> Rollouts:
    """verifiers' rollouts of these tasks, which run one at a time."""
    from loopholes.audit.frameworks import _verifiers_episodes as episodes

    if tasks.has_tools:
        prepare()
    env = episodes.played(tasks.env, tasks.taskset, tasks.kind)
    return episodes.Rollouts(env, tasks.task, turns, tokens.count)


class VerifiersReward:
    """The rewards of a task type for one reply, with the weights of its config."""

    batched = False

    def __init__(self, tasks: Tasks, tokens: Tokens, label: str) -> None:
        self._label = label
        self._tasks = tasks
        self.not_covered = tasks.not_covered
        self._names = list(tasks.rewards)
        self._own = [name for name in LIFECYCLE if is_own(tasks.kind, name)]
        self._tokens = tokens
        self._loop = Loop()
        self.notes: Sequence[str] = [*ONE_REPLY, tokens.note]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        payments: list[Paid] = self._loop.wait(self._pay_all(rows, texts))
        return payments

    async def _pay_all(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        """Score one after another, so that no timeout includes a neighbour's work."""
        return [await self._pay(self._tasks.task(row), text) for row, text in zip(rows, texts, strict=True)]

    async def _pay(self, task: Any, text: str) -> Paid:
        if task.data.image:
            return Paid(None, "the task needs a container, which is not started here")
        trace = _trace(task)
        try:
            await self._hook("setup", task, trace)
            self._reply(trace, task, text)
            await self._hook("finalize", task, trace)
            async with asyncio.timeout(task.data.timeout.scoring):
                await task.score(trace)
        except TimeoutError:
            return self._read(trace, "scoring timed out, which pays what was recorded by then")
        except Exception as error:
            return self._failed(error)
        return self._read(trace, "" if trace.rewards else "no reward was recorded, which pays 0")

    async def _hook(self, name: str, task: Any, trace: Any) -> None:
        """Call ``setup`` or ``finalize``, if the task has its own."""
        if name in self._own:
            await decorators.invoke(getattr(task, name), {"trace": trace})

    def _reply(self, trace: Any, task: Any, text: str) -> None:
        """Add the prompt and the completion to a trace, as a turn that ended by itself, with token counts."""
        prompt, reply = _prompt(task.data), vf.AssistantMessage(content=text)
        for turn in (*prompt, reply):  # has the effect of committing a turn, at a fifth of the cost
            parent = len(trace.nodes) - 1 if trace.nodes else None
            trace.nodes.append(vf.MessageNode(parent=parent, message=turn, sampled=turn is reply))
        read = sum(self._tokens.count(types.content_text(turn.content)) for turn in prompt)
        usage = vf.Usage(prompt_tokens=read, completion_tokens=self._tokens.count(text))
        trace.calls.append(vf.ModelCall(node=len(trace.nodes) - 1, finish_reason="stop", usage=usage))
        trace.stop("agent_completed")
        trace.ok = True

    def _read(self, trace: Any, problem: str) -> Paid:
        scores = {name: None if reward is None else reward.score for name, reward in trace.rewards.items()}
        keys = tuple(sorted(name for name in scores if name not in self._names))
        return Paid(float(trace.reward), problem, tuple(scores.get(name) for name in self._names), keys)

    def _failed(self, error: Exception) -> Paid:
        cause = error.__cause__ if isinstance(error, vf.RolloutError) and error.__cause__ else error
        if isinstance(cause, TypeError) and NOT_AWAITABLE in str(cause):
            raise Rejected(f"{self._label} has a reward that verifiers cannot await: write async def") from error
        return Paid(None, raised(cause))


def _trace(task: Any) -> Any:
    """An empty trace of a task, as a rollout creates it."""
    about = vf.TraceTask(type=type(task).__name__, data=task.data, key=task.key, hash=task.hash)
    agent = vf.AgentInfo(config=vf.AgentConfig(), name="audit", trainable=False)
    return vf.Trace(task=about, state=state.state_cls(type(task))(), agent=agent)


def _prompt(data: Any) -> list[Any]:
    """The messages that a model gets for a task."""
    system = [] if data.system_prompt is None else [vf.SystemMessage(content=data.system_prompt)]
    if isinstance(data.prompt, str):
        return [*system, vf.UserMessage(content=data.prompt)]
    return [*system, *(data.prompt or [])]


def _only(parts: Sequence[Part]) -> Part:
    if len(parts) != 1 or parts[0].weight != 1:
        raise UsageError("verifiers takes one Taskset or Task; weights belong in its @vf.reward")
    return parts[0]


def recognises(shape: Shape) -> bool:
    """Whether it is a class of tasks."""
    return not {"Taskset", "Task"}.isdisjoint(shape.bases)


def brings_rows(shape: Shape) -> bool:
    """Whether it has rows, as Tasksets do and Tasks do not."""
    return "Taskset" in shape.bases


def located(part: Part) -> Part:
    """The part that a target with a prefix stands for: for ``verifiers:FOLDER``, the Taskset in that folder."""
    is_folder = part.source == NAME and Path(part.name).is_dir()
    return class_in(part.name, {"Taskset"}) if is_folder else part


def build(parts: Sequence[Part], options: Mapping[str, Any]) -> Reward:
    """See :mod:`loopholes.audit.frameworks`.

    Options: ``config``, a mapping for the Taskset's config, or the Task's if a Task is named; ``env``, ``turns``,
    ``tokenizer``.
    """
    part = _only(parts)
    tasks, rules, tokens = Tasks.of(part, options), rules_of(options), Tokens(options.get("tokenizer"))
    if tasks.are_episodes:
        return RolloutReward(tasks, rules, tokens, part.label)
    return VerifiersReward(tasks, tokens, part.label)


def rows(parts: Sequence[Part], options: Mapping[str, Any]) -> list[Row]:
    """The tasks of a Taskset as rows: the prompt that a model gets, and the task's data as columns (JSON values).

    For episodes, the tools are a column, and the prompt is the agent's first observation.

    Options: those of :func:`build`; ``rows``, the most tasks, which an endless Taskset needs; ``golden``, the column
    with whole right completions. Raises :class:`UsageError`.
    """
    part = _only(parts)
    tasks = Tasks.of(part, options)
    if tasks.taskset is None:
        raise UsageError(f"{part.label} is a Task, which has no rows: give a data file or name its Taskset")
    listed = _listed(tasks.taskset, options.get("rows"), part)
    records = [_row(number, task.data, options.get("golden")) for number, task in enumerate(listed)]
    if not tasks.are_episodes:
        return records
    playing = rollouts(tasks, rules_of(options).turns, Tokens(None))
    return with_leads([_begun(playing, row) for row in records])


def _listed(taskset: Any, count: int | None, part: Part) -> list[Any]:
    """A taskset's tasks, at most ``count``; raises :class:`UsageError`."""
    try:
        if count is None and not taskset.bounded:
            raise UsageError(f"{part.label} has no end: say how many of its tasks to take")
        tasks = list(taskset if count is None else taskset.take(int(count)))
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"{part.label} cannot load its tasks: it {raised(error)}") from error
    if not tasks:
        raise UsageError(f"{part.label} has no tasks")
    return tasks


def _begun(playing: Rollouts, row: Row) -> Row:
    """A row with the agent's first observation and its tools."""
    try:
        first_observation = playing.reset(row)
    except Exception as error:
        raise UsageError(f"the episode of row {row.number} cannot begin: it {raised(error)}") from error
    finally:
        playing.finish()
    columns = {**row.columns, **({"tools": playing.tools} if playing.tools else {})}
    return replace(row, prompt=row.prompt or first_observation, columns=columns)


def _row(number: int, data: Any, golden: str | None) -> Row:
    """A row with the dataset's own fields, and the framework's fields as far as they were set."""
    columns = {
        name: value
        for name, value in data.model_dump(mode="json").items()
        if name not in vf.TaskData.model_fields or name in data.model_fields_set
    }
    if golden is not None and golden not in columns:
        raise UsageError(f"the tasks have no {golden}; they have: {', '.join(sorted(columns))}")
    columns.setdefault("prompt", None)  # the user opens the conversation
    return Row(number, _row_prompt(data), None if golden is None else _completion(columns[golden]), columns=columns)


def _completion(value: Any) -> str:
    """A whole completion, or an episode's actions as a script."""
    return script(*value) if isinstance(value, list) and is_actions(value) else str(value)


def _row_prompt(data: Any) -> Prompt:
    """The prompt of a row: text, or messages if there are several."""
    if isinstance(data.prompt, str) and data.system_prompt is None:
        return data.prompt
    return tuple({"role": turn.role, "content": types.content_text(turn.content)} for turn in _prompt(data))
