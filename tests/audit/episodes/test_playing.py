"""An episode is played to its end, and its step rewards are added up as a trainer does."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import pytest

from loopholes.audit.episodes.playing import Rules, Step, play, rules_of, text_of
from loopholes.audit.episodes.scripts import script
from loopholes.audit.frameworks.base import Paid, Rejected, Row
from loopholes.errors import UsageError

ROW = Row(3, "Begin.")


class Scripted:
    """An environment that answers each step with the next prepared one, and records the actions."""

    def __init__(self, *steps: Step | Exception) -> None:
        self._steps = steps
        self.actions: list[str] = []

    def reset(self, row: Row) -> str:
        """Begin anew."""
        self.actions = []
        return f"room {row.number}"

    def step(self, action: str) -> Step:
        """The next answer."""
        self.actions.append(action)
        step = self._steps[len(self.actions) - 1]
        if isinstance(step, Exception):
            raise step
        return step

    def finish(self) -> None:
        """Record that the episode is over."""
        self.actions.append("(over)")


def steps(*rewards: Any) -> list[Step]:
    """Steps with these rewards, the last of which ends the episode."""
    return [Step(f"seen {turn}", reward, turn == len(rewards)) for turn, reward in enumerate(rewards, 1)]


def earned(*rewards: Any, text: str = "go", rules: Rules = Rules()) -> Paid:
    """The payment of a text in an environment with these step rewards."""
    return play(Scripted(*steps(*rewards)), ROW, text, rules, "env")


def test_step_rewards_are_summed_and_a_step_without_one_adds_nothing() -> None:
    assert earned(0.5, None, 2, -1).value == 1.5


def test_only_the_last_reward_counts_if_the_user_says_so() -> None:
    assert earned(0.5, 2, None, rules=Rules(total="last")).value == 2


def test_an_episode_ends_at_the_limit_of_turns() -> None:
    assert earned(*[1] * 20, rules=Rules(turns=4)).value == 4


def test_an_episode_without_any_reward_has_none() -> None:
    assert earned(None, None) == Paid(None, "no step of the episode had a reward", first_observation="room 3")


def test_an_exception_of_an_environment_is_a_problem_without_a_reward() -> None:
    environment = Scripted(*steps(1.0, 0.0)[:1], ValueError("no such door"))
    assert play(environment, ROW, "go", Rules(), "env") == Paid(
        None, "raised ValueError: no such door", first_observation="room 3"
    )


def test_an_episode_that_cannot_continue_is_given_up() -> None:
    environment = Scripted(ValueError("no such door"))
    play(environment, ROW, "go", Rules(), "env")
    assert environment.actions == ["go", "(over)"]


def test_a_reward_that_is_not_a_number_cannot_be_audited() -> None:
    with pytest.raises(Rejected, match="env returned the str 'much', not a number"):
        earned("much")


def test_a_reward_that_is_not_finite_is_paid_as_it_is() -> None:
    assert math.isnan(earned(1, math.nan).value or 0.0)


PLAYED: list[tuple[str, Sequence[str]]] = [
    ("go", ["go", "go", "go"]),
    (script("look", "go"), ["look", "go", "go"]),
    (script("look", "{observation}"), ["look", "seen 1", "seen 2"]),
    (script("{observation}!"), ["room 3!", "seen 1!", "seen 2!"]),
    ("{observation}", ["{observation}"] * 3),
]


@pytest.mark.parametrize("text, actions", PLAYED)
def test_the_last_action_is_repeated_and_a_script_may_repeat_the_observation(text: str, actions: Sequence[str]) -> None:
    environment = Scripted(*steps(0, 0, 0))
    play(environment, ROW, text, Rules(), "env")
    assert environment.actions == [*actions, "(over)"]


class Chance(Scripted):
    """Records the seed of each episode, and the global random number that it begins with."""

    def __init__(self, *steps: Step | Exception) -> None:
        super().__init__(*steps)
        self.seeds: list[int] = []
        self.chances: list[float] = []

    def reset(self, row: Row) -> str:
        """Begin anew."""
        self.seeds.append(row.columns["seed"])
        self.chances.append(random.random())
        return super().reset(row)


def test_earlier_episodes_of_a_row_are_played_before_its_own() -> None:
    environment = Chance(*steps(0, 1))
    earlier = [{"seed": 8, "completion": "wait"}, {"seed": 9, "completion": "wait"}]
    row = Row(3, "Begin.", columns={"seed": 1, "earlier": earlier})
    assert play(environment, row, "go", Rules(), "env").value == 1 and environment.actions == ["go", "go", "(over)"]
    assert environment.seeds == [8, 9, 1]
    assert len(set(environment.chances)) == 1, "global random numbers begin anew with each episode"


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"turns": "many"}, "turns is a number of turns"),
        ({"turns": -1}, "turns is"),
        ({"return": "mean"}, "sum or last"),
    ],
)
def test_invalid_rules_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        rules_of(options)


@pytest.mark.parametrize(
    "observation, text",
    [
        ("door", "door"),
        ({"text": "door", "hp": 3}, "door"),
        ({"a": "x", "b": "y"}, '{"a": "x", "b": "y"}'),
        ([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Go."}], "Be brief.\nGo."),
        (None, "null"),
    ],
)
def test_an_observation_is_read_as_a_policy_reads_it(observation: Any, text: str) -> None:
    assert text_of(observation) == text
