"""Tests that are stratified by seed, since the arms of a study share their seeds.

A seed fixes the tasks, their order and the random draws of a run: one seed finds an exploit early in every arm, another
late. So only the two runs of one seed are exchangeable: if the arms do not differ, swapping these runs leaves
everything as likely as before. All 2^n ways of swapping within n seeds are tried, so a p-value is exact whatever the
seeds have in common; the smallest possible p is 2^-n one-sided and twice that two-sided. Seeds that lack either run are
ignored.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from loopholes.numbers import Estimate
from loopholes.stats.comparisons import SAME, Comparison, cohens_h, detectable, mean_over_seeds
from loopholes.stats.survival import Time

LARGEST_EXACT = 16  # seeds for which every swap is tried; with more seeds, as many random swaps
Values = Sequence[float | None]


def swap_test(differences: Sequence[float], *, two_sided: bool = False) -> float | None:
    """The probability of a sum at least as large as that of ``differences``, one per seed, if every sign were random.

    With ``two_sided``, of a sum at least as far from 0. None for fewer than two seeds.
    """
    if len(differences) < 2:
        return None
    values = np.asarray(differences, dtype=float)
    sums, seen = _signs(len(values)) @ values, float(values.sum())
    rounding = SAME * max(1.0, float(np.abs(values).sum()))
    if two_sided:
        return float(np.mean(np.abs(sums) >= abs(seen) - rounding))
    return float(np.mean(sums >= seen - rounding))


def paired(a: Values, b: Values) -> list[float]:
    """``a`` minus ``b`` in each seed in which both are known; both have the seeds in the same order."""
    return [x - y for x, y in _pairs(a, b)]


def _pairs(a: Values, b: Values) -> list[tuple[float, float]]:
    return [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]


def compare_within_seeds(
    name: str, metric: str, a: Values, b: Values, change: Estimate | None = None, *, two_sided: bool = False
) -> Comparison:
    """Test whether ``a`` lies above ``b`` (``two_sided``: differs from it), with one value per seed in the same order.

    ``change`` is the estimate of the difference to report, by default the mean difference within seeds.
    """
    pairs = _pairs(a, b)
    differences = [x - y for x, y in pairs]
    change = change or mean_over_seeds(differences)
    if not pairs:
        return Comparison(name, metric, change)
    means = [float(np.mean(side)) for side in zip(*pairs, strict=True)]
    above = np.mean([(d > SAME) + 0.5 * (abs(d) <= SAME) for d in differences])
    return Comparison(
        name,
        metric,
        change,
        p=swap_test(differences, two_sided=two_sided),
        cohens_h=cohens_h(*means),
        superiority=float(above),
        detectable=detectable(change),
    )


def log_rank_within_seeds(a: Sequence[Time], b: Sequence[Time]) -> float | None:
    """The two-sided p of both arms being equally fast; None if nothing happened, or for a single seed.

    The statistic is that of the log-rank test: observed minus expected events of an arm, with all runs pooled. Its
    distribution comes from swaps within seeds, which requires that runs are censored alike in both arms.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} times cannot belong to the same seeds")
    if not any(happened for _, happened in (*a, *b)):
        return None
    scores = _log_rank_scores([*a, *b])
    return swap_test((scores[: len(a)] - scores[len(a) :]).tolist(), two_sided=True)


def _log_rank_scores(times: Sequence[Time]) -> NDArray[np.float64]:
    """For each run: its events (0 or 1) minus the expected number until its time (Nelson-Aalen)."""
    at = np.array([time for time, _ in times])
    happened = np.array([event for _, event in times], dtype=float)
    hazards = {time: happened[at == time].sum() / (at >= time).sum() for time in np.unique(at)}
    return np.array(
        [event - sum(h for t, h in hazards.items() if t <= time) for time, event in zip(at, happened, strict=True)]
    )


def _signs(count: int) -> NDArray[np.float64]:
    """Every way of swapping (or very many), one per row, including the observed one: 1 is as observed, -1 swapped."""
    if count <= LARGEST_EXACT:
        return np.asarray(1.0 - 2.0 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1), dtype=float)
    random = 1.0 - 2.0 * np.random.default_rng(0).integers(2, size=(2**LARGEST_EXACT, count))
    return np.asarray(np.vstack([np.ones(count), random]))
