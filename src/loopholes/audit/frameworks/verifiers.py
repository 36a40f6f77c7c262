"""verifiers 0.4's tasks (its v1): ``FILE.py:TASKSET``, or ``FILE.py:TASK`` and rows that fit its data.

As in ``Rollout`` and the environment server: a task is made anew of its row and the taskset's task config; its trace is
the prompt and one sampled reply; ``Task.score`` pays the weighted sum of the rewards. An exception makes an errored
rollout, which has no reward. A scoring timeout is none: what was recorded by then is paid. (The tests run verifiers'
own ``Task.score``.)

Without a runtime ``Task.score`` leaves out every reward that needs one, without a word; here each is named in
``not_covered``, as are judges and what an ``Env`` pays across traces.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from loopholes.audit.frameworks.base import (
    COMMON,
    Library,
    Paid,
    Part,
    Prompt,
    Rejected,
    Row,
    Shape,
    load,
    raised,
)
from loopholes.audit.frameworks.tokens import Tokens
from loopholes.errors import UsageError

pydantic = Library("pydantic")
NAME = "verifiers"
PACKAGE = "verifiers"
EXTRA = "verifiers"
REQUIREMENTS: Mapping[str, Sequence[str]] = {"verifiers": ("verifiers~=0.4.0",)}
PREFIXES = ()
OPTIONS = {
    **COMMON,
    "config": "A JSON object for the Taskset's config, or the Task's.",
    "rows": "How many of a Taskset's tasks to take; default: all.",
    "golden": "The field of a task that holds a whole right completion.",
}
VERIFIERS = "0.4"
vf = Library("verifiers.v1")
state, types = Library("verifiers.v1.state"), Library("verifiers.v1.types")
decorators, generic = Library("verifiers.v1.utils.decorators"), Library("verifiers.v1.utils.generic")
HANDED = ("task", "trace", "runtime")
"""What a reward can take, by name."""
NOT_AWAITABLE = "awaitable is required"  # asyncio's words for a reward that is a plain def
LIFECYCLE = ("setup", "finalize")
"""What a task may do before and after a rollout."""
NOTES = (
    "one reply to the prompt, without tools, users or a harness",
    "a reward that raises makes an errored rollout, which has no reward",
)


class VerifiersReward:
    """The rewards of one task type, with the weights that its config gives them.

    ``not_covered`` has a sentence for everything that pays in training and is not scored here.
    """

    batched = False

    def __init__(self, part: Part, options: Mapping[str, Any]) -> None:
        self._part = part
        found = _named(part)
        config = _config(found, part, options)
        self._type, config = (found.task_type(), config.task) if issubclass(found, vf.Taskset) else (found, config)
        probe = _probe(self._type, config)
        rewards, metrics = _hooks(probe, "reward", part), _hooks(probe, "metric", part)
        self.not_covered = [
            *_in_vain(probe, rewards, metrics),
            *_across_traces({found.__module__, self._type.__module__}),
        ]
        self._names = [name for name, fn in rewards.items() if not _needs_runtime(fn)]
        if self._type.NEEDS_CONTAINER or not self._names:
            raise Rejected(f"{part.label} has no reward that can be scored here: {_because(self.not_covered)}")
        self._config = config.model_copy(update={"judges": []})
        own = [name for name in LIFECYCLE if _is_own(self._type, name)]
        self._offline = [name for name in own if not _in_box(self._type, name)]
        self._tokens = Tokens(options.get("tokenizer"))
        self._made: dict[int, tuple[Mapping[str, Any], Any]] = {}
        self._loop = asyncio.new_event_loop()
        weakref.finalize(self, self._loop.close)
        self.notes: Sequence[str] = [*NOTES, self._tokens.note]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        return self._loop.run_until_complete(self._pay_all(rows, texts))

    async def _pay_all(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        """One after another, so that no timeout counts the work of a neighbour."""
        return [await self._pay(self._task(row), text) for row, text in zip(rows, texts, strict=True)]

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
        """``setup`` or ``finalize``, where the task has its own that needs no runtime."""
        if name in self._offline:
            await decorators.invoke(getattr(task, name), {"trace": trace})

    def _reply(self, trace: Any, task: Any, text: str) -> None:
        """The prompt and the completion, as a turn that ended by itself, with its count of tokens."""
        prompt, reply = _prompt(task.data), vf.AssistantMessage(content=text)
        for turn in (*prompt, reply):  # what committing a turn makes, at a fifth of its cost
            parent = len(trace.nodes) - 1 if trace.nodes else None
            trace.nodes.append(vf.MessageNode(parent=parent, message=turn, sampled=turn is reply))
        read = sum(self._tokens.count(types.content_text(turn.content)) for turn in prompt)
        usage = vf.Usage(prompt_tokens=read, completion_tokens=self._tokens.count(text))
        trace.calls.append(vf.ModelCall(node=len(trace.nodes) - 1, finish_reason="stop", usage=usage))
        trace.stop("agent_completed")
        trace.ok = True

    def _read(self, trace: Any, problem: str) -> Paid:
        scores = {name: None if one is None else one.score for name, one in trace.rewards.items()}
        keys = tuple(sorted(name for name in scores if name not in self._names))
        return Paid(float(trace.reward), problem, tuple(scores.get(name) for name in self._names), keys)

    def _failed(self, error: Exception) -> Paid:
        cause = error.__cause__ if isinstance(error, vf.RolloutError) and error.__cause__ else error
        if isinstance(cause, TypeError) and NOT_AWAITABLE in str(cause):
            raise Rejected(f"{self._part.label} has a reward that verifiers cannot await: write async def") from error
        return Paid(None, raised(cause))

    def _task(self, row: Row) -> Any:
        """The task of a row, as the environment server makes it of a request."""
        columns, task = self._made.get(row.number, (None, None))
        if columns is None or columns != row.columns:
            given = {"prompt": row.prompt, **row.columns}
            task = _checked(self._type, self._config, given, f"row {row.number}")
            self._made[row.number] = (row.columns, task)
        return task


def _checked(kind: Any, config: Any, given: Mapping[str, Any], what: str) -> Any:
    data = kind.data_type()
    try:
        return kind(data.model_validate(given), config)
    except pydantic.ValidationError as error:
        raise Rejected(f"{what} does not make a {data.__name__}: {_first(error)}") from error
    except Exception as error:
        raise Rejected(f"{what} does not make a {kind.__name__}: it {raised(error)}") from error


def _trace(task: Any) -> Any:
    """An empty trace of a task, as a rollout makes it."""
    about = vf.TraceTask(type=type(task).__name__, data=task.data, key=task.key, hash=task.hash)
    agent = vf.AgentInfo(config=vf.AgentConfig(), name="audit", trainable=False)
    return vf.Trace(task=about, state=state.state_cls(type(task))(), agent=agent)


def _prompt(data: Any) -> list[Any]:
    """The messages that a model gets for a task."""
    system = [] if data.system_prompt is None else [vf.SystemMessage(content=data.system_prompt)]
    if isinstance(data.prompt, str):
        return [*system, vf.UserMessage(content=data.prompt)]
    return [*system, *(data.prompt or [])]


def _named(part: Part) -> Any:
    found = load(part)
    if isinstance(found, type) and issubclass(found, vf.Taskset | vf.Task):
        return found
    raise UsageError(f"{part.label} is neither a Taskset nor a Task of verifiers.v1: name the class of one")


def _config(found: Any, part: Part, options: Mapping[str, Any]) -> Any:
    """The config of a Taskset or Task, of its own type, with what ``options`` sets."""
    if issubclass(found, vf.Taskset):
        kind = generic.concrete_type(found, vf.TasksetConfig, origin=vf.Taskset) or vf.TasksetConfig
    else:
        kind = found.config_type()
    try:
        return kind.model_validate(dict(options.get("config") or {}))
    except pydantic.ValidationError as error:
        raise UsageError(f"the config does not fit {part.label}: {_first(error)}") from error


def _first(error: Any) -> str:
    """The first thing that a validation found, in a few words."""
    found = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, found['loc'])) or 'it'}: {found['msg']}"


def _probe(kind: Any, config: Any) -> Any:
    """A task without data, which is enough to list what scores it."""
    probe = object.__new__(kind)
    probe.config = config
    return probe


def _hooks(probe: Any, kind: str, part: Part) -> dict[str, Any]:
    """Rewards or metrics by name, in verifiers' order; raises :class:`Rejected` for what it could not call."""
    try:
        found = {fn.__name__: fn for fn in probe.hooks(kind)}
    except Exception as error:
        raise Rejected(f"{part.label} cannot list its {kind}s: it {raised(error)}") from error
    for name, fn in found.items():
        unknown = [one.name for one in _required(fn) if one.name not in HANDED]
        if unknown:
            raise Rejected(
                f"{part.label} has a {kind} {name} that takes {', '.join(unknown)}, but verifiers hands over "
                f"{', '.join(HANDED)} only"
            )
    return found


def _required(fn: Any) -> list[inspect.Parameter]:
    """The parameters without which a function cannot be called."""
    found = inspect.signature(fn).parameters.values()
    return [one for one in found if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]


def _needs_runtime(fn: Any) -> bool:
    """Whether ``Task.score`` skips a function that has no runtime to run in."""
    return any(one.name == "runtime" for one in _required(fn))


def _is_own(kind: Any, name: str) -> bool:
    return getattr(kind, name) is not getattr(vf.Task, name)


def _in_box(kind: Any, name: str) -> bool:
    """Whether ``setup`` or ``finalize`` takes the runtime."""
    return "runtime" in inspect.signature(getattr(kind, name)).parameters


def _in_vain(probe: Any, rewards: Mapping[str, Any], metrics: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for everything of a task that may pay in training and is not scored here."""
    kind = type(probe)
    if kind.NEEDS_CONTAINER:
        yield f"{kind.__name__} needs a container, which is not started here"
    for name, fn in rewards.items():
        if _needs_runtime(fn):
            yield f"{name} (weight {getattr(fn, '_vf_weight', 1.0):g}) needs a runtime, which is not started here"
    for name, fn in metrics.items():
        if _needs_runtime(fn):
            yield f"the metric {name}, which rewards can read, needs a runtime and is not measured here"
    for judge in probe.config.judges:
        yield f"the judge {judge.name or judge.id} (weight {judge.weight:g}) asks a model, which is not done here"
    if kind.toolsets.__func__ is not vf.Task.toolsets.__func__:
        yield f"{kind.__name__} offers tools, and no episode is played here: one reply without a call is scored"
    for name in LIFECYCLE:
        if _is_own(kind, name) and _in_box(kind, name):
            yield f"{name} needs a runtime and is not run here, so that rewards see nothing of what it leaves behind"


def _across_traces(modules: Iterable[str]) -> list[str]:
    """A sentence for every environment in the user's modules that judges several traces together."""
    beside = [value for name in modules for value in vars(sys.modules[name]).values()]
    envs: set[Any] = {one for one in beside if isinstance(one, type) and issubclass(one, vf.Env)}
    names = sorted(one.__name__ for one in envs if one.finalize is not vf.Env.finalize)
    return [f"{name}.finalize judges the traces of a whole episode, which is not done here" for name in names]


def _because(sentences: Sequence[str]) -> str:
    return "; ".join(sentences) or "decorate one with @vf.reward"


def _only(parts: Sequence[Part]) -> Part:
    if len(parts) != 1 or parts[0].weight != 1:
        raise UsageError("verifiers takes one Taskset or Task; weights stand in its @vf.reward")
    return parts[0]


def recognises(shape: Shape) -> bool:
    """Whether it is a class of tasks."""
    return not {"Taskset", "Task"}.isdisjoint(shape.bases)


def brings_rows(shape: Shape) -> bool:
    """Whether it brings tasks, as a Taskset does and a Task does not."""
    return "Taskset" in shape.bases


def build(parts: Sequence[Part], options: Mapping[str, Any]) -> VerifiersReward:
    """See :mod:`loopholes.audit.frameworks`.

    Options: ``config``, a mapping for the Taskset's config, or the Task's where a Task was named; ``tokenizer``.
    """
    return VerifiersReward(_only(parts), options)


def rows(parts: Sequence[Part], options: Mapping[str, Any]) -> list[Row]:
    """The tasks of a Taskset as rows: the prompt that a model gets, and the task's data as columns (JSON values).

    Options: ``config`` as in :func:`build`; ``rows``, how many tasks at most, which a Taskset without an end needs;
    ``golden``, the column that holds whole completions that are right. Raises :class:`UsageError`.
    """
    part = _only(parts)
    found = _named(part)
    if not issubclass(found, vf.Taskset):
        raise UsageError(f"{part.label} is a Task, which brings no rows: hand over a data file or name its Taskset")
    config, count = _config(found, part, options), options.get("rows")
    try:
        taskset = found(config)
        if count is None and not taskset.bounded:
            raise UsageError(f"{part.label} has no end: say how many of its tasks to take")
        tasks = list(taskset if count is None else taskset.take(int(count)))
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"{part.label} cannot load its tasks: it {raised(error)}") from error
    if not tasks:
        raise UsageError(f"{part.label} has no tasks")
    return [_row(number, task.data, options.get("golden")) for number, task in enumerate(tasks)]


def _row(number: int, data: Any, golden: str | None) -> Row:
    """Fields of the framework only where they were set; a dataset's own always."""
    columns = {
        name: value
        for name, value in data.model_dump(mode="json").items()
        if name not in vf.TaskData.model_fields or name in data.model_fields_set
    }
    if golden is not None and golden not in columns:
        raise UsageError(f"the tasks have no {golden}; they have: {', '.join(sorted(columns))}")
    return Row(number, _shown(data), None if golden is None else str(columns[golden]), columns=columns)


def _shown(data: Any) -> Prompt:
    """The prompt as a row has it: text, or messages where there are several."""
    if isinstance(data.prompt, str) and data.system_prompt is None:
        return data.prompt
    return tuple({"role": turn.role, "content": types.content_text(turn.content)} for turn in _prompt(data))
