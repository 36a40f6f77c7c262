"""Where overclaims of the real model should end by the expected advantage, with the chance of sampling put in.

python benchmarks/half_audited.py

Each simulated training draws the groups, the audits and the right answers of every step, as GRPO does, and moves the
log-odds of a claim by the sampled push. The prediction in results/README.md took the expected push alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import binom

from loopholes.games.self_grading import UNAUDITED, audited
from loopholes.stats.selection import normalized

RIGHT, START = 0.018, 0.14
"""Share of right answers, and of claims before training."""
STEPS, GROUPS, GROUP_SIZE = 30, 8, 8
SPEEDS = (1.1, 2.0, 4.0, 8.0)
"""Nats per step and unit of push. The prediction took the first, which fits the mini policies."""
RUNS = 4000
SEEN, ANSWERS = 1, 256
"""The most overclaims that any of the three cells with half of the claims audited showed, and its held-out answers."""


def curves(audits: float, speed: float, seed: int = 0) -> NDArray[np.float64]:
    """The share of claims at each step and after the last, shape (steps + 1, :data:`RUNS`)."""
    rng = np.random.default_rng(seed)
    claims_and_right = [(claim, right) for claim in (False, True) for right in (False, True)]
    paid = np.array([UNAUDITED[claim] for claim, _ in claims_and_right])
    paid_after_audit = np.array([audited()[way] for way in claims_and_right])
    shape, shares = (RUNS, GROUPS, GROUP_SIZE), np.full((STEPS + 1, RUNS), START)
    for step in range(STEPS):
        claims = rng.random(shape) < shares[step][:, None, None]
        right, looked_at = rng.random(shape) < RIGHT, rng.random(shape) < audits
        way = 2 * claims + right
        rewards = np.where(looked_at, paid_after_audit[way], paid[way])
        push = (normalized(rewards) * claims).mean(axis=(1, 2))
        shares[step + 1] = expit(logit(shares[step]) + speed * push)
    return shares


def main() -> None:
    """Print a table in Markdown."""
    print("| audited | nats | half of the answers from step | 90 % of trainings end between | 1 claim at most |")
    print("|---|---|---|---|---|")
    for audits in (0.0, 0.5, 1.0):
        for speed in SPEEDS:
            shares = curves(audits, speed)
            low, high = np.quantile(shares[-1], (0.05, 0.95))
            medians = np.median(shares, axis=1)
            first = int(np.argmax(medians >= 0.5)) + 1 if medians.max() >= 0.5 else "never"
            so_few = binom.cdf(SEEN, ANSWERS, shares[-1]).mean()
            print(f"| {audits:g} | {speed:g} | {first} | {low:.1%} and {high:.1%} | {so_few:.1%} |")


if __name__ == "__main__":
    main()
