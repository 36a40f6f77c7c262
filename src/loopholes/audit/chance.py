"""The probability that payments and kinds of rows agree by chance: Fisher's test, and its smallest p over all pairs.

Each attack is compared with each kind of row, so the smallest of many p-values is small by chance, too. Permutations
show how small: the payments of all attacks on a row move together to another row, which belongs to other kinds. That
preserves the dependence between similar attacks and between overlapping kinds (Westfall and Young's test).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, reduce
from operator import or_

import numpy as np
from numpy.typing import NDArray

ROUNDS = 999
"""Number of permutations."""
Counts = NDArray[np.intp]
Allowed = Callable[[int, int], bool]
"""Whether a number of hits among a number of rows of a kind may count at all."""


def smallest_by_chance(
    paying: Sequence[int], tested: Sequence[int], kinds: Sequence[int], p: float, allowed: Allowed, limit: float
) -> float:
    """The probability that some pair of a pattern and a kind gets a p-value this small if kinds mean nothing.

    Masks have one bit per row; ``paying`` and ``tested`` hold one mask per pattern. Permutations stop early once the
    probability is certainly above ``limit``.
    """
    any_tested = reduce(or_, tested, 0)
    places = [place for place in range(any_tested.bit_length()) if any_tested >> place & 1]
    pays, tries = _matrix(paying, places), _matrix(tested, places)
    members = np.unique(_matrix(kinds, places), axis=0).T
    sizes = zip(pays.sum(1).astype(int), tries.sum(1).astype(int), strict=True)
    tables = np.stack([_table(len(places), int(marked), int(total), allowed) for marked, total in sizes])
    which = np.arange(len(pays))[:, None]
    rng, as_small = np.random.default_rng(0), 0
    for _ in range(ROUNDS):
        dealt = rng.permutation(len(places))
        hits, drawn = ((matrix[:, dealt] @ members).astype(np.intp) for matrix in (pays, tries))
        as_small += bool(tables[which, hits, drawn].min() <= p * (1 + 1e-9))
        if as_small > limit * (ROUNDS + 1):
            break
    return (1 + as_small) / (ROUNDS + 1)


def _matrix(masks: Sequence[int], places: Sequence[int]) -> NDArray[np.float32]:
    return np.array([[mask >> place & 1 for place in places] for mask in masks], dtype=np.float32)


def _table(rows: int, marked: int, total: int, allowed: Allowed) -> NDArray[np.float64]:
    """Fisher's p by hits and rows drawn; 1 where they may not count."""
    table = np.ones((rows + 1, rows + 1))
    for drawn in range(1, total):
        for hits in range(min(marked, drawn), 0, -1):
            if not allowed(hits, drawn):
                break  # fewer hits may not count either
            table[hits, drawn] = fisher(hits, drawn, marked, total)
    return table


@lru_cache(maxsize=65536)
def fisher(hits: int, drawn: int, marked: int, total: int) -> float:
    """The probability of at least ``hits`` marked items among ``drawn`` from ``total`` with ``marked`` marked ones."""
    ways = sum(
        math.comb(marked, count) * math.comb(total - marked, drawn - count)
        for count in range(hits, min(drawn, marked) + 1)
    )
    return ways / math.comb(total, drawn)


@lru_cache(maxsize=4096)
def exact_bounds(hits: int, of: int, level: float = 0.95) -> tuple[float, float]:
    """The Clopper-Pearson interval of a share."""
    tail = (1 - level) / 2
    low = 0.0 if not hits else _root(lambda share: at_least(hits, of, share) - tail)
    high = 1.0 if hits == of else _root(lambda share: tail - (1 - at_least(hits + 1, of, share)))
    return low, high


def at_least(hits: int, of: int, share: float) -> float:
    """The probability of at least ``hits`` hits in ``of`` independent trials."""
    return math.fsum(math.comb(of, count) * share**count * (1 - share) ** (of - count) for count in range(hits, of + 1))


def _root(rises: Callable[[float], float]) -> float:
    """The zero between 0 and 1 of an increasing function."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if rises(middle) < 0 else (low, middle)
    return (low + high) / 2
