"""What rows have in common: the kind of their answers, what stands in their columns, how their prompts are worded.

A reward that fails on a few rows mostly fails on a kind of row, and a kind is what a person can look at.
"""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any, NamedTuple

from loopholes.audit.frameworks.base import Row
from loopholes.audit.scale import Level
from loopholes.rewards import number

LEAST = 3
"""Rows that a kind has at least."""
VALUES = 12
"""Different values of a column up to which each value is a kind."""
LONGEST = 40
"""Letters of a value up to which it is named in full."""
WORDS = 120
"""Words of the prompts that are looked at, the rarest first: common ones say least."""
ASIDE = frozenset({"golden", "floor", "prompt", "question", "messages", "instruction", "input"})
"""Columns that are looked at as prompts or answers, or not at all."""
TEXTS: Mapping[str, Callable[[str], Any]] = {
    "empty": lambda text: not text,
    "one letter": re.compile(r"\(?[A-Za-z]\)?\.?").fullmatch,
    "yes or no": re.compile(r"yes|no|true|false", re.IGNORECASE).fullmatch,
    "a number of one digit": re.compile(r"[0-9]").fullmatch,
    "a whole number": re.compile(r"-?[0-9][0-9,]*").fullmatch,
    "a negative number": re.compile(r"-\.?[0-9][0-9.,/]*").fullmatch,
    "a decimal number": re.compile(r"-?[0-9,]*\.[0-9]+").fullmatch,
    "a fraction": re.compile(r".*?(?:[0-9]\s*/\s*[0-9]|\\[dt]?frac).*", re.DOTALL).fullmatch,
    "LaTeX": re.compile(r"\\[A-Za-z]|\$").search,
    "a list or an object": re.compile(r"\s*[\[{].*[\]}]\s*", re.DOTALL).fullmatch,
    "one word": re.compile(r"[^\W\d_]{2,}").fullmatch,
    "several words": re.compile(r"[^\W\d_]+(?:\s+[^\W\d_]+)+[.!?]?").fullmatch,
    "several lines": lambda text: "\n" in text.strip(),
}
"""Kinds of short texts: answers, and what stands in columns."""
PROMPTS: Mapping[str, Callable[[str], Any]] = {
    "has a number": re.compile(r"\d").search,
    "has no number": lambda text: not re.search(r"\d", text),
    "has a code fence": re.compile("```").search,
    "has LaTeX": re.compile(r"\\[A-Za-z]|\$").search,
    "offers choices": re.compile(r"(?m)(?:^|\s|[(\[])A[).:\]]").search,
    "has several lines": lambda text: "\n" in text.strip(),
}


class Value(NamedTuple):
    """A column, and a value that stands in it, as they are written."""

    column: str
    value: str


@dataclass(frozen=True)
class Kind:
    """Rows that have something in common, by their places: one bit of ``rows`` for each. ``label`` follows "whose".

    ``column`` and ``value`` are those of rows that have the same value; such a kind may be of a single row.
    """

    label: str
    rows: int
    column: str = ""
    value: str = ""


def kinds_of(rows: Sequence[Row], levels: Sequence[Level]) -> list[Kind]:
    """Every kind of the rows that have a level; of those that are the same rows, the first."""
    places = [level.row for level in levels]
    groups: dict[Value | str, set[int]] = defaultdict(set)
    for label, place in _labels(places, rows, levels):
        groups[label].add(place)
    kinds: dict[int, Kind] = {}
    for label, members in groups.items():
        mask = mask_of(members)
        kind = Kind(label, mask) if isinstance(label, str) else Kind(" is ".join(label), mask, *label)
        if len(members) < len(places) and (kind.column or len(members) >= LEAST):
            kinds.setdefault(mask, kind)
    return list(kinds.values())


def mask_of(places: Collection[int]) -> int:
    """Places as the bits of one number."""
    return sum(1 << place for place in set(places))


def _labels(places: Sequence[int], rows: Sequence[Row], levels: Sequence[Level]) -> Iterator[tuple[Value | str, int]]:
    yield from _of_column({level.row: level.answer for level in levels}, "answer")
    columns: dict[str, dict[int, Any]] = defaultdict(dict)
    for place in places:
        for name, value in _flat(rows[place].columns):
            columns[name][place] = value
    for name, values in columns.items():
        yield from _of_column(values, f"column {name}")
        if len(values) < len(places):
            yield from ((f"column {name} is missing", place) for place in places if place not in values)
    yield from _of_prompts({place: rows[place].text for place in places})


def _flat(columns: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Columns, and those of records in them."""
    for name, value in columns.items():
        if name in ASIDE:
            continue
        if isinstance(value, Mapping):
            yield from ((f"{name}.{key}", item) for key, item in value.items())
        yield name, value


def _of_column(values: Mapping[int, Any], label: str) -> Iterator[tuple[Value | str, int]]:
    simple = {place: value for place, value in values.items() if isinstance(value, str | int | float)}
    if len(set(simple.values())) <= VALUES:
        short = {place: value for place, value in simple.items() if 0 < len(str(value)) <= LONGEST}
        yield from ((Value(label, repr(value)), place) for place, value in short.items())
    shapes = {place: set(_shapes(value)) for place, value in values.items()}
    present = list(dict.fromkeys(what for value in values.values() for what in _shapes(value)))
    for what in present:
        yield from ((f"{label} is {what}", place) for place in shapes if what in shapes[place])
    for what in present:
        yield from ((f"{label} is not {what}", place) for place in shapes if what not in shapes[place])
    yield from _of_size(values, label)


def _of_size(values: Mapping[int, Any], label: str) -> Iterator[tuple[str, int]]:
    """Above the median or not: numbers by themselves where all are numbers, everything else by its length."""
    numbers = {place: size for place, value in values.items() if (size := _number(value)) is not None}
    lengths = {place: float(len(value)) for place, value in values.items() if isinstance(value, Sized)}
    above, below = ("above", "at most") if len(numbers) == len(values) else ("longer than", "no longer than")
    sizes = numbers if len(numbers) == len(values) else lengths
    middle = statistics.median_low(sizes.values()) if sizes else 0.0
    for place, size in sizes.items():
        yield f"{label} is {above if size > middle else below} {middle:g}", place


def _shapes(value: Any) -> Iterator[str]:
    if value is None:
        yield "None"
    elif isinstance(value, str):
        yield from (what for what, fits in TEXTS.items() if len(value) <= 2000 and fits(value.strip()))
    elif isinstance(value, list | tuple | Mapping):
        yield "empty" if not value else "of one entry" if len(value) == 1 else "of several entries"


def _number(value: Any) -> float | None:
    """A number, or one that a text states; None for anything else."""
    if isinstance(value, str):
        stated = number(value)
        return None if stated is None else float(stated)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _of_prompts(texts: Mapping[int, str]) -> Iterator[tuple[str, int]]:
    yield from ((f"prompt {what}", place) for what, fits in PROMPTS.items() for place in texts if fits(texts[place]))
    yield from _of_size(texts, "prompt")
    words: dict[str, set[int]] = defaultdict(set)
    for place, text in texts.items():
        for word in re.findall(r"[^\W\d_]{3,20}", text[:4000].lower()):
            words[word].add(place)
    telling = [word for word in words if LEAST <= len(words[word]) < len(texts)]
    for word in sorted(telling, key=lambda word: len(words[word]))[:WORDS]:
        yield from ((f"prompt has the word {word!r}", place) for place in sorted(words[word]))
