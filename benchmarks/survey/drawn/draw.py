"""Draws the verifiers of ``frame.toml`` whose loopholes are looked for by reading, before any audit of them.

    python benchmarks/survey/drawn/draw.py > benchmarks/survey/drawn/draw.txt

The frame is shuffled by one seed and walked. A source that has its fifth already is passed over: ten of the first
fifty, sixteen of all eighty. The first fifty that can be audited are the sample; those that cannot stay in the table,
and the next in the order takes their place.
"""

from __future__ import annotations

import random
import tomllib
from collections import Counter
from pathlib import Path

SEED = 20261127
FRAME = Path(__file__).with_name("frame.toml")
SAMPLE, LENGTH = 50, 80  # verifiers that are wanted, and the length of the ordered list


def verifiers() -> list[tuple[str, str]]:
    """Every verifier of the frame as (source, name), in the order of the file."""
    sources = tomllib.loads(FRAME.read_text(encoding="utf-8"))
    return [(source, name) for source, entry in sources.items() for name in entry["verifiers"]]


def drawn() -> list[tuple[str, str]]:
    """The ordered list of verifiers, none of whose sources has more than a fifth of it."""
    frame = verifiers()
    random.Random(SEED).shuffle(frame)
    order: list[tuple[str, str]] = []
    for source, name in frame:
        share = SAMPLE if len(order) < SAMPLE else LENGTH
        if Counter(source for source, _ in order)[source] < share // 5:
            order.append((source, name))
        if len(order) == LENGTH:
            break
    return order


def main() -> None:
    """Print one line per verifier: its place, its source and its name."""
    for place, (source, name) in enumerate(drawn(), 1):
        print(place, source, name)


if __name__ == "__main__":
    main()
