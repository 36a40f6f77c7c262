"""Text environments in Gymnasium's manner: ``FILE.py:ENV``, whose actions and observations are texts.

A class with ``reset`` and ``step``, of Gymnasium or not, or what makes an instance of one. As in Gymnasium 1.0:
``reset(seed=, options=)`` returns ``(observation, info)`` and ``step(action)`` returns ``(observation, reward,
terminated, truncated, info)``; the older ways, an observation alone and ``(observation, reward, done, info)``, are
taken, too. The environment is made once a process and reset before each episode, as a vector environment does it.
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
OTHERS = frozenset({"Environment", "MCPEnvironment"})
"""Base classes of environments that another framework plays."""
NOTES = (
    "the environment is made once and reset before each episode; a row's columns seed and reset are handed to reset as "
    "seed and options, the row's number where there is no seed",
)


class TextEnvironment:
    """One environment, made when it is first reset: a fork of the process that loaded it makes its own."""

    def __init__(self, part: Part) -> None:
        self._label = part.label
        self._named = load(part)
        self._made: Any = None
        if not _plays(self._named) and not callable(self._named):
            raise UsageError(f"{part.label} has no reset and step, as environments in Gymnasium's manner have")

    def begin(self, row: Row) -> tuple[Any, Mapping[str, Any]]:
        """The first observation of a row's episode and what the environment says of it beside."""
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
        """The environment stays for the next episode."""

    @property
    def _environment(self) -> Any:
        if self._made is None:
            self._made = self._instance()
            space = getattr(self._made, "action_space", None)
            if hasattr(space, "n") or hasattr(space, "nvec") or hasattr(space, "low"):
                raise Rejected(f"{self._label} takes numbers as actions ({space}), and only texts are played here")
        return self._made

    def _instance(self) -> Any:
        if not isinstance(self._named, type) and _plays(self._named):
            return self._named
        try:
            environment = self._named()
        except Exception as error:
            raise Rejected(
                f"{self._label} cannot be made without arguments, it {raised(error)}: name a call, such as "
                f"{self._label}(level=1), or a function that makes it"
            ) from error
        if not _plays(environment):
            raise Rejected(f"{self._label} makes a {type(environment).__name__}, which has no reset and step")
        return environment


def _plays(value: Any) -> bool:
    return METHODS.issubset(dir(value))


def _accepted(call: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Those arguments that a method takes, without options where there are none."""
    parameters = inspect.signature(call).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return {name: value for name, value in arguments.items() if value != {} and (takes_all or name in parameters)}


def _only(parts: Sequence[Part]) -> Part:
    if len(parts) != 1 or parts[0].weight != 1:
        raise UsageError("gymnasium takes one environment, without a weight")
    return parts[0]


def recognises(shape: Shape) -> bool:
    """Whether it is a class of environments that no other framework plays."""
    return shape.methods >= METHODS and OTHERS.isdisjoint(shape.bases)


def build(parts: Sequence[Part], options: Mapping[str, Any]) -> EpisodeReward:
    """See :mod:`loopholes.audit.frameworks`. Options: ``turns`` and ``return``, as :data:`OPTIONS` says."""
    part = _only(parts)
    return EpisodeReward(TextEnvironment(part), rules_of(options), part.label, NOTES)


def rows(parts: Sequence[Part], options: Mapping[str, Any]) -> list[Row]:
    """Beginnings of episodes as rows: what is shown after a reset with seed 0, 1 and so on.

    What ``info`` says beside becomes columns, so that an answer there is found. Raises :class:`UsageError`.
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
    """Whether JSON holds a value as it is."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return isinstance(value, FIXED) or (isinstance(value, list) and all(map(_is_plain, value)))
