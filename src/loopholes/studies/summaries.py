"""What the summaries of all studies have in common: learning curves, steps reached, comparisons and their words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from loopholes.report.curves import CAPTION, learning_panels
from loopholes.report.elements import Chart, Curve, Role, Table
from loopholes.stats import Comparison, Estimate, Thresholds
from loopholes.stats.survival import Time

Known = Sequence[float | None]
Rule = Callable[[Known, float, Thresholds], int | None]
SIGNIFICANT = 0.05


def learning_chart(
    name: str,
    title: str,
    arms: Mapping[str, Sequence[Curve]],
    base: Mapping[str, Estimate],
    roles: Mapping[str, Role],
    window: int,
) -> Chart:
    """Reward, task performance and exploit rate of several arms over the steps, beside the untrained policy's."""
    panels = learning_panels(arms, {"base": base}, {**roles, "base": "base"}, window=window)
    return Chart(name, title, panels, f"{CAPTION.format(window=window)}; bands are 95 % intervals over seeds.")


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
    columns = ("comparison", "difference", "p", "p (Holm)", "Cohen's h", "superiority", "detectable")
    return Table(name, "Tests of the exploit rate", columns, rows, note, changes=("difference",))


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


def _p(value: float | None) -> str | None:
    return None if value is None else f"{value:.3g}"
