"""Rows of tokens in one flat pass of a causal model, each distinct prefix once and without padding.

A token's hidden state depends only on the tokens before it. Rows that begin alike (the completions of
one prompt, prompts of one template, samples that begin with the same words) therefore share the states of what they
have in common, and their gradients add up there. :func:`lay_out` finds what is shared: the rows become a tree, whose
nodes are laid out flat with the position of each. The model runs its own code on that one flat row; only attention,
which mixes tokens, is ours (:func:`tree_attention`), and only within :func:`tree_states`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import embedding, scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel
from transformers.utils import is_peft_available

from loopholes.policies.sampling import has_plain_attention

NAME = "loopholes_prefix_tree"
SMALLEST = (8, 32)  # queries and keys of the smallest bucket; each next bucket is twice as large

FAMILIES = {"qwen3", "llama"}
ROTATIONS = {"default", "linear", "llama3", "yarn"}  # other kinds depend on the length of the longest row

Row = tuple[int, ...]


def obstacle(model: Any) -> str | None:
    """Why ``model`` cannot run a tree, as what follows "the model" in a sentence; None if it can.

    A tree needs a plain model of a family that was tested, or one with LoRA layers, on a CPU.
    """
    if not isinstance(model, PreTrainedModel) and not _has_lora_only(model):
        return f"is a {type(model).__name__} and not a plain one or one with LoRA"
    inner = causal_model(model)
    config = inner.config
    if model.device.type != "cpu":
        return "is not on a CPU"
    if config.model_type not in FAMILIES:
        return f"is of the family {config.model_type}"
    if not has_plain_attention(inner):
        return "has layers that do not attend to everything before"
    if config._attn_implementation != "sdpa":
        return f"attends by {config._attn_implementation!r}"
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


def _drops(module: nn.Module) -> bool:
    return isinstance(module, nn.Dropout) and module.p > 0


def causal_model(model: Any) -> Any:
    """The causal language model itself, whose layers may be LoRA's."""
    return model if isinstance(model, PreTrainedModel) else model.get_base_model()


@dataclass(frozen=True, slots=True)
class Segment:
    """The nodes that a row adds to the tree: ``row[start:]``; the nodes before are those of earlier segments."""

    row: Row
    start: int
    owners: np.ndarray  # (len(row),): the segment that each of the row's nodes belongs to

    @property
    def size(self) -> tuple[int, int]:
        """Queries and keys of the segment's attention."""
        return len(self.row) - self.start, len(self.row)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Segments of similar size, which attend in one call, padded to the largest of them."""

    queries: torch.Tensor  # (segments, queries): nodes
    keys: torch.Tensor  # (segments, keys): nodes on the path from the root
    mask: torch.Tensor  # (segments, 1, query heads per key head * queries, keys): 0, or -inf where a key comes later
    nodes: torch.Tensor  # (nodes of the bucket,): where each is among the padded queries


@dataclass(frozen=True, slots=True)
class PrefixTree:
    """Rows laid out flat. ``tokens`` and ``positions`` are (nodes,)."""

    tokens: torch.Tensor
    positions: torch.Tensor
    buckets: tuple[Bucket, ...]
    _paths: dict[Row, np.ndarray]

    def path(self, row: Row) -> np.ndarray:
        """The node of each token of a row that was laid out, (len(row),)."""
        return self._paths[row]


def lay_out(rows: Sequence[Row], model: Any) -> PrefixTree:
    """The tree of ``rows`` for :func:`tree_states` of ``model``.

    A row that begins like another is attached to it; the first of several that share a prefix owns the nodes of it.
    To keep the nodes of a prompt apart from those of its first completion, lay out the prompt as a row, too.
    """
    segments, owners = _segments(rows)
    config = model.config
    repeats = config.num_attention_heads // config.num_key_value_heads
    order = sorted(range(len(segments)), key=lambda number: _bucket(segments[number]))
    counts = np.array([segments[number].size[0] for number in order])
    first = np.zeros(len(segments), dtype=np.int64)  # the flat index that position 0 of a segment's row would have
    first[order] = np.cumsum(counts) - counts - [segments[number].start for number in order]
    paths = {row: first[owner] + np.arange(len(row)) for row, owner in owners.items()}
    ordered = [segments[number] for number in order]
    return PrefixTree(
        tokens=torch.tensor([token for segment in ordered for token in segment.row[segment.start :]]),
        positions=torch.from_numpy(np.concatenate([np.arange(s.start, len(s.row)) for s in ordered])),
        buckets=tuple(_buckets(ordered, paths, repeats, model.dtype)),
        _paths=paths,
    )


def _segments(rows: Sequence[Row]) -> tuple[list[Segment], dict[Row, np.ndarray]]:
    """What each distinct row adds, in lexical order, and the segments that own each row's nodes."""
    segments: list[Segment] = []
    owners: dict[Row, np.ndarray] = {}
    before: Row = ()
    for row in sorted(set(rows)):
        start = _common(before, row)
        shared = owners[before][:start] if start else np.zeros(0, dtype=np.int64)
        owners[row] = np.concatenate([shared, np.full(len(row) - start, len(segments))])
        if start < len(row):
            segments.append(Segment(row, start, owners[row]))
        before = row
    return segments, owners


def _common(first: Row, second: Row) -> int:
    """The number of tokens with which both begin."""
    return next(
        (i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )


def _bucket(segment: Segment) -> tuple[int, int]:
    queries, keys = segment.size
    return ((queries - 1) // SMALLEST[0]).bit_length(), ((keys - 1) // SMALLEST[1]).bit_length()


def _buckets(
    segments: Sequence[Segment], paths: dict[Row, np.ndarray], repeats: int, dtype: torch.dtype
) -> Iterator[Bucket]:
    for _, members in groupby(segments, key=_bucket):
        yield _padded(list(members), paths, repeats, dtype)


def _padded(segments: Sequence[Segment], paths: dict[Row, np.ndarray], repeats: int, dtype: torch.dtype) -> Bucket:
    """One bucket. Padding attends to the first nodes of its path, and nothing reads it."""
    sizes = np.array([segment.size for segment in segments])
    queries, keys = (np.zeros((len(segments), width), dtype=np.int64) for width in sizes.max(axis=0))
    for i, segment in enumerate(segments):
        path = paths[segment.row]
        queries[i, : sizes[i, 0]] = path[segment.start :]
        keys[i, : sizes[i, 1]] = path
    starts = (sizes[:, 1] - sizes[:, 0])[:, None, None]
    later = np.arange(keys.shape[1]) > starts + np.arange(queries.shape[1])[:, None]
    mask = torch.zeros(later.shape, dtype=dtype).masked_fill(torch.from_numpy(later), -torch.inf)
    valid = np.arange(queries.shape[1]) < sizes[:, :1]
    return Bucket(
        queries=torch.from_numpy(queries),
        keys=torch.from_numpy(keys),
        mask=mask.repeat(1, repeats, 1)[:, None],
        nodes=torch.from_numpy(np.flatnonzero(valid)),
    )


def tree_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: Any,
    scaling: float | None = None,
    *,
    prefix_tree: PrefixTree,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of the nodes of a tree, as transformers' AttentionInterface wants it.

    ``query`` is (1, heads, nodes, size), ``key`` and ``value`` are (1, key heads, nodes, size); the result is
    (1, nodes, heads, size). Heads that share keys become more queries, so that no key is copied
    for them.
    """
    heads, size, key_heads = query.size(1), query.size(3), key.size(1)
    flat_query, flat_key, flat_value = (states[0].transpose(0, 1).flatten(1) for states in (query, key, value))
    parts = []
    for bucket in prefix_tree.buckets:
        rows, width = bucket.queries.shape
        asking = embedding(bucket.queries, flat_query).view(rows, width, key_heads, -1, size)
        asking = asking.permute(0, 2, 3, 1, 4).reshape(rows, key_heads, -1, size)
        keys, values = (
            embedding(bucket.keys, states).view(rows, -1, key_heads, size).transpose(1, 2)
            for states in (flat_key, flat_value)
        )
        out = scaled_dot_product_attention(asking, keys, values, attn_mask=bucket.mask, scale=scaling)
        out = out.view(rows, key_heads, -1, width, size).permute(0, 3, 1, 2, 4).reshape(rows * width, -1)
        parts.append(embedding(bucket.nodes, out))
    return torch.cat(parts).view(1, -1, heads, size), None


AttentionInterface.register(NAME, tree_attention)


def tree_states(model: Any, tree: PrefixTree) -> torch.Tensor:
    """Last hidden states of ``model``, before its output layer, (nodes, hidden size)."""
    model = causal_model(model)
    with _attention(model.config):
        out = model.base_model(
            input_ids=tree.tokens[None], position_ids=tree.positions[None], prefix_tree=tree, use_cache=False
        )
    states: torch.Tensor = out.last_hidden_state[0]
    return states


@contextmanager
def _attention(config: Any) -> Iterator[None]:
    before = config._attn_implementation
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = before
