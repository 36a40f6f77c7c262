"""TRL's GRPOTrainer with less work on a CPU, for the same gradient."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PreTrainedModel
from trl import GRPOTrainer


class LeanTrainer(GRPOTrainer):  # type: ignore[misc]
    """Leaves out, on a CPU, what does not reach the gradient.

    TRL's output layer scores every position there, those of the prompts too, and keeps statistics that nobody reads;
    and completions whose advantage is zero (their group is dead, or could not be scored) go through the model although
    without a KL term or an entropy bonus they move nothing. Elsewhere, and for models wrapped in anything, it is TRL's.
    """

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
        if not self._lean(model) or kwargs.get("compute_aux_loss"):
            return super()._get_per_token_logps_and_entropies(  # type: ignore[no-any-return]
                model, input_ids, attention_mask, logits_to_keep, *args, **kwargs
            )
        hidden = model.base_model(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).last_hidden_state
        scored = attention_mask[:, -logits_to_keep:].bool()
        logits = model.lm_head(hidden[:, -logits_to_keep - 1 : -1][scored]).float() / self.temperature
        log_probs = logits.log_softmax(dim=-1)
        chosen = log_probs.gather(1, input_ids[:, -logits_to_keep:][scored][:, None])[:, 0]
        logps = torch.zeros_like(scored, dtype=chosen.dtype).masked_scatter(scored, chosen)
        if not kwargs.get("compute_entropy"):
            return logps, None, None
        with torch.no_grad():
            entropy = -(log_probs.exp() * log_probs).sum(dim=-1)
            entropies = torch.zeros_like(scored, dtype=entropy.dtype).masked_scatter(scored, entropy)
        return logps, entropies, None

    def _lean(self, model: Any) -> bool:
        plain = (
            model is self.model
            and isinstance(model, PreTrainedModel)
            and self.args.bf16 is False
            and not self.args.fp16
        )
        return plain and self.accelerator.device.type == "cpu" and model.config.model_type in {"qwen3", "llama"}


def _rows(value: Any, kept: torch.Tensor, rows: int) -> Any:
    is_batch = isinstance(value, torch.Tensor) and value.dim() > 0 and len(value) == rows
    return value[kept] if is_batch else value
