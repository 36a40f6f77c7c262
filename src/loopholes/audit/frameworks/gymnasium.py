"""Text environments with Gymnasium's interface: ``FILE.py:ENV``, whose actions and observations are texts.

ENV is a class with ``reset`` and ``step``, from Gymnasium or not, or a function that returns an instance. As in
Gymnasium 1.0, ``reset(seed=, options=)`` returns ``(observation, info)`` and ``step(action)`` returns ``(observation,
reward, terminated, truncated, info)``. The older interface, an observation alone and ``(observation, reward, done,
info)``, is accepted, too. The environment is created once per process and reset before each episode, as vector
environments do.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from loopholes.audit.episodes.playing import (
    EPISODES,
    PLAYING,
    EpisodeReward,
    Step,
    rules_of,
    start_of,
    text_of,
)
from loopholes.audit.frameworks.base import COMMON, FIXED, Part, Rejected, Row, Shape, load, raised
from loopholes.audit.rows import rows_from
from loopholes.errors import UsageError

NAME = "gymnasium"
PACKAGE = "gymnasium"
EXTRA = None
REQUIREMENTS: Mapping[str, Sequence[str]] = {"gymnasium": ("gymnasium>=1.0",)}
PREFIXES = ()
OPTIONS = {**COMMON, **PLAYING}
METHODS = frozenset({"reset", "step"})
ELSEWHERE = frozenset({"Environment", "MCPEnvironment"})
"""Base classes of environments that belong to another framework."""
NOTES = (
    "the environment is created once and reset before each episode; a row's columns seed and reset are passed to reset "
    "as seed and options, with the row's number as the default seed",
)


class TextEnvironment:
    """An environment, created on its first reset, so that each fork of the process that loaded it has its own."""

    def __init__(self, part: Part) -> None:
        self._label = part.label
        self._target = load(part)
        self._instance: Any = None
        if not _plays(self._target) and not callable(self._target):
            raise UsageError(f"{part.label} has no reset and step, as environments with Gymnasium's interface have")

    def begin(self, row: Row) -> tuple[Any, Mapping[str, Any]]:
        """The first observation of a row's episode, and its info."""
        seed, more = start_of(row)
        reset = self._environment.reset
        answer = reset(**_accepted(reset, {"seed": seed, "options": more}))
        if isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], Mapping):
            return answer
        return answer, {}

    def reset(self, row: Row) -> str:
        """See :class:`~loopholes.audit.episodes.playing.Environment`."""
        return text_of(self.begin(row)[0])

    def step(self, action: str) -> Step:
        """See :class:`~loopholes.audit.episodes.playing.Environment`."""
        answer = self._environment.step(action)
        if not isinstance(answer, tuple) or len(answer) not in (4, 5):
            raise Rejected(f"{self._label} returned no (observation, reward, terminated, truncated, info) for a step")
        return Step(text_of(answer[0]), answer[1], any(map(bool, answer[2:-1])))

    def finish(self) -> None:
        """Do nothing: the next episode uses the same environment."""

    @property
    def _environment(self) -> Any:
        if self._instance is None:
            self._instance = self._created()
            space = getattr(self._instance, "action_space", None)
            if hasattr(space, "n") or hasattr(space, "nvec") or hasattr(space, "low"):
                raise Rejected(f"{self._label} takes numbers as actions ({space}), and only texts are played here")
        return self._instance

    def _created(self) -> Any:
        if not isinstance(self._target, type) and _plays(self._target):
            return self._target
        try:
            environment = self._target()
        except Exception as error:
            raise Rejected(
                f"{self._label} cannot be created without arguments, it {raised(error)}: name a call, such as "
                f"{self._label}(level=1), or a function that creates it"
            ) from error
        if not _plays(environment):
            raise Rejected(f"{self._label} creates a {type(environment).__name__}, which has no reset and step")
        return environment


def _plays(value: Any) -> bool:
    return METHODS.issubset(dir(value))


def _accepted(call: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that a method takes, without empty ones."""
    parameters = inspect.signature(call).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return {name: value for name, value in arguments.items() if value != {} and (takes_all or name in parameters)}


def _only(parts: Sequence[Part]) -> Part:
    if len(parts) != 1 or parts[0].weight != 1:
        raise UsageError("gymnasium takes one environment, without a weight")
    return parts[0]


def recognises(shape: Shape) -> bool:
    """Whether it is a class of environments that belongs to no other framework."""
    return shape.methods >= METHODS and ELSEWHERE.isdisjoint(shape.bases)


def build(parts: Sequence[Part], options: Mapping[str, Any]) -> EpisodeReward:
    """See :mod:`loopholes.audit.frameworks`. Options: ``turns`` and ``return``, as :data:`OPTIONS` says."""
    part = _only(parts)
    return EpisodeReward(TextEnvironment(part), rules_of(options), part.label, NOTES)


def rows(parts: Sequence[Part], options: Mapping[str, Any]) -> list[Row]:
    """The starts of episodes as rows: the observations after resets with seeds 0, 1 and so on.

    The entries of ``info`` become columns, so that an answer there is used. Raises :class:`UsageError`.
    """
    part = _only(parts)
    environment, count = TextEnvironment(part), int(options.get("rows") or EPISODES)
    try:
        beginnings = [environment.begin(Row(seed, "", columns={"seed": seed})) for seed in range(count)]
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"{part.label} cannot be reset: it {raised(error)}") from error
    records = [
        {**_plain(info), "seed": seed, "prompt": text_of(observation)}
        for seed, (observation, info) in enumerate(beginnings)
    ]
    return rows_from(records)


def _plain(info: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in info.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold a value unchanged."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return isinstance(value, FIXED) or (isinstance(value, list) and all(map(_is_plain, value)))
