"""What rows have in common: the kind of their answers, the values of their columns, the words of their prompts.

A reward that fails on a few rows mostly fails on one kind of row, and a kind is something that a person can look into.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.json_objects import record_of
from loopholes.audit.scale import Level
from loopholes.rewards import number

LEAST = 3
"""Minimum number of rows of a kind."""
VALUES = 12
"""Each value of a column is a kind if the column has at most this many different values."""
LONGEST = 40
"""Longest value, in letters, that is named in full."""
PAIRED = 8
"""Each pair of values of a column is a kind if the column has at most this many different values."""
CUTS = 12
"""Rows are sorted by a number or length into this many equal parts; kinds are cut between the parts."""
WORDS = 120
"""Maximum number of words of the prompts that make kinds, the rarest first, since common words say least."""
COLUMN_WORDS = 40
"""Maximum number of words and signs of a column that make kinds, the rarest first."""
LONGEST_RECORD = 20_000
"""Maximum number of letters of a JSON object that are read."""
DEEPEST = 3
"""Levels of nested records whose fields count as columns."""
ASIDE = frozenset({"golden", "floor", "prompt", "question", "messages", "instruction", "input"})
"""Columns that count as prompts or answers, or not at all."""
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
"""Kinds of short texts, for answers and columns."""
PROMPTS: Mapping[str, Callable[[str], Any]] = {
    "has a number": re.compile(r"\d").search,
    "has no number": lambda text: not re.search(r"\d", text),
    "has a code fence": re.compile("```").search,
    "has LaTeX": re.compile(r"\\[A-Za-z]|\$").search,
    "offers choices": re.compile(r"(?m)(?:^|\s|[(\[])A[).:\]]").search,
    "has several lines": lambda text: "\n" in text.strip(),
}


_PIECE = re.compile(r"[^\W\d_]{3,20}|[^\w\s.,\'\"]")


class Value(NamedTuple):
    """A column and one of its values, as they are written."""

    column: str
    value: str


@dataclass(frozen=True)
class Kind:
    """Rows that have something in common. ``rows`` is a bit mask of their places; ``label`` reads well after "whose".

    ``column`` and ``value`` are set if the rows share a value.
    """

    label: str
    rows: int
    column: str = ""
    value: str = ""


def kinds_of(rows: Sequence[Row], levels: Sequence[Level]) -> list[Kind]:
    """Every kind of the rows that have a level. If several kinds cover the same rows, the first one counts."""
    places = [level.row for level in levels]
    groups: dict[Value | str, set[int]] = defaultdict(set)
    for label, place in _labels(places, rows, levels):
        groups[label].add(place)
    kinds: dict[int, Kind] = {}
    for label, members in groups.items():
        mask = mask_of(members)
        kind = Kind(label, mask) if isinstance(label, str) else Kind(" is ".join(label), mask, *label)
        if LEAST <= len(members) < len(places):
            kinds.setdefault(mask, kind)
    for pair in _pairs({label: members for label, members in groups.items() if isinstance(label, Value)}):
        if LEAST <= pair.rows.bit_count() < len(places):
            kinds.setdefault(pair.rows, pair)
    return list(kinds.values())


def _pairs(groups: Mapping[Value, Collection[int]]) -> Iterator[Kind]:
    """Pairs of values of a column, if it has only a few."""
    columns: dict[str, list[Value]] = defaultdict(list)
    for label in groups:
        columns[label.column].append(label)
    for column, values in columns.items():
        if len(values) <= PAIRED:
            for first, second in combinations(sorted(values), 2):
                rows = mask_of({*groups[first], *groups[second]})
                yield Kind(f"{column} is {first.value} or {second.value}", rows)


def mask_of(places: Collection[int]) -> int:
    """The bit mask of some places."""
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
    """Columns, and the fields of columns that hold records or JSON objects."""
    for name, value in columns.items():
        if name not in ASIDE:
            yield from _fields(name, value, DEEPEST)


def _fields(name: str, value: Any, levels: int) -> Iterator[tuple[str, Any]]:
    record = record_of(value[:LONGEST_RECORD]) if isinstance(value, str) else value
    if isinstance(record, Mapping) and levels > 1:
        for key, item in record.items():
            yield from _fields(f"{name}.{key}", item, levels - 1)
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
    texts = {place: str(value) for place, value in values.items() if isinstance(value, str | list | tuple | Mapping)}
    yield from _of_words(texts, label, COLUMN_WORDS)


def _of_size(values: Mapping[int, Any], label: str) -> Iterator[tuple[str, int]]:
    """Above a cut or not: by value if all values are numbers, otherwise by length."""
    numbers = {place: size for place, value in values.items() if (size := _number(value)) is not None}
    if values and len(numbers) == len(values):
        yield from _cut(numbers, label, "above", "at most")
        if min(numbers.values()) < 0:
            yield from _cut({place: abs(size) for place, size in numbers.items()}, f"{label} without its sign", "above",
                            "at most")  # fmt: skip
    else:
        lengths = {place: float(len(value)) for place, value in values.items() if isinstance(value, Sized)}
        yield from _cut(lengths, label, "longer than", "no longer than")


def _cut(sizes: Mapping[int, float], label: str, above: str, below: str) -> Iterator[tuple[str, int]]:
    """The rows on either side of each cut, starting with the cut in the middle."""
    ordered = sorted(sizes.values())
    places = sorted(range(1, CUTS), key=lambda part: abs(2 * part - CUTS))
    for cut in dict.fromkeys(ordered[(len(ordered) * part - 1) // CUTS] for part in places if ordered):
        for place, size in sizes.items():
            yield f"{label} is {above if size > cut else below} {cut:g}", place


def _shapes(value: Any) -> Iterator[str]:
    if value is None:
        yield "None"
    elif isinstance(value, str):
        yield from (what for what, fits in TEXTS.items() if len(value) <= 2000 and fits(value.strip()))
    elif isinstance(value, list | tuple | Mapping):
        yield "empty" if not value else "of one entry" if len(value) == 1 else "of several entries"


def _number(value: Any) -> float | None:
    """A number, or the number that a text states; None for anything else."""
    if isinstance(value, str):
        stated = number(value)
        return None if stated is None else float(stated)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _of_prompts(texts: Mapping[int, str]) -> Iterator[tuple[str, int]]:
    yield from ((f"prompt {what}", place) for what, fits in PROMPTS.items() for place in texts if fits(texts[place]))
    yield from _of_size(texts, "prompt")
    yield from _of_words(texts, "prompt", WORDS)


def _of_words(texts: Mapping[int, str], label: str, most: int) -> Iterator[tuple[str, int]]:
    """Words, and signs such as = or %, that some of the texts contain, the rarest first."""
    pieces: dict[str, set[int]] = defaultdict(set)
    for place, text in texts.items():
        for piece in _PIECE.findall(text[:4000].lower()):
            pieces[piece].add(place)
    telling = [piece for piece in pieces if LEAST <= len(pieces[piece]) < len(texts)]
    for piece in sorted(telling, key=lambda piece: len(pieces[piece]))[:most]:
        what = f"the word {piece!r}" if len(piece) > 1 else f"the sign {piece!r}"
        yield from ((f"{label} has {what}", place) for place in sorted(pieces[piece]))
