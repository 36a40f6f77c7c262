"""Sampling from a causal language model, many answers a prompt.

Departs from transformers' ``generate`` in three ways that matter for small models on a CPU: a prompt that occurs
several times is read once, rows that have ended leave the batch, and keys and values are written into room that was
set aside instead of being copied at every token. Models whose layers are not all full attention go through
``generate``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers.cache_utils import Cache, DynamicLayer

from loopholes.policies.base import Sampling

Tokens = list[int]
SHRINK = 0.8  # the batch is cut to the rows still going when they are this share of it or less


@torch.no_grad()
def sample(
    model: Any,
    prompts: Sequence[Tokens],
    sampling: Sampling,
    *,
    ends: Sequence[int],
    pad: int,
    seed: int,
    batch_size: int = 128,
) -> list[Tokens]:
    """One answer a prompt, in order: the token ids up to and with the first of ``ends``, at most ``max_tokens``.

    The same for the same arguments on the same machine. ``batch_size`` rows of similar length run together. Leaves
    the global random state alone (``generate``, for models that need it, does not).
    """
    order = sorted(range(len(prompts)), key=lambda row: (len(prompts[row]), prompts[row]))
    answers: list[Tokens] = [[] for _ in prompts]
    step = _sample_batch if has_plain_attention(model) else _generate_batch
    for number, start in enumerate(range(0, len(order), batch_size)):
        rows = order[start : start + batch_size]
        generator = torch.Generator(device=model.device).manual_seed(_mix(seed, number))
        for row, answer in zip(
            rows, step(model, [prompts[r] for r in rows], sampling, ends, pad, generator), strict=True
        ):
            answers[row] = answer
    return answers


def _mix(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def has_plain_attention(model: Any) -> bool:
    """Whether every layer attends to everything before it, so that one growing cache serves them all."""
    config = model.config.get_text_config()
    kinds = getattr(config, "layer_types", None)
    plain = set(kinds) == {"full_attention"} if kinds else getattr(config, "sliding_window", None) is None
    return plain and config.model_type in {"qwen3", "llama", "qwen2", "mistral"}


def _sample_batch(
    model: Any, prompts: list[Tokens], sampling: Sampling, ends: Sequence[int], pad: int, generator: torch.Generator
) -> list[Tokens]:
    distinct = {tuple(prompt): None for prompt in prompts}
    number = {prompt: i for i, prompt in enumerate(distinct)}
    ids, mask = left_pad([list(prompt) for prompt in distinct], pad, model.device)
    room = ids.size(1) + sampling.max_tokens
    cache = Cache(layers=[_RoomyLayer(room) for _ in range(model.config.get_text_config().num_hidden_layers)])
    logits = _forward(model, ids, mask, (mask.cumsum(1) - 1).clamp(min=0), cache)
    rows = torch.tensor([number[tuple(prompt)] for prompt in prompts], device=model.device)
    cache.batch_select_indices(rows)
    mask, logits = mask[rows], logits[rows]
    position = mask.sum(1, keepdim=True)
    stop = torch.tensor(list(ends), device=model.device)
    answers: list[Tokens] = [[] for _ in prompts]
    present = list(range(len(prompts)))  # which answer each row of the batch is
    going = torch.ones(len(prompts), dtype=torch.bool, device=model.device)
    for count in range(1, sampling.max_tokens + 1):
        tokens = choose(logits, sampling, generator)
        for answer, token, goes in zip(present, tokens.tolist(), going.tolist(), strict=True):
            if goes:
                answers[answer].append(token)
        going &= ~torch.isin(tokens, stop)
        if count == sampling.max_tokens or not going.any():
            break
        if going.sum() <= SHRINK * len(present):  # copying the cache costs about as much as a row saves in a few tokens
            kept = going.nonzero()[:, 0]
            cache.batch_select_indices(kept)
            mask, position, tokens, going = mask[kept], position[kept], tokens[kept], going[kept]
            present = [present[i] for i in kept.tolist()]
        mask = torch.nn.functional.pad(mask, (0, 1), value=1)
        logits = _forward(model, tokens[:, None], mask, position, cache)
        position = position + 1
    return answers


def _forward(model: Any, ids: torch.Tensor, mask: torch.Tensor, position: torch.Tensor, cache: Cache) -> torch.Tensor:
    """Logits after the last column, (rows, vocabulary)."""
    out = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=position,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    logits: torch.Tensor = out.logits[:, -1].float()
    return logits


def choose(logits: torch.Tensor, sampling: Sampling, generator: torch.Generator) -> torch.Tensor:
    """One token a row of ``logits`` (rows, vocabulary)."""
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    logits = logits / sampling.temperature
    if 0 < sampling.top_k < logits.size(-1):
        smallest = logits.topk(sampling.top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < smallest, -torch.inf)
    if sampling.top_p < 1:
        ordered, index = logits.sort(dim=-1, descending=True)
        before = ordered.softmax(dim=-1).cumsum(dim=-1) - ordered.softmax(dim=-1)
        drop = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, index, before >= sampling.top_p)
        logits = logits.masked_fill(drop, -torch.inf)
    # Inverse distribution function, one uniform number a row; drawing one for each token, as multinomial does, cost
    # a fifth of the sampling. In double precision, since a float sum over a large vocabulary loses the rare tokens.
    summed = logits.softmax(dim=-1, dtype=torch.float64).cumsum(dim=-1)
    uniform = torch.rand(len(logits), 1, generator=generator, device=logits.device, dtype=torch.float64)
    return torch.searchsorted(summed, uniform * summed[:, -1:], right=True)[:, 0].clamp(max=logits.size(-1) - 1)


def left_pad(rows: Sequence[Tokens], pad: int, device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask, both (rows, longest row), padded on the left."""
    width = max(len(row) for row in rows)
    ids = torch.tensor([[pad] * (width - len(row)) + row for row in rows], device=device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=device)
    return ids, mask


def _generate_batch(
    model: Any, prompts: list[Tokens], sampling: Sampling, ends: Sequence[int], pad: int, generator: torch.Generator
) -> list[Tokens]:
    from transformers import GenerationConfig

    ids, mask = left_pad(prompts, pad, model.device)
    drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k, "do_sample": True}
    config = GenerationConfig(
        max_new_tokens=sampling.max_tokens,
        eos_token_id=list(ends),
        pad_token_id=pad,
        **(drawn if sampling.temperature else {"do_sample": False}),
    )
    torch.manual_seed(generator.initial_seed())
    out = model.generate(input_ids=ids, attention_mask=mask, generation_config=config)[:, ids.size(1) :]
    return [cut_at_end(row, ends) for row in out.tolist()]


def cut_at_end(row: Tokens, ends: Sequence[int]) -> Tokens:
    """``row`` up to and with the first end of sequence."""
    first = next((i for i, token in enumerate(row) if token in ends), len(row) - 1)
    return row[: first + 1]


class _RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer, with room for ``room`` tokens set aside when the first ones arrive."""

    is_initialized: bool

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room
        self._length = 0

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.dtype, self.device, self.is_initialized = key_states.dtype, key_states.device, True
            rows, heads, _, size = key_states.shape
            self._store = [key_states.new_empty(rows, heads, self._room, size) for _ in range(2)]
        end = self._length + key_states.size(2)
        for store, states in zip(self._store, (key_states, value_states), strict=True):
            store[:, :, self._length : end] = states
        self._length = end
        self.keys, self.values = (store[:, :, :end] for store in self._store)
        return self.keys, self.values

    def get_seq_length(self) -> int:
        return self._length

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        self._store = [store[indices] for store in self._store]
        self.keys, self.values = (store[:, :, : self._length] for store in self._store)
