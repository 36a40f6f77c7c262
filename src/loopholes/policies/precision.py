"""The number type of weights that are not trained: bfloat16 if it is faster on this machine, else float32.

It is measured, since it depends on the machine: CPUs without bfloat16 instructions take many times as long with it, and
CPUs with them half as long. Small models, the minis among them, stay in float32, in which their results were published.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import torch

SMALL = 30_000_000  # models with up to this many parameters stay in float32
ROWS = 128  # tokens of the measured products, about a decoding step


def bf16_pays(config: Any, device: str) -> bool:
    """Whether a model of this configuration computes faster in bfloat16 on a device; takes a fraction of a second."""
    text = config.get_text_config()
    if parameter_count(text) <= SMALL:
        return False
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported())
    return device == "cpu" and bf16_is_faster(text.hidden_size, inner_size(text))


def parameter_count(config: Any) -> int:
    """Roughly how many parameters a model of plain attention has, from its configuration."""
    text = config.get_text_config()
    size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    heads = 2 * text.num_attention_heads + 2 * (getattr(text, "num_key_value_heads", None) or text.num_attention_heads)
    layer = text.hidden_size * (size * heads + 3 * inner_size(text))
    embeddings = text.vocab_size * text.hidden_size * (1 if getattr(text, "tie_word_embeddings", True) else 2)
    return int(text.num_hidden_layers * layer + embeddings)


def inner_size(config: Any) -> int:
    """The width of a model's perceptrons."""
    return int(getattr(config, "intermediate_size", None) or 4 * config.hidden_size)


@cache
def bf16_is_faster(hidden: int, inner: int) -> bool:
    """Whether this CPU multiplies matrices of ``hidden`` by ``inner`` faster in bfloat16, by at least a tenth."""
    return _seconds(hidden, inner, torch.bfloat16) < 0.9 * _seconds(hidden, inner, torch.float32)


def _seconds(hidden: int, inner: int, dtype: torch.dtype) -> float:
    """The fastest of several products with a matrix of the model's own shape, in seconds."""
    rows, weights = torch.zeros(ROWS, hidden, dtype=dtype), torch.zeros(inner, hidden, dtype=dtype)
    times = []
    for _ in range(8):
        began = time.perf_counter()
        torch.nn.functional.linear(rows, weights)
        times.append(time.perf_counter() - began)
    return min(times)
