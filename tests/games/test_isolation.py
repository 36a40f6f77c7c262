"""Rule 1 of the house: no payment depends on a measurement. And no draw on anything but its place."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import loopholes
from loopholes import Game
from loopholes.games import BUILT_IN, REPORTED
from loopholes.games.isolation import TruthReached, leaks, reachable, samples, suspicious, without_truth
from loopholes.games.proxy_metric import FaithfulSummary, ProxyMetric
from loopholes.games.validate import validate
from loopholes.records import Channel, Completion, Outcome, Payment, Task, draws

OWN = f"{Path(__file__).parents[2] / 'examples' / 'own_game.py'}:Citations"
EVERY_GAME = pytest.mark.parametrize("name", [*BUILT_IN, *REPORTED, OWN], ids=[*BUILT_IN, *REPORTED, "a user's game"])


def rewards(game: Game) -> dict[str, list[float | None]]:
    """What every channel pays every script on mini tasks, and on the demonstrations."""
    tasks, answers = samples(game)
    return {channel: game.reward(tasks, answers, channel=channel, seed=7) for channel in game.channels}


@EVERY_GAME
def test_rewards_are_the_same_where_every_measurement_raises(name: str) -> None:
    game = loopholes.game(name)
    seeing = rewards(game)
    assert all(len(set(paid)) > 1 for paid in seeing.values())
    with without_truth(game):
        assert rewards(game) == seeing
        with pytest.raises(TruthReached):
            game.measure([], [])
        with pytest.raises(TruthReached):
            Outcome(1.0, None)
    assert Outcome(1.0, None).task_score == 1.0


@EVERY_GAME
def test_a_channel_holds_parameters_and_nothing_else(name: str) -> None:
    game = loopholes.game(name)
    assert [suspicious(channel) for channel in game.channels.values()] == [[]] * len(game.channels)
    assert leaks(game) == []


@dataclass(frozen=True)
class Holding:
    """A channel that pays well and holds something."""

    thing: object

    def __call__(
        self, tasks: Sequence[Task], completions: Sequence[Completion], draws: Sequence[float]
    ) -> list[Payment]:
        return FaithfulSummary()(tasks, completions, draws)


class Mutable:
    """A channel that is not a record."""

    def __call__(
        self, tasks: Sequence[Task], completions: Sequence[Completion], draws: Sequence[float]
    ) -> list[Payment]:
        return FaithfulSummary()(tasks, completions, draws)


def measured(tasks: Sequence[Task], completions: Sequence[Completion]) -> list[Payment]:
    return [Payment(outcome.task_score) for outcome in ProxyMetric().measure(tasks, completions)]


@dataclass(frozen=True)
class Peeking:
    """A channel that holds nothing and measures all the same."""

    def __call__(
        self, tasks: Sequence[Task], completions: Sequence[Completion], draws: Sequence[float]
    ) -> list[Payment]:
        return measured(tasks, completions)


@dataclass(frozen=True)
class Hiding:
    """A channel that measures, and hides that it could not."""

    def __call__(
        self, tasks: Sequence[Task], completions: Sequence[Completion], draws: Sequence[float]
    ) -> list[Payment]:
        try:
            return measured(tasks, completions)
        except Exception:
            return [Payment(0.0)] * len(tasks)


def calling(game: Game) -> Channel:
    """A channel that is a function with the game in its closure."""

    def closure(tasks: Sequence[Task], completions: Sequence[Completion], draws: Sequence[float]) -> list[Payment]:
        assert game.name
        return FaithfulSummary()(tasks, completions, draws)

    return closure


ADVICE = "so it might reach the measurement: make it a frozen dataclass that holds plain values only"
LEAKS: Mapping[str, tuple[Callable[[Game], Channel], str]] = {
    "holds the game": (Holding, f"the vulnerable channel holds the game (thing), {ADVICE}"),
    "holds it deep": (
        lambda game: Holding({"deep": ((game,),)}),
        f"the vulnerable channel holds the game (thing.deep.0.0), {ADVICE}",
    ),
    "holds a method": (
        lambda game: Holding(game.measure),
        f"the vulnerable channel holds a method (thing), {ADVICE}",
    ),
    "holds a function": (
        lambda game: Holding(lambda: 1),
        f"the vulnerable channel holds a function (thing), {ADVICE}",
    ),
    "is a function": (calling, f"the vulnerable channel is a function, {ADVICE}"),
    "is no record": (lambda game: Mutable(), f"the vulnerable channel is a Mutable, {ADVICE}"),
    "measures": (
        lambda game: Peeking(),
        "the vulnerable channel pays by what is measured; pay by the task and the completion alone",
    ),
    "measures and hides it": (
        lambda game: Hiding(),
        "the vulnerable channel pays by what is measured; pay by the task and the completion alone",
    ),
}


@pytest.mark.parametrize(("leak", "sentence"), LEAKS.values(), ids=LEAKS)
def test_validation_names_a_channel_that_might_reach_the_truth(leak: Callable[[Game], Channel], sentence: str) -> None:
    class Leaking(ProxyMetric):
        @property
        def channels(self) -> Mapping[str, Channel]:
            return {"vulnerable": leak(self), "secure": FaithfulSummary()}

    assert leaks(Leaking()) == [sentence]
    assert sentence in validate(Leaking())


def test_what_a_closure_holds_is_reached() -> None:
    game = loopholes.game("proxy-metric")
    held: list[object] = [game]
    held.append(held)
    assert game in [thing for _, thing in reachable(calling(game))]
    assert game in [thing for _, thing in reachable({"in a circle": held})]


def test_a_draw_depends_on_seed_step_and_sample_only() -> None:
    whole = draws(3, 5, range(100))
    random.seed(1)
    np.random.seed(1)
    assert draws(3, 5, [41, 7]) == [whole[41], whole[7]]
    assert draws(3, 5, range(100)) == whole
    others = [draws(4, 5, range(100)), draws(3, 6, range(100)), draws(5, 3, range(100))]
    assert not any(set(whole) & set(other) for other in others)


def test_draws_are_spread_evenly_between_0_and_1() -> None:
    numbers = np.array([draw for step in range(20) for draw in draws(0, step, range(100))])
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 0.02
    assert abs((numbers < 0.1).mean() - 0.1) < 0.02


def test_what_self_grading_pays_a_sample_does_not_depend_on_the_samples_around_it() -> None:
    game = loopholes.game("self-grading", audit_probability=0.5)
    tasks = game.tasks("train", count=40)
    lies = [game.demonstrate("exploiting", task) for task in tasks]
    truths = [game.demonstrate("honest", task) for task in tasks[:20]] + lies[20:]
    one, other = (game.reward(tasks, answers, channel="vulnerable", seed=2, step=9) for answers in (lies, truths))
    assert one[20:] == other[20:]
    assert {1.0, -6.0} == set(one)
