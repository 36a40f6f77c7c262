"""OpenEnv 0.10's rewards: a Rubric or an Environment in this process, or the address of one that is served.

As in OpenEnv's server, the completion becomes an action, the environment's own async methods are preferred, and
``reset`` gets the arguments that it accepts. Episodes are played to their end (:mod:`loopholes.audit.episodes`).
Environments with tools (``MCPEnvironment``) take calls in JSON, ``{"tool_name": ..., "arguments": {...}}``; any other
text ends the episode, as a reply without a call does in a trainer.

A Rubric itself is called, not its ``forward``, and awaited if it is async. It remembers trajectories, so it is reset
before every completion, with all the rubrics inside it.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from loopholes.audit.episodes.playing import EPISODES, PLAYING, EpisodeReward, Step, rules_of, start_of, text_of
from loopholes.audit.frameworks._folders import class_in
from loopholes.audit.frameworks._openenv_served import Fields, ServedEnvironment
from loopholes.audit.frameworks.base import (
    COMMON,
    Library,
    Loop,
    Paid,
    Part,
    Rejected,
    Reward,
    Row,
    Shape,
    load,
    named,
    payment,
    raised,
)
from loopholes.errors import UsageError
from loopholes.modules import module_of, split

NAME = "openenv"
PACKAGE = "openenv"
EXTRA = "openenv"
REQUIREMENTS: Mapping[str, Sequence[str]] = {"openenv": ("openenv~=0.10.0",)}
PREFIXES = ("http", "https", "openenv")
OPTIONS = {
    **COMMON,
    **PLAYING,
    "action_field": "The field of the action that takes the completion; needed unless only one field is text.",
    "action": "The Action class, NAME or FILE.py:NAME; needed unless the file has only one.",
    "environment": "The Environment whose observations a Rubric gets, NAME or FILE.py:NAME.",
    "timeout": "Seconds per episode of a server; default: 30.",
    "prompt_field": "The field of the observation that a policy reads, if it is not the only text.",
}
BASES = {
    *("Rubric", "WeightedSum", "Sequential", "Gate", "TrajectoryRubric", "LLMJudge"),
    *("Environment", "MCPEnvironment"),
}
ONE_STEP = "an environment continued after its first step: the rubric does not score later steps"
interfaces, env_types = Library("openenv.core.env_server.interfaces"), Library("openenv.core.env_server.types")
rubrics = Library("openenv.core.rubrics")
mcp, mcp_types = Library("openenv.core.env_server.mcp_environment"), Library("openenv.core.env_server.mcp_types")
OPENENV = "0.10"
MANIFEST = "openenv.yaml"
NOTES = (
    "a row's columns seed and reset are passed to reset, with the row's number as the default seed",
    "in this process; a served environment would send null for NaN and infinite rewards",
)


class RubricReward:
    """A Rubric's score of an action and an observation."""

    batched = False

    def __init__(self, part: Part, rubric: Any, actions: _Actions, episodes: _Episodes | None) -> None:
        self._part = part
        self._rubric = rubric
        self._actions = actions
        self._episodes = episodes
        self._loop = Loop()
        self.not_covered: list[str] = [] if episodes is None else episodes.not_covered
        seen = "a plain, final Observation with the row's columns as metadata" if episodes is None else "that of a step"
        self.notes: Sequence[str] = [f"the completion is the {actions.field} of an action; the observation is {seen}"]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        return [self._pay(row, text) for row, text in zip(rows, texts, strict=True)]

    def _pay(self, row: Row, text: str) -> Paid:
        try:
            action = self._actions(text)
            seen = _last(row) if self._episodes is None else self._episodes.first_step(row, action)
            _reset(self._rubric)
            value = self._loop.wait(self._rubric(action, seen))
        except Exception as error:
            return Paid(None, raised(error))
        return payment(value, self._part.label)


class LocalEnvironment:
    """An environment in this process, whose actions are built from texts."""

    def __init__(self, actions: _Actions | _Calls, episodes: _Episodes) -> None:
        self._actions = actions
        self._episodes = episodes

    def reset(self, row: Row) -> str:
        """See :class:`~loopholes.audit.episodes.playing.Environment`."""
        return text_of(self.first_observation(row))

    def first_observation(self, row: Row) -> Mapping[str, Any]:
        """The observation after a reset, as a record."""
        record: dict[str, Any] = self._episodes.reset(row).model_dump(mode="json")
        return record

    def step(self, action: str) -> Step:
        """See :class:`~loopholes.audit.episodes.playing.Environment`."""
        built = self._actions(action)
        if built is None:
            return Step("", 0.0, True)
        seen = self._episodes.step(built)
        return Step(text_of(seen.model_dump(mode="json", exclude={"reward", "done"})), seen.reward, bool(seen.done))

    def finish(self) -> None:
        """Do nothing: there is no session to end."""

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The environment's tools, with names and schemas; empty if it takes other actions."""
        if not isinstance(self._actions, _Calls):
            return []
        listed = self._episodes.step(mcp_types.ListToolsAction())
        return [tool.model_dump(mode="json") for tool in listed.tools]


class _Episodes:
    """The episodes of an environment."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._loop = Loop()
        self.not_covered: list[str] = []

    def reset(self, row: Row) -> Any:
        """The observation after a reset."""
        seed, more = start_of(row)
        call = self._call("reset")
        return self._loop.wait(call(**_accepted(call, {**more, "seed": seed, "episode_id": f"audit-{row.number}"})))

    def step(self, action: Any) -> Any:
        """The observation after an action."""
        return self._loop.wait(self._call("step")(action))

    def first_step(self, row: Row, action: Any) -> Any:
        """The observation after a reset and one action."""
        self.reset(row)
        seen = self.step(action)
        if not seen.done and not self.not_covered:
            self.not_covered.append(ONE_STEP)
        return seen

    def _call(self, name: str) -> Any:
        """The environment's own async method if it has one, otherwise the other, as in the server."""
        own = getattr(type(self._environment), f"{name}_async") is not getattr(interfaces.Environment, f"{name}_async")
        return getattr(self._environment, f"{name}_async" if own else name)


class _Actions:
    """Builds actions from completions."""

    def __init__(self, kind: Any, field: str | None) -> None:
        fields = {name: each for name, each in kind.model_fields.items() if name != "metadata"}
        texts = [name for name, each in fields.items() if each.annotation is str]
        needed = [name for name, each in fields.items() if each.is_required()]
        self._kind = kind
        self.field = Fields(kind.__name__, texts, fields, needed).choose(field)

    def __call__(self, text: str) -> Any:
        return self._kind(**{self.field: text})


class _Calls:
    """Builds tool calls from texts that are calls in JSON; None for any other text."""

    def __call__(self, text: str) -> Any:
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(record, dict) or not isinstance(record.get("tool_name"), str):
            return None
        arguments = record.get("arguments")
        arguments = arguments if isinstance(arguments, dict) else {}
        return mcp_types.CallToolAction(tool_name=record["tool_name"], arguments=arguments)


def _last(row: Row) -> Any:
    """The final observation of an episode, on which trajectories are scored."""
    return env_types.Observation(done=True, metadata=dict(row.columns))


def _reset(rubric: Any) -> None:
    """Reset a rubric and those inside it, which the ``reset`` of a container leaves alone."""
    for each in (rubric, *(child for _, child in rubric.named_rubrics())):
        each.reset()


def _accepted(call: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that a method accepts."""
    parameters = inspect.signature(call).parameters
    takes_all = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    return {name: value for name, value in arguments.items() if takes_all or name in parameters}


def _action_type(module: ModuleType, part: Part, name: str | None) -> Any:
    """The Action class: the one that the user names, or the only one in the file, including imports."""
    if name is not None:
        kind = _also(module, part, name)
        if not _is_user_s(kind, env_types.Action):
            raise UsageError(f"{name} is not an Action class of OpenEnv")
        return kind
    kinds = {value.__name__: value for value in vars(module).values() if _is_user_s(value, env_types.Action)}
    if len(kinds) != 1:
        raise UsageError(
            f"action has to name the Action class; {part.source} has: {', '.join(sorted(kinds)) or 'none'}"
        )
    return next(iter(kinds.values()))


def _is_user_s(value: Any, base: Any) -> bool:
    """Whether a value is a subclass that is not OpenEnv's own."""
    return isinstance(value, type) and issubclass(value, base) and not value.__module__.startswith("openenv.")


def _also(module: ModuleType, part: Part, target: str) -> Any:
    """The object that ``NAME`` or ``FILE.py:NAME`` names, next to a part.

    The part's own module comes first, with its imports: a class that is loaded twice is two classes, and ``isinstance``
    in a reward would recognise only one of them.
    """
    source, name = split(target) if ":" in target else ("", target)
    if hasattr(module, name) or not source:
        return named(module, Part(part.source, name))
    return load(Part(source, name))


def _instance(value: Any, label: str) -> Any:
    """The instance that is named, or the one that a class or a function without arguments creates."""
    kinds = (rubrics.Rubric, interfaces.Environment)
    if isinstance(value, kinds):
        return value
    if not callable(value) or (isinstance(value, type) and not issubclass(value, kinds)):
        raise UsageError(f"{label} is neither a Rubric nor an Environment of OpenEnv")
    try:
        instance = value()
    except Exception as error:
        raise Rejected(
            f"{label} cannot be created here without arguments, it {raised(error)}: name a function that creates it, "
            "or the address of a server that runs it"
        ) from error
    if not isinstance(instance, kinds):
        raise UsageError(f"{label} creates neither a Rubric nor an Environment of OpenEnv")
    return instance


def _local(part: Part, options: Mapping[str, Any]) -> RubricReward | EpisodeReward:
    module = module_of(part.source)
    target = _instance(named(module, part), part.label)
    if isinstance(target, interfaces.Environment):
        environment, actions = _played(module, part, target, options)
        return EpisodeReward(environment, rules_of(options), part.label, [*_start_notes(actions), *NOTES])
    actions = _Actions(_action_type(module, part, options.get("action")), options.get("action_field"))
    environment_name = options.get("environment")
    if environment_name is None:
        return RubricReward(part, target, actions, None)
    environment = _instance(_also(module, part, environment_name), environment_name)
    if not isinstance(environment, interfaces.Environment):
        raise UsageError(f"{environment_name} is not an Environment of OpenEnv")
    return RubricReward(part, target, actions, _Episodes(environment))


def _played(
    module: ModuleType, part: Part, environment: Any, options: Mapping[str, Any]
) -> tuple[LocalEnvironment, _Actions | _Calls]:
    actions: _Actions | _Calls
    if options.get("action") is None and isinstance(environment, mcp.MCPEnvironment):
        actions = _Calls()
    else:
        actions = _Actions(_action_type(module, part, options.get("action")), options.get("action_field"))
    return LocalEnvironment(actions, _Episodes(environment)), actions


def _start_notes(actions: _Actions | _Calls) -> list[str]:
    if isinstance(actions, _Calls):
        return ['an action is a call in JSON, {"tool_name": ..., "arguments": {...}}; any other text ends the episode']
    return [f"a text is the {actions.field} of an action"]


def _url(part: Part) -> str | None:
    """The URL that a part names; None for other parts."""
    return part.label if part.label.startswith(("http://", "https://")) else None


def _only(parts: Sequence[Part]) -> Part:
    if len(parts) != 1 or parts[0].weight != 1:
        raise UsageError("openenv takes one Rubric, Environment or address, without a weight")
    return parts[0]


def located(part: Part) -> Part:
    """The part that a target with a prefix stands for: for ``openenv:FOLDER``, the environment in that folder."""
    if part.source != "openenv":
        return part
    if not (Path(part.name) / MANIFEST).is_file():
        raise UsageError(f"{part.name} has no {MANIFEST}, as the folder of an OpenEnv environment has")
    return class_in(part.name, {"Environment", "MCPEnvironment"})


def recognises(shape: Shape) -> bool:
    """Whether it is a class of rubrics or environments."""
    return not BASES.isdisjoint(shape.bases)


def brings_rows(shape: Shape) -> bool:
    """Whether it has episodes, as Environments do and Rubrics do not."""
    return "Environment" in shape.bases


def build(parts: Sequence[Part], options: Mapping[str, Any]) -> Reward:
    """See :mod:`loopholes.audit.frameworks`. A part is ``FILE.py:NAME`` of a class, an instance or a function, or a
    URL.

    Options: ``action_field``, the field of the action that takes the completion, needed unless there is one text;
    ``action``, ``NAME`` or ``FILE.py:NAME`` of the Action class, needed unless the file has one; ``environment``, in
    the same way, whose observations a Rubric gets; ``timeout``, seconds an episode of a server may take.
    """
    part = _only(parts)
    url = _url(part)
    if url is None:
        return _local(part, options)
    environment = ServedEnvironment(url, options)
    return EpisodeReward(environment, rules_of(options), part.label, environment.notes)


def rows(parts: Sequence[Part], options: Mapping[str, Any]) -> list[Row]:
    """The starts of episodes as rows: the observations after resets with seeds 0, 1 and so on.

    Options: those of :func:`build`; ``rows``, how many; ``prompt_field``, the field of the observation that a policy
    reads, if it is not the only text. Raises :class:`UsageError`.
    """
    part = _only(parts)
    environment = _environment(part, options)
    starts = []
    for seed in range(int(options.get("rows") or EPISODES)):
        try:
            observation = environment.first_observation(Row(seed, "", columns={"seed": seed}))
        except UsageError:
            raise
        except Exception as error:
            raise UsageError(f"{part.label} cannot be reset: it {raised(error)}") from error
        prompt = _prompt(observation, options.get("prompt_field"))
        starts.append(Row(seed, prompt, columns={"seed": seed, "prompt": prompt, "observation": observation}))
    tools = environment.tools
    environment.finish()
    return [replace(row, columns={**row.columns, "tools": tools}) for row in starts] if tools else starts


def _environment(part: Part, options: Mapping[str, Any]) -> LocalEnvironment | ServedEnvironment:
    """The environment of a part; raises :class:`UsageError` for a Rubric."""
    url = _url(part)
    if url is not None:
        return ServedEnvironment(url, options)
    module = module_of(part.source)
    target = _instance(named(module, part), part.label)
    if not isinstance(target, interfaces.Environment):
        raise UsageError(f"{part.label} is a Rubric, which has no rows: give a data file")
    return _played(module, part, target, options)[0]


def _prompt(observation: Mapping[str, Any], field: str | None) -> str:
    """The text of an observation, or the whole observation as JSON."""
    if field is not None and field not in observation:
        raise UsageError(f"the observation has no {field}; it has: {', '.join(sorted(observation))}")
    texts = (
        [value for value in observation.values() if isinstance(value, str) and value]
        if field is None
        else [observation[field]]
    )
    if len(texts) == 1 and isinstance(texts[0], str):
        return texts[0]
    return json.dumps(observation if field is None else observation[field])
