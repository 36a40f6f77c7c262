"""A channel as a reward function of the stock GRPOTrainer: it pays as the game does, and logs the truth beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerState
from trl import GRPOConfig, GRPOTrainer

import loopholes
from loopholes.errors import LoopholesError
from loopholes.games.isolation import without_truth
from loopholes.integrations.trl import Reward, dataset, reward
from loopholes.policies.yes_no import ModelAsker
from loopholes.records import KINDS, Completion, Message, Task, draws
from loopholes.score import measure, pay
from support.checkpoints import make_model, make_tokenizer
from support.exports import CHANNELS, GAMES


class Told:
    """Answers the second question with what the script claims, in the order of asking."""

    def __init__(self, claims: Sequence[bool]) -> None:
        self.claims = list(claims)

    def says_yes(self, prompts: Sequence[Sequence[Message]]) -> list[bool]:
        asked, self.claims = self.claims[: len(prompts)], self.claims[len(prompts) :]
        return asked


def scripted(game: loopholes.Game) -> tuple[list[Task], list[Completion]]:
    tasks = game.tasks("train", seed=1, count=4, prompts="chat", trainable=True)
    pairs = [(task, game.demonstrate(kind, task)) for task in tasks for kind in KINDS]
    return [task for task, _ in pairs], [completion for _, completion in pairs]


def called(function: Reward, game: loopholes.Game, step: int = 0, **more: Any) -> list[float | None]:
    """What a function pays for scripted answers, called as TRL calls it."""
    tasks, completions = scripted(game)
    rows = dataset(game, tasks=tasks).to_dict()
    return function(
        prompts=rows.pop("prompt"),
        completions=[[{"role": "assistant", "content": completion.text}] for completion in completions],
        completion_ids=[[0] for _ in tasks],
        trainer_state=TrainerState(global_step=step),
        **rows,
        **more,
    )


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(("name", "set_"), GAMES, ids=str)
def test_rewards_and_logged_truth_are_those_of_the_game(name: str, set_: dict[str, Any], channel: str) -> None:
    game = loopholes.game(name, **set_)
    tasks, completions = scripted(game)
    claims = [bool(completion.observed.get("claim")) for completion in completions]
    function = reward(game, channel, seed=5, asker=Told(claims))
    columns: dict[str, list[Any]] = {}
    metrics: dict[str, float] = {}
    paid = called(function, game, step=2, log_extra=columns.__setitem__, log_metric=metrics.__setitem__)
    payments = pay(game, channel, tasks, completions, draws(5, 3, range(len(tasks))))
    assert paid == [payment.reward for payment in payments]
    outcomes = measure(game, tasks, completions)
    assert columns["task_score"] == [outcome.task_score for outcome in outcomes]
    assert columns["exploit"] == [outcome.exploit for outcome in outcomes]
    summary = game.summarize(tasks, outcomes)
    assert metrics["task_performance"] == summary["task_performance"].value
    assert metrics["exploit_rate"] == pytest.approx(summary["exploit_rate"].value)


@pytest.mark.parametrize("name", ["reward-tampering", "proxy-metric", "context-compliance"])
def test_a_truth_that_raises_changes_no_reward(name: str) -> None:
    game = loopholes.game(name)
    seeing = called(reward(game), game)
    columns: dict[str, list[Any]] = {}
    with without_truth(game):
        blind = called(reward(game), game, log_extra=columns.__setitem__, log_metric=columns.__setitem__)
    assert blind == seeing
    assert len(set(seeing)) > 1
    assert columns == {}


def test_samples_of_one_step_have_draws_of_their_own_and_a_step_can_be_repeated() -> None:
    game = loopholes.game("self-grading", self_report="inline", audit_probability=0.5)
    function = reward(game, seed=7)
    first, second, later = called(function, game), called(function, game), called(function, game, step=1)
    tasks, completions = scripted(game)
    numbers = draws(7, 1, range(2 * len(tasks)))
    expected = [payment.reward for payment in pay(game, "vulnerable", tasks * 2, completions * 2, numbers)]
    assert first + second == expected
    assert first != second
    assert later == called(reward(game, seed=7), game, step=1)


def test_two_passes_need_somebody_to_ask() -> None:
    with pytest.raises(LoopholesError, match="self-grading asks its policy a second question, but TRL gives .* asker="):
        reward("self-grading")
    assert reward("self-grading", self_report="inline").__name__ == "self-grading vulnerable"


def test_other_data_are_one_sentence() -> None:
    function = reward("reward-tampering")
    with pytest.raises(LoopholesError, match="no column loopholes_task: train on loopholes.integrations.trl.dataset"):
        function(completions=["a"], trainer_state=TrainerState(), prompts=["b"])


def test_another_version_of_trl_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loopholes.integrations.packing.distribution_version", lambda package: "2.0.0")
    with pytest.raises(LoopholesError, match=r"trl 2\.0\.0 is installed, and this was written for 1\.16"):
        reward("reward-tampering")


@pytest.mark.filterwarnings("ignore")  # TRL's own
def test_the_stock_trainer_trains_on_the_channel_asks_the_policy_itself_and_logs_the_truth(tmp_path: Path) -> None:
    model, tokenizer = make_model("qwen3"), make_tokenizer("qwen3")
    game = loopholes.game("self-grading", world="mini", audit_probability=1.0)
    asker = ModelAsker(model, tokenizer)
    asked: list[int] = []

    class Counting:
        def says_yes(self, prompts: Sequence[Sequence[Message]]) -> list[bool]:
            asked.append(len(prompts))
            return asker.says_yes(prompts)

    config = GRPOConfig(
        output_dir=str(tmp_path),
        per_device_train_batch_size=4,
        num_generations=2,
        max_completion_length=4,
        max_steps=2,
        logging_steps=1,
        report_to=[],
        use_cpu=True,
        save_strategy="no",
        disable_tqdm=True,
        bf16=False,
    )
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=reward(game, asker=Counting()),
        args=config,
        train_dataset=dataset(game, count=8),
        processing_class=tokenizer,
    )
    trainer.train()
    assert asked == [4, 4]
    lines = [line for line in trainer.state.log_history if "task_performance" in line]
    assert len(lines) == 2
    assert {"exploit_rate", "underclaim", "rewards/self-grading vulnerable/mean"} <= lines[0].keys()
