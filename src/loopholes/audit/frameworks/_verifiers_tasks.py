"""The parts of a verifiers target: its Task and Taskset, their configs, their rewards, and the Env that plays them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loopholes.audit.frameworks.base import Library, Part, Rejected, Row, load, raised
from loopholes.errors import UsageError

pydantic = Library("pydantic")
vf, loaders = Library("verifiers.v1"), Library("verifiers.v1.utils.loaders")
decorators, generic = Library("verifiers.v1.utils.decorators"), Library("verifiers.v1.utils.generic")
agents = Library("verifiers.v1.configs.agent")
PREFIX = "verifiers"
"""Prefix of the name of a taskset's package."""
ARGUMENTS = ("task", "trace", "runtime")
"""Names of the arguments that a reward may take."""
LIFECYCLE = ("setup", "finalize")
"""Hooks of a task before and after a rollout."""
OWN_ENVS = "verifiers.v1.env"
"""Prefix of the modules with verifiers' own Envs."""


@dataclass
class Tasks:
    """A target's tasks, and the Env that plays them.

    ``kind`` is the Task's class and ``config`` its config, without judges. ``taskset`` is None if a Task is named.
    ``env`` is the Env class that plays the tasks, or None for a single agent. ``not_covered`` has a sentence for
    everything that pays in training and is not scored here.
    """

    kind: Any
    config: Any
    taskset: Any
    env: Any
    rewards: Mapping[str, Any]
    not_covered: list[str]
    _tasks: dict[int, tuple[Mapping[str, Any], Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, part: Part, options: Mapping[str, Any]) -> Tasks:
        """The tasks of a part; raises :class:`UsageError`."""
        named = _named(part)
        is_taskset = issubclass(named, vf.Taskset)
        config = _config(named, part, options)
        kind, task_config = (named.task_type(), config.task) if is_taskset else (named, config)
        own_config = task_config.model_copy(update={"judges": []})
        taskset = _created(named, config.model_copy(update={"task": own_config}), part) if is_taskset else None
        probe = _probe(kind, task_config)
        rewards = _hooks(probe, "reward", part)
        _hooks(probe, "metric", part)
        env, not_played = _env({named.__module__, kind.__module__}, part, options.get("env"))
        not_covered = [*_not_scored(probe), *not_played]
        if kind.NEEDS_CONTAINER or not (rewards or env):
            raise Rejected(f"{part.label} has no reward that can be scored here: {_because(not_covered)}")
        return cls(kind, own_config, taskset, env, rewards, not_covered)

    @property
    def are_episodes(self) -> bool:
        """Whether a rollout is more than one reply to the prompt."""
        probe = _probe(self.kind, self.config)
        hooks = [*self.rewards.values(), *probe.hooks("metric")]
        lifecycle = [getattr(self.kind, name) for name in LIFECYCLE if is_own(self.kind, name)]
        return (
            self.env is not None
            or self.has_tools
            or any("runtime" in inspect.signature(hook).parameters for hook in (*hooks, *lifecycle))
            or bool(probe.hooks("stop") or decorators.discover_decorated(probe, "intercept"))
        )

    @property
    def has_tools(self) -> bool:
        """Whether the task or its taskset offers tools."""
        owner = type(self.taskset)
        return self.kind.toolsets.__func__ is not vf.Task.toolsets.__func__ or (
            self.taskset is not None and owner.toolsets.__func__ is not vf.Taskset.toolsets.__func__
        )

    def task(self, row: Row) -> Any:
        """The task of a row, as the environment server creates it from a request."""
        columns, task = self._tasks.get(row.number, (None, None))
        if columns is None or columns != row.columns:
            task = _checked(self.kind, self.config, {"prompt": row.prompt, **row.columns}, f"row {row.number}")
            self._tasks[row.number] = (row.columns, task)
        return task


def _checked(kind: Any, config: Any, record: Mapping[str, Any], what: str) -> Any:
    data = kind.data_type()
    try:
        return kind(data.model_validate(record), config)
    except pydantic.ValidationError as error:
        raise Rejected(f"{what} does not make a {data.__name__}: {_first(error)}") from error
    except Exception as error:
        raise Rejected(f"{what} does not make a {kind.__name__}: it {raised(error)}") from error


def _named(part: Part) -> Any:
    kind = _by_name(part.name) if part.source == PREFIX else load(part)
    if isinstance(kind, type) and issubclass(kind, vf.Taskset | vf.Task):
        return kind
    raise UsageError(f"{part.label} is neither a Taskset nor a Task of verifiers.v1: name the class of one")


def _by_name(name: str) -> Any:
    """The Taskset of an installed package, as ``verifiers`` finds it; raises :class:`UsageError`."""
    try:
        return loaders.taskset_class(name)
    except ModuleNotFoundError as error:
        module = getattr(error.__cause__, "name", None) or error.name
        raise UsageError(
            f"{PREFIX}:{name} cannot be imported: there is no module {module}; install its package --with PACKAGE, "
            f"or name its folder, {PREFIX}:FOLDER"
        ) from error
    except Exception as error:
        raise UsageError(f"{PREFIX}:{name} is not a taskset: it {raised(error)}") from error


def _config(target: Any, part: Part, options: Mapping[str, Any]) -> Any:
    """The config of a Taskset or Task, of its own type, with the values in ``options``."""
    if issubclass(target, vf.Taskset):
        kind = generic.concrete_type(target, vf.TasksetConfig, origin=vf.Taskset) or vf.TasksetConfig
    else:
        kind = target.config_type()
    try:
        return kind.model_validate(dict(options.get("config") or {}))
    except pydantic.ValidationError as error:
        raise UsageError(f"the config does not fit {part.label}: {_first(error)}") from error


def _created(kind: Any, config: Any, part: Part) -> Any:
    try:
        return kind(config)
    except Exception as error:
        raise UsageError(f"{part.label} cannot be created: it {raised(error)}") from error


def _first(error: Any) -> str:
    """The first error of a validation, in a few words."""
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}"


def _probe(kind: Any, config: Any) -> Any:
    """A task without data, which is enough to list its rewards."""
    probe = object.__new__(kind)
    probe.config = config
    return probe


def _hooks(probe: Any, kind: str, part: Part) -> dict[str, Any]:
    """Rewards or metrics by name, in verifiers' order; raises :class:`Rejected` if verifiers could not call one."""
    try:
        hooks = {fn.__name__: fn for fn in probe.hooks(kind)}
    except Exception as error:
        raise Rejected(f"{part.label} cannot list its {kind}s: it {raised(error)}") from error
    for name, fn in hooks.items():
        unknown = [parameter.name for parameter in _required(fn) if parameter.name not in ARGUMENTS]
        if unknown:
            raise Rejected(
                f"{part.label} has a {kind} {name} that takes {', '.join(unknown)}, but verifiers only passes "
                f"{', '.join(ARGUMENTS)}"
            )
    return hooks


def _required(fn: Any) -> list[inspect.Parameter]:
    """The parameters without which a function cannot be called."""
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(fn).parameters.values()
    return [each for each in parameters if each.default is each.empty and each.kind not in optional]


def is_own(kind: Any, name: str) -> bool:
    return getattr(kind, name) is not getattr(vf.Task, name)


def _not_scored(probe: Any) -> Iterator[str]:
    """A sentence for every part of a task that may pay in training and is not scored here."""
    kind = type(probe)
    if kind.NEEDS_CONTAINER:
        yield f"{kind.__name__} needs a container, which is not started here"
    for judge in probe.config.judges:
        yield f"the judge {judge.name or judge.id} (weight {judge.weight:g}) calls a model, which an audit does not do"


def _env(modules: Iterable[str], part: Part, wanted: str | None) -> tuple[Any, list[str]]:
    """The Env that plays the tasks, from the user's modules, and a sentence for each Env that is not played."""
    around = {name for module in modules for name in (module, module.rpartition(".")[0]) if name in sys.modules}
    beside = [value for name in around for value in vars(sys.modules[name]).values()]
    envs: dict[str, Any] = {
        value.__name__: value
        for value in beside
        if isinstance(value, type) and issubclass(value, vf.Env) and not value.__module__.startswith(OWN_ENVS)
    }
    if wanted is not None and wanted not in envs:
        raise UsageError(f"{part.label} has no Env {wanted} beside it, only: {', '.join(sorted(envs)) or 'none'}")
    players = {name: seats(env) for name, env in sorted(envs.items()) if wanted in (None, name)}
    playable = [name for name, names in players.items() if len(names) == 1]
    if len(playable) > 1:
        raise UsageError(f"{part.label} may be played by {' or '.join(playable)}: say which with --set env=NAME")
    not_played = [
        f"{name} lets {len(names)} agents play ({', '.join(names) or 'none'}), and only single agents are played here"
        for name, names in players.items()
        if name not in playable
    ]
    return (envs[playable[0]] if playable else None), not_played


def env_config(kind: Any) -> Any:
    """The default config of an Env; raises :class:`UsageError` if it needs more than defaults."""
    config_type = generic.concrete_type(kind, vf.EnvConfig, origin=vf.Env) or vf.EnvConfig
    try:
        return config_type()
    except pydantic.ValidationError as error:
        raise UsageError(f"the config of {kind.__name__} needs more than its defaults: {_first(error)}") from error


def seats(kind: Any) -> list[str]:
    """The names of the agents that play in an Env."""
    return list(agents.agent_config_fields(env_config(kind)))


def _because(sentences: Sequence[str]) -> str:
    return "; ".join(sentences) or "decorate one with @vf.reward"
