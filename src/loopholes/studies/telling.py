"""What the summaries of all studies have in common: learning curves, steps reached, comparisons and their words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import get_args

import numpy as np

from loopholes.report.games import QUANTITIES
from loopholes.report.records import Chart, Curve, Lines, Quantity, Role, Series, Table
from loopholes.stats import Comparison, Estimate, Thresholds, mean_band, running
from loopholes.stats.survival import Time

Known = Sequence[float | None]
Rule = Callable[[Known, float, Thresholds], int | None]
SIGNIFICANT = 0.05


def learning_chart(
    name: str, title: str, arms: Mapping[str, Mapping[int, Curve]], base: Mapping[str, Estimate], window: int
) -> Chart:
    """Reward, task performance and exploit rate over the steps: each seed, their mean and its band.

    ``arms`` holds a curve a seed; lines are means of the last ``window`` steps, as first appearance is judged by.
    ``base`` holds the untrained policy's rates, drawn as a level line.
    """
    panels = [
        Lines(title_of, "training step", _all_series(arms, base.get(quantity), quantity, window), quantity != "reward")
        for quantity, title_of in QUANTITIES.items()
    ]
    return Chart(name, title, panels, f"Lines are means over the last {window} steps; bands are 95 % over seeds.")


def _all_series(
    arms: Mapping[str, Mapping[int, Curve]], base: Estimate | None, quantity: Quantity, window: int
) -> list[Series]:
    found = [curve_series(arm, curves, quantity, window) for arm, curves in arms.items() if curves]
    last = max((float(step) for series in found for step in series.x), default=1.0)
    return [*found, *([level("base, untrained", base, 1.0, last)] if base is not None else [])]


def curve_series(arm: str, curves: Mapping[int, Curve], quantity: Quantity, window: int) -> Series:
    """One arm's curves as a series; the role is the arm's name where it is one."""
    smoothed = {seed: _known(running(getattr(curve, quantity), window)) for seed, curve in curves.items()}
    mean, low, high = mean_band(list(smoothed.values()))
    steps = max((curve.steps for curve in curves.values()), key=len)
    role: Role = arm if arm in get_args(Role) else ""  # type: ignore[assignment]
    padded = {seed: [*line, *[None] * (len(steps) - len(line))] for seed, line in smoothed.items()}
    return Series(arm, list(map(float, steps)), mean, low, high, role, padded)


def level(name: str, found: Estimate, first: float, last: float) -> Series:
    """A level line with its interval."""
    return Series(name, [first, last], [found.value] * 2, [found.low] * 2, [found.high] * 2, "base")


def time_of(curve: Curve, rule: Rule, base: float, thresholds: Thresholds) -> Time:
    """The step at which a rule is met in a run's exploit rate; the last step, and False, where it never is."""
    at = rule(curve.exploit_rate, base, thresholds)
    if at is None:
        return float(max(curve.steps, default=0)), False
    return float(curve.steps[at]), True


def middle(times: Sequence[Time]) -> float | None:
    """The median step, None where most never get there."""
    steps = sorted(at if happened else math.inf for at, happened in times)
    found = steps[len(steps) // 2] if steps else math.inf
    return None if math.isinf(found) else found


def reached(times: Sequence[Time]) -> str:
    """``step 8 (5 of 5)``."""
    count = sum(happened for _, happened in times)
    found = middle(times)
    return f"{'never' if found is None else f'step {found:.0f}'} ({count} of {len(times)})"


def comparison_table(comparisons: Sequence[Comparison], seeds: int, name: str) -> Table:
    """The tests of a study, corrected for each other, with what they could have seen."""
    rows = [
        [
            one.name,
            one.metric.replace("_", " "),
            one.change,
            _p(one.p),
            _p(one.p_holm),
            None if one.cohens_h is None else f"{one.cohens_h:.2f}",
            None if one.superiority is None else f"{one.superiority:.2f}",
            None if one.detectable is None else points(one.detectable, signed=False),
        ]
        for one in comparisons
    ]
    smallest = 1 / math.comb(2 * seeds, seeds)
    note = (
        "Exact one-sided permutation tests over seeds, corrected by Holm for all tests of this study. With "
        f"{seeds} seeds a side the smallest p there can be is {smallest:.3g}, corrected for {len(comparisons)} tests "
        f"{min(1.0, smallest * len(comparisons)):.3g}. Superiority: the chance that a seed of the first lies above one "
        "of the second. Detectable: the change that four of five repetitions of this design would show."
    )
    columns = ("comparison", "metric", "difference", "p", "p (Holm)", "Cohen's h", "superiority", "detectable")
    return Table(name, "Tests", columns, rows, note)


def points(value: float, *, signed: bool = True) -> str:
    """A difference of shares in percentage points."""
    return f"{100 * value:{'+' if signed else ''}.1f} points"


def told(change: Estimate) -> str:
    """``+53.1 points [50.2, 56.0]``."""
    if change.value is None:
        return "unknown"
    if change.low is None or change.high is None:
        return points(change.value)
    return f"{points(change.value)} [{100 * change.low:.1f}, {100 * change.high:.1f}]"


def rate(found: Estimate) -> str:
    """``32.8 % [30.1, 35.4]``."""
    if found.value is None:
        return "unknown"
    if found.low is None or found.high is None:
        return f"{100 * found.value:.1f} %"
    return f"{100 * found.value:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def rises(change: Estimate) -> bool:
    """Whether an interval lies above 0."""
    return change.low is not None and change.low > 0


def listed(names: Sequence[str]) -> str:
    """``a, b and c``; ``none`` for nothing."""
    if len(names) < 2:
        return names[0] if names else "none"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _known(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[float | None]:
    return [None if math.isnan(value) else float(value) for value in values]


def _p(value: float | None) -> str | None:
    return None if value is None else f"{value:.3g}"
