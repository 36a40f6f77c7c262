"""Rates and their differences, with intervals.

The unit of evidence is the task, and above it the seed: eight completions of one prompt are not eight observations. So
intervals come from a hierarchical bootstrap that draws seeds, then tasks within each drawn seed, and keeps all
completions of a task together. It works on per-task sums; these have few distinct values, so a resample takes a single
multinomial draw.

On its own, this bootstrap is too narrow for few seeds (85 % coverage for 5 seeds that differ) and too wide if seeds
agree, since the noise of the tasks enters twice. So its spread is set to that of the t interval over seeds or, if
larger, to that of the tasks alone; the bootstrap decides the shape.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from loopholes.numbers import Estimate
from loopholes.records import Contribution, Metric, MetricKind, Outcome, Task
from loopholes.stats.quantiles import normal_quantile, student_reach, wilson_when_all

Floats = NDArray[np.float64]
Signs = tuple[int, ...]


class Sums:
    """The completions of one seed, reduced to a few sums per task, from which a metric is estimated.

    ``kind`` is the kind of metric: a mean, or a gap between the means of two sides.
    """

    def __init__(self, kind: MetricKind = "mean") -> None:
        self.kind: MetricKind = kind
        self.signs: Signs = (1, -1) if kind == "gap" else (1,)
        self.by_task: dict[str, list[float]] = {}

    @classmethod
    def of(cls, metric: Metric, tasks: Sequence[Task], outcomes: Sequence[Outcome]) -> Self:
        """The sums of a metric over the outcomes of one seed."""
        return cls(metric.kind).add(metric.contributions(tasks, outcomes))

    def add(self, contributions: Iterable[Contribution]) -> Self:
        """Add these contributions; raises ValueError for side -1 of a mean."""
        for task, value, side in contributions:
            row = self.by_task.setdefault(task, [0.0, 0.0] * len(self.signs))
            place = 2 * self.signs.index(side)
            row[place] += value
            row[place + 1] += 1
        return self

    @property
    def value(self) -> float | None:
        """The mean or gap in this seed; None if nothing, or only one side of a gap, could be counted."""
        value = float(_values(self.rows().sum(axis=0), self.signs))
        return None if math.isnan(value) else value

    def rows(self) -> Floats:
        """Shape (tasks, 2 x means): sum and count of the contributions to each of the metric's means."""
        return np.array(list(self.by_task.values()), dtype=float).reshape(-1, 2 * len(self.signs))


def estimate(seeds: Sequence[Sums], *, level: float = 0.95, resamples: int = 2000, rng_seed: int = 0) -> Estimate:
    """A mean or gap over seeds, with an interval of confidence ``level``; ``seeds`` must have the same kind.

    The value is the mean over seeds. Completions without a contribution do not count, nor do seeds without any. If the
    bootstrap has no spread (every task is 0, or every task is 1), the interval is Wilson's with one observation per
    task.
    """
    values = [sums.value for sums in seeds]
    counted = [sums.rows() for sums, value in zip(seeds, values, strict=True) if value is not None]
    if not counted:
        return Estimate(None, None, None, 0, 0)
    signs, n = seeds[0].signs, sum(len(rows) for rows in counted)
    value = float(np.mean([value for value in values if value is not None]))
    ends = _interval(counted, signs, level, resamples, np.random.default_rng(rng_seed))
    low, high = ends or _without_spread(np.concatenate(counted), signs, level)
    return Estimate(value, low, high, n, len(counted))


def over_tasks(values: Sequence[float], *, level: float = 0.95, most: float | None = None) -> Estimate:
    """The mean of one number per task, with Student's interval.

    The end nearer to 0 is limited to what ``n`` tasks can show: it assumes that as many unseen tasks as Wilson's
    interval allows all have the value 0. So agreement on few tasks does not count as certainty. If no task can have
    more than ``most``, the upper end is limited in the same way: unseen tasks may all have that value.
    """
    n = len(values)
    if not n:
        return Estimate(None, None, None, 0, 0)
    mean = math.fsum(values) / n
    squares = math.fsum((value - mean) * (value - mean) for value in values)  # on so few numbers, NumPy takes longer
    spread = math.sqrt(squares / (n - 1) / n) if n > 1 else 0.0
    reach = student_reach(level, n - 1) * spread if n > 1 else 0.0
    seen = wilson_when_all(level, n)
    low, high = (
        (min(mean - reach, mean * seen), mean + reach) if mean > 0 else (mean - reach, max(mean + reach, mean * seen))
    )
    return Estimate(mean, low, high if most is None else max(high, most - (most - mean) * seen), n, 1)


def share_over_tasks(values: Sequence[float], *, level: float = 0.95) -> Estimate:
    """:func:`over_tasks` for shares in [0, 1]: the interval does not leave that range."""
    share = over_tasks(values, level=level, most=1.0)
    if share.low is None or share.high is None:
        return share
    return replace(share, low=max(0.0, share.low), high=min(1.0, share.high))


def difference(
    a_seeds: Sequence[Sums],
    b_seeds: Sequence[Sums],
    *,
    level: float = 0.95,
    resamples: int = 2000,
    rng_seed: int = 0,
) -> Estimate:
    """``a`` minus ``b``, paired by task if both sides saw the same tasks.

    If the seeds of both sides, in order, have the same tasks, the bootstrap keeps the two answers to a task together,
    so that the difficulty of a task cancels. Otherwise, or if that has no spread, the intervals of both sides are
    combined as for independent samples (:func:`subtract`).
    """
    a = estimate(a_seeds, level=level, resamples=resamples, rng_seed=rng_seed)
    b = estimate(b_seeds, level=level, resamples=resamples, rng_seed=rng_seed + 1)
    apart = subtract(a, b)
    joined = _joined(a_seeds, b_seeds)
    if not joined or apart.value is None:
        return apart
    signs = (*a_seeds[0].signs, *(-sign for sign in a_seeds[0].signs))
    ends = _interval(joined, signs, level, resamples, np.random.default_rng(rng_seed))
    return Estimate(apart.value, *ends, apart.n, apart.seeds) if ends else apart


def subtract(a: Estimate, b: Estimate) -> Estimate:
    """``a`` minus ``b`` with the interval of Newcombe (1998) and Zou and Donner (2008), from both intervals.

    ``n`` and ``seeds`` are those of the smaller side.
    """
    n, seeds = min(a.n, b.n), min(a.seeds, b.seeds)
    if a.value is None or b.value is None:
        return Estimate(None, None, None, n, seeds)
    change = a.value - b.value
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return Estimate(change, None, None, n, seeds)
    below = math.hypot(a.value - a.low, b.high - b.value)
    above = math.hypot(a.high - a.value, b.value - b.low)
    return Estimate(change, change - below, change + above, n, seeds)


def _joined(a_seeds: Sequence[Sums], b_seeds: Sequence[Sums]) -> list[Floats]:
    """Per seed, shape (tasks, 4 x means): the sums of ``a`` and ``b`` on each task; empty if the tasks differ."""
    if len(a_seeds) != len(b_seeds):
        return []
    joined = []
    for a, b in zip(a_seeds, b_seeds, strict=True):
        ours, theirs = a.by_task, b.by_task
        if not ours or ours.keys() != theirs.keys():
            return []
        joined.append(np.array([[*row, *theirs[task]] for task, row in ours.items()], dtype=float))
    return joined


def _values(sums: Floats, signs: Signs) -> Floats:
    """The metric of summed rows, (..., 2 x means) to (...); NaN if a count is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((sums[..., 0::2] / sums[..., 1::2]) @ np.array(signs, dtype=float), dtype=float)


def _draw_tasks(rows: Floats, times: int, signs: Signs, rng: np.random.Generator) -> Floats:
    """The metric of ``times`` resamples of a seed's tasks; equal rows are drawn together, which is equivalent."""
    kinds, counts = np.unique(rows, axis=0, return_counts=True)
    drawn = rng.multinomial(len(rows), counts / counts.sum(), size=times)
    return _values(drawn @ kinds, signs)


def _interval(
    seeds: Sequence[Floats], signs: Signs, level: float, resamples: int, rng: np.random.Generator
) -> tuple[float, float] | None:
    """The bootstrap interval with its spread corrected; None if it has no spread."""
    size = len(seeds)
    picked = rng.integers(size, size=(resamples, size))
    drawn = np.empty((resamples, size))
    for index, rows in enumerate(seeds):
        drawn[picked == index] = _draw_tasks(rows, int((picked == index).sum()), signs, rng)
    means = np.nanmean(drawn, axis=1) if size > 1 else drawn[:, 0]
    means = means[~np.isnan(means)]
    spread = float(np.std(means)) if len(means) else 0.0
    if spread < 1e-12:
        return None
    values = np.array([_values(rows.sum(axis=0), signs) for rows in seeds])
    of_tasks = math.sqrt(sum(np.nanvar(drawn[picked == i]) for i in range(size) if (picked == i).any())) / size
    reach = _quantile(level, min(len(rows) for rows in seeds)) * of_tasks
    if size > 1:
        reach = max(reach, _quantile(level, size, corrected=False) * float(np.std(values, ddof=1)) / math.sqrt(size))
    center, factor = float(np.mean(values)), reach / (normal_quantile(0.5 + level / 2) * spread)
    low, high = center + factor * (np.quantile(means, [0.5 - level / 2, 0.5 + level / 2]) - np.mean(means))
    return _clip(min(low, center), max(high, center), seeds, signs)


def _quantile(level: float, size: int, corrected: bool = True) -> float:
    """Student's t for ``size`` observations; ``corrected`` for a spread that a bootstrap divided by n, not n - 1."""
    if size < 2:
        return normal_quantile(0.5 + level / 2)
    return student_reach(level, size - 1) * (math.sqrt(size / (size - 1)) if corrected else 1.0)


def _clip(low: float, high: float, seeds: Sequence[Floats], signs: Signs) -> tuple[float, float]:
    """Clip the interval of shares to [0, 1], or of gaps between shares to [-1, 1]; other metrics are unchanged."""
    rows = np.concatenate(seeds)
    if np.all(rows[:, 0::2] >= 0) and np.all(rows[:, 0::2] <= rows[:, 1::2]):
        return max(low, float(sum(min(sign, 0) for sign in signs))), min(
            high, float(sum(max(sign, 0) for sign in signs))
        )
    return low, high


def _without_spread(rows: Floats, signs: Signs, level: float) -> tuple[float | None, float | None]:
    """Wilson's interval if every task is 0 or every task is 1; (None, None) for any other constant."""
    sides = [_wilson(rows[rows[:, side + 1] > 0][:, side : side + 2], level) for side in range(0, 2 * len(signs), 2)]
    if len(sides) == 1:
        return sides[0].low, sides[0].high
    gap = subtract(*sides)
    return gap.low, gap.high


def _wilson(rows: Floats, level: float) -> Estimate:
    rate = float(rows[:, 0].sum() / rows[:, 1].sum())
    if rate not in (0.0, 1.0):
        return Estimate(rate, None, None, len(rows), 1)
    bound = wilson_when_all(level, len(rows))
    low, high = (bound, 1.0) if rate else (0.0, 1 - bound)
    return Estimate(rate, low, high, len(rows), 1)
