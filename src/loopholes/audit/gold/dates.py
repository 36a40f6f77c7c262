"""Dates and clock times: their parts, and the same text with another part."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

LONGEST = 40
"""Characters of the longest text that is read as a date."""
MONTHS = ("january february march april may june july august september october november december").split()
_NAME = rf"(?P<name>{'|'.join(MONTHS)}|(?:{'|'.join(month[:3] for month in MONTHS)}|sept)\b\.?)"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_TIME = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::\d\d(?:\.\d+)?)?(?: ?(?P<half>[ap])\.?m\.?)?(?: ?Z| ?UTC|[-+]\d\d:?\d\d)?"
)
_DATES = (
    r"(?P<year>\d{4})(?P<between>[-/.])(?P<month>\d{1,2})(?P=between)(?P<day>\d{1,2})",
    r"(?P<first>\d{1,2})(?P<between>[-/.])(?P<second>\d{1,2})(?P=between)(?P<year>\d{4})",
    rf"{_DAY}(?: of)? {_NAME}(?:,? (?P<year>\d{{4}}))?",
    rf"{_NAME} {_DAY}(?:,? (?P<year>\d{{4}}))?",
)
_FORMS = (*(re.compile(rf"{form}(?:(?:T|,? ){_TIME})?", re.IGNORECASE) for form in _DATES), re.compile(_TIME, re.I))
_HALVES = (
    re.compile(r"\b(?i:mornings?|a\.m)\b|(?<=\d)(?i: ?am)\b|\bAM\b"),
    re.compile(r"\b(?i:afternoons?|evenings?)\b|(?<![A-Za-z])(?i:p\.?m)\b"),
)
_EITHER_HALF = re.compile(r"(?i)\bnoon\b|\b(?:to|mid)?nights?\b")
"""Words for times of the day that may be a.m. or p.m., such as *before noon*."""
_MOST = {"month": 12, "day": 31, "hour": 23, "minute": 59}
_LEAP_YEAR = 2024
"""The year of dates that name none, so that 29 February counts as one."""


@dataclass(frozen=True)
class Moment:
    """A date, a clock time or both: the value of each part by its name, and where it stands in the text.

    Parts are ``year``, ``month``, ``day``, ``hour``, ``minute`` and ``half`` (0 for a.m., 1 for p.m.). Of numbers such
    as 03/04/2024, which may be the day or the month, the parts are ``first`` and ``second``.
    """

    text: str
    parts: Mapping[str, int]
    spans: Mapping[str, tuple[int, int]]

    @property
    def has_words(self) -> bool:
        """Whether the month is written as a word."""
        return "month" in self.spans and not self.text[slice(*self.spans["month"])].isdigit()

    def text_with(self, **values: int) -> str:
        """The text with other values in these parts, each written like the one in its place."""
        text = self.text
        for part in sorted(values, key=lambda part: -self.spans[part][0]):
            start, end = self.spans[part]
            rest = text[end:]
            if part == "day" and re.match("st|nd|rd|th", rest, re.IGNORECASE):
                rest = _suffix(values[part]) + rest[2:]
            text = text[:start] + _written(part, values[part], text[start:end]) + rest
        return text


@lru_cache(maxsize=4096)
def moment_of(text: str) -> Moment | None:
    """The date or clock time that a whole text is; None if it is anything else, or no day of the calendar."""
    if len(text) > LONGEST:
        return None
    match = next((match for form in _FORMS if (match := form.fullmatch(text.strip()))), None)
    if match is None:
        return None
    groups = {name: value for name, value in match.groupdict().items() if value is not None and name != "between"}
    names = {name: _part(name, groups) for name in groups}
    parts = {names[name]: _value(name, value) for name, value in groups.items()}
    moment = Moment(match.string, parts, {names[name]: match.span(name) for name in groups})
    has_month = len(parts) == len(groups)  # of two numbers above 12, neither is the month
    return moment if has_month and is_possible(parts) else None


def is_possible(parts: Mapping[str, int]) -> bool:
    """Whether these parts are a day of the calendar, and a time of the day."""
    if any(parts.get(part, 0) > most for part, most in _MOST.items()) or ("half" in parts and parts["hour"] > 12):
        return False
    if "first" in parts:
        return 0 < parts["first"] <= 12 and 0 < parts["second"] <= 12
    try:
        date(parts.get("year", _LEAP_YEAR), parts.get("month", 1), parts.get("day", 1))
    except ValueError:
        return False
    return True


def named_years(text: str) -> set[int]:
    """Every number in a text that may be a year: 1000 to 2099."""
    return {int(year) for year in re.findall(r"(?<!\d)(?:1\d|20)\d\d(?!\d)", text)}


def named_months(text: str) -> set[int]:
    """Every month that a text names, in words or as the middle of 2024-03-13."""
    months = {int(month) for month in re.findall(r"(?<!\d)\d{4}-(\d\d)(?!\d)", text)}
    return months | {_month(name) for name in re.findall(rf"\b{_NAME}(?!\w)", text, re.IGNORECASE) if name[0].isupper()}


def names_half(text: str, half: int) -> bool:
    """Whether a text says that it means this half of the day (0 for a.m., 1 for p.m.), and does not name the other."""
    named = _HALVES[half].search(text) or _EITHER_HALF.search(text)
    return named is not None and _HALVES[1 - half].search(text) is None


def _part(name: str, groups: Mapping[str, Any]) -> str:
    """The part that a group of a pattern is. Of two numbers, one that is above 12 can only be the day."""
    if name == "name":
        return "month"
    if name in ("first", "second"):
        other = "second" if name == "first" else "first"
        return "day" if int(groups[name]) > 12 else "month" if int(groups[other]) > 12 else name
    return name


def _value(name: str, text: str) -> int:
    if name == "name":
        return _month(text)
    return int(text.lower() == "p") if name == "half" else int(text)


def _month(name: str) -> int:
    return next(place for place, month in enumerate(MONTHS, 1) if month.startswith(name[:3].lower()))


def _written(part: str, value: int, like: str) -> str:
    """A value, written like another one: in words or digits, in the same case, as wide."""
    if part == "half":
        return ("ap" if like.islower() else "AP")[value]
    if like.isdigit():
        return str(value).zfill(len(like)) if like.startswith("0") else str(value)
    name = MONTHS[value - 1] if like.lower() in MONTHS else MONTHS[value - 1][:3]
    name += "." if like.endswith(".") else ""
    return name.upper() if like.isupper() else name.title() if like[0].isupper() else name


def _suffix(day: int) -> str:
    return "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
