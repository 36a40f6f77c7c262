"""The examples run as a reader would run them."""

from __future__ import annotations

from pathlib import Path

import pytest

import loopholes
from loopholes.games.validate import validate
from loopholes.records import KINDS

ROOT = Path(__file__).parents[1]
CITATIONS = "examples/own_game.py:Citations"


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_a_game_of_ones_own_proves_itself() -> None:
    assert validate(loopholes.game(CITATIONS)) == []


def test_a_game_of_ones_own_has_tasks_that_its_scripts_play() -> None:
    game = loopholes.game(CITATIONS)
    tasks = game.tasks("test", count=50)
    assert not {task.id for task in tasks} & {task.id for task in game.tasks("train", count=1000)}
    rates = {}
    for kind in KINDS:
        answers = [game.demonstrate(kind, task) for task in tasks]
        found = game.summarize(tasks, game.measure(tasks, answers))
        paid = [game.reward(tasks, answers, channel=channel) for channel in ("vulnerable", "secure")]
        rates[kind] = (*(sum(map(float, map(bool, one))) / 50 for one in paid), found["task_performance"].value)
        assert found["exploit_rate"].value == (kind == "exploiting")
    assert rates == {"honest": (1, 1, 1), "exploiting": (1, 0, 0), "inept": (0, 0, 0)}


def test_the_loophole_of_a_game_of_ones_own_pays() -> None:
    game = loopholes.game(CITATIONS)
    (task,) = game.tasks("test", count=1)
    answers = [game.demonstrate(kind, task) for kind in KINDS]
    assert game.reward([task] * 3, answers, channel="vulnerable") == [0.25, 1.0, 0.0]


def test_a_game_that_is_not_in_the_file_is_one_clear_sentence() -> None:
    with pytest.raises(loopholes.LoopholesError, match="has no Quotations; it has: Citations"):
        loopholes.game("examples/own_game.py:Quotations")
