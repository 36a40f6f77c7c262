"""What a target of verifiers is: its Task and Taskset, their configs, what scores them, and the Env that plays them."""

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
"""Before the name of a taskset's package."""
HANDED = ("task", "trace", "runtime")
"""What a reward can take, by name."""
LIFECYCLE = ("setup", "finalize")
"""What a task may do before and after a rollout."""
OWN_ENVS = "verifiers.v1.env"
"""Where the names begin of modules with verifiers' own Envs."""


@dataclass
class Tasks:
    """What a target's tasks are, and who plays them.

    ``kind`` is the Task's class and ``config`` its config, without judges. ``taskset`` is None where a Task was named.
    ``env`` is the Env class that plays them, None for one agent on its own. ``not_covered`` has a sentence for
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
        """Those of a part; raises :class:`UsageError`."""
        named = _named(part)
        is_taskset = issubclass(named, vf.Taskset)
        config = _config(named, part, options)
        kind, task_config = (named.task_type(), config.task) if is_taskset else (named, config)
        own_config = task_config.model_copy(update={"judges": []})
        taskset = _made(named, config.model_copy(update={"task": own_config}), part) if is_taskset else None
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
        """Whether a reply to the prompt is not all there is to a rollout."""
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
        """The task of a row, as the environment server makes it of a request."""
        columns, task = self._tasks.get(row.number, (None, None))
        if columns is None or columns != row.columns:
            task = _checked(self.kind, self.config, {"prompt": row.prompt, **row.columns}, f"row {row.number}")
            self._tasks[row.number] = (row.columns, task)
        return task


def _checked(kind: Any, config: Any, given: Mapping[str, Any], what: str) -> Any:
    data = kind.data_type()
    try:
        return kind(data.model_validate(given), config)
    except pydantic.ValidationError as error:
        raise Rejected(f"{what} does not make a {data.__name__}: {_first(error)}") from error
    except Exception as error:
        raise Rejected(f"{what} does not make a {kind.__name__}: it {raised(error)}") from error


def _named(part: Part) -> Any:
    found = _by_name(part.name) if part.source == PREFIX else load(part)
    if isinstance(found, type) and issubclass(found, vf.Taskset | vf.Task):
        return found
    raise UsageError(f"{part.label} is neither a Taskset nor a Task of verifiers.v1: name the class of one")


def _by_name(name: str) -> Any:
    """The Taskset of an installed package, as ``verifiers`` looks for it; raises :class:`UsageError`."""
    try:
        return loaders.taskset_class(name)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{PREFIX}:{name} cannot be imported: there is no module {error.name}; install its package --with PACKAGE, "
            f"or name its folder, {PREFIX}:FOLDER"
        ) from error
    except Exception as error:
        raise UsageError(f"{PREFIX}:{name} is no taskset: it {raised(error)}") from error


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


def _made(kind: Any, config: Any, part: Part) -> Any:
    try:
        return kind(config)
    except Exception as error:
        raise UsageError(f"{part.label} cannot be made: it {raised(error)}") from error


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


def is_own(kind: Any, name: str) -> bool:
    return getattr(kind, name) is not getattr(vf.Task, name)


def _not_scored(probe: Any) -> Iterator[str]:
    """A sentence for everything of a task that may pay in training and is not scored here."""
    kind = type(probe)
    if kind.NEEDS_CONTAINER:
        yield f"{kind.__name__} needs a container, which is not started here"
    for judge in probe.config.judges:
        yield f"the judge {judge.name or judge.id} (weight {judge.weight:g}) asks a model, which is not done here"


def _env(modules: Iterable[str], part: Part, asked: str | None) -> tuple[Any, list[str]]:
    """The Env that plays the tasks, among those of the user's modules, and a sentence for each that is not played."""
    around = {name for module in modules for name in (module, module.rpartition(".")[0]) if name in sys.modules}
    beside = [value for name in around for value in vars(sys.modules[name]).values()]
    envs: dict[str, Any] = {
        value.__name__: value
        for value in beside
        if isinstance(value, type) and issubclass(value, vf.Env) and not value.__module__.startswith(OWN_ENVS)
    }
    if asked is not None and asked not in envs:
        raise UsageError(f"{part.label} has no Env {asked} beside it, only: {', '.join(sorted(envs)) or 'none'}")
    players = {name: seats(env) for name, env in sorted(envs.items()) if asked in (None, name)}
    playable = [name for name, names in players.items() if len(names) == 1]
    if len(playable) > 1:
        raise UsageError(f"{part.label} may be played by {' or '.join(playable)}: say which with --set env=NAME")
    others = [
        f"{name} lets {len(names)} agents play ({', '.join(names) or 'none'}), and one on its own is played here"
        for name, names in players.items()
        if name not in playable
    ]
    return (envs[playable[0]] if playable else None), others


def env_config(kind: Any) -> Any:
    """The config of an Env with all its defaults; raises :class:`UsageError` where it has none."""
    config_type = generic.concrete_type(kind, vf.EnvConfig, origin=vf.Env) or vf.EnvConfig
    try:
        return config_type()
    except pydantic.ValidationError as error:
        raise UsageError(f"the config of {kind.__name__} needs more than its defaults: {_first(error)}") from error


def seats(kind: Any) -> list[str]:
    """The agents that an Env lets play, by name."""
    return list(agents.agent_config_fields(env_config(kind)))


def _because(sentences: Sequence[str]) -> str:
    return "; ".join(sentences) or "decorate one with @vf.reward"
