"""How a number is written: one way, for the page, its figures and the files of a paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from loopholes.report.elements import Unit
from loopholes.stats import Estimate

T = TypeVar("T")


def percent(value: float | None) -> str:
    """A share as a percentage; small ones with a decimal, so that rare is not never."""
    if value is None:
        return "unknown"
    return f"{100 * value:.1f} %" if 0 < abs(value) < 0.0995 else f"{100 * value:.0f} %"


def plain(value: float) -> str:
    """A number that is no share, to three digits; whole if it is large."""
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.3g}"


def signed(value: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return f"{100 * value:+.1f}"


def point(found: Estimate, unit: Unit = "share") -> str:
    """The value alone."""
    if found.value is None or unit == "share":
        return percent(found.value)
    return signed(found.value) if unit == "change" else plain(found.value)


def interval(found: Estimate, unit: Unit = "share") -> str:
    """``12.3 to 45.6``, in the unit of the value; empty if there is none."""
    if found.low is None or found.high is None:
        return ""
    if unit == "number":
        return f"{plain(found.low)} to {plain(found.high)}"
    ends = [signed(end) if unit == "change" else f"{100 * end:.1f}" for end in (found.low, found.high)]
    return " to ".join(ends)


def with_interval(found: Estimate, unit: Unit = "share") -> str:
    """``97 % (95.0 to 99.0)``."""
    around = interval(found, unit)
    return f"{point(found, unit)} ({around})" if around else point(found, unit)


def evenly(count: int, most: int) -> list[int]:
    """At most ``most`` positions of ``count``, evenly spread, the first and the last among them."""
    if count <= most:
        return list(range(count))
    if most < 2:
        return [0][:most]
    return [round(index * (count - 1) / (most - 1)) for index in range(most)]


def evenly_of(rows: Sequence[T], most: int) -> list[T]:
    """At most ``most`` of the rows, evenly spread."""
    return [rows[index] for index in evenly(len(rows), most)]
