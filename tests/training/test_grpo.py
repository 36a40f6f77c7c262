"""GRPO on small random checkpoints: what reaches the gradient, what is written, and what a kill leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import LlamaConfig
from trl import GRPOTrainer

from loopholes.errors import PolicyError, RunError, ScoringError, UnknownName, UsageError
from loopholes.policies import Sampling, load_policy
from loopholes.policies.checkpoints import load_local
from loopholes.policies.packaged import preset_of
from loopholes.policies.sampling import sample
from loopholes.policies.yes_no import ModelAsker
from loopholes.progress import Progress
from loopholes.records import Completion, Payment, draws
from loopholes.runs import Run
from loopholes.score import reward_metrics
from loopholes.training import grpo
from loopholes.training.config import TrainConfig
from loopholes.training.footprint import training_bytes
from loopholes.training.grpo import train
from loopholes.training.settings import grpo_config
from support import letters_game
from support.checkpoints import make_checkpoint
from support.letters_game import Letters

Checkpoint = Callable[..., Path]
GAME = f"{letters_game.__file__}:Letters"
torch.set_num_threads(1)


def config(policy: Path, out: Path, **fields: Any) -> TrainConfig:
    """Two steps of 4 prompts with 4 samples each, unless ``fields`` say otherwise."""
    options = {"steps": 2, "prompts_per_step": 4, "samples": 4, "learning_rate": 1e-2, "save_every": 2, **fields}
    return TrainConfig.of(game=GAME, policy=str(policy), out=out, preset="mini", **options)


def weights(run: Run) -> dict[str, torch.Tensor]:
    return load_file(run.policy / "model.safetensors")


def curve(run: Run) -> list[dict[str, Any]]:
    return [{key: value for key, value in line.items() if key != "seconds"} for line in run.metrics()]


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("family", ["qwen3", "llama"])
def test_a_real_family_trains_and_its_run_is_a_policy_again(
    family: str, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    seen: list[Progress] = []
    run = train(config(checkpoint(family), tmp_path / "run"), on_progress=seen.append)
    assert run.status.state == "finished"
    assert [line["step"] for line in run.metrics()] == [1, 2] == [progress.done for progress in seen]
    assert [progress.numbers["reward"] for progress in seen] == [line["reward"] for line in run.metrics()]
    assert {(progress.what, progress.total) for progress in seen} == {("step", 2)}
    assert len(run.rollouts()) == 32
    assert not same(weights(run), load_file(checkpoint(family) / "model.safetensors"))
    policy = load_policy(str(tmp_path / "run"))
    answers = policy.complete(Letters().tasks("test", count=3), Sampling(max_tokens=8), seed=1)
    assert len(answers) == 3


def test_a_lora_adapter_trains_and_loads_merged(checkpoint: Checkpoint, tmp_path: Path) -> None:
    run = train(config(checkpoint("qwen3"), tmp_path / "run", peft={"r": 4, "target_modules": "all-linear"}))
    assert (run.policy / "adapter_config.json").is_file()
    assert not (run.policy / "model.safetensors").exists()
    base, trained = (load_local(str(place), name="p").model for place in (checkpoint("qwen3"), run.policy))
    changed = [key for key, value in trained.state_dict().items() if not torch.equal(value, base.state_dict()[key])]
    assert changed and all("proj" in key for key in changed)
    assert load_policy(str(run.path)).complete(Letters().tasks("test", count=1), Sampling(max_tokens=4), seed=0)


class RaisingLetters(Letters):
    def measure(self, tasks: Any, completions: Any) -> Any:
        raise RuntimeError("no measurement today")


class MeddlingLetters(Letters):
    """Lies, turns every generator, and overwrites what it was handed."""

    def measure(self, tasks: Any, completions: Any) -> Any:
        torch.manual_seed(7)
        torch.rand(3)
        for task in tasks:
            task.truth["number"] = 0
        return super().measure(tasks, [Completion("a a")] * len(tasks))


def test_a_measurement_that_fails_is_said_once_while_training_continues(
    checkpoint: Checkpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = train(config(checkpoint("qwen3"), tmp_path / "run", steps=2), game=RaisingLetters())
    assert run.status.state == "finished"
    said = [record.getMessage() for record in caplog.records if "no measurement today" in record.getMessage()]
    assert said == ["step 1 could not be measured, and training continues: RuntimeError: no measurement today"]


@pytest.mark.parametrize("game", [RaisingLetters, MeddlingLetters])
def test_no_measurement_changes_a_reward_or_a_weight(
    game: type[Letters], checkpoint: Checkpoint, tmp_path: Path
) -> None:
    # Five tasks, so that each comes again after the measurement had its way with it.
    fields: dict[str, Any] = {"parameters": {"unpaid": True}, "steps": 3, "task_count": 5}
    plain = train(config(checkpoint("qwen3"), tmp_path / "a", **fields))
    other = train(config(checkpoint("qwen3"), tmp_path / "b", **fields), game=game(unpaid=True))
    paid, paid_too = ([(row["text"], row["reward"]) for row in run.rollouts()] for run in (plain, other))
    assert paid == paid_too
    assert same(weights(plain), weights(other))
    assert [line["exploit_rate"] for line in plain.metrics()] != [line["exploit_rate"] for line in other.metrics()]


def test_another_channel_changes_the_weights(checkpoint: Checkpoint, tmp_path: Path) -> None:
    plain = train(config(checkpoint("qwen3"), tmp_path / "a"))
    asked = train(config(checkpoint("qwen3"), tmp_path / "b", parameters={"unpaid": True}))
    assert not same(weights(plain), weights(asked))


def test_rewards_can_be_replayed_from_the_rollouts(checkpoint: Checkpoint, tmp_path: Path) -> None:
    run = train(config(checkpoint("qwen3"), tmp_path / "run", seed=3))
    tasks = {task.id: task for task in Letters().tasks("train", seed=3, count=8)}
    for step in (1, 2):
        rows = run.rollouts([step])
        again = Letters().channel("vulnerable")(
            [tasks[row["task"]] for row in rows],
            [Completion(row["text"]) for row in rows],
            draws(3, step, range(len(rows))),
        )
        assert [row["reward"] for row in rows] == [payment.reward for payment in again]


def test_what_cannot_be_scored_stays_none_and_is_counted(checkpoint: Checkpoint, tmp_path: Path) -> None:
    run = train(config(checkpoint("qwen3"), tmp_path / "run", parameters={"unpaid": True}))
    for line in run.metrics():
        rows = run.rollouts([line["step"]])
        assert line["none_rewards"] == sum(row["reward"] is None for row in rows) == 4 * line["none_groups"]
        assert line["truncated"] == sum(row["truncated"] for row in rows) > 0
    assert sum(line["none_groups"] for line in run.metrics()) > 0


def test_groups_without_a_difference_are_dead_and_groups_without_a_score_are_none() -> None:
    rewards = [1.0, 1.0, None, None, 1.0, None, 0.0, 1.0]
    metrics = reward_metrics([Payment(reward) for reward in rewards], samples=2)
    assert (metrics["groups"], metrics["dead_groups"], metrics["none_groups"], metrics["none_rewards"]) == (4, 2, 1, 3)
    assert metrics["reward"] == pytest.approx(0.8)


def test_the_policy_of_each_step_is_asked_within_the_reward(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    class Asked(ModelAsker):
        def says_yes(self, prompts: Any) -> list[bool]:
            assert not self._model.training
            asked.append(float(self._model.get_input_embeddings().weight.detach().sum()))
            return [len(asked) % 2 == 0] * len(prompts)

    monkeypatch.setattr(grpo, "ModelAsker", Asked)
    run = train(config(checkpoint("qwen3"), tmp_path / "run", parameters={"ask": True}))
    assert len(set(asked)) == len(asked) == 2
    assert [line["reward"] > 1.0 for line in run.metrics()] == [False, True]


def test_two_updates_a_step_learn_from_one_round_of_answers(checkpoint: Checkpoint, tmp_path: Path) -> None:
    fields = {"updates_per_step": 2, "completions_per_pass": 4, "steps": 3}
    run = train(config(checkpoint("qwen3"), tmp_path / "run", **fields))
    assert [line["step"] for line in run.metrics()] == [1, 2, 3]
    assert [line["completions"] for line in run.metrics()] == [16, 16, 16]


SCRIPT = """
import sys, torch
torch.set_num_threads(1)
from loopholes.training.config import TrainConfig
from loopholes.training.grpo import train
fields = dict(steps=9, prompts_per_step=4, samples=4, learning_rate=1e-2, save_every=2, task_count=10)
game, policy, out = sys.argv[1:]
config = TrainConfig.of(game=game, policy=policy, out=out, preset="mini", **fields)
train(config, on_progress=lambda progress: print(progress.done, flush=True))
"""


def test_a_run_killed_and_resumed_has_the_curve_of_one_that_was_not(checkpoint: Checkpoint, tmp_path: Path) -> None:
    policy = checkpoint("qwen3")
    slow = GAME.replace(":Letters", ":SlowLetters")
    command = [sys.executable, "-c", SCRIPT, slow, str(policy), str(tmp_path / "killed")]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        assert process.stdout is not None
        seen = [line for line in iter(process.stdout.readline, "5\n") if process.poll() is None]
        process.send_signal(signal.SIGKILL)
    assert seen[-1:] == ["4\n"]
    assert Run.open(tmp_path / "killed").status.state == "interrupted"
    fields = {"steps": 9, "task_count": 10}
    whole = train(config(policy, tmp_path / "whole", **fields))
    killed = config(policy, tmp_path / "killed", **fields).model_copy(update={"game": slow})
    with pytest.raises(RunError, match="resume"):
        train(killed)
    resumed = train(killed, resume=True)
    assert curve(resumed) == curve(whole)
    assert resumed.rollouts() == whole.rollouts()
    assert same(weights(resumed), weights(whole))


def test_a_channel_that_breaks_stops_the_run_with_a_checkpoint_to_go_on_from(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    switch = tmp_path / "broken"
    fields = {"parameters": {"break_while": str(switch)}, "steps": 4, "save_every": 10}
    run_config = config(checkpoint("qwen3"), tmp_path / "run", **fields)
    with pytest.raises(ScoringError, match="step 4"):
        train(run_config, on_progress=lambda progress: switch.touch() if progress.done == 3 else None)
    assert Run.open(tmp_path / "run").status.state == "failed"
    switch.unlink()
    steps: list[int] = []
    resumed = train(run_config, resume=True, on_progress=lambda progress: steps.append(progress.done))
    assert steps == [4]
    whole = train(config(checkpoint("qwen3"), tmp_path / "whole", **{**fields, "parameters": {}}))
    assert curve(resumed) == curve(whole)


def test_ctrl_c_ends_the_step_and_saves_a_checkpoint(checkpoint: Checkpoint, tmp_path: Path) -> None:
    run_config = config(checkpoint("qwen3"), tmp_path / "run", steps=5, save_every=100)
    with pytest.raises(KeyboardInterrupt):
        train(
            run_config, on_progress=lambda progress: signal.raise_signal(signal.SIGINT) if progress.done == 2 else None
        )
    run = Run.open(tmp_path / "run")
    assert run.status.state == "interrupted"
    assert [path.name for path in run.checkpoints.glob("checkpoint-*/complete")] == ["complete"]
    assert [line["step"] for line in train(run_config, resume=True).metrics()] == [1, 2, 3, 4, 5]


def test_a_checkpoint_cut_short_is_not_resumed_from(checkpoint: Checkpoint, tmp_path: Path) -> None:
    run_config = config(checkpoint("qwen3"), tmp_path / "run", steps=4, save_every=2)
    with pytest.raises(KeyboardInterrupt):
        train(
            run_config, on_progress=lambda progress: signal.raise_signal(signal.SIGINT) if progress.done == 3 else None
        )
    (tmp_path / "run" / "checkpoints" / "checkpoint-3" / "complete").unlink()
    (tmp_path / "run" / "checkpoints" / "checkpoint-3" / "model.safetensors").write_bytes(b"half")
    steps: list[int] = []
    train(run_config, resume=True, on_progress=lambda progress: steps.append(progress.done))
    assert steps == [3, 4]


def test_a_finished_run_is_returned_as_it_is(checkpoint: Checkpoint, tmp_path: Path) -> None:
    run_config = config(checkpoint("qwen3"), tmp_path / "run")
    train(run_config)
    steps: list[int] = []
    assert train(run_config, resume=True, on_progress=lambda progress: steps.append(1)).status.state == "finished"
    assert steps == []


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"channel": "blue"}, UnknownName, "no channel 'blue'"),
    ({"trainer": {"learning_rat": 1}}, UsageError, "no field 'learning_rat'"),
    ({"updates_per_step": 3}, UsageError, "cannot be shared evenly"),
    ({"max_completion_tokens": 600}, PolicyError, "context of 512"),
    ({"max_prompt_tokens": 2}, UsageError, "no task to train on"),
    ({"peft": {"rank": 2}}, UsageError, "LoraConfig does not take"),
]


@pytest.mark.parametrize(("fields", "kind", "text"), WRONG)
def test_a_wrong_request_is_one_sentence(
    fields: dict[str, Any], kind: type[Exception], text: str, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=text) as caught:
        train(config(checkpoint("qwen3"), tmp_path / "run", **fields))
    assert "\n" not in str(caught.value)


def test_an_option_of_the_wrong_kind_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'samples'.*not 1"):
        config(tmp_path, tmp_path, samples=1)


def test_real_models_get_the_paper_s_settings_and_terse_checkpoints_the_mini_preset(tmp_path: Path) -> None:
    plain = TrainConfig.of(game="letters", out=tmp_path)
    paper = plain.resolved(Letters(), "chat")
    assert (paper.preset, paper.learning_rate, paper.samples, paper.bf16) == ("paper", 1e-6, 8, True)
    assert plain.resolved(Letters(), "chat", "llama").temperature == 0.6
    mini = plain.resolved(Letters(), "terse")
    assert (mini.preset, mini.learning_rate, mini.bf16, mini.max_completion_tokens) == ("mini", 3e-4, False, 12)
    assert plain.model_copy(update={"learning_rate": 5e-4}).resolved(Letters(), "terse").learning_rate == 5e-4


def test_a_packaged_model_and_an_adapter_on_a_cpu_are_trained_by_the_preset_for_adapters(tmp_path: Path) -> None:
    plain = TrainConfig.of(game="letters", out=tmp_path)
    lora = plain.resolved(Letters(), "chat", "llama", usual="lora")
    assert (lora.preset, lora.learning_rate, lora.temperature, lora.steps) == ("lora", 1e-3, 0.7, 30)
    assert lora.peft is not None and (lora.peft["r"], lora.bf16) == (16, None)
    narrow = plain.model_copy(update={"peft": {"r": 4}}).resolved(Letters(), "chat", usual="lora").peft
    assert narrow == {**lora.peft, "r": 4}
    assert preset_of("smollm2", "anywhere") == "lora" and preset_of("mini", str(tmp_path)) is None
    assert lora.max_completion_tokens == 12
    thoughtful = plain.model_copy(update={"parameters": {"reasoning": "cot"}})
    assert thoughtful.resolved(Letters(), "chat", usual="lora").max_completion_tokens == 12 + 128


def test_weights_under_an_adapter_are_bfloat16_where_that_is_faster_and_a_resumed_run_keeps_to_it(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = config(checkpoint("llama"), tmp_path / "run", prompts_per_step=2, max_completion_tokens=6)
    adapter = adapter.model_copy(update={"preset": "lora"})
    models: list[Any] = []

    def watch(model: Any, *rest: Any, **more: Any) -> Any:
        models.append(model)
        return sample(model, *rest, **more)

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("loopholes.training.grpo.sample", watch)
    monkeypatch.setattr("loopholes.training.grpo.bf16_pays", lambda *machine: True)
    with pytest.raises(KeyboardInterrupt):
        train(adapter, on_progress=stop)
    for name, weight in models[0].named_parameters():
        assert weight.dtype == (torch.float32 if "lora_" in name else torch.bfloat16)
    monkeypatch.setattr("loopholes.training.grpo.bf16_pays", lambda *machine: False)
    run = train(adapter, resume=True)
    assert (run.config["bf16"], run.status.state) == (True, "finished")
    assert models[-1].dtype == torch.bfloat16
    assert json.loads((run.policy / "loopholes.json").read_bytes())["preset"] == "lora"


def test_a_run_that_memory_has_no_room_for_is_one_sentence_before_it_starts(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loopholes.training.footprint.available_memory", lambda: 300_000_000)
    with pytest.raises(UsageError, match=r"takes about 0\.7 GB of memory, and 0\.3 GB are available: .* lower"):
        train(config(checkpoint("llama"), tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_longer_texts_more_rows_and_whole_weights_take_more_memory(tmp_path: Path) -> None:
    model = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        intermediate_size=1536,
        tie_word_embeddings=True,
    )
    usual = TrainConfig.of(game="letters", out=tmp_path, bf16=True).resolved(Letters(), "chat", usual="lora")
    needed = training_bytes(usual, model, 400)
    assert 1e9 < needed < 5e9
    changes: list[dict[str, Any]] = [{"max_completion_tokens": 500}, {"completions_per_pass": 64}, {"bf16": False}]
    for change in [*changes, {"peft": None}]:
        assert training_bytes(usual.model_copy(update=change), model, 400) > needed
    assert training_bytes(usual, model, 800) > needed


def test_the_trainer_gets_what_is_pinned_and_an_override_wins(tmp_path: Path) -> None:
    fields = {"steps": 5, "trainer": {"beta": 0.1, "warmup_steps": 3}}
    args = grpo_config(TrainConfig.of(game="letters", out=tmp_path, **fields).resolved(Letters(), "terse"))
    assert (args.beta, args.warmup_steps, args.bf16, args.gradient_checkpointing) == (0.1, 3, False, False)
    assert args.generation_batch_size == 128 and args.max_steps == 5


def test_the_card_of_a_terse_checkpoint_goes_on_to_what_it_becomes(tmp_path: Path) -> None:
    policy = make_checkpoint(tmp_path / "terse", "qwen3")
    (policy / "loopholes.json").write_text(json.dumps({"prompts": "terse"}))
    run = train(config(policy, tmp_path / "run", steps=1))
    assert load_policy(str(run.path)).prompt_style == "terse"


@pytest.mark.parametrize("family", ["qwen3", "llama"])
def test_the_lean_trainer_has_the_gradient_of_trl(
    family: str, checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields: dict[str, Any] = {
        "parameters": {"unpaid": True},
        "updates_per_step": 2,
        "completions_per_pass": 4,
        "trainer": {"optim": "sgd"},  # Adam would divide the gradient's size away
    }
    lean = train(config(checkpoint(family), tmp_path / "lean", **fields))
    monkeypatch.setattr(grpo, "LeanTrainer", GRPOTrainer)
    plain = train(config(checkpoint(family), tmp_path / "plain", **fields))
    before = load_file(checkpoint(family) / "model.safetensors")
    moved = {key: value - before[key] for key, value in weights(plain).items()}
    assert max(float(change.abs().max()) for change in moved.values()) > 1e-4
    for key, value in weights(lean).items():
        torch.testing.assert_close(value - before[key], moved[key], rtol=1e-2, atol=2e-7)
