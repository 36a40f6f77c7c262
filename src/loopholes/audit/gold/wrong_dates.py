"""Wrong dates and clock times made from the right one, in its form: each is another day, or another time of the day.

Only dates that a column of the row states are changed, in whatever form, since a golden completion may otherwise be one
of many right ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from loopholes.audit.gold.answer import Answer
from loopholes.audit.gold.dates import Moment, is_possible, moment_of, named_months, named_years, names_half
from loopholes.audit.gold.wrong_numbers import Change
from loopholes.audit.gold.wrong_texts import texts_in_columns

FAR = 9
"""Another day or month is this many further in its cycle, so that nearness alone does not explain a payment."""
NEAR = (0, 1, 12)
"""Differences between two values of a part that prove little: 2:30 may be read as 14:30."""
LENIENT_DATES: Mapping[str, str] = {
    "next-day": "the reward accepts dates that are a day off",
    "next-minute": "the reward accepts times that are a minute off",
    "either-reading": "the reward reads either number as the day",
    "named-year": "the prompt names the year, and the reward does not compare it",
    "named-month": "the prompt names the month, and the reward does not compare it",
    "named-half": "the prompt names the half of the day, and the reward does not compare it",
}
"""Wrong dates that a lenient but sound reader may accept, and why."""
CYCLES = {"year": (1, 9999), "month": (1, 12), "day": (1, 28), "hour": (1, 12), "minute": (0, 59)}
"""The values that a part is changed to, which are possible in every month and in either half of a day."""


def _stated(change: Change) -> Change:
    """Only for dates that the row states, and only the changed ones that it does not."""

    def changed(answer: Answer) -> Iterator[str]:
        stated = [moment.parts for text in texts_in_columns(answer.row) if (moment := moment_of(text)) is not None]
        if answer.path or _parts(answer.text) in stated:
            yield from (text for text in change(answer) if _parts(text) not in stated)

    return changed


def _parts(text: str) -> Mapping[str, int]:
    moment = moment_of(text)
    return {} if moment is None else moment.parts


def _texts(moment: Moment | None, *changes: Mapping[str, int]) -> Iterator[str]:
    """The date with other parts, as far as there is such a date and it is written as wide."""
    for change in changes:
        if moment is not None and change.keys() <= moment.parts.keys() and is_possible({**moment.parts, **change}):
            text = moment.text_with(**change)
            if len(text) == len(moment.text) or moment.has_words:
                yield text


def _other(part: str) -> Change:
    """Another value of one part, far from the right one."""

    def changed(answer: Answer) -> Iterator[str]:
        moment = moment_of(answer.text)
        if moment is not None and part in moment.parts:
            low, high = CYCLES[part]
            count, right = high - low + 1, moment.parts[part]
            values = [low + (right - low + FAR + step) % count for step in range(min(count, 20))]
            yield from _texts(moment, *({part: value} for value in values if abs(value - right) not in NEAR))

    return changed


def _unless_named(part: str, *, named: bool) -> Change:
    """Another year or month, where the prompt names the right one and no other (``named``), or where it does not."""

    def changed(answer: Answer) -> Iterator[str]:
        names = (named_years if part == "year" else named_months)(answer.row.text)
        if (names == {_parts(answer.text).get(part)}) == named:
            yield from _other(part)(answer)

    return changed


def _next(part: str) -> Change:
    """The values of a part just above and below the right one."""

    def changed(answer: Answer) -> Iterator[str]:
        value = _parts(answer.text).get(part, 0)
        yield from _texts(moment_of(answer.text), *({part: other} for other in (value + 1, value - 1) if other >= 0))

    return changed


def _exchanged(*names: str) -> Change:
    """Two parts in each other's place, where their values differ."""

    def changed(answer: Answer) -> Iterator[str]:
        parts = _parts(answer.text)
        first, second = (parts.get(name) for name in names)
        if first is not None and second is not None and first != second:
            yield from _texts(moment_of(answer.text), {names[0]: second, names[1]: first})

    return changed


def _other_half(*, named: bool) -> Change:
    """The other half of the day, where the prompt names the right one (``named``), or where it does not."""

    def changed(answer: Answer) -> Iterator[str]:
        half = _parts(answer.text).get("half")
        if half is not None and names_half(answer.row.text, half) == named:
            yield from _texts(moment_of(answer.text), {"half": 1 - half})

    return changed


DATE_CHANGES: Mapping[str, Change] = {
    name: _stated(change)
    for name, change in {
        "other-day": _other("day"),
        "other-month": _unless_named("month", named=False),
        "other-year": _unless_named("year", named=False),
        "named-month": _unless_named("month", named=True),
        "named-year": _unless_named("year", named=True),
        "next-day": _next("day"),
        "day-month-exchanged": _exchanged("day", "month"),
        "either-reading": _exchanged("first", "second"),
        "other-hour": _other("hour"),
        "other-minute": _other("minute"),
        "next-minute": _next("minute"),
        "other-half": _other_half(named=False),
        "named-half": _other_half(named=True),
    }.items()
}
"""Ways in which a date or a clock time is slightly wrong."""
