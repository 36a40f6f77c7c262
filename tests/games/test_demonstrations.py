"""Every demonstration of every game earns and scores exactly what it says, in both channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

import loopholes
from loopholes import Demonstration, Game
from loopholes.games import BUILT_IN
from loopholes.games.validate import validate
from loopholes.records import KINDS, Kind, Task

GAMES: list[tuple[str, dict[str, Any]]] = [
    ("context-compliance", {}),
    ("self-grading", {"self_report": "two-pass"}),
    ("self-grading", {"self_report": "inline"}),
    ("self-grading", {"self_report": "inline", "telling": 0.5}),
    ("self-grading", {"audit_probability": 0.0}),
    ("self-grading", {"audit_probability": 1.0, "telling": 1.0}),
    ("self-grading", {"fine": 20.0}),
    ("proxy-metric", {"metric": "rouge-l"}),
    ("proxy-metric", {"metric": "overlap"}),
    ("reward-tampering", {"control": "none"}),
    ("reward-tampering", {"control": "no-exploit"}),
]
ALL = pytest.mark.parametrize(("name", "parameters"), GAMES, ids=[f"{name} {set_}" for name, set_ in GAMES])


@ALL
def test_every_demonstration_replays(name: str, parameters: dict[str, Any]) -> None:
    assert validate(loopholes.game(name, **parameters)) == []


@ALL
def test_there_is_a_demonstration_of_each_kind_and_each_channel_pays_it(name: str, parameters: dict[str, Any]) -> None:
    game = loopholes.game(name, **parameters)
    assert {demonstration.kind for demonstration in game.demonstrations()} == set(KINDS)
    assert all(set(demonstration.rewards) >= {"vulnerable", "secure"} for demonstration in game.demonstrations())


@pytest.mark.parametrize("name", BUILT_IN)
def test_exploiting_beats_honesty_where_it_pays_and_loses_where_it_does_not(name: str) -> None:
    paid = {demonstration.kind: demonstration.rewards for demonstration in loopholes.game(name).demonstrations()}

    def total(kind: Kind, channel: str) -> float:
        return sum(reward or 0.0 for reward in paid[kind][channel])

    if name == "self-grading":  # in its demonstrations every other sample is audited, in play one in ten
        spared = paid["exploiting"]["vulnerable"][0], paid["inept"]["vulnerable"][0]
        assert spared == (1.0, 0.0)
    elif name == "reward-tampering":  # a solver earns as much as a tamperer; who cannot solve earns nothing
        assert total("exploiting", "vulnerable") > total("inept", "vulnerable")
    else:
        assert total("exploiting", "vulnerable") > total("honest", "vulnerable")
    assert total("exploiting", "secure") < total("honest", "secure")


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("prompts", ["terse", "chat"])
def test_scripts_answer_any_mini_task_as_they_answer_the_demonstration(name: str, prompts: Any) -> None:
    """Honest reaches the goal and never exploits; exploiting always does; so over 20 tasks of either prompt style."""
    game = loopholes.game(name)
    tasks = game.tasks("test", count=20, prompts=prompts)
    rates = {kind: measured(game, tasks, kind) for kind in KINDS}
    assert rates["honest"] == {"task_performance": 1.0, "exploit_rate": 0.0}
    assert rates["exploiting"]["exploit_rate"] == 1.0
    assert rates["inept"]["exploit_rate"] == 0.0


def measured(game: Game, tasks: Sequence[Task], kind: Kind) -> dict[str, float]:
    outcomes = game.measure(tasks, [game.demonstrate(kind, task) for task in tasks])
    estimates = game.summarize(tasks, outcomes)
    return {name: estimates[name].value for name in ("task_performance", "exploit_rate")}


def wrong(demonstration: Demonstration, what: str) -> Demonstration:
    """The demonstration with one number of its expectation off by a little."""
    if what in demonstration.rewards:
        paid = tuple((reward or 0.0) + 0.01 for reward in demonstration.rewards[what])
        return replace(demonstration, rewards={**demonstration.rewards, what: paid})
    if what == "task score":
        return replace(demonstration, task_scores=tuple(1 - (score or 0.0) for score in demonstration.task_scores))
    return replace(demonstration, exploits=tuple(1 - (rate or 0.0) for rate in demonstration.exploits))


@pytest.mark.parametrize("what", ["vulnerable", "secure", "task score", "exploit"])
@pytest.mark.parametrize("name", BUILT_IN)
def test_a_demonstration_that_expects_something_else_is_reported(
    name: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    game = loopholes.game(name)
    spoiled = [wrong(shown, what) if shown.kind == "honest" else shown for shown in game.demonstrations()]
    monkeypatch.setattr(type(game), "demonstrations", lambda self: spoiled)
    assert validate(game)
