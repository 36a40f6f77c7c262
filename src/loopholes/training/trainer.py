"""TRL's GRPOTrainer with less work on a CPU, for the same gradient."""

from __future__ import annotations

import logging
from typing import Any

import torch
from trl import GRPOTrainer

from loopholes.policies.prefix_tree import obstacle
from loopholes.training.lean import lean_logps

log = logging.getLogger(__name__)


class LeanTrainer(GRPOTrainer):  # type: ignore[misc]
    """Leaves out, on a CPU, what does not reach the gradient.

    TRL runs every completion with its own copy of the prompt, padded, and scores every position there; here each
    distinct prefix of a batch runs once (:mod:`loopholes.training.lean`). Completions whose advantage is zero (their
    group is dead, or could not be scored) do not run at all, since without a KL term or an entropy bonus they move
    nothing. Rows of one prompt are put into the same pass. A model that is not plain takes TRL's own path, and the log
    says why, once.
    """

    _buffered_inputs: Any  # the passes of a generation, None before the first
    _reason: str | None = None  # the obstacle that the log names already

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        before = self._buffered_inputs
        inputs = super()._prepare_inputs(generation_batch)
        passes = self.args.gradient_accumulation_steps
        after = self._buffered_inputs
        if after is before or passes == 1 or len(after) % passes or not self._lean(self.model):
            return inputs
        updates = [after[start : start + passes] for start in range(0, len(after), passes)]
        self._buffered_inputs = [batch for update in updates for batch in _by_prompt(update)]
        return self._buffered_inputs[self._step % self.args.steps_per_generation]

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Any:
        if self._lean(model) and self.loss_type == "dapo" and self.beta == 0 and not self._entropy_bonus_enabled:
            moving = inputs["advantages"] != 0
            moving[0] |= not moving.any()
            rows = len(moving)
            inputs = {key: _rows(value, moving, rows) for key, value in inputs.items()}
        return super()._compute_loss(model, inputs)

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Any, attention_mask: Any, logits_to_keep: int, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        if self._lean(model) and attention_mask[:, -logits_to_keep:].any():
            logps, entropies = lean_logps(model, input_ids, attention_mask, logits_to_keep, self.temperature)
            return logps, entropies if kwargs.get("compute_entropy") else None, None
        return super()._get_per_token_logps_and_entropies(  # type: ignore[no-any-return]
            model, input_ids, attention_mask, logits_to_keep, *args, **kwargs
        )

    def _lean(self, model: Any) -> bool:
        if self.accelerator.device.type != "cpu":
            return False
        mixed = "trains in mixed precision" if self.args.bf16 is not False or self.args.fp16 else None
        reason = mixed or obstacle(model)
        if reason is not None and reason != self._reason:
            log.warning("the model %s, so training takes TRL's own, slower path", reason)
            self._reason = reason
        return reason is None


def _by_prompt(batches: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of one update, in as many passes as before, those of one prompt together."""
    rows = len(batches[0]["advantages"])
    joined = {
        key: torch.cat([batch[key] for batch in batches]) if _is_batch(value, rows) else value
        for key, value in batches[0].items()
    }
    _, prompts = torch.unique(joined["prompt_ids"], dim=0, return_inverse=True)
    order = prompts.argsort(stable=True)
    return [
        {key: value[part] if _is_batch(value, len(order)) else value for key, value in joined.items()}
        for part in order.split(rows)
    ]


def _rows(value: Any, kept: torch.Tensor, rows: int) -> Any:
    return value[kept] if _is_batch(value, rows) else value


def _is_batch(value: Any, rows: int) -> bool:
    return isinstance(value, torch.Tensor) and value.dim() > 0 and len(value) == rows
