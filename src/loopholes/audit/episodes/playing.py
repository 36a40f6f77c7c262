"""Plays an episode with a scripted policy, and adds up its step rewards as a trainer does."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Protocol

from loopholes.audit.episodes.scripts import OBSERVATION, actions_of, scripted
from loopholes.audit.frameworks.base import Paid, Row, number, raised
from loopholes.errors import LoopholesError, UsageError

TURNS = 10
"""Default of ``turns``, the most turns per episode."""
EPISODES = 16
"""Default of ``rows``, the number of episodes that become rows."""
EARLIER = "earlier"
"""The column of a row with the episodes to play before its own, each a ``seed`` and a ``completion``.

If a row has this column, even an empty list, global random generators are reseeded before each episode.
"""
LONGEST = 20_000
"""Maximum number of characters of an observation that a policy repeats."""
NO_REWARD = "no step of the episode had a reward"
PLAYING: Mapping[str, str] = {
    "turns": f"Maximum number of turns per episode; default: {TURNS}.",
    "return": "How a trainer combines an episode's step rewards, sum or last; default: sum.",
    "rows": f"How many episodes of an environment become rows; default: {EPISODES}.",
}
"""Options of every environment of several turns."""


class Step(NamedTuple):
    """An environment's answer to an action. ``reward`` is None if the step has none."""

    observation: str
    reward: Any
    is_over: bool


class Environment(Protocol):
    """An environment that plays one episode at a time. It may raise any exception."""

    def reset(self, row: Row) -> str:
        """Begin the episode of a row; returns the first observation."""
        ...

    def step(self, action: str) -> Step:
        """Take one action."""
        ...

    def finish(self) -> None:
        """End the episode, finished or not, and release its resources."""
        ...


@dataclass(frozen=True)
class Rules:
    """How episodes are played: the most ``turns``, and whether the sum of rewards or the last one counts."""

    turns: int = TURNS
    total: Literal["sum", "last"] = "sum"

    @property
    def note(self) -> str:
        """The rules in a sentence."""
        total = (
            "an episode earns the sum of its step rewards, undiscounted, as SkyRL-gym, RAGEN and verl-agent add them up"
            if self.total == "sum"
            else "an episode earns its last step reward"
        )
        return (
            f"{total}; at most {self.turns} turns (--set turns=N), with the last action repeated until the episode ends"
        )

    def paid(self, rewards: Sequence[float | None], first_observation: str, problem: str = NO_REWARD) -> Paid:
        """The payment for these step rewards, which are None for steps without one; a problem if no step has one."""
        values = [value for value in rewards if value is not None]
        if not values:
            return Paid(None, problem, first_observation=first_observation)
        return Paid(sum(values) if self.total == "sum" else values[-1], first_observation=first_observation)


def rules_of(options: Mapping[str, Any]) -> Rules:
    """The rules that ``turns`` and ``return`` set; raises :class:`UsageError`."""
    total = options.get("return", "sum")
    try:
        turns = int(options.get("turns") or TURNS)
    except (TypeError, ValueError):
        turns = 0
    if turns < 1:
        raise UsageError(f"turns is a number of turns, 1 or more, not {options.get('turns')!r}")
    if total not in ("sum", "last"):
        raise UsageError(f"return is sum or last, not {total!r}")
    return Rules(turns, total)


class EpisodeReward:
    """The return of episodes as a reward. A completion describes what a scripted policy does in an episode."""

    batched = False

    def __init__(self, environment: Environment, rules: Rules, label: str, notes: Sequence[str] = ()) -> None:
        self._environment = environment
        self._rules = rules
        self._label = label
        self.turns = rules.turns
        self.notes: Sequence[str] = [rules.note, *notes]

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        return [
            play(self._environment, row, text, self._rules, self._label) for row, text in zip(rows, texts, strict=True)
        ]


def play(environment: Environment, row: Row, text: str, rules: Rules, label: str) -> Paid:
    """The payment of an episode. If the environment raises, that is a problem and there is no reward.

    Raises :class:`~loopholes.audit.frameworks.base.Rejected` for step rewards that are not numbers.
    """
    for earlier, completion in earlier_of(row):
        _reseed()
        play(environment, earlier, completion, rules, label)
    if EARLIER in row.columns:
        _reseed()
    actions, is_script = actions_of(text, row.columns), scripted(text) is not None
    rewards: list[float | None] = []
    first_observation = ""
    try:
        first_observation = seen = environment.reset(row)
        for turn in range(rules.turns):
            action = actions[min(turn, len(actions) - 1)]
            step = environment.step(action.replace(OBSERVATION, seen[:LONGEST]) if is_script else action)
            rewards.append(number(step.reward, label))
            if step.is_over:
                break
            seen = step.observation
    except LoopholesError:
        raise
    except Exception as error:
        return Paid(None, raised(error), first_observation=first_observation)
    finally:
        environment.finish()
    return rules.paid(rewards, first_observation)


def earlier_of(row: Row) -> list[tuple[Row, str]]:
    """The episodes to play before a row's own, each as a row and a completion."""
    columns = {name: value for name, value in row.columns.items() if name != EARLIER}
    return [
        (replace(row, columns={**columns, "seed": episode["seed"]}), episode["completion"])
        for episode in row.columns.get(EARLIER, ())
    ]


def text_of(observation: Any) -> str:
    """An observation as a policy reads it: a text, the only text in a record, the turns of a chat, or JSON."""
    if isinstance(observation, str):
        return observation
    if isinstance(observation, Mapping):
        texts = [value for value in observation.values() if isinstance(value, str) and value]
        if len(texts) == 1:
            return texts[0]
    if isinstance(observation, list | tuple) and all(
        isinstance(turn, Mapping) and "content" in turn for turn in observation
    ):
        return "\n".join(str(turn["content"]) for turn in observation)
    return json.dumps(observation, ensure_ascii=False, default=str)


def start_of(row: Row) -> tuple[int, dict[str, Any]]:
    """The seed of a row's episode, and the other arguments of its reset."""
    more = row.columns.get("reset")
    return int(row.columns.get("seed", row.number)), dict(more) if isinstance(more, Mapping) else {}


def _reseed() -> None:
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
