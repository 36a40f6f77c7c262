"""The audit probability at which a claim stops paying under each of GRPO's normalisations: docs/deterrence.md's table.

python benchmarks/break_even.py

Self-grading at its hardest level, where one answer in ten is right. Below the probability a claim is pushed up.
"""

from __future__ import annotations

from loopholes.stats.selection import Normalization, crossing
from predict_deterrence import RATES, push

ROWS: tuple[tuple[Normalization, int, float], ...] = (
    ("none", 8, 6.0),
    ("none", 8, 20.0),
    ("none", 8, 100.0),
    ("none", 8, 10_000.0),
    ("group", 4, 6.0),
    ("group", 8, 6.0),
    ("group", 16, 6.0),
    ("group", 8, 20.0),
    ("group", 8, 100.0),
    ("group", 8, 10_000.0),
)


def break_even(scale: Normalization, size: int, fine: float, rate: float) -> float:
    """The audit probability at which claims are pushed neither way."""
    return crossing(lambda audits: push(rate, audits, fine, scale, size), 1e-9, 1.0)


if __name__ == "__main__":
    print(f"| divided by | group | fine | {' | '.join(f'q = {rate:g}' for rate in RATES)} |")
    print("|---|---|---|---|---|---|")
    for scale, size, fine in ROWS:
        cells = " | ".join(f"{break_even(scale, size, fine, rate):.2g}" for rate in RATES)
        print(f"| {scale} | {size} | {fine:,g} | {cells} |")
