"""The games under Inspect itself: found by their entry point, and scored by its own evaluation.

The tests are slow, since Inspect is not in the set-up: in an environment of its own,
``pip install -e '.[inspect,games,dev]'``, then ``pytest -m slow tests/integrations/test_inspect.py`` (10 s of CPU).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import loopholes
from loopholes.games.isolation import without_truth
from loopholes.integrations.scoring import draw
from loopholes.records import KINDS, Completion, Task, task_to_json
from loopholes.score import measure, pay
from support.exports import CHANNELS, GAMES
from support.frameworks import needs

pytestmark = needs("inspect_ai", "pip install 'loopholes[inspect]' in an environment of its own, then pytest -m slow")
COUNT, SEED = 4, 3


def answered(name: str, set_: dict[str, Any]) -> tuple[loopholes.Game, list[Task], list[Completion]]:
    """The tasks of an evaluation, and a scripted answer to each, of all kinds in turn."""
    game = loopholes.game(name, **set_)
    tasks = game.tasks("test", seed=SEED, count=COUNT, prompts="chat")
    return game, tasks, [game.demonstrate(KINDS[number % 3], task) for number, task in enumerate(tasks)]


def evaluated(name: str, set_: dict[str, Any], channel: str, folder: Path, epochs: int = 1) -> Any:
    """The log of Inspect's evaluation of a mock model that gives the scripted answers, one after another."""
    import inspect_ai
    from inspect_ai.model import ModelOutput, ModelUsage, get_model

    asks = name == "self-grading" and "self_report" not in set_
    replies = []
    for completion in answered(name, set_)[2]:
        replies += [completion.text, *(["Yes" if completion.observed["claim"] else "No"] if asks else [])]
    outputs = [ModelOutput.from_content("mockllm/model", reply) for reply in replies * epochs]
    for output in outputs:
        output.usage = ModelUsage()  # else they are counted, by a tokenizer from the network
    (log,) = inspect_ai.eval(
        f"loopholes/{name.replace('-', '_')}",
        task_args={"channel": channel, "count": COUNT, "seed": SEED, **set_},
        model=get_model("mockllm/model", custom_outputs=outputs),
        log_dir=str(folder),
        max_samples=1,
        epochs=epochs,
        display="none",
    )
    assert log.status == "success", log.error
    return log


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(("name", "set_"), GAMES, ids=str)
def test_rewards_truth_and_both_metrics_are_those_of_the_game(
    name: str, set_: dict[str, Any], channel: str, tmp_path: Path
) -> None:
    game, tasks, completions = answered(name, set_)
    log = evaluated(name, set_, channel, tmp_path)
    samples = {sample.id: sample for sample in log.samples}
    numbers = [draw(SEED, f"1 {task.id}") for task in tasks]
    outcomes = measure(game, tasks, completions)
    for task, payment, outcome in zip(tasks, pay(game, channel, tasks, completions, numbers), outcomes, strict=True):
        assert [(turn.role, turn.content) for turn in samples[task.id].input] == [
            (turn["role"], turn["content"]) for turn in task.prompt
        ]
        scores = samples[task.id].scores
        paid = scores["channel"].value
        assert (None if math.isnan(paid) else paid) == payment.reward
        known = {key: None if math.isnan(value) else value for key, value in scores["truth"].value.items()}
        assert known == {"task_score": outcome.task_score, "exploit": outcome.exploit}
    summary = game.summarize(tasks, outcomes)
    metrics = {metric: shown.value for result in log.results.scores for metric, shown in result.metrics.items()}
    for metric in ("task_performance", "exploit_rate"):
        expected = summary[metric].value
        assert metrics[metric] == expected or (expected is None and math.isnan(metrics[metric]))


def test_a_truth_that_raises_changes_no_reward(tmp_path: Path) -> None:
    def rewards(log: Any) -> dict[str, float]:
        return {sample.id: sample.scores["channel"].value for sample in log.samples}

    seeing = rewards(evaluated("reward-tampering", {}, "vulnerable", tmp_path / "seeing"))
    with without_truth(loopholes.game("reward-tampering")):
        blind = evaluated("reward-tampering", {}, "vulnerable", tmp_path / "blind")
    assert rewards(blind) == seeing
    assert len(set(seeing.values())) > 1
    assert all(math.isnan(sample.scores["truth"].value["task_score"]) for sample in blind.samples)


def test_every_epoch_counts_and_has_draws_of_its_own(tmp_path: Path) -> None:
    set_ = {"self_report": "inline", "audit_probability": 0.5}
    log = evaluated("self-grading", set_, "vulnerable", tmp_path, epochs=3)
    game, tasks, completions = answered("self-grading", set_)
    by_id = {task.id: (task, completion) for task, completion in zip(tasks, completions, strict=True)}
    for sample in log.samples:
        task, completion = by_id[sample.id]
        number = draw(SEED, f"{sample.epoch} {sample.id}")
        (payment,) = pay(game, "vulnerable", [task], [completion], [number])
        assert sample.scores["channel"].value == payment.reward
    assert len(log.samples) == 3 * COUNT


def test_a_file_of_tasks_stands_in_for_generated_ones(tmp_path: Path) -> None:
    from loopholes.integrations.inspect import reward_tampering

    tasks = loopholes.game("reward-tampering").tasks("train", count=2, prompts="chat")
    (tmp_path / "tasks.jsonl").write_text("".join(json.dumps(task_to_json(task)) + "\n" for task in tasks))
    samples = reward_tampering(tasks=str(tmp_path / "tasks.jsonl")).dataset
    assert [sample.id for sample in samples] == [task.id for task in tasks]
    with pytest.raises(loopholes.LoopholesError, match=r"none\.jsonl is not a file"):
        reward_tampering(tasks=str(tmp_path / "none.jsonl"))


def test_another_version_of_inspect_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from loopholes.integrations.inspect import game_task

    monkeypatch.setattr("loopholes.integrations.packing.distribution_version", lambda package: "0.4.0")
    with pytest.raises(loopholes.LoopholesError, match=r"inspect-ai 0\.4\.0 is installed"):
        game_task("reward-tampering")
