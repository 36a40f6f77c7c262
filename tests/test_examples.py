"""The examples run as a reader would run them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

import loopholes
from loopholes.games.validate import validate
from loopholes.modules import run_file
from loopholes.records import KINDS, Completion

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


@pytest.mark.filterwarnings("ignore")  # TRL's own
def test_a_mini_trains_through_trl_and_its_completions_are_paid_what_the_game_pays(tmp_path: Path) -> None:
    run_file(Path("examples/trl_and_verifiers.py"), "example").train(tmp_path, steps=1)
    rows = [json.loads(line) for line in (tmp_path / "completions.jsonl").read_text().splitlines()]
    game = loopholes.game("reward-tampering")
    tasks = {task.id: task for task in game.tasks("train", count=32, trainable=True)}
    answers = [Completion(row["completion"]) for row in rows]
    paid = game.reward([tasks[row["task"]] for row in rows], answers, channel="vulnerable")
    assert paid == [row["reward"] for row in rows]
    assert len(rows) == 8
    assert (tmp_path / "env" / "loopholes_reward_tampering" / "taskset.py").is_file()


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("verifiers") is None or importlib.util.find_spec("trl") is None,
    reason="needs TRL and verifiers, which the set-up does not hold: pip install 'loopholes[train,verifiers]'",
)
@pytest.mark.filterwarnings("ignore")
def test_what_a_mini_answers_under_trl_is_paid_the_same_by_the_verifiers_package(tmp_path: Path) -> None:
    example = run_file(Path("examples/trl_and_verifiers.py"), "example")
    example.train(tmp_path, steps=3)
    assert example.score(tmp_path) == 24
