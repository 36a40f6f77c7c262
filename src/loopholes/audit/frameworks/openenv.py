"""OpenEnv 0.10's rewards: a Rubric or an Environment in this process, or the address of one that is served.

As in OpenEnv's server: an action is made of the completion, an async method of the environment is used where it has
its own, and ``reset`` gets those arguments that it takes. Environments are played to the end of an episode
(:mod:`loopholes.audit.episodes`). Those of tools (``MCPEnvironment``) take calls in JSON, ``{"tool_name": ...,
"arguments": {...}}``; any other text ends their episode, as a reply without a call does in a trainer.

A Rubric is called, not its ``forward``, and awaited where it is async. It remembers trajectories, so that it is reset
before every completion, and all the rubrics in it.
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
    number,
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
    "action_field": "The field of the action that takes the completion; needed unless there is one text.",
    "action": "The Action class, NAME or FILE.py:NAME; needed unless the file has one.",
    "environment": "The Environment whose observations a Rubric gets, NAME or FILE.py:NAME.",
    "timeout": "Seconds for one episode of a server; default: 30.",
    "prompt_field": "The field of the observation that a policy reads, if it is not the only text.",
}
BASES = {
    *("Rubric", "WeightedSum", "Sequential", "Gate", "TrajectoryRubric", "LLMJudge"),
    *("Environment", "MCPEnvironment"),
}
ONE_STEP = "an environment went on after its first step: a rubric is not asked about later steps"
interfaces, env_types = Library("openenv.core.env_server.interfaces"), Library("openenv.core.env_server.types")
rubrics = Library("openenv.core.rubrics")
mcp, mcp_types = Library("openenv.core.env_server.mcp_environment"), Library("openenv.core.env_server.mcp_types")
OPENENV = "0.10"
MANIFEST = "openenv.yaml"
NOTES = (
    "a row's columns seed and reset are handed to reset, the row's number where there is no seed",
    "in this process: a served environment sends null for NaN and infinite rewards",
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
        seen = "a plain, last Observation with the row's columns as metadata" if episodes is None else "that of a step"
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
        return _paid(value, self._part.label)


class LocalEnvironment:
    """An environment in this process, whose actions are made of texts."""

    def __init__(self, actions: _Actions | _Calls, episodes: _Episodes) -> None:
        self._actions = actions
        self._episodes = episodes

    def reset(self, row: Row) -> str:
        """See :class:`~loopholes.audit.episodes.playing.Environment`."""
        return text_of(self.shown(row))

    def shown(self, row: Row) -> Mapping[str, Any]:
        """The observation after a reset, as a record."""
        record: dict[str, Any] = self._episodes.reset(row).model_dump(mode="json")
        return record

    def step(self, action: str) -> Step:
        """See :class:`~loopholes.audit.episodes.playing.Environment`."""
        made = self._actions(action)
        if made is None:
            return Step("", 0.0, True)
        seen = self._episodes.step(made)
        return Step(text_of(seen.model_dump(mode="json", exclude={"reward", "done"})), seen.reward, bool(seen.done))

    def finish(self) -> None:
        """There is no session to end."""

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The tools that it offers, with names and schemas; empty where it takes other actions."""
        if not isinstance(self._actions, _Calls):
            return []
        listed = self._episodes.step(mcp_types.ListToolsAction())
        return [tool.model_dump(mode="json") for tool in listed.tools]


class _Episodes:
    """Episodes of one environment."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._loop = Loop()
        self.not_covered: list[str] = []

    def reset(self, row: Row) -> Any:
        """The observation after a reset."""
        seed, more = start_of(row)
        call = self._call("reset")
        return self._loop.wait(call(**_taken(call, {**more, "seed": seed, "episode_id": f"audit-{row.number}"})))

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
        """The async method where the environment has its own, as the server chooses."""
        own = getattr(type(self._environment), f"{name}_async") is not getattr(interfaces.Environment, f"{name}_async")
        return getattr(self._environment, f"{name}_async" if own else name)


class _Actions:
    """Makes an action of a completion."""

    def __init__(self, kind: Any, asked: str | None) -> None:
        known = {name: one for name, one in kind.model_fields.items() if name != "metadata"}
        texts = [name for name, one in known.items() if one.annotation is str]
        needed = [name for name, one in known.items() if one.is_required()]
        self._kind = kind
        self.field = Fields(kind.__name__, texts, known, needed).choose(asked)

    def __call__(self, text: str) -> Any:
        return self._kind(**{self.field: text})


class _Calls:
    """Makes a call of a tool of a text that is one, in JSON; None of any other."""

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
    """An episode's last observation, which is when trajectories are scored."""
    return env_types.Observation(done=True, metadata=dict(row.columns))


def _reset(rubric: Any) -> None:
    """Forget the trajectories of a rubric and of those in it, which ``reset`` of a container leaves alone."""
    for one in (rubric, *(child for _, child in rubric.named_rubrics())):
        one.reset()


def _paid(value: Any, label: str) -> Paid:
    read = number(value, label)
    return Paid(read, "" if read is not None else "returned None, which is no reward")


def _taken(call: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that a method takes."""
    known = inspect.signature(call).parameters
    takes_all = any(one.kind is one.VAR_KEYWORD for one in known.values())
    return {name: value for name, value in given.items() if takes_all or name in known}


def _action_type(module: ModuleType, part: Part, asked: str | None) -> Any:
    """The class of the actions: the one asked for, or the only one in the file, imported ones too."""
    if asked is not None:
        found = _also(module, part, asked)
        if not _is_user_s(found, env_types.Action):
            raise UsageError(f"{asked} is no Action class of OpenEnv")
        return found
    kinds = {one.__name__: one for one in vars(module).values() if _is_user_s(one, env_types.Action)}
    if len(kinds) != 1:
        raise UsageError(
            f"action has to name the Action class; {part.source} has: {', '.join(sorted(kinds)) or 'none'}"
        )
    return next(iter(kinds.values()))


def _is_user_s(one: Any, base: Any) -> bool:
    """Whether it is a subclass that OpenEnv did not bring."""
    return isinstance(one, type) and issubclass(one, base) and not one.__module__.startswith("openenv.")


def _also(module: ModuleType, part: Part, asked: str) -> Any:
    """What ``NAME`` or ``FILE.py:NAME`` means beside a part.

    The part's own module goes first, with what it imported: a class that is loaded twice is two classes, and a reward
    that asks ``isinstance`` would know one of them.
    """
    source, name = split(asked) if ":" in asked else ("", asked)
    if hasattr(module, name) or not source:
        return named(module, Part(part.source, name))
    return load(Part(source, name))


def _made(found: Any, label: str) -> Any:
    """An instance, made where a class or a function without arguments was named."""
    kinds = (rubrics.Rubric, interfaces.Environment)
    if isinstance(found, kinds):
        return found
    if not callable(found) or (isinstance(found, type) and not issubclass(found, kinds)):
        raise UsageError(f"{label} is neither a Rubric nor an Environment of OpenEnv")
    try:
        made = found()
    except Exception as error:
        raise Rejected(
            f"{label} cannot be made here without arguments, it {raised(error)}: name a function that makes it, or the "
            "address of a server that runs it"
        ) from error
    if not isinstance(made, kinds):
        raise UsageError(f"{label} makes neither a Rubric nor an Environment of OpenEnv")
    return made


def _local(part: Part, options: Mapping[str, Any]) -> RubricReward | EpisodeReward:
    module = module_of(part.source)
    target = _made(named(module, part), part.label)
    if isinstance(target, interfaces.Environment):
        environment, actions = _played(module, part, target, options)
        return EpisodeReward(environment, rules_of(options), part.label, [*_start_notes(actions), *NOTES])
    actions = _Actions(_action_type(module, part, options.get("action")), options.get("action_field"))
    asked = options.get("environment")
    if asked is None:
        return RubricReward(part, target, actions, None)
    environment = _made(_also(module, part, asked), asked)
    if not isinstance(environment, interfaces.Environment):
        raise UsageError(f"{asked} is no Environment of OpenEnv")
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
    """The address that a part is; None if it is none."""
    return part.label if part.label.startswith(("http://", "https://")) else None


def _only(parts: Sequence[Part]) -> Part:
    if len(parts) != 1 or parts[0].weight != 1:
        raise UsageError("openenv takes one Rubric, Environment or address, without a weight")
    return parts[0]


def located(part: Part) -> Part:
    """The part that a target with a prefix means: of ``openenv:FOLDER`` the environment in that folder."""
    if part.source != "openenv":
        return part
    if not (Path(part.name) / MANIFEST).is_file():
        raise UsageError(f"{part.name} has no {MANIFEST}, as the folder of an OpenEnv environment has")
    return class_in(part.name, {"Environment", "MCPEnvironment"})


def recognises(shape: Shape) -> bool:
    """Whether it is a class of rubrics or environments."""
    return not BASES.isdisjoint(shape.bases)


def brings_rows(shape: Shape) -> bool:
    """Whether it brings episodes, as an Environment does and a Rubric does not."""
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
    """Beginnings of episodes as rows: what the environment shows after a reset with seed 0, 1 and so on.

    Options: those of :func:`build`; ``rows``, how many; ``prompt_field``, the field of the observation that a policy
    reads, where it is not the only text. Raises :class:`UsageError`.
    """
    part = _only(parts)
    environment = _environment(part, options)
    starts = []
    for seed in range(int(options.get("rows") or EPISODES)):
        try:
            shown = environment.shown(Row(seed, "", columns={"seed": seed}))
        except UsageError:
            raise
        except Exception as error:
            raise UsageError(f"{part.label} cannot be reset: it {raised(error)}") from error
        prompt = _prompt(shown, options.get("prompt_field"))
        starts.append(Row(seed, prompt, columns={"seed": seed, "prompt": prompt, "observation": shown}))
    tools = environment.tools
    environment.finish()
    return [replace(row, columns={**row.columns, "tools": tools}) for row in starts] if tools else starts


def _environment(part: Part, options: Mapping[str, Any]) -> LocalEnvironment | ServedEnvironment:
    """What brings rows; raises :class:`UsageError` for a Rubric."""
    url = _url(part)
    if url is not None:
        return ServedEnvironment(url, options)
    module = module_of(part.source)
    target = _made(named(module, part), part.label)
    if not isinstance(target, interfaces.Environment):
        raise UsageError(f"{part.label} is a Rubric, which brings no rows: hand over a data file")
    return _played(module, part, target, options)[0]


def _prompt(shown: Mapping[str, Any], asked: str | None) -> str:
    """The text of an observation, or all of it as JSON."""
    if asked is not None and asked not in shown:
        raise UsageError(f"the observation has no {asked}; it has: {', '.join(sorted(shown))}")
    texts = [value for value in shown.values() if isinstance(value, str) and value] if asked is None else [shown[asked]]
    if len(texts) == 1 and isinstance(texts[0], str):
        return texts[0]
    return json.dumps(shown if asked is None else shown[asked])
