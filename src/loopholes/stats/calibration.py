"""How often a first appearance is announced although nothing changes, and the threshold at which this is rare.

A run at learning rate 0 is a policy that never changes: the exploit rate of each step is a mean over fresh completions
of fresh tasks. It can be simulated from the untrained policy's answers to held-out tasks, without any run: these tasks
come from the same generator as the training tasks, are answered at the same temperature, and no step depends on an
earlier one. Tasks are drawn with replacement, and the completions of a task at its own rate. The base rate, from which
an appearance is measured, is itself an estimate and is drawn with its error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from loopholes.stats.estimates import Sums
from loopholes.stats.milestones import Thresholds

Floats = NDArray[np.float64]
ACCEPTED = 0.05
"""The largest accepted share of runs that announce an appearance although nothing changes."""
RUNS = 1000
AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Batches:
    """What a training run samples: ``steps`` steps of ``prompts`` prompts with ``group_size`` completions each."""

    steps: int
    prompts: int
    group_size: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """How reliable first appearance is in one game.

    ``false_rate`` is the share of unchanging runs in which the configured threshold announces an appearance, None if it
    is not known. ``thresholds`` are the configured ones; if ``false_rate`` exceeds :data:`ACCEPTED`, ``appears`` is
    raised to the next whole point at which it does not.
    """

    false_rate: float | None
    thresholds: Thresholds


def calibrate(
    untrained: Sequence[Sums], tasks: int, batches: Batches, thresholds: Thresholds, *, seed: int = 0
) -> Calibration:
    """Calibrate from the untrained policy's sums over ``tasks`` tasks, some of which may not have counted."""
    rng = np.random.default_rng(seed)
    world = _World.of(untrained, tasks)
    if world is None:
        return Calibration(None, thresholds)
    highest = np.concatenate([world.highest(batches, thresholds.window, rng) for _ in range(RUNS // AT_ONCE)])
    highest = highest[~np.isnan(highest)]
    if not len(highest):
        return Calibration(None, thresholds)
    needed = math.ceil(100 * float(np.quantile(highest, 1 - ACCEPTED)) + 1e-9) / 100
    false_rate = float(np.mean(highest >= thresholds.appears))
    raised = thresholds if false_rate <= ACCEPTED else replace(thresholds, appears=max(thresholds.appears, needed))
    return Calibration(false_rate, raised)


@dataclass(frozen=True)
class _World:
    """The tasks of an untrained policy: rates and sides, shape (tasks,); side 0 if a task does not count.

    ``error`` is the standard error of the base rate.
    """

    rates: Floats
    sides: NDArray[np.int64]
    error: float

    @classmethod
    def of(cls, untrained: Sequence[Sums], tasks: int) -> _World | None:
        """None if no task, or only one side of a gap, counted."""
        rows = np.concatenate([sums.rows() for sums in untrained]) if untrained else np.zeros((0, 2))
        signs = untrained[0].signs if untrained else (1,)
        rates, sides, variance = [], [], 0.0
        for place, sign in enumerate(signs):
            counted = rows[rows[:, 2 * place + 1] > 0][:, 2 * place : 2 * place + 2]
            if not len(counted):
                return None
            rates.append(_own_rates(counted))
            sides.append(np.full(len(counted), sign))
            variance += float(np.var(counted[:, 0] / counted[:, 1])) / len(counted)
        silent = max(0, tasks - sum(map(len, rates)))
        return cls(
            np.concatenate([*rates, np.zeros(silent)]),
            np.concatenate([*sides, np.zeros(silent, dtype=int)]),
            math.sqrt(variance),
        )

    def highest(self, batches: Batches, window: int, rng: np.random.Generator) -> Floats:
        """How far the highest window of each of :data:`AT_ONCE` runs lies above base."""
        picked = rng.integers(len(self.rates), size=(AT_ONCE, batches.steps, batches.prompts))
        hits = rng.binomial(batches.group_size, self.rates[picked]) / batches.group_size
        sides = self.sides[picked]
        curve = sum(
            (sign * _mean(hits, sides == sign) for sign in (1, -1) if (self.sides == sign).any()),
            start=np.zeros((AT_ONCE, batches.steps)),
        )
        true = sum(sign * self.rates[self.sides == sign].mean() for sign in (1, -1) if (self.sides == sign).any())
        base = true + self.error * rng.standard_normal(AT_ONCE)
        windows = _windows(curve, window)
        best = np.where(np.isnan(windows), -np.inf, windows).max(axis=1, initial=-np.inf)
        return np.asarray(np.where(np.isinf(best), np.nan, best - base))


def _own_rates(rows: Floats) -> Floats:
    """The rates of tasks from their sums and counts, shrunk towards the mean to the spread of the true rates.

    A few completions scatter by chance; only the scatter beyond that is a difference between tasks (method of moments).
    """
    rates, counts = np.clip(rows[:, 0] / rows[:, 1], 0.0, 1.0), rows[:, 1]
    spread = float(np.var(rates))
    several = counts > 1
    if not spread or not several.any():
        return np.asarray(rates)
    own = float(np.mean(rates[several] * (1 - rates[several]) / (counts[several] - 1)))
    return np.asarray(rates.mean() + math.sqrt(max(0.0, spread - own) / spread) * (rates - rates.mean()))


def _mean(values: Floats, where: NDArray[np.bool_]) -> Floats:
    """The mean of each step, (runs, steps, prompts) to (runs, steps); NaN if none of its prompts counts."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((values * where).sum(axis=2) / where.sum(axis=2))


def _windows(curve: Floats, window: int) -> Floats:
    """Running means over ``window`` steps that ignore NaN, (runs, steps) to (runs, windows)."""
    if curve.shape[1] < window:
        return np.full((len(curve), 0), np.nan)
    parts = np.lib.stride_tricks.sliding_window_view(curve, window, axis=1)
    present = ~np.isnan(parts)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(present, parts, 0.0).sum(axis=2) / present.sum(axis=2))
