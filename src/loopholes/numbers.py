"""Reported numbers, and how each kind is written, the same on a page, a terminal, a card or in a README.

::

    a share       12.3 % [10.1, 14.5]
    a change      +53.1 points [50.2, 56.0]
    a number      0.31 [0.07, 0.55]
    a milestone   step 8 (5 of 5 seeds), 1 of 5 seeds, 0 of 5 seeds by step 70
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["share", "change", "number"]
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval. ``n`` counts the tasks, over all ``seeds``, that contributed.

    ``value`` is None if nothing could be counted; ``low`` and ``high`` are None if there is no interval.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    seeds: int

    def __str__(self) -> str:
        """As a share: ``32.8 % [30.1, 35.4]``."""
        return written(self)


@dataclass(frozen=True, slots=True)
class Milestone:
    """When training runs reached a goal: ``reached`` of ``seeds`` runs did, half of them by ``step``.

    ``step`` is the median over seeds, where a run that never reached it counts as later than all others; None if fewer
    than half reached it. ``last`` is the last step of any run: where it reached the goal, or where it ended.
    """

    step: float | None
    reached: int
    seeds: int
    last: float

    def __str__(self) -> str:
        count = f"{self.reached} of {self.seeds} seed{'' if self.seeds == 1 else 's'}"
        if self.step is not None:
            return f"{step(self.step)} ({count})"
        return count if self.reached else f"{count} by {step(self.last)}"


def share(value: float | None) -> str:
    """A share as a percentage."""
    return UNKNOWN if value is None else f"{_percent(value):.1f} %"


def change(value: float | None) -> str:
    """A difference of shares in percentage points, with its sign."""
    return UNKNOWN if value is None else f"{_percent(value):+.1f} points"


def points(value: float) -> str:
    """A distance between shares in percentage points, which has no sign."""
    return f"{_percent(abs(value)):.1f} points"


def plain(value: float | None) -> str:
    """A number that is not a share: whole if it is large or whole, else with two decimals or its first digit."""
    if value is None:
        return UNKNOWN
    if abs(value) >= 100 or float(value).is_integer():
        return f"{value + 0.0:,.0f}"
    return f"{value:.{1 if abs(value) >= 10 else 2}f}" if abs(value) >= 0.01 else f"{value:.1g}"


def step(value: float) -> str:
    """A step of training."""
    return f"step {value:,.0f}"


def p_value(value: float | None) -> str | None:
    """A p-value to three digits; None stays None."""
    return None if value is None else f"{value:.3g}"


def point(estimate: Estimate, unit: Unit = "share") -> str:
    """The value of an estimate alone."""
    return {"share": share, "change": change, "number": plain}[unit](estimate.value)


def interval(estimate: Estimate, unit: Unit = "share") -> str:
    """The interval alone, in the unit of the value and without repeating it: ``[10.1, 14.5]``; empty if unknown."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return ""
    low, high = (plain(end) if unit == "number" else f"{_percent(end):.1f}" for end in (estimate.low, estimate.high))
    return f"[{low}, {high}]"


def written(estimate: Estimate, unit: Unit = "share") -> str:
    """An estimate with its interval: ``12.3 % [10.1, 14.5]``."""
    return " ".join(filter(None, (point(estimate, unit), interval(estimate, unit))))


def _percent(value: float) -> float:
    return round(100 * value, 1) + 0.0  # no minus before a zero
