"""Log-probabilities of completions on a CPU, as TRL computes them, with each distinct prefix run once.

Rows share a prompt, and often how their completions begin: :mod:`loopholes.policies.prefix_tree` runs what they share
once. A completion's last token is not run at all, since nothing is predicted from it; the output layer scores only
nodes that something is predicted from, and keeps nothing of its logits where its weights are frozen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.utils import is_peft_available

from loopholes.policies.prefix_tree import Row, lay_out, tree_states
from loopholes.policies.sampling import has_plain_attention

FAMILIES = {"qwen3", "llama"}
ROTATIONS = {"default", "linear", "llama3", "yarn"}  # the others depend on how long the longest row is
CHUNK = 2**22  # logits that a frozen output layer holds at once


def obstacle(model: Any) -> str | None:
    """Why ``model`` cannot be run by :func:`lean_logps`, as what follows "the model"; None if it can."""
    if not isinstance(model, PreTrainedModel) and not _has_lora_only(model):
        return f"is a {type(model).__name__}, not a plain one or one with LoRA"
    inner = _inner(model)
    config = inner.config
    if config.model_type not in FAMILIES:
        return f"is of the family {config.model_type}"
    if not has_plain_attention(inner) or config._attn_implementation != "sdpa":
        return "does not attend to everything by plain SDPA"
    if config.rope_parameters.get("rope_type", "default") not in ROTATIONS:
        return "has positions that depend on the length of the batch"
    if inner.is_activation_checkpointing:
        return "uses gradient checkpointing"
    if model.training and (config.attention_dropout > 0 or any(_drops(module) for module in model.modules())):
        return "uses dropout"
    return None


def _has_lora_only(model: Any) -> bool:
    if not is_peft_available():
        return False
    from peft import LoraConfig, PeftModel

    return isinstance(model, PeftModel) and all(isinstance(c, LoraConfig) for c in model.peft_config.values())


def _inner(model: Any) -> Any:
    """The causal language model itself, whose layers may be LoRA's."""
    return model if isinstance(model, PreTrainedModel) else model.get_base_model()


def _drops(module: nn.Module) -> bool:
    return isinstance(module, nn.Dropout) and module.p > 0


def lean_logps(
    model: Any, ids: torch.Tensor, mask: torch.Tensor, keep: int, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities of the last ``keep`` tokens of each row, and entropies (without gradient), both (rows, keep).

    ``ids`` and ``mask`` are (rows, tokens): prompts padded on the left, completions on the right. What is masked gets
    0. At least one token has to be scored.
    """
    model = _inner(model)
    config = model.config
    is_token = mask[:, -keep:].bool()
    pairs = [(p, c) for p, c in zip(_rows(ids, mask, 0, -keep), _rows(ids, mask, -keep, None), strict=True) if c]
    whole = [prompt + completion[:-1] for prompt, completion in pairs]
    tree = lay_out(
        [*whole, *(prompt for prompt, _ in pairs)],
        heads_per_key=config.num_attention_heads // config.num_key_value_heads,
        dtype=model.dtype,
    )
    before = [tree.path(row)[len(prompt) - 1 :] for row, (prompt, _) in zip(whole, pairs, strict=True)]
    scored, slots = (torch.from_numpy(part) for part in np.unique(np.concatenate(before), return_inverse=True))
    states = tree_states(model.base_model, tree)[scored]
    chosen, entropies = _scores(model.lm_head, states, slots, ids[:, -keep:][is_token], temperature)
    zeros = torch.zeros(is_token.shape, dtype=chosen.dtype)
    return zeros.masked_scatter(is_token, chosen), zeros.masked_scatter(is_token, entropies[slots])


def _rows(ids: torch.Tensor, mask: torch.Tensor, start: int, end: int | None) -> list[Row]:
    """The tokens of each row between two columns that are not masked."""
    columns = zip(ids[:, start:end].tolist(), mask[:, start:end].tolist(), strict=True)
    return [tuple(token for token, kept in zip(*row, strict=True) if kept) for row in columns]


def _scores(
    head: nn.Module, states: torch.Tensor, slots: torch.Tensor, targets: torch.Tensor, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probability of each of ``targets`` after ``states[slots]``, and the entropy after each of ``states``."""
    if type(head) is nn.Linear and head.bias is None and not head.weight.requires_grad:
        scores: tuple[torch.Tensor, torch.Tensor] = _FrozenHead.apply(states, head.weight, slots, targets, temperature)
        return scores
    log_probs = (head(states).float() / temperature).log_softmax(dim=-1)
    with torch.no_grad():
        entropies = -(log_probs.exp() * log_probs).sum(dim=-1)
    return log_probs[slots, targets], entropies


class _FrozenHead(torch.autograd.Function):
    """Scores of an output layer that is not trained, a few rows of logits at a time.

    The gradient of a log-probability with respect to the state is (weight of the target - mean of the weights under
    the distribution) / temperature. That mean, one vector per state, is all that is kept.
    """

    @staticmethod
    def forward(
        ctx: Any,
        states: torch.Tensor,
        weight: torch.Tensor,
        slots: torch.Tensor,
        targets: torch.Tensor,
        temperature: float,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        chosen, entropies, means = [], [], []
        order = slots.argsort(stable=True)
        counts = slots.bincount(minlength=len(states)).split(max(1, CHUNK // len(weight)))
        start = 0
        for part, taken in zip(states.split(len(counts[0])), order.split([int(c.sum()) for c in counts]), strict=True):
            log_probs = ((part @ weight.T).float() / temperature).log_softmax(dim=-1)
            probs = log_probs.exp()
            chosen.append(log_probs[slots[taken] - start, targets[taken]])
            entropies.append(-(probs * log_probs).sum(dim=-1))
            means.append(probs.to(weight.dtype) @ weight)
            start += len(part)
        ctx.save_for_backward(weight, slots, targets, torch.cat(means))
        ctx.temperature = temperature
        entropy = torch.cat(entropies)
        ctx.mark_non_differentiable(entropy)
        return torch.cat(chosen)[order.argsort()], entropy

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor, _: Any) -> tuple[torch.Tensor, None, None, None, None]:
        weight, slots, targets, means = ctx.saved_tensors
        gradient = (gradient / ctx.temperature).to(weight.dtype)[:, None]
        change = gradient * (weight[targets] - means[slots])
        return torch.zeros_like(means).index_add_(0, slots, change), None, None, None, None
