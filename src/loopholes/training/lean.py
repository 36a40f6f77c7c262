"""Log-probabilities of completions on a CPU, as TRL computes them, with each distinct prefix run once.

Rows share a prompt, and often how their completions begin: :mod:`loopholes.policies.prefix_tree` runs what they share
once. A completion's last token is not run at all, since nothing is predicted from it; the output layer scores only
nodes that something is predicted from, and keeps none of its logits if its weights are frozen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from loopholes.policies.prefix_tree import Row, causal_model, lay_out, tree_states

CHUNK = 2**22  # largest number of logits that a frozen output layer holds at once


def lean_logps(
    model: Any, ids: torch.Tensor, mask: torch.Tensor, keep: int, temperature: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities of the last ``keep`` tokens of each row, and entropies (without gradient), both (rows, keep).

    ``ids`` and ``mask`` are (rows, tokens): prompts padded on the left, completions on the right. Masked tokens get
    0. At least one token has to be scored.
    """
    is_token = mask[:, -keep:].bool()
    pairs = [(p, c) for p, c in zip(_rows(ids, mask, 0, -keep), _rows(ids, mask, -keep, None), strict=True) if c]
    whole = [prompt + completion[:-1] for prompt, completion in pairs]
    tree = lay_out([*whole, *(prompt for prompt, _ in pairs)], causal_model(model))
    before = [tree.path(row)[len(prompt) - 1 :] for row, (prompt, _) in zip(whole, pairs, strict=True)]
    scored, slots = (torch.from_numpy(part) for part in np.unique(np.concatenate(before), return_inverse=True))
    states = tree_states(model, tree)[scored]
    chosen, entropies = _scores(causal_model(model).lm_head, states, slots, ids[:, -keep:][is_token], temperature)
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
        scores: tuple[torch.Tensor, torch.Tensor] = _FrozenHead.apply(
            states.to(head.weight.dtype), head.weight, slots, targets, temperature
        )
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
        ordered, rows = slots[order], max(1, CHUNK // len(weight))
        for start in range(0, len(states), rows):
            taken = order[(ordered >= start) & (ordered < start + rows)]
            log_probs = ((states[start : start + rows] @ weight.T).float() / temperature).log_softmax(dim=-1)
            probs = log_probs.exp()
            chosen.append(log_probs[slots[taken] - start, targets[taken]])
            entropies.append(-(probs * log_probs).sum(dim=-1))
            means.append(probs.to(weight.dtype) @ weight)
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
