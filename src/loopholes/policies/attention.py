"""Attention for sampling: a prompt's keys and values are stored once for all of its answers.

transformers' own caches store them once for each row, pad the prompts, and build a mask at every token. Here
:class:`PromptReader` reads prompts end to end without padding, and :class:`AnswerWriter` extends many answers, one
token at a time: answers to the same prompt attend to it together, and each of them to its own tokens. A forward pass
gets one of the two as the argument ``memory``, which transformers passes on to the attention function.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, pairwise
from typing import Any, Protocol

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

NAME = "loopholes"
ROOM = 32  # the space for answers grows by this many tokens
Pair = tuple[torch.Tensor, torch.Tensor]  # mostly keys and values


class Memory(Protocol):
    """The keys and values that one forward pass attends to."""

    def attend(self, layer: int, query: torch.Tensor, new: Pair, scale: float) -> torch.Tensor:
        """Attention of ``query`` (rows, heads, tokens, size) in a layer, with the keys and values of its own tokens."""
        ...


def _attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: Any,
    *,
    memory: Memory,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """The attention function as transformers calls it."""
    seen = memory.attend(module.layer_idx, query, (key, value), options["scaling"])
    return seen.transpose(1, 2), None


AttentionInterface.register(NAME, _attend)


@contextmanager
def attending(model: Any) -> Iterator[None]:
    """Make the model attend through the ``memory`` of its forward passes for one block."""
    usual = model.config._attn_implementation
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(usual)


def key_bytes(config: Any, dtype: torch.dtype) -> int:
    """Bytes that the keys and values of one token take in all layers."""
    text = config.get_text_config()
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return int(2 * text.num_hidden_layers * heads * size * dtype.itemsize)


class PromptReader:
    """Reads prompts of ``lengths`` tokens, end to end in one row, and stores each layer's keys and values."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self._lengths = list(lengths)
        self.layers: dict[int, list[Pair]] = {}  # the pairs of each prompt are (heads, tokens, size)

    def attend(self, layer: int, query: torch.Tensor, new: Pair, scale: float) -> torch.Tensor:
        starts = [0, *accumulate(self._lengths)]
        queries, keys, values = (
            [states[:, :, start:end] for start, end in pairwise(starts)] for states in (query, *new)
        )
        self.layers[layer] = [(key[0], value[0]) for key, value in zip(keys, values, strict=True)]
        seen = [
            scaled_dot_product_attention(*prompt, is_causal=True, scale=scale, enable_gqa=True)
            for prompt in zip(queries, keys, values, strict=True)
        ]
        return torch.cat(seen, dim=2)


class AnswerWriter:
    """Extends many answers, one token at a time: ``groups`` says which of the prompts each row answers.

    ``layers`` holds, for each layer, the pairs that readers stored, as a list over prompts.
    """

    def __init__(self, layers: dict[int, list[Pair]], groups: torch.Tensor) -> None:
        lengths = [key.size(1) for key, _ in layers[0]]
        self._prompts = {layer: (_stacked(pairs, 0), _stacked(pairs, 1)) for layer, pairs in layers.items()}
        self._answers: dict[int, Pair] = {}
        self._written = 0
        columns = torch.arange(max(lengths), device=groups.device)
        outside = columns >= torch.tensor(lengths, device=groups.device)[:, None]
        dtype = layers[0][0][0].dtype
        bias = torch.zeros(outside.shape, dtype=dtype, device=groups.device).masked_fill(outside, -torch.inf)
        self._bias = bias[:, None, None] if outside.any() else None
        self._arrange(groups)

    def _arrange(self, groups: torch.Tensor) -> None:
        """Give each row a place in a table of prompts by answers."""
        self._groups = groups
        counts = torch.bincount(groups, minlength=len(self._prompts[0][0]))
        self._width = int(counts.max())
        order = groups.argsort(stable=True)
        first = counts.cumsum(0) - counts
        rank = torch.empty_like(groups)
        rank[order] = torch.arange(len(groups), device=groups.device) - first[groups[order]]
        self._places = groups * self._width + rank

    def next_token(self) -> None:
        """Make space for one more token of every answer; call it before each forward pass."""
        self._written += 1

    def keep(self, rows: torch.Tensor) -> None:
        """Continue with these rows only."""
        self._answers = {layer: (keys[rows], values[rows]) for layer, (keys, values) in self._answers.items()}
        answered = torch.bincount(self._groups[rows], minlength=len(self._prompts[0][0])) > 0
        alive, groups = answered.nonzero()[:, 0], (answered.cumsum(0) - 1)[self._groups[rows]]
        if len(alive) < len(self._prompts[0][0]):
            self._prompts = {layer: (keys[alive], values[alive]) for layer, (keys, values) in self._prompts.items()}
            self._bias = None if self._bias is None else self._bias[alive]
        self._arrange(groups)

    def attend(self, layer: int, query: torch.Tensor, new: Pair, scale: float) -> torch.Tensor:
        rows, heads, _, size = query.shape
        shared = heads // new[0].size(1)  # query heads that share keys and values
        query = query.view(rows, heads // shared, shared, size)
        own, own_norm = _attention(query, *self._extended(layer, new), None, scale)
        keys, values = self._prompts[layer]
        table = query.new_zeros(len(keys) * self._width, *query.shape[1:])
        table[self._places] = query
        table = table.view(len(keys), self._width, -1, shared, size).transpose(1, 2).flatten(2, 3)
        seen, norm = _attention(table, keys, values, self._bias, scale)
        seen, norm = (self._rows(part, shared) for part in (seen, norm))
        share = torch.sigmoid(own_norm - norm)[..., None]  # the answer's share of the weight of all tokens
        return torch.lerp(seen.float(), own.float(), share).to(query.dtype).view(rows, heads, 1, size)

    def _rows(self, table: torch.Tensor, shared: int) -> torch.Tensor:
        """The entries of each row, (rows, heads, ...), in a table (prompts, heads, answers x ``shared``, ...)."""
        cells = table.reshape(*table.shape[:2], self._width, shared, *table.shape[3:])
        return cells.transpose(1, 2).flatten(0, 1)[self._places]

    def _extended(self, layer: int, new: Pair) -> Pair:
        """Keys and values of the answers' tokens, the new ones included."""
        if layer not in self._answers:
            self._answers[layer] = new[0][:, :, :0], new[1][:, :, :0]
        if self._answers[layer][0].size(2) < self._written:
            keys, values = (torch.nn.functional.pad(store, (0, 0, 0, ROOM)) for store in self._answers[layer])
            self._answers[layer] = keys, values
        keys, values = self._answers[layer]
        for store, states in zip((keys, values), new, strict=True):
            store[:, :, self._written - 1] = states[:, :, 0]
        return keys[:, :, : self._written], values[:, :, : self._written]


def _stacked(pairs: Sequence[Pair], part: int) -> torch.Tensor:
    """Keys (``part`` 0) or values (1) of prompts of different lengths, (prompts, heads, longest, size)."""
    parts = [pair[part].transpose(0, 1) for pair in pairs]
    return torch.nn.utils.rnn.pad_sequence(parts, batch_first=True).transpose(1, 2).contiguous()


def _attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor | None, scale: float
) -> Pair:
    """Attention, (rows, heads, queries, size), and the logarithm of the sum of its weights, (rows, heads, queries)."""
    if query.device.type != "cpu":
        return _plain_attention(query, key, value, bias, scale)
    flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    return flash(query, key, value, attn_mask=bias, scale=scale)  # type: ignore[no-any-return]


def _plain_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, bias: torch.Tensor | None, scale: float
) -> Pair:
    scores = (query @ key.transpose(2, 3)).float() * scale
    scores = scores if bias is None else scores + bias
    return scores.softmax(dim=-1).to(value.dtype) @ value, scores.logsumexp(dim=-1)
