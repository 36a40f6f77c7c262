"""Every reading of a row's answer from its columns: numbers, texts, lists, JSON, whole solutions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from loopholes.audit.choices import LETTERS, options_of
from loopholes.audit.frameworks.base import Row
from loopholes.audit.lookup import cases_of, lookup
from loopholes.audit.offers import COLUMNS as OFFERS
from loopholes.audit.programs import TESTS, is_tested, program_of

TRUTHS = (
    *("answer", "ground_truth", "solution", "target", "label", "reference", "expected", "gold", "final_answer"),
    *("correct_answer", "gold_answer", "golden_answer", "golden_answers", "reference_answer", "expected_answer"),
    *("expected_output", "correct_option", "answer_key", "answerKey", "answers", "targets", "labels", "references"),
)
"""Names of columns that hold the right answer, the likeliest first."""
NAMES = (
    *TRUTHS,
    *("canonical_solution", "reference_solution", "completion", "response", "output", "result", "query", "sql"),
)
"""Names of columns that may hold a right answer, the likeliest first; also inside reward_model and extra_info."""
NESTED = ("reward_model", "extra_info", "info", "metadata", "reward_spec", "verification_info")
"""Columns that hold further columns."""
NO_ANSWERS = frozenset(
    "prompt question problem instruction input golden floor id index idx uuid split data_source source level "
    "difficulty ability task category subject type style choices options entry_point starter_code language "
    "system seed reset observation lead earlier".split()
)
"""Names of columns that never hold an answer."""
INNER = ("target", "value", "answer", "ground_truth", "expected", "text", "label", "solution")
"""Keys under which an object may hold the answer."""
LONGEST = 20_000
"""Longest answer in characters."""
_BOXED = re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}")
_TAGGED = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
FROM_TESTS = "a program that looks up the row's tests, and is right on these alone,"
"""Source of an answer that is made from a row's tests."""


class Answer(NamedTuple):
    """One reading of a row's answer. ``is_named``: the name of its column says that it is an answer."""

    text: str
    is_named: bool


def answers_of(row: Row) -> dict[str, Answer]:
    """Every reading of the row's answer, by its source, the likeliest first."""
    readings: dict[str, Answer] = {}
    for source, value, is_named in _columns(row.columns):
        for how, text in _readings(value, row):
            if text.strip() and len(text) <= LONGEST:
                readings.setdefault(f"{source}{how}", Answer(text, is_named))
    program = program_of(row)
    lookup_source = None if program is None else lookup(cases_of(row.columns, program), program)
    if lookup_source is not None:
        readings.setdefault(FROM_TESTS, Answer(lookup_source, True))
    return readings


def _columns(columns: Mapping[str, Any]) -> Iterator[tuple[str, Any, bool]]:
    """Columns that may hold the answer: those named like one, nested ones included, then all others."""
    inside = [(name, columns[name]) for name in NESTED if isinstance(columns.get(name), Mapping)]
    for name in NAMES:
        if columns.get(name) is not None:
            yield name, columns[name], True
        yield from ((f"{outer}.{name}", value[name], True) for outer, value in inside if value.get(name) is not None)
    unnamed = set(columns) - set(NAMES) - NO_ANSWERS - set(NESTED) - set(TESTS) - set(OFFERS)
    yield from ((name, columns[name], False) for name in columns if name in unnamed and columns[name] is not None)


def _readings(value: Any, row: Row) -> Iterator[tuple[str, str]]:
    """The ways to read a value, each with a description."""
    if is_tested(value):
        return
    if isinstance(value, str):
        yield from _of_text(value, row)
    elif isinstance(value, bool):
        yield from (
            ("", str(value)),
            (" in lower case", str(value).lower()),
            (" as yes or no", "yes" if value else "no"),
        )
    elif isinstance(value, int | float):
        choices = _options(row)
        if isinstance(value, int) and 0 <= value < len(choices):
            yield " as a letter", LETTERS[value]
        yield (
            "",
            f"{value:g}"
            if isinstance(value, float) and value == int(value if abs(value) < 1e15 else 0)
            else str(value),
        )
        if isinstance(value, float) and round(value, 2) == value:
            yield " with two decimals", f"{value:.2f}"
    elif isinstance(value, Mapping):
        for key in INNER:
            if key in value:
                yield from ((f".{key}{how}", text) for how, text in _readings(value[key], row))
        yield " as JSON", json.dumps(value, ensure_ascii=False, default=str)
    elif isinstance(value, Sequence) and value:
        if len(value) > 1:
            yield " with commas", ", ".join(map(str, value))
            yield " with spaces", " ".join(map(str, value))
        yield from ((f"[0]{how}", text) for how, text in _readings(value[0], row))
        yield " as JSON", json.dumps(value, ensure_ascii=False, default=str)


def _of_text(text: str, row: Row) -> Iterator[tuple[str, str]]:
    """A text as it is, and the answer at its end, in its box, as JSON, or as an option."""
    letter = next((letter for letter, option in _options(row) if option.strip() == text.strip()), None)
    if letter is not None:
        yield " as a letter", letter
    if "####" in text:
        yield " after ####", text.rpartition("####")[2].strip()
    for pattern, how in ((_BOXED, " in its box"), (_TAGGED, " in its tags")):
        matches = pattern.findall(text[:LONGEST])
        if matches:
            yield how, matches[-1].strip()
    yield "", text
    if text.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, Mapping | list):
            yield from _readings(value, row)
    yield " without dollar signs", text.strip("$ ")


def _options(row: Row) -> list[tuple[str, str]]:
    """The options of a multiple choice with their letters, from a column or from the prompt."""
    for name in ("choices", "options"):
        column = row.columns.get(name)
        if isinstance(column, Mapping):
            column = column.get("text")
        if isinstance(column, list):
            return [(letter, str(option)) for letter, option in zip(LETTERS, column, strict=False)]
    return list(options_of(row.text).items())
