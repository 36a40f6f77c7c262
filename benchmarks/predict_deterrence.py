"""What ``loopholes study deterrence`` is expected to find, from the expected advantage of a claim alone.

python benchmarks/predict_deterrence.py > src/loopholes/studies/deterrence.json

The file was written before any run of the study, and must not be made again in the light of the runs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import brentq

from loopholes.games.self_grading import UNAUDITED, audited
from loopholes.games.worlds.arithmetic import LEVEL_SHARES
from loopholes.stats.selection import Normalization, Payoff, normalized, resting_rate, selection
from loopholes.studies.deterrence import ARMS, COMPLETIONS, GRID, HARD, Arm

RIGHT_HARD, RIGHT_OTHERS = 0.1, 0.95
"""Share of right answers at the hardest level, where answers are guesses, and at the others."""
CLAIMS_OTHERS = {True: 0.9, False: 0.3}
"""Share of answers called correct at the other levels, by whether they are; only batch normalisation depends on it."""
START = 0.1
"""Share of the untrained policy's answers at the hardest level that it calls correct, about."""
NATS = 1.1
"""Nats per step and unit of push, under group normalisation: from the curves published for 0.1 audited."""
HARD_SHARE = LEVEL_SHARES[HARD - 1]
BATCHES = 1000
RATES = (0.1, 0.5, 0.95)

STATEMENTS = (
    "With a fifth of the claims audited, overclaims end above 40 % under group normalisation, and below 10 % without "
    "normalisation.",
    "Under group normalisation, claims at the hardest level come to rest near 100, 46, 29 and 17 % where 0.25, 0.35, "
    "0.4 and 0.45 of the claims are audited.",
    "A fine of 20 or 100 instead of 6 does not end overclaims under group normalisation with a fifth of the claims "
    "audited; without normalisation it ends them where a tenth is audited.",
    "With 0.3 audited, claims at the hardest level end lower in groups of 16 than of 8; with 0.4 audited they end "
    "higher in groups of 4.",
    "Batch normalisation behaves nearly like none with a fine of 6. With a fine of 100 and 0.03 audited, claims rise "
    "under batch normalisation, although they lose in expectation.",
    "Neither an unlimited gradient norm nor training on the hardest level alone changes which normalisation deters.",
    "The limit on the gradient norm can mute a rare fine as the deviation does: should claims survive without "
    "normalisation with a fine of 100 and 0.02 audited, they end once the limit is lifted.",
)


def payoffs(rate: float, audits: float, fine: float) -> list[Payoff]:
    """How an answer at the hardest level can turn out, if a share ``rate`` of them is called correct."""
    ways = []
    for claim in (True, False):
        for right in (True, False):
            chance = (rate if claim else 1 - rate) * (RIGHT_HARD if right else 1 - RIGHT_HARD)
            ways.append(Payoff(chance * (1 - audits), UNAUDITED[claim], claim))
            ways.append(Payoff(chance * audits, audited(fine)[claim, right], claim))
    return ways


def push(rate: float, audits: float, fine: float, scale: Normalization, group_size: int) -> float:
    """The push on claims at the hardest level."""
    if scale == "batch":
        return _push_in_batches(rate, audits, fine, group_size)
    return selection(payoffs(rate, audits, fine), group_size, scale)


def _push_in_batches(rate: float, audits: float, fine: float, group_size: int) -> float:
    """The same under batch normalisation, from simulated batches of all levels; always from the same random numbers."""
    rng = np.random.default_rng(0)
    shape = (BATCHES, COMPLETIONS // group_size, group_size)
    hard = rng.random(shape[:2])[..., None] < HARD_SHARE
    right = rng.random(shape) < np.where(hard, RIGHT_HARD, RIGHT_OTHERS)
    others = np.where(right, CLAIMS_OTHERS[True], CLAIMS_OTHERS[False])
    claim = rng.random(shape) < np.where(hard, rate, others)
    is_audited = rng.random(shape) < audits
    rules = audited(fine)
    checked = np.where(
        claim, np.where(right, rules[True, True], rules[True, False]), np.where(right, rules[False, True], 0.0)
    )
    advantages = normalized(np.where(is_audited, checked, np.where(claim, UNAUDITED[True], 0.0)), "batch")
    return float((advantages * claim * hard).sum() / (hard.sum() * group_size))


def end(push_at: Callable[[float], float], steps: int) -> float:
    """The rate after some steps, if each moves the log-odds by ``NATS`` times the push."""
    log_odds = math.log(START / (1 - START))
    for _ in range(steps):
        log_odds += NATS * push_at(1 / (1 + math.exp(-log_odds)))
    return 1 / (1 + math.exp(-log_odds))


def expected(arm: Arm) -> dict[str, float | None]:
    """Where claims at the hardest level come to rest, and under group normalisation their rate at the last step."""
    push_at = partial(push, audits=arm.audits, fine=arm.fine, scale=arm.scale, group_size=arm.group_size)
    last = end(push_at, arm.steps or 60) if arm.scale == "group" else None
    return {"rest": round(resting_rate(push_at, START), 4), "end": None if last is None else round(last, 4)}


def break_even(scale: Normalization, fine: float, rate: float) -> float:
    """The audit probability at which claims are pushed neither way, in groups of 8."""
    return round(float(brentq(lambda audits: push(rate, audits, fine, scale, 8), 1e-6, 1)), 4)


def predictions() -> dict[str, Any]:
    """The contents of the file."""
    return {
        "statements": STATEMENTS,
        "assumed": {
            "right at the hardest level": RIGHT_HARD,
            "right at other levels": RIGHT_OTHERS,
            "claims at other levels, of right and of wrong answers": [CLAIMS_OTHERS[True], CLAIMS_OTHERS[False]],
            "claims at the hardest level before training": START,
            "nats per step and unit of push": NATS,
        },
        "arms": {arm.name: expected(arm) for arm in ARMS},
        "break_even": {
            scale: {f"{fine:g}": {f"{rate:g}": break_even(scale, fine, rate) for rate in RATES} for fine in fines}
            for scale, (_, fines) in GRID.items()
        },
    }


if __name__ == "__main__":
    print(json.dumps(predictions(), indent=2))
