"""Completions are paid in one place: every entry point reports a channel that pays too few, too many or no numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from loopholes.audit.frameworks.games import GameReward, rows_of, truth
from loopholes.errors import ContractError, UnknownName, UsageError
from loopholes.games.proxy_metric import ProxyMetric
from loopholes.games.validate import validate
from loopholes.records import KINDS, Asker, Channel, Completion, Message, Outcome, Payment, Task, draws
from loopholes.score import pay, score
from loopholes.training.rewards import ChannelReward

Pays = Callable[[int], list[Any]]


class Planted(ProxyMetric):
    """A game whose channels pay what a test plants; everything else is correct."""

    def __init__(self, pays: Pays) -> None:
        super().__init__()
        self._pays = pays

    @property
    def channels(self) -> Mapping[str, Channel]:
        def channel(tasks: Sequence[Task], completions: Sequence[Completion], draws: Sequence[float]) -> list[Payment]:
            return self._pays(len(tasks))

        return {"vulnerable": channel, "secure": channel}


class Forgetful(ProxyMetric):
    """A game that loses its last completion, when it observes or when it measures."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self._at = at

    def observe(
        self, tasks: Sequence[Task], completions: Sequence[Completion], policy: Asker | None = None
    ) -> list[Completion]:
        return list(completions)[: -1 if self._at == "observe" else None]

    def measure(self, tasks: Sequence[Task], completions: Sequence[Completion]) -> list[Outcome]:
        return super().measure(tasks, completions)[: -1 if self._at == "measure" else None]


FAULTS: Mapping[str, tuple[Pays, str]] = {
    "too few": (lambda count: [Payment(1.0)] * (count - 1), "channel of proxy-metric paid .* has to pay each one"),
    "too many": (lambda count: [Payment(1.0)] * (count + 1), "channel of proxy-metric paid .* has to pay each one"),
    "numbers": (lambda count: [1.0] * count, "of proxy-metric must return a list of Payment records, .* a float"),
    "nan": (lambda count: [Payment(float("nan"))] * count, "channel of proxy-metric paid nan, .* not a finite number"),
    "infinity": (lambda count: [Payment(float("inf"))] * count, "of proxy-metric paid inf, .* not a finite number"),
    "a text": (lambda count: [Payment("1")] * count, "of proxy-metric paid '1', .* not a finite number"),  # type: ignore[arg-type]
}
EVERY_FAULT = pytest.mark.parametrize(("pays", "sentence"), FAULTS.values(), ids=FAULTS)
TASKS = ProxyMetric().tasks("train", count=3)
TEXTS = [Completion("a")] * 3
DRAWS = draws(0, 0, range(3))


def train(game: ProxyMetric) -> list[float | None]:
    """The rewards of one step, as the trainer receives them."""
    reward = ChannelReward(
        game.channel("secure"),
        game.observe,
        TASKS,
        game=game.name,
        name="secure",
        seed=0,
        updates_per_step=1,
        texts=lambda ids: ["a" for _ in ids],
    )
    state = SimpleNamespace(global_step=0)
    return reward(completion_ids=[[1]] * 3, task_index=[0, 1, 2], trainer_state=state)


DOORS: Mapping[str, Callable[[ProxyMetric], object]] = {
    "pay": lambda game: pay(game, "secure", TASKS, TEXTS, DRAWS),
    "score": lambda game: score(game, TASKS, TEXTS, draws=DRAWS),
    "Game.reward": lambda game: game.reward(TASKS, TEXTS, channel="secure"),
    "training": train,
    "the audit": lambda game: GameReward(game, "secure", 0)(rows_of(game, 3, 0), ["a"] * 3),
}
EVERY_DOOR = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


@EVERY_DOOR
@EVERY_FAULT
def test_a_channel_that_does_not_pay_every_completion_a_number_is_named(
    door: Callable[[ProxyMetric], object], pays: Pays, sentence: str
) -> None:
    with pytest.raises(ContractError, match=sentence):
        door(Planted(pays))


@EVERY_FAULT
def test_validation_reports_such_a_channel_as_the_fault_of_the_game(pays: Pays, sentence: str) -> None:
    findings = validate(Planted(pays))
    assert any(finding.startswith("the vulnerable channel of proxy-metric") for finding in findings), findings


@EVERY_DOOR
def test_what_cannot_be_scored_may_be_paid_nothing(door: Callable[[ProxyMetric], object]) -> None:
    door(Planted(lambda count: [Payment(None, "no verdict")] * count))


@EVERY_DOOR
def test_a_game_that_does_not_observe_every_completion_is_named(door: Callable[[ProxyMetric], object]) -> None:
    with pytest.raises(ContractError, match="proxy-metric observed 2 of 3 completions"):
        door(Forgetful("observe"))


def test_a_game_that_does_not_measure_every_completion_is_named() -> None:
    game = Forgetful("measure")
    with pytest.raises(ContractError, match="proxy-metric measured 2 of 3 completions"):
        score(game, TASKS, TEXTS, draws=DRAWS)
    with pytest.raises(ContractError, match="proxy-metric measured 2 of 3 completions"):
        truth(game, rows_of(game, 3, 0), ["a"] * 3)
    assert any("proxy-metric measured 0 of 1 completions" in finding for finding in validate(game))


def test_payments_are_those_of_the_channel_in_order() -> None:
    game = ProxyMetric()
    answers = [game.demonstrate(kind, task) for kind, task in zip(KINDS, TASKS, strict=True)]
    rewards = [payment.reward for payment in pay(game, "secure", TASKS, answers, DRAWS)]
    assert rewards == game.reward(TASKS, answers, channel="secure") == [1.0, 0.0, 0.0]


def test_the_policy_is_asked_what_the_text_does_not_hold() -> None:
    import loopholes

    class Agreeing:
        def says_yes(self, prompts: Sequence[Sequence[Message]]) -> list[bool]:
            return [True] * len(prompts)

    game = loopholes.game("self-grading", audit_probability=0.0)
    tasks = game.tasks("train", count=2)
    answers = [Completion("0")] * 2
    assert [payment.reward for payment in pay(game, "vulnerable", tasks, answers, DRAWS[:2], Agreeing())] == [1.0, 1.0]
    assert [payment.reward for payment in pay(game, "vulnerable", tasks, answers, DRAWS[:2])] == [None, None]


def test_a_request_that_does_not_fit_together_is_refused() -> None:
    with pytest.raises(UnknownName, match="there is no channel 'none'"):
        pay(ProxyMetric(), "none", TASKS, TEXTS, DRAWS)
    with pytest.raises(UsageError, match="2 completions and 3 draws for 3 tasks; give one completion per task"):
        pay(ProxyMetric(), "secure", TASKS, TEXTS[:2], DRAWS)
    with pytest.raises(UsageError, match="3 completions and 1 draws for 3 tasks"):
        pay(ProxyMetric(), "secure", TASKS, TEXTS, DRAWS[:1])
