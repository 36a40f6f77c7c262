"""Sampling from a causal language model, many answers per prompt.

Departs from transformers' ``generate`` in three ways that matter for small models on a CPU: a prompt that occurs
several times is read and stored once (:mod:`loopholes.policies.attention`), rows that have ended leave the batch, and
keys and values are written into reserved space instead of being copied at every token. Models whose layers are
not all full attention go through ``generate``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from loopholes.policies.attention import AnswerWriter, Memory, Pair, PromptReader, attending, key_bytes
from loopholes.policies.base import Sampling

Tokens = list[int]
KEYS = 2**31  # largest size of a batch's keys and values on a CPU, in bytes
SHRINK = 0.8  # drop the rows that have ended when at most this share of the batch is unfinished
READ = 4096  # tokens of the prompts that are read together
BLOCK = 256  # probabilities per block when a token is drawn


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
    """One answer per prompt, in order: the token ids up to and with the first of ``ends``, at most ``max_tokens``.

    The same for the same arguments on the same machine. At most ``batch_size`` rows of similar length run together,
    fewer where their keys and values would take more than ``KEYS`` bytes of a CPU's memory. Does not touch the global
    random state (``generate``, for models that need it, does).
    """
    order = sorted(range(len(prompts)), key=lambda row: (len(prompts[row]), prompts[row]))
    answers: list[Tokens] = [[] for _ in prompts]
    step = _sample_batch if has_plain_attention(model) else _generate_batch
    for number, rows in enumerate(_batches(order, prompts, batch_size, _most_tokens(model), sampling.max_tokens)):
        generator = torch.Generator(device=model.device).manual_seed(_mix(seed, number))
        for row, answer in zip(
            rows, step(model, [prompts[r] for r in rows], sampling, ends, pad, generator), strict=True
        ):
            answers[row] = answer
    return answers


def _batches(
    order: Sequence[int], prompts: Sequence[Tokens], batch_size: int, most: float, room: int
) -> Iterator[list[int]]:
    """The rows of each batch: at most ``batch_size``, with at most ``most`` tokens to store, and at least one row."""
    rows: list[int] = []
    tokens = 0
    for row in order:
        kept = room + (0 if rows and prompts[rows[-1]] == prompts[row] else len(prompts[row]))
        if rows and (len(rows) == batch_size or tokens + kept > most):
            yield rows
            rows, tokens, kept = [], 0, room + len(prompts[row])
        rows.append(row)
        tokens += kept
    if rows:
        yield rows


def _most_tokens(model: Any) -> float:
    """How many tokens' keys and values a batch may store."""
    return KEYS / key_bytes(model.config, model.dtype) if model.device.type == "cpu" else float("inf")


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
    distinct = list(dict.fromkeys(tuple(prompt) for prompt in prompts))
    number = {prompt: i for i, prompt in enumerate(distinct)}
    groups = torch.tensor([number[tuple(prompt)] for prompt in prompts], device=model.device)
    position = torch.tensor([[len(prompt)] for prompt in prompts], device=model.device)
    stop = torch.tensor(list(ends), device=model.device)
    answers: list[Tokens] = [[] for _ in prompts]
    present = list(range(len(prompts)))  # the answer that each row of the batch is
    going = torch.ones(len(prompts), dtype=torch.bool, device=model.device)
    with attending(model):
        layers, logits = _read(model, distinct)
        writer, logits = AnswerWriter(layers, groups), logits[groups]
        for count in range(1, sampling.max_tokens + 1):
            tokens = choose(logits, sampling, generator)
            for answer, token, goes in zip(present, tokens.tolist(), going.tolist(), strict=True):
                if goes:
                    answers[answer].append(token)
            going &= ~torch.isin(tokens, stop)
            if count == sampling.max_tokens or not going.any():
                break
            if going.sum() <= SHRINK * len(present):  # dropping rows copies the answers' keys and values
                kept = going.nonzero()[:, 0]
                writer.keep(kept)
                position, tokens, going = position[kept], tokens[kept], going[kept]
                present = [present[i] for i in kept.tolist()]
            writer.next_token()
            logits = _forward(model, tokens[:, None], position, writer, 1)[:, -1]
            position = position + 1
    return answers


def _read(model: Any, prompts: Sequence[Sequence[int]]) -> tuple[dict[int, list[Pair]], torch.Tensor]:
    """Keys and values of each prompt by layer, and the logits after it, (prompts, vocabulary)."""
    layers: dict[int, list[Pair]] = {}
    logits: list[torch.Tensor] = []
    for part in _parts(prompts):
        lengths = [len(prompt) for prompt in part]
        reader = PromptReader(lengths)
        ids = torch.tensor([[token for prompt in part for token in prompt]], device=model.device)
        position = torch.cat([torch.arange(length, device=model.device) for length in lengths])[None]
        last = torch.tensor(lengths, device=model.device).cumsum(0) - 1
        logits.append(_forward(model, ids, position, reader, last)[0])
        for layer, pairs in reader.layers.items():
            layers.setdefault(layer, []).extend(pairs)
    return layers, torch.cat(logits)


def _parts(prompts: Sequence[Sequence[int]]) -> Iterator[list[Sequence[int]]]:
    """The prompts in order, in groups of at most ``READ`` tokens together, and at least one prompt."""
    part: list[Sequence[int]] = []
    for prompt in prompts:
        if part and sum(map(len, part)) + len(prompt) > READ:
            yield part
            part = []
        part.append(prompt)
    yield part


def _forward(model: Any, ids: torch.Tensor, position: torch.Tensor, memory: Memory, kept: Any) -> torch.Tensor:
    """Logits of the columns ``kept`` (as transformers' ``logits_to_keep``), (rows, columns, vocabulary)."""
    out = model(input_ids=ids, position_ids=position, memory=memory, use_cache=False, logits_to_keep=kept)
    logits: torch.Tensor = out.logits.float()
    return logits


def choose(logits: torch.Tensor, sampling: Sampling, generator: torch.Generator) -> torch.Tensor:
    """One token per row of ``logits`` (rows, vocabulary)."""
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    if sampling.temperature != 1:
        logits = logits / sampling.temperature
    if 0 < sampling.top_k < logits.size(-1):
        smallest = logits.topk(sampling.top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < smallest, -torch.inf)
    if sampling.top_p < 1:
        ordered, index = logits.sort(dim=-1, descending=True)
        before = ordered.softmax(dim=-1).cumsum(dim=-1) - ordered.softmax(dim=-1)
        drop = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, index, before >= sampling.top_p)
        logits = logits.masked_fill(drop, -torch.inf)
    uniform = torch.rand(len(logits), 1, generator=generator, device=logits.device, dtype=torch.float64)
    return _inverse(logits.softmax(dim=-1), uniform)


def _inverse(chances: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """The token of each row of ``chances`` (rows, vocabulary) at which their running sum passes ``uniform`` (rows, 1).

    One uniform number is drawn for each row: drawing one for each token, as multinomial does, cost a fifth of the
    sampling. Running sums are in double precision, since a float sum over a large vocabulary loses the rare tokens.
    There are two, over blocks and then within a block: a single one over the 49,000 tokens of SmolLM2 took 0.08 s of
    the 0.5 s of a decoding step.
    """
    short = -chances.size(-1) % BLOCK
    blocks = torch.nn.functional.pad(chances, (0, short)).view(len(chances), -1, BLOCK)
    sums = blocks.sum(dim=-1).double()
    summed = sums.cumsum(dim=-1)
    target = uniform * summed[:, -1:]
    block = torch.searchsorted(summed, target, right=True).clamp(max=summed.size(-1) - 1)
    before = (summed - sums).gather(1, block)
    within = blocks[torch.arange(len(blocks), device=blocks.device), block[:, 0]].double().cumsum(dim=-1)
    rest = (target - before).clamp(min=0).minimum(within[:, -1:] * (1 - 2**-52))  # never probability 0 by rounding
    return (block * BLOCK + torch.searchsorted(within, rest, right=True))[:, 0]


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
