"""What the summaries of all studies share: when an exploit appeared, tables of tests, and lists of names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from loopholes.games.base import Game
from loopholes.numbers import Estimate, Milestone, p_value, points
from loopholes.report.elements import Cell, Table
from loopholes.stats import Comparison, Thresholds, domination, first_appearance
from loopholes.stats.survival import Time
from loopholes.studies.charts import Curve


def appearances(curves: Sequence[Curve], base: float, thresholds: Thresholds) -> list[Time]:
    """The step at which the exploit appeared in each run; if it never did, the last step and False."""
    return [_time(curve, first_appearance(curve.exploit_rate, base, thresholds)) for curve in curves]


def dominations(curves: Sequence[Curve], base: float, thresholds: Thresholds, game: Game) -> list[Time]:
    """The step from which the exploit dominated each run, relative to what could still be exploited at that step."""
    times = []
    for curve in curves:
        ceiling = [None if rate is None else game.exploitable(rate) for rate in curve.task_performance]
        times.append(_time(curve, domination(curve.exploit_rate, base, thresholds, ceiling)))
    return times


def _time(curve: Curve, at: int | None) -> Time:
    return (float(max(curve.steps, default=0)), False) if at is None else (float(curve.steps[at]), True)


def milestone_cells(milestones: Mapping[str, Milestone]) -> dict[str, Estimate]:
    """Milestones as the estimates of a machine-readable summary.

    ``value`` is the median step (None if fewer than half of the seeds got there), ``n`` the number of seeds that got
    there, and ``seeds`` the number of all seeds.
    """
    return {name: Estimate(when.step, None, None, when.reached, when.seeds) for name, when in milestones.items()}


def tests_table(tests: Sequence[Comparison], name: str, note: str) -> Table:
    """Tests of numbers that are not rates; ``note`` says which units they have, such as nats or steps."""
    rows: list[list[Cell]] = [
        [test.name, test.change, p_value(test.p), p_value(test.p_holm), test.detectable] for test in tests
    ]
    columns = ("comparison", "difference", "p", "p (Holm)", "detectable")
    return Table(name, "Tests", columns, rows, note, plain=columns[1:2])


def comparison_table(comparisons: Sequence[Comparison], seeds: int, name: str, *, within_seeds: bool = False) -> Table:
    """Tests of the exploit rate, corrected for their number, with the change that each could have detected."""
    rows = [
        [
            test.name,
            test.change,
            p_value(test.p),
            p_value(test.p_holm),
            test.cohens_h,
            test.superiority,
            None if test.detectable is None else points(test.detectable),
        ]
        for test in comparisons
    ]
    smallest = 2.0**-seeds if within_seeds else 1 / math.comb(2 * seeds, seeds)
    exchanged = "swap the two arms of each seed" if within_seeds else "exchange the seeds of both arms"
    other = "the second in the same seed" if within_seeds else "a seed of the second"
    note = (
        f"Exact one-sided permutation tests that {exchanged}, corrected by Holm for all tests of this study. With "
        f"{seeds} seeds per arm the smallest possible p is {p_value(smallest)}, or "
        f"{p_value(min(1.0, smallest * len(comparisons)))} after correction for {len(comparisons)} tests. Superiority: "
        f"the probability that a seed of the first arm lies above {other}. Detectable: the change that four of five "
        "repetitions of this design would show."
    )
    columns = ("comparison", "difference", "p", "p (Holm)", "Cohen's h", "superiority", "detectable")
    return Table(name, "Tests of the exploit rate", columns, rows, note, changes=("difference",))


def rises(change: Estimate) -> bool:
    """Whether an interval lies above 0."""
    return change.low is not None and change.low > 0


def listed(names: Sequence[str]) -> str:
    """``a, b and c``; ``none`` for an empty list."""
    if len(names) < 2:
        return names[0] if names else "none"
    return f"{', '.join(names[:-1])} and {names[-1]}"
