"""How a number is written: one way, for the page, its figures and the files of a paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

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


def point(found: Estimate, shares: bool = True) -> str:
    """The value alone."""
    return percent(found.value) if shares or found.value is None else plain(found.value)


def interval(found: Estimate, shares: bool = True) -> str:
    """``12.3 to 45.6``, in the unit of the value; empty if there is none."""
    if found.low is None or found.high is None:
        return ""
    if shares:
        return f"{100 * found.low:.1f} to {100 * found.high:.1f}"
    return f"{plain(found.low)} to {plain(found.high)}"


def with_interval(found: Estimate, shares: bool = True) -> str:
    """``97 % (95.0 to 99.0)``."""
    around = interval(found, shares)
    return f"{point(found, shares)} ({around})" if around else point(found, shares)


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
