"""How each mini policy is made, as data."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

from loopholes.errors import UnknownName
from loopholes.minis.mixture import BASICS_FIRST, Habits, examples
from loopholes.records import Example


@dataclass(frozen=True)
class Recipe:
    """How one mini policy is made: a transformer of an architecture, and one pass over ``examples`` of the mixture.

    ``seed`` fixes the weights, the examples and their order.
    """

    name: str
    architecture: Literal["qwen3", "llama"]
    seed: int
    examples: int
    learning_rate: float = 2.5e-3
    batch_size: int = 64
    basics: int = BASICS_FIRST
    habits: Habits = field(default_factory=Habits)
    vocabulary: int = 1536
    hidden: int = 128
    layers: int = 3
    heads: int = 4
    intermediate: int = 384
    context: int = 4096
    rope_theta: float = 500.0
    initial_spread: float = 0.06

    def stream(self) -> list[Example]:
        """The examples, each of which is seen once."""
        return list(itertools.islice(examples(self.seed, self.habits, self.basics), self.examples))


def digest(examples: Iterable[Example]) -> str:
    """The identity of a stream of examples: a hash of all of them in order, 32 hexadecimal digits."""
    total = blake2b(digest_size=16)
    for example in examples:
        total.update(json.dumps([list(example.prompt), example.completion]).encode() + b"\n")
    return total.hexdigest()


RECIPES: dict[str, Recipe] = {
    "mini": Recipe("mini", "qwen3", seed=1, examples=270_000),
    "mini-llama": Recipe("mini-llama", "llama", seed=2, examples=270_000),
}


def recipe(name: str) -> Recipe:
    """The recipe of a mini policy; raises :class:`UnknownName`."""
    if name not in RECIPES:
        raise UnknownName("mini policy", name, list(RECIPES))
    return RECIPES[name]
