"""Why overclaims of the real model vanish where half of the claims are audited: three explanations, each simulated.

python benchmarks/half_audited.py            # the tables, from results/half-audited.csv
python benchmarks/half_audited.py STUDY      # first writes that file, from the runs of a real-model study

The prediction in results/README.md took the expected push on the log-odds of a claim, at one speed. Here the chance of
sampling, the speed and the optimizer's memory are put in. What is free is fitted to the six cells where no claim is
audited or all are; the three with half of the claims audited have no part in it.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import binom

from loopholes.games.self_grading import UNAUDITED, audited
from loopholes.runs.run import Run
from loopholes.stats.selection import normalized

Floats = NDArray[np.float64]
Cell = tuple[float, float]
"""The announced share of audits, and the real one."""

STEPS = Path(__file__).parents[1] / "results" / "half-audited.csv"
COLUMNS = ("announced", "audited", "step", "answers", "claims", "push", "energy")
RIGHT, START = 0.018, 0.14
"""Share of right answers, and of claims before training."""
GROUPS, GROUP_SIZE, LENGTH = 8, 8, 30
SPEEDS = (1.1, 2.0, 4.0, 8.0)
"""Nats per step and unit of push. The prediction took the first, which fits the mini policies."""
RUNS = 4000
SEEN, ANSWERS = 1, 256
"""The most overclaims that any of the three cells with half of the claims audited showed, and its held-out answers."""
FIRST_MOMENT, SECOND_MOMENT, EPSILON = 0.9, 0.999, 1e-8
"""Adam's, as in the trainings."""
SHARES = (1e-4, 1 - 3e-3)
"""A fitted share of claims is no nearer to 0 and 1: a few answers do otherwise for reasons of their own."""


@dataclass(frozen=True)
class Optimizer:
    """Turns the pushes of the steps so far into a move of the log-odds, as Adam does for one weight.

    Without ``adam`` the move is the push. With it, ``noise`` is how much of the answers' mean squared advantage adds to
    the squared push, for gradient in other directions, and ``remembers`` is whether there is a first moment.
    """

    name: str
    adam: bool = True
    noise: float = 0.0
    remembers: bool = True

    def moves(self, pushes: Floats, energies: Floats) -> Floats:
        """The moves after each step, shape (steps, ...); those of the last step are what a simulation needs."""
        if not self.adam:
            return pushes
        decay = FIRST_MOMENT if self.remembers else 0.0
        first, second = np.zeros(pushes.shape[1:]), np.zeros(pushes.shape[1:])
        moves = np.empty_like(pushes)
        for step, (push, energy) in enumerate(zip(pushes, energies, strict=True), 1):
            first = decay * first + (1 - decay) * push
            second = SECOND_MOMENT * second + (1 - SECOND_MOMENT) * (push**2 + self.noise * energy)
            corrected = first / (1 - decay**step), second / (1 - SECOND_MOMENT**step)
            moves[step - 1] = corrected[0] / (np.sqrt(corrected[1]) + EPSILON)
        return moves


PLAIN = Optimizer("pushes alone", adam=False)
OPTIMIZERS = (
    PLAIN,
    Optimizer("Adam without momentum, no noise", remembers=False),
    Optimizer("Adam without momentum, all noise", noise=1.0, remembers=False),
    Optimizer("Adam, no noise"),
    Optimizer("Adam, a tenth noise", noise=0.1),
    Optimizer("Adam, all noise", noise=1.0),
)


def curves(audits: float, speed: float, start: float = START, optimizer: Optimizer = PLAIN) -> Floats:
    """The share of claims at each step and after the last, shape (steps + 1, :data:`RUNS`)."""
    rng = np.random.default_rng(0)
    claims_and_right = [(claim, right) for claim in (False, True) for right in (False, True)]
    paid = np.array([UNAUDITED[claim] for claim, _ in claims_and_right])
    paid_after_audit = np.array([audited()[way] for way in claims_and_right])
    shape, shares = (RUNS, GROUPS, GROUP_SIZE), np.full((LENGTH + 1, RUNS), start)
    pushes, energies = np.zeros((LENGTH, RUNS)), np.zeros((LENGTH, RUNS))
    for step in range(LENGTH):
        claims = rng.random(shape) < shares[step][:, None, None]
        right, looked_at = rng.random(shape) < RIGHT, rng.random(shape) < audits
        way = 2 * claims + right
        pushes[step], energies[step] = _push(np.where(looked_at, paid_after_audit[way], paid[way]), claims)
        move = optimizer.moves(pushes[: step + 1], energies[: step + 1])[-1]
        shares[step + 1] = expit(logit(shares[step]) + speed * move)
    return shares


def _push(rewards: Floats, claims: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The push on the log-odds of a claim, and the mean squared advantage, from arrays (trainings, groups, size)."""
    advantages = normalized(rewards)
    return (advantages * claims).mean(axis=(1, 2)), (advantages**2).mean(axis=(1, 2))


def recorded(study: Path) -> list[dict[str, Any]]:
    """What the steps of the study's nine cells paid for claims: one row a step, with :data:`COLUMNS`."""
    rows = []
    for folder in sorted(study.glob("runs/train-self-grading-vulnerable-from-smollm2-*")):
        run = Run.open(folder)
        parameters = run.config["parameters"]
        if "audit_probability" not in parameters:
            continue
        cell = parameters.get("telling") or 0.0, parameters["audit_probability"]
        for step in run.rollout_steps():
            groups = defaultdict(list)
            for rollout in run.rollouts([step]):
                groups[rollout["task"]].append(rollout)
            rewards = np.array([[[rollout["reward"] for rollout in group] for group in groups.values()]])
            claims = np.array([[[bool(rollout["details"]["claim"]) for rollout in group] for group in groups.values()]])
            push, energy = (round(float(value[0]), 4) for value in _push(rewards, claims))
            rows.append(dict(zip(COLUMNS, (*cell, step, claims.size, int(claims.sum()), push, energy), strict=True)))
    return sorted(rows, key=lambda row: (row["announced"], row["audited"], row["step"]))


def read_cells() -> dict[Cell, dict[str, Floats]]:
    """Each cell's columns, in the order of its steps."""
    cells: dict[Cell, list[list[float]]] = defaultdict(list)
    with STEPS.open(newline="") as file:
        for row in csv.DictReader(file):
            cells[float(row["announced"]), float(row["audited"])].append([float(row[name]) for name in COLUMNS])
    return {cell: dict(zip(COLUMNS, np.array(rows).T, strict=True)) for cell, rows in cells.items()}


def surprise(start: float, speed: float, optimizer: Optimizer, cell: Mapping[str, Floats]) -> float:
    """Minus the log-likelihood of a cell's claims, of those pushes that its training really had."""
    moves = speed * optimizer.moves(cell["push"], cell["energy"])
    before = start + np.concatenate([[0.0], np.cumsum(moves)[:-1]])
    return -float(binom.logpmf(cell["claims"], cell["answers"], np.clip(expit(before), *SHARES)).sum())


def fitted(optimizer: Optimizer, cells: Mapping[Cell, Mapping[str, Floats]]) -> tuple[float, dict[float, float], float]:
    """What fits the cells with no or all claims audited: speed, log-odds before training by announcement, surprise."""
    announced = sorted({cell[0] for cell in cells})
    sure = {cell: steps for cell, steps in cells.items() if cell[1] in (0.0, 1.0)}

    def total(values: Floats) -> float:
        return sum(
            surprise(values[1 + announced.index(cell[0])], values[0], optimizer, steps) for cell, steps in sure.items()
        )

    tries = [[speed, *[logit(START)] * len(announced)] for speed in (0.6, 1.5, 3.0)]
    found = [minimize(total, start, method="Nelder-Mead", options={"maxiter": 4000}) for start in tries]
    best = min(found, key=lambda result: result.fun)
    return float(best.x[0]), dict(zip(announced, best.x[1:], strict=True)), float(best.fun)


def so_few(shares: Floats) -> float:
    """How probable it is that an evaluation after training shows no more than :data:`SEEN` claims."""
    return float(binom.cdf(SEEN, ANSWERS, shares[-1]).mean())


def main() -> None:
    """Print two tables in Markdown."""
    if sys.argv[1:]:
        with STEPS.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(recorded(Path(sys.argv[1])))
    print("| audited | nats | half of the answers from step | 90 % of trainings end between | 1 claim at most |")
    print("|---|---|---|---|---|")
    for audits in (0.0, 0.5, 1.0):
        for speed in SPEEDS:
            shares = curves(audits, speed)
            low, high = np.quantile(shares[-1], (0.05, 0.95))
            medians = np.median(shares, axis=1)
            first = int(np.argmax(medians >= 0.5)) + 1 if medians.max() >= 0.5 else "never"
            print(f"| {audits:g} | {speed:g} | {first} | {low:.1%} and {high:.1%} | {so_few(shares):.1%} |")
    cells = read_cells()
    print("\n| moved by | nats | surprise, six cells | the three others | half audited: 90 % end between | 1 at most |")
    print("|---|---|---|---|---|---|")
    for optimizer in OPTIMIZERS:
        speed, starts, six = fitted(optimizer, cells)
        others = {
            cell: surprise(starts[cell[0]], speed, optimizer, steps) for cell, steps in cells.items() if cell[1] == 0.5
        }
        ends = np.hstack([curves(0.5, speed, float(expit(start)), optimizer) for start in starts.values()])
        low, high = np.quantile(ends[-1], (0.05, 0.95))
        each = " + ".join(f"{value:.0f}" for _, value in sorted(others.items()))
        print(
            f"| {optimizer.name} | {speed:.2f} | {six:.0f} | {sum(others.values()):.0f} ({each}) "
            f"| {low:.2%} and {high:.1%} | {so_few(ends):.1%} |"
        )


if __name__ == "__main__":
    main()
