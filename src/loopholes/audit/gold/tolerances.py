"""How far from the right number an answer may be, as the columns or the prompt of a row state it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from loopholes.audit.answers import NESTED
from loopholes.audit.frameworks.base import Row
from loopholes.rewards.numbers import number

_COLUMNS = ("tolerance", "tol", "atol", "rtol", "abs_tol", "rel_tol", "epsilon", "eps", "margin")
_NUMBER = r"([0-9]{1,15}(?:\.[0-9]{1,15})?)(?![0-9])"
_COUNT = r"\b([0-9]{1,2}|one|two|three|four|five|six)"
_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_NEAREST = {
    "tenth": Fraction(1, 10),
    "hundredth": Fraction(1, 100),
    "thousandth": Fraction(1, 1000),
    "whole": Fraction(1),
    "integer": Fraction(1),
    "ten": Fraction(10),
    "hundred": Fraction(100),
    "thousand": Fraction(1000),
}
_ROUGH = re.compile(r"(?i)\b(?:approximate(?:ly)?|roughly|estimate[ds]?|about how|ballpark)\b")
_BOUND = re.compile(
    rf"(?i)(?:\bwithin|\btolerance(?: of)?|±|\+/-|\bplus or minus|\berrors? (?:of )?(?:up to|at most))"
    rf"\s*{_NUMBER}\s*(%|percent)?"
)
_ACCURACY = re.compile(rf"(?i)\b(?:accurate|accuracy|precise|precision)\b[^.?!\n%]{{0,20}}?{_NUMBER}\s*(?:%|percent)")
_PLACES = re.compile(rf"(?i){_COUNT} (?:decimal places?\b|d\.? ?p\b)")
_FIGURES = re.compile(rf"(?i){_COUNT} (?:significant (?:figures?|digits?)\b|s\.? ?f\b)")
_ROUNDED = re.compile(rf"(?i)\bnearest (?:{_NUMBER}|({'|'.join(_NEAREST)})\b)")


def stated_tolerance(row: Row, value: Fraction) -> Fraction | None:
    """How far from ``value`` an answer may be, as the row's columns or prompt state; None if any estimate will do."""
    if is_estimate(row):
        return None
    return max([Fraction(0), *_in_columns(row.columns, value), *_in_prompt(row.text, value)])


def is_estimate(row: Row) -> bool:
    """Whether the prompt asks for an estimate."""
    return _ROUGH.search(row.text) is not None


def estimate_bound(row: Row, value: Fraction) -> Fraction | None:
    """The bound that the row of an estimate states, in ``value``'s unit; None without one, or if it is no estimate."""
    bounds = [*_in_columns(row.columns, value), *_in_prompt(row.text, value)] if is_estimate(row) else []
    return max(bounds, default=None)


def _in_columns(columns: Mapping[str, Any], value: Fraction) -> Iterator[Fraction]:
    """What columns state, and objects in columns. Either reading counts: an absolute distance, and a share."""
    inner = (columns[name] for name in NESTED if isinstance(columns.get(name), Mapping))
    for holder in (columns, *inner):
        for name in _COLUMNS:
            stated = _finite(holder.get(name))
            if stated is not None:
                yield from (stated, stated * abs(value))


def _finite(stated: Any) -> Fraction | None:
    if isinstance(stated, str):
        return number(stated)
    is_number = isinstance(stated, int | float) and not isinstance(stated, bool) and math.isfinite(stated)
    return Fraction(stated) if is_number else None


def _in_prompt(prompt: str, value: Fraction) -> Iterator[Fraction]:
    for match in _BOUND.finditer(prompt):
        yield Fraction(match[1]) * (abs(value) / 100 if match[2] else 1)
    for match in _ACCURACY.finditer(prompt):
        yield Fraction(match[1]) * abs(value) / 100
    for match in _PLACES.finditer(prompt):
        yield Fraction(1, 10 ** _count(match[1]))
    for match in _FIGURES.finditer(prompt):
        yield Fraction(10) ** (len(str(int(abs(value)))) - _count(match[1]))
    for match in _ROUNDED.finditer(prompt):
        yield Fraction(match[1]) if match[1] else _NEAREST[match[2].lower()]


def _count(word: str) -> int:
    return _WORDS.get(word.lower()) or int(word)
