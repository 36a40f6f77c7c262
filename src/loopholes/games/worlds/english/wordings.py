"""Which wordings belong to which split, and how one is drawn and filled in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from loopholes.records import Split

Item = TypeVar("Item")
SPLITS: tuple[Split, ...] = ("train", "train", "train", "pretrain", "test")
"""The split of each wording, by its place in its list, over and over: every list needs at least five."""
SHARES: dict[Split, float] = {"train": 0.6, "pretrain": 0.2, "test": 0.2}


def of_split(wordings: Sequence[Item], split: Split) -> tuple[Item, ...]:
    """The wordings of a list that tasks of a split may have."""
    return tuple(wording for place, wording in enumerate(wordings) if SPLITS[place % len(SPLITS)] == split)


def draw_split(rng: np.random.Generator) -> Split:
    """A split for the next task, by :data:`SHARES`."""
    return list(SHARES)[int(rng.choice(len(SHARES), p=list(SHARES.values())))]


def pick(rng: np.random.Generator, choices: Sequence[Item]) -> Item:
    """A random item, each equally likely."""
    return choices[int(rng.integers(len(choices)))]


def pick_several(rng: np.random.Generator, choices: Sequence[Item], count: int) -> list[Item]:
    """``count`` different items, in random order."""
    return [choices[int(place)] for place in rng.choice(len(choices), size=count, replace=False)]


def capitalised(text: str) -> str:
    """With a capital at the beginning, and the rest as it is."""
    return text[:1].upper() + text[1:]
