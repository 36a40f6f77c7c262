"""Rule 1 of the house: no payment depends on a measurement. And no draw on anything but its place."""

from __future__ import annotations

import importlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from types import FunctionType, MethodType
from typing import Any, NoReturn

import numpy as np
import pytest

import loopholes
from loopholes import Game
from loopholes.games import BUILT_IN
from loopholes.records import KINDS, Completion, Task, draws

EVERY_GAME = pytest.mark.parametrize("name", BUILT_IN)
PLAIN = (str, int, float, bool, type(None))


def rewards(game: Game) -> dict[str, list[float | None]]:
    """What every channel pays every script on mini tasks, and on the demonstrations."""
    tasks = [task for task in game.tasks("train", count=10) for _ in KINDS]
    answers = [game.demonstrate(kind, task) for task, kind in zip(tasks, KINDS * 10, strict=True)]
    for shown in game.demonstrations():
        tasks += shown.tasks
        answers += shown.completions
    return {channel: game.reward(tasks, answers, channel=channel, seed=7) for channel in game.channels}


def forbidden(*_: object, **__: object) -> NoReturn:
    raise AssertionError("a channel reached for the truth")


def blind(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Break everything of a game that measures: its method, its metrics, and the module's making of outcomes."""
    module = importlib.import_module(BUILT_IN[name].partition(":")[0])
    kind = type(loopholes.game(name))
    for attribute in ("measure", "summarize"):
        monkeypatch.setattr(kind, attribute, forbidden)
    monkeypatch.setattr(kind, "metrics", property(forbidden))
    for attribute in ("_outcome", "Outcome"):
        monkeypatch.setattr(module, attribute, forbidden)


@EVERY_GAME
def test_rewards_are_the_same_where_every_measurement_raises(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seeing = rewards(loopholes.game(name))
    assert all(len(set(paid)) > 1 for paid in seeing.values())
    blind(name, monkeypatch)
    assert rewards(loopholes.game(name)) == seeing


@EVERY_GAME
def test_a_channel_that_reads_the_truth_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    game = loopholes.game(name)

    def peeking(tasks: list[Task], completions: list[Completion], _: object) -> list[loopholes.Payment]:
        return [loopholes.Payment(outcome.task_score) for outcome in game.measure(tasks, completions)]

    blind(name, monkeypatch)
    monkeypatch.setattr(type(game), "channels", property(lambda self: {"vulnerable": peeking}))
    with pytest.raises(AssertionError, match="reached for the truth"):
        rewards(game)


def reachable(thing: object) -> Iterator[object]:
    """Everything that an object holds, however deep; a closure's and a bound method's holdings too."""
    yield thing
    held: list[object] = []
    if is_dataclass(thing):
        held = [getattr(thing, field.name) for field in fields(thing)] + list(getattr(thing, "__dict__", {}).values())
    elif isinstance(thing, Mapping):
        held = [*thing.keys(), *thing.values()]
    elif isinstance(thing, (list, tuple, set, frozenset)):
        held = list(thing)
    elif isinstance(thing, MethodType):
        held = [thing.__self__]
    elif isinstance(thing, FunctionType):
        held = [cell.cell_contents for cell in thing.__closure__ or ()]
    for one in held:
        yield from reachable(one)


def suspicious(thing: object) -> list[object]:
    """What a channel object may not hold: games, and whatever is neither a plain value nor a frozen record."""
    return [
        held
        for held in reachable(thing)
        if isinstance(held, Game)
        or not (isinstance(held, (*PLAIN, Mapping, tuple)) or (is_dataclass(held) and frozen(held)))
    ]


def frozen(record: Any) -> bool:
    return bool(type(record).__dataclass_params__.frozen)


@EVERY_GAME
def test_a_channel_holds_parameters_and_nothing_else(name: str) -> None:
    for channel in loopholes.game(name).channels.values():
        assert is_dataclass(channel)
        assert suspicious(channel) == []


def test_a_channel_that_holds_its_game_would_be_found() -> None:
    game = loopholes.game("proxy-metric")

    def closure(*_: object) -> object:
        return game.measure

    assert game in suspicious(closure)
    assert game in suspicious(game.measure)
    assert game in suspicious({"deep": [(game,)]})


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
