"""A rough estimate of the memory of a training run on a CPU, to refuse it early instead of having it killed."""

from __future__ import annotations

from typing import Any

import torch

from loopholes.errors import UsageError
from loopholes.memory import available_memory
from loopholes.policies.attention import key_bytes
from loopholes.policies.precision import inner_size, parameter_count
from loopholes.policies.sampling import KEYS
from loopholes.training.config import TrainConfig

PROGRAM = 700_000_000  # bytes that Python, torch and transformers themselves take
WHOLE = 16  # bytes per trained parameter: weight, gradient, and two moments of Adam
PASSES = 3  # copies of a pass's logits: themselves, their logarithms, and their gradient


def training_bytes(config: TrainConfig, model_config: Any, longest_prompt: int) -> int:
    """The estimated peak memory of a resolved run, in bytes, from its model, lengths and passes."""
    dtype = torch.bfloat16 if config.holds_bf16 else torch.float32
    parameters = parameter_count(model_config)
    weights = parameters * (WHOLE if config.peft is None else dtype.itemsize)
    answer = config.max_completion_tokens or 1
    completions = config.samples * (config.prompts_per_step or 1)
    kept = (completions * answer + (config.prompts_per_step or 1) * longest_prompt) * key_bytes(model_config, dtype)
    one_pass = pass_bytes(config, model_config, completions, longest_prompt, dtype.itemsize)
    return int(PROGRAM + weights + max(min(kept, KEYS), one_pass))


def pass_bytes(config: TrainConfig, model_config: Any, completions: int, longest_prompt: int, number: int) -> int:
    """Bytes that one pass stores for its backward pass, on a device that trains on ``completions``; a number has
    ``number`` bytes."""
    answer = config.max_completion_tokens or 1
    rows = min(config.completions_per_pass or completions, completions)
    logits = PASSES * 4 * rows * answer * int(model_config.get_text_config().vocab_size)
    layers = rows * (longest_prompt + answer) * _activations(model_config, bool(config.gradient_checkpointing))
    return int(layers * number + logits)


def check_memory(needed: int) -> None:
    """Raise :class:`UsageError` if less memory is available than a run needs."""
    memory = available_memory()
    if memory is not None and memory < needed:
        raise UsageError(
            f"this training takes about {needed / 1e9:.1f} GB of memory, and {memory / 1e9:.1f} GB are available: end "
            "other programs, or lower completions_per_pass, samples or max_completion_tokens"
        )


def _activations(model_config: Any, checkpointing: bool) -> int:
    """How many numbers one token stores for the backward pass."""
    text = model_config.get_text_config()
    layer = 8 * text.hidden_size + 4 * inner_size(text)
    return int(layer + text.num_hidden_layers * text.hidden_size if checkpointing else text.num_hidden_layers * layer)
