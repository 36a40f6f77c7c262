"""The lean training pass has the loss, gradient and metrics of TRL's own, and keeps nothing that it does not need."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from trl import GRPOConfig, GRPOTrainer

from loopholes.policies.checkpoints import quiet
from loopholes.training.trainer import LeanTrainer
from support.checkpoints import make_model, make_tokenizer

# private _compute_loss, _prepare_inputs, _step, _metrics: what TRL does in a step, without generating

torch.set_num_threads(1)
# Completions of three groups: of several, of two (its prompt is how the first one's begins), and of one. The first two
# completions are equal, the third begins as they do, one is empty, one is a single token.
PROMPTS = [[5, 6, 7, 8, 9], [5, 6, 7], [11] * 40]
GROUPS = {0: [[20, 21, 22], [20, 21, 22], [20, 21, 23, 24], [25], []], 1: [[8, 9, 20], [8] * 12], 2: [[30, 31, 30]]}
ADVANTAGES = torch.tensor([1.0, -0.5, 0.7, -1.2, 0.3, 0.9, -0.8, 0.4])
LORA = {"r": 4, "target_modules": ["q_proj", "v_proj", "down_proj"], "init_lora_weights": False}


def padded(rows: list[list[int]], side: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens and mask, (rows, longest)."""
    width = max(map(len, rows))
    full = [(row + [0] * (width - len(row))) if side == "right" else ([0] * (width - len(row)) + row) for row in rows]
    kept = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
    mask = torch.tensor(kept) if side == "right" else torch.tensor(kept).flip(1)
    return torch.tensor(full), mask


def batch() -> dict[str, Any]:
    """One micro-batch as TRL makes it. The policy has moved a little since the completions were sampled."""
    prompts, prompt_mask = padded([PROMPTS[group] for group, rows in GROUPS.items() for _ in rows], "left")
    completions, mask = padded([row for rows in GROUPS.values() for row in rows], "right")
    torch.manual_seed(3)
    return {
        "prompt_ids": prompts,
        "prompt_mask": prompt_mask,
        "completion_ids": completions,
        "completion_mask": mask,
        "advantages": ADVANTAGES.clone(),
        "num_items_in_batch": mask.sum(),
        "old_per_token_logps": -5.8 + 0.3 * torch.randn(mask.shape),
    }


def trainer(kind: type[GRPOTrainer], model: Any, family: str, out: Path, **fields: Any) -> GRPOTrainer:
    args = GRPOConfig(
        str(out), bf16=False, activation_checkpointing=False, use_cpu=True, num_generations=2, temperature=0.7,
        per_device_train_batch_size=2, report_to="none", **fields,
    )  # fmt: skip
    return kind(
        model=model,
        args=args,
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        train_dataset=Dataset.from_list([{"prompt": "a"}] * 2),
        processing_class=make_tokenizer(family),
    )


@quiet()  # PEFT asks for what transformers renamed
def policy(family: str, lora: bool) -> Any:
    model = make_model(family)
    torch.manual_seed(1)
    return get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **LORA)) if lora else model


def step(trainer: GRPOTrainer) -> tuple[float, dict[str, torch.Tensor], dict[str, list[float]]]:
    """Loss, gradients and metrics of one micro-batch."""
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    loss = trainer._compute_loss(trainer.model, batch())
    loss.backward()
    gradients = {name: p.grad for name, p in trainer.model.named_parameters() if p.grad is not None}
    return float(loss.detach()), gradients, dict(trainer._metrics["train"])


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("family", ["qwen3", "llama"])
@pytest.mark.parametrize("loss", ["dapo", "grpo"])
def test_loss_gradient_and_metrics_are_those_of_trl(family: str, lora: bool, loss: str, tmp_path: Path) -> None:
    loss_ours, ours, metrics_ours = step(trainer(LeanTrainer, policy(family, lora), family, tmp_path, loss_type=loss))
    loss_trl, theirs, metrics = step(trainer(GRPOTrainer, policy(family, lora), family, tmp_path, loss_type=loss))
    assert loss_ours == pytest.approx(loss_trl, abs=1e-6)
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        assert float(gradient.abs().max()) > 1e-5
        torch.testing.assert_close(ours[name], gradient, rtol=1e-4, atol=2e-6, msg=name)
    assert 0 < metrics["clip_ratio/region_mean"][0] < 1
    for name, values in metrics.items():
        assert metrics_ours[name] == pytest.approx(values, rel=1e-4, nan_ok=True), name


def test_rows_that_move_nothing_do_not_change_the_gradient(tmp_path: Path) -> None:
    def still(inputs: dict[str, Any]) -> dict[str, Any]:
        return {**inputs, "advantages": torch.where(torch.arange(8) < 3, 0.0, ADVANTAGES)}

    gradients = []
    for kind in (LeanTrainer, GRPOTrainer):
        each = trainer(kind, policy("qwen3", False), "qwen3", tmp_path)
        each.model.train()
        each.current_gradient_accumulation_steps = 1
        each._compute_loss(each.model, still(batch())).backward()
        gradients.append({name: p.grad for name, p in each.model.named_parameters()})
    for name, gradient in gradients[1].items():
        torch.testing.assert_close(gradients[0][name], gradient, rtol=1e-4, atol=2e-6, msg=name)


@pytest.mark.parametrize("family", ["qwen3", "llama"])
def test_adapters_in_float32_on_frozen_weights_in_bfloat16_agree_roughly(family: str, tmp_path: Path) -> None:
    def mixed() -> Any:
        model = policy(family, lora=True).bfloat16()
        for parameter in model.parameters():
            parameter.data = parameter.data.float() if parameter.requires_grad else parameter.data
        return model

    _, ours, _ = step(trainer(LeanTrainer, mixed(), family, tmp_path))
    _, theirs, _ = step(trainer(GRPOTrainer, mixed(), family, tmp_path))
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        assert ours[name].dtype == torch.float32
        cosine = torch.nn.functional.cosine_similarity(ours[name].flatten(), gradient.flatten(), dim=0)
        assert cosine > 0.99, name


def test_nothing_is_kept_for_a_frozen_output_layer_and_no_frozen_weight_has_a_gradient(tmp_path: Path) -> None:
    each = trainer(LeanTrainer, policy("llama", lora=True), "llama", tmp_path)
    vocabulary = each.model.config.vocab_size
    kept: list[torch.Size] = []

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.shape)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        _, gradients, _ = step(each)
    assert kept
    assert not [shape for shape in kept if vocabulary in shape and shape[-1] == vocabulary and len(shape) > 1]
    assert all("lora_" in name for name in gradients)


def test_a_model_that_is_not_plain_takes_the_path_of_trl_and_the_log_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours, theirs = (trainer(kind, policy("llama", False), "llama", tmp_path) for kind in (LeanTrainer, GRPOTrainer))
    for each in (ours, theirs):
        each.model.config._attn_implementation = "eager"
    with caplog.at_level(logging.WARNING, logger="loopholes"):
        (_, gradients, _), _ = step(ours), step(ours)
    assert [record.getMessage() for record in caplog.records if record.name.startswith("loopholes")] == [
        "the model attends by 'eager', so training takes TRL's own, slower path"
    ]
    assert gradients.keys() == step(theirs)[1].keys()


def test_rows_of_one_prompt_share_a_pass_and_no_row_is_lost(tmp_path: Path) -> None:
    each = trainer(LeanTrainer, policy("qwen3", False), "qwen3", tmp_path, gradient_accumulation_steps=4)
    each.model.train()
    mixed = torch.tensor([0, 5, 1, 7, 2, 6, 3, 4])
    rows = {key: value[mixed] if value.dim() else value for key, value in batch().items()}
    each._generate_and_score_completions = lambda inputs: rows
    shares = []
    for number in range(4):
        each._step = number
        shares.append(each._prepare_inputs([]))
    assert [len(share["advantages"]) for share in shares] == [2, 2, 2, 2]
    assert sorted(torch.cat([share["advantages"] for share in shares]).tolist()) == sorted(ADVANTAGES.tolist())
    assert sum(len(share["prompt_ids"].unique(dim=0)) for share in shares) == 5  # groups of 5, 2 and 1 rows in 4 pairs
