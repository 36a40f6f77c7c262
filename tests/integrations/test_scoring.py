"""Single answers are observed, asked about, paid and measured as a set of them is."""

from __future__ import annotations

from typing import Any

import pytest

import loopholes
from loopholes.errors import ContractError, ScoringError, UnknownName
from loopholes.games.isolation import without_truth
from loopholes.integrations.scoring import Scoring, asks, draw, truth
from loopholes.policies.claims import says_yes
from loopholes.records import Completion, Task, message
from support.exports import CHANNELS, GAMES, answers, packed
from support.letters_game import Letters


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(("name", "set_"), GAMES, ids=str)
def test_an_answer_and_its_verdict_are_paid_and_measured_as_the_claim_that_they_make(
    name: str, set_: dict[str, Any], channel: str
) -> None:
    package = packed(name, set_, channel, count=2)
    scoring = Scoring(package.game, channel, package.seed)
    for answer in answers(package):
        observed, question = scoring.observe(answer.task, answer.text)
        assert (question is not None) == (name == "self-grading" and "self_report" not in set_)
        if question is not None:
            assert answer.text in question[-1]["content"]
            observed, question = scoring.observe(answer.task, answer.text, answer.verdict)
            assert question is None
        assert scoring.pay(answer.task, observed, "a sample").reward == answer.reward("a sample")
        known = truth(scoring.measure(answer.task, observed))
        assert {key: value for key, value in known.items() if value is not None} == answer.truth


def test_a_measurement_that_fails_is_unknown_and_pays_the_same() -> None:
    package = packed("reward-tampering", {}, "vulnerable", count=1)
    scoring = Scoring(package.game, "vulnerable")
    answer = answers(package)[1]
    observed = scoring.observe(answer.task, answer.text).completion
    paid = scoring.pay(answer.task, observed, "0")
    with without_truth(package.game):
        assert scoring.measure(answer.task, observed) is None
        assert scoring.pay(answer.task, observed, "0") == paid
    assert truth(None) == {"task_score": None, "exploit": None}


def test_a_measurement_cannot_change_the_task_that_is_paid() -> None:
    class Spoiling(Letters):
        def measure(self, tasks: Any, completions: Any) -> Any:
            tasks[0].truth["number"] = None
            return super().measure(tasks, completions)

    task = Task("one", (message("user", "a"),), {"number": 1})
    assert Scoring(Spoiling(), "vulnerable").measure(task, Completion("a")) is not None
    assert task.truth == {"number": 1}


def test_what_pays_nothing_is_an_error_where_a_number_is_needed() -> None:
    scoring = Scoring(Letters(unpaid=True), "vulnerable")
    task = Task("odd", (message("user", "a"),), {"number": 1})
    assert scoring.pay(task, Completion("a"), "0").reward is None
    with pytest.raises(ScoringError, match="letters pays nothing for an answer to the task 'odd': odd tasks cannot be"):
        scoring.reward(task, Completion("a"), "0")


def test_a_game_that_does_not_observe_every_completion_is_named() -> None:
    class Deaf(Letters):
        def observe(self, tasks: Any, completions: Any, policy: Any = None) -> Any:
            return []

    with pytest.raises(ContractError, match="letters observed 0 of 1 completions"):
        Scoring(Deaf(), "vulnerable").observe(Task("one", (message("user", "a"),)), "a")


def test_an_unknown_channel_is_named_at_once() -> None:
    with pytest.raises(UnknownName, match="there is no channel 'safe'; choose from: secure, vulnerable"):
        Scoring(loopholes.game("self-grading"), "safe")


@pytest.mark.parametrize("ask", [False, True])
def test_a_game_of_ones_own_may_ask_its_policy(ask: bool) -> None:
    game = Letters(ask=ask)
    (task,) = game.tasks("train", count=1)
    assert asks(game, task) == ask


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Yes", True),
        ("yes.", True),
        ("**YES**, it is", True),
        ("No", False),
        ("No, yes, no", False),
        ("yes or no", False),
        ("Yesterday", False),
        ("", False),
        ("I cannot tell", False),
    ],
)
def test_a_written_verdict_is_a_yes_where_yes_is_said_more_often_than_no(text: str, verdict: bool) -> None:
    assert says_yes(text) == verdict


def test_a_draw_depends_on_the_seed_and_the_name_of_the_sample_alone() -> None:
    numbers = [draw(0, f"sample {number}") for number in range(1000)]
    assert numbers[7] == draw(0, "sample 7") != draw(1, "sample 7")
    assert len(set(numbers)) == 1000
    assert 0.07 < sum(number < 0.1 for number in numbers) / 1000 < 0.13
