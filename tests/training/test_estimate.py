"""What a training would take, by arithmetic: nothing is loaded, and nothing is trained."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen3Config

from loopholes.cli import main
from loopholes.errors import PolicyError, UsageError
from loopholes.games.base import Game
from loopholes.policies.checkpoints import quiet
from loopholes.records import Task
from loopholes.training.config import TrainConfig
from loopholes.training.estimate import ADAM, GRADIENT, KNOWN, WEIGHT, Devices, Estimate, estimate

NODE = Devices.named("8xH100")


@pytest.fixture
def four_billion(tmp_path: Path) -> Path:
    """The configuration of a model of four billion parameters, of the shape of Qwen3-4B, and no weights."""
    sizes = {"vocab_size": 151936, "hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36}
    heads = {"num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "tie_word_embeddings": True}
    Qwen3Config(**sizes, **heads).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def estimated(policy: Path, devices: Devices = NODE, **fields: Any) -> Estimate:
    return estimate(TrainConfig.of(game="self-grading", policy=str(policy), out=Path("no"), **fields), devices)


def test_parameters_are_those_of_the_model(checkpoint: Callable[..., Path]) -> None:
    place = checkpoint("qwen3")
    model = AutoModelForCausalLM.from_pretrained(place)
    count = sum(weight.numel() for weight in model.parameters())
    shape = estimated(place).shape
    assert (shape.parameters, shape.trained) == (count, count)


def test_an_adapter_s_parameters_are_those_that_are_trained(checkpoint: Callable[..., Path]) -> None:
    from peft import LoraConfig, get_peft_model

    place = checkpoint("qwen3")
    with quiet():
        model = get_peft_model(AutoModelForCausalLM.from_pretrained(place), LoraConfig(task_type="CAUSAL_LM", r=4))
    forecast = estimated(place, peft={"r": 4})
    assert forecast.shape.trained == sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    assert forecast.memory["gradients and optimizer"] == (GRADIENT + ADAM) * forecast.shape.trained


def test_a_model_of_four_billion_parameters_fits_a_node_only_where_its_states_are_sharded(four_billion: Path) -> None:
    forecast = estimated(four_billion, use_vllm=True, steps=100)
    assert forecast.shape.parameters == pytest.approx(4.02e9, rel=0.01)
    assert forecast.memory["weights"] == WEIGHT * forecast.shape.parameters
    assert forecast.fits == "sharded"
    assert sum(forecast.sharded.values()) < KNOWN["H100"][0] < sum(forecast.memory.values())
    assert forecast.hours is not None and 0.1 < forecast.hours < 10


@pytest.mark.parametrize(
    ("less", "part"),
    [
        ({"completions_per_pass": 2}, "one pass"),
        ({"max_completion_tokens": 256}, "one pass"),
        ({"max_completion_tokens": 256}, "sampling"),
        ({"prompts_per_step": 8, "updates_per_step": 1}, "sampling"),
    ],
)
def test_what_needs_less_is_estimated_as_less(less: dict[str, int], part: str, four_billion: Path) -> None:
    assert estimated(four_billion, NODE, **less).memory[part] < estimated(four_billion).memory[part]


def test_longer_answers_and_fewer_devices_take_longer(four_billion: Path) -> None:
    alone = Devices.named("H100")
    assert sum(filter(None, estimated(four_billion, alone).seconds.values())) > sum(
        filter(None, estimated(four_billion).seconds.values())
    )
    longer = estimated(four_billion, max_completion_tokens=4096).seconds
    assert all(longer[name] > seconds for name, seconds in estimated(four_billion).seconds.items())  # type: ignore[operator]


def test_a_dry_run_says_what_fits_and_writes_nothing(
    four_billion: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    command = ["train", "self-grading", "--policy", str(four_billion), "--out", str(out), "--steps", "100"]
    assert main([*command, "--dry-run", "--device", "8xH100", "--vllm"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "4.02 billion parameters, all of them trained" in said and "Devices: 8 x H100, 80 GB each" in said
    assert (
        "It fits only if weights, gradients and optimizer states are sharded" in said and "100 steps: at most" in said
    )
    assert main([*command, "--dry-run", "--device", "8xH100", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fits"] in ("sharded", "nowhere")
    assert not out.exists()


def test_a_dry_run_reads_the_file_of_tasks_once_and_leaves_out_what_it_is_told_to(
    checkpoint: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = [{"role": "user", "content": "What is six times seven?"}]
    rows = [{"id": "a", "prompt": prompt, "truth": {"reference": "42"}}, {"id": "b", "prompt": prompt, "truth": {}}]
    (tmp_path / "tasks.jsonl").write_text("\n".join(map(json.dumps, rows)))
    load, paths = Game.load, []

    def counted(game: Game, path: Path, *, skip_bad: bool = False) -> list[Task]:
        paths.append(path)
        return load(game, path, skip_bad=skip_bad)

    monkeypatch.setattr(Game, "load", counted)
    command = ["train", "self-grading", "--policy", str(checkpoint("qwen3")), "--out", "no", "--dry-run"]
    assert main([*command, "--tasks", str(tmp_path / "tasks.jsonl"), "--skip-bad"]) == 0
    assert paths == [tmp_path / "tasks.jsonl"]


def test_without_a_device_this_machine_is_estimated(checkpoint: Callable[..., Path]) -> None:
    forecast = estimate(TrainConfig.of(game="self-grading", policy=str(checkpoint("qwen3")), out=Path("no"), steps=1))
    assert forecast.devices.name == ("CPU" if not torch.cuda.is_available() else torch.cuda.get_device_name(0))
    assert forecast.hours is not None and forecast.hours > 0


@pytest.mark.parametrize("name", ["abacus", "0xH100", "x", "8xH100s and more"])
def test_a_device_that_is_not_known_is_one_sentence(name: str) -> None:
    with pytest.raises(UsageError, match="choose from A100") as caught:
        Devices.named(name)
    assert "\n" not in str(caught.value)


def test_a_device_without_a_dry_run_and_a_policy_that_is_none_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "self-grading", "--out", str(tmp_path / "run")]
    assert main([*command, "--device", "H100"]) == UsageError.exit_code
    assert "--device is for --dry-run" in capsys.readouterr().err
    assert main([*command, "--dry-run", "--policy", str(tmp_path)]) == PolicyError.exit_code
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
