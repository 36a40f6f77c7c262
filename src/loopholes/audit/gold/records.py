"""Answers that are JSON objects: ways to be slightly wrong, and each field that the row states as an answer of its own.

A field counts only if a column of the row states its value, whether as a value, in an object or in the text of one, and
the prompt does not.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

from loopholes.audit.answers import NESTED, NO_ANSWERS, TRUTHS
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.answer import Answer, kind_of, record_of, with_value
from loopholes.audit.gold.units import UNKNOWN, converted, is_unit, other_unit
from loopholes.audit.gold.wrong_numbers import Change, differs, plain

MOST_PARTS = 8
"""With more list elements or record fields than this, one wrong part does not count: partial credit is nearly full."""
DEEPEST = 3
"""Objects nested deeper than this are not looked into."""


class Field(NamedTuple):
    """A value in a JSON object that the row states, by the keys that lead to it."""

    path: tuple[str, ...]
    value: Any


def parts_of(answer: Answer) -> list[Answer]:
    """The stated fields of a JSON object as answers of their own, the first of each kind; empty for other answers.

    Texts, numbers and lists of them count. Each is placed in the object, as a number where the right one is a number.
    """
    parts: dict[str, Answer] = {}
    fields = list(_stated(answer))
    for field in fields:
        text, elements = _text(field.value), len(field.value) if isinstance(field.value, list) else 1
        if text and len(fields) * elements <= MOST_PARTS:
            part = replace(answer, text=text, kind=kind_of(text, answer.row), path=field.path, whole=answer)
            if isinstance(field.value, list) == (part.kind == "list") and part.kind not in (
                "record",
                "program",
                "long",
            ):
                parts.setdefault(part.kind, part)
    return list(parts.values())


def _text(value: Any) -> str:
    """A field's value as an answer; empty if it has no parts that could be slightly wrong."""
    if isinstance(value, list):
        plain_items = all(isinstance(item, str | int | float) and not isinstance(item, bool) for item in value)
        return ", ".join(map(_text, value)) if plain_items else ""
    return value if isinstance(value, str) else json.dumps(value) if _is_number(value) else ""


def _field_changed(answer: Answer) -> Iterator[str]:
    for key, value in _stated_fields(answer):
        yield json.dumps({**answer.record, key: _other_value(value)})


def _twice(answer: Answer) -> Iterator[str]:
    """The right value of a field, then a wrong one under the same key, which is the one that JSON readers keep."""
    for key, value in _stated_fields(answer):
        text = answer.text.rstrip()
        yield f"{text[:-1].rstrip()}, {json.dumps(key)}: {json.dumps(_other_value(value))}}}"


def _shortened(answer: Answer) -> Iterator[str]:
    for key, value in _stated_fields(answer):
        if isinstance(value, list):
            yield json.dumps({**answer.record, key: value[:-1]})


def _dropped(answer: Answer) -> Iterator[str]:
    """A single right field: readers that average over the fields present pay it like the whole record."""
    stated = list(_stated_fields(answer))
    if len(stated) > 1:
        yield from (json.dumps({key: value}) for key, value in stated)


def _argument_added(answer: Answer) -> Iterator[str]:
    """A call with an argument that its tool, as the prompt describes it, does not have, so that the call would fail."""
    name, arguments = answer.record.get("name"), answer.record.get("arguments")
    if not isinstance(name, str) or not isinstance(arguments, Mapping):
        return
    parameters = _parameters(name, answer.row.text)
    if parameters and set(arguments) <= parameters:
        for extra in sorted({"confirm", "limit"} - parameters):
            yield json.dumps({**answer.record, "arguments": {**arguments, extra: 1}})


def _parameters(tool: str, prompt: str) -> set[str]:
    """The parameters of a tool that a prompt describes as ``tool(a, b)``; empty if it does not."""
    signature = re.search(rf"(?<![\w.]){re.escape(tool)}\(([^()]{{1,300}})\)", prompt)
    names = [part.partition(":")[0].partition("=")[0].strip() for part in signature[1].split(",")] if signature else []
    return set(names) if all(name.isidentifier() for name in names) else set()


def _other_unit(answer: Answer) -> Iterator[str]:
    """The same number beside another unit of its quantity."""
    for _, unit in _measured(answer):
        yield _written(answer, {unit.path: other_unit(unit.value)})


def _unknown_unit(answer: Answer) -> Iterator[str]:
    """The number in the base unit of its quantity, beside a word that is no unit."""
    for number, unit in _measured(answer):
        part = replace(answer, text=_text(number.value), kind="number")
        for other in converted(Fraction(str(number.value)), unit.value):
            if differs(part, plain(other)):
                yield _written(answer, {number.path: json.loads(plain(other)), unit.path: UNKNOWN})


def _measured(answer: Answer) -> Iterator[tuple[Field, Field]]:
    """The only number and the only unit of an object, where both are stated."""
    objects: dict[tuple[str, ...], list[Field]] = {}
    for field in _stated(answer):
        objects.setdefault(field.path[:-1], []).append(field)
    for fields in objects.values():
        numbers = [field for field in fields if _is_number(field.value)]
        units = [field for field in fields if is_unit(field.value)]
        if len(numbers) == len(units) == 1:
            yield numbers[0], units[0]


def _is_number(value: Any) -> bool:
    """Whether a JSON value is a finite number; truth values are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _written(answer: Answer, values: Mapping[tuple[str, ...], Any]) -> str:
    """The object with other values."""
    record = answer.record
    for path, value in values.items():
        record = with_value(record, path, value)
    return json.dumps(record, ensure_ascii=False)


def _stated(answer: Answer) -> Iterator[Field]:
    """The stated fields of an object and of those in it; none if it has too many for one of them to count."""
    fields = list(_fields(answer.record, (), answer.row, False))
    yield from (field for field, is_stated in fields if is_stated and len(fields) <= MOST_PARTS)


def _fields(
    record: Mapping[str, Any], above: tuple[str, ...], row: Row, is_stated: bool
) -> Iterator[tuple[Field, bool]]:
    """Each field that is not an object itself, and whether the row states it, or an object that it is in."""
    for key, value in record.items():
        stated = is_stated or is_truth(key, value, row)
        if isinstance(value, Mapping) and value and len(above) < DEEPEST:
            yield from _fields(value, (*above, key), row, stated)
        else:
            yield Field((*above, key), value), stated and not _is_shown(key, value, row)


def _stated_fields(answer: Answer) -> Iterator[tuple[str, Any]]:
    """The stated fields of the outermost object."""
    if len(answer.record) <= MOST_PARTS:
        yield from ((key, value) for key, value in answer.record.items() if is_truth(key, value, answer.row))


def is_truth(key: str, value: Any, row: Row) -> bool:
    """Whether a column of the row states this value of a field, and the prompt does not show it."""
    if value is None or value in ("", [], {}) or _is_shown(key, value, row):
        return False
    truths = [*_truths(row), *([row.columns[key]] if key in row.columns else [])]
    inside = [truth[key] for truth in (*truths, *_objects(row)) if isinstance(truth, Mapping) and key in truth]
    return any(truth == value or str(truth) == str(value) for truth in (*truths, *inside))


def _is_shown(key: str, value: Any, row: Row) -> bool:
    return json.dumps({key: value})[1:-1] in row.text


def _truths(row: Row) -> list[Any]:
    """The values of columns that are named like a right answer, also within columns that hold further columns."""
    sections = [section for name in NESTED if isinstance(section := row.columns.get(name), Mapping)]
    return [columns[name] for columns in (row.columns, *sections) for name in TRUTHS if name in columns]


def _objects(row: Row) -> list[Mapping[str, Any]]:
    """The objects that columns hold, as such or as text, except in columns that never hold an answer."""
    columns = {name: value for name, value in row.columns.items() if name not in NO_ANSWERS}
    values = [record_of(value) if isinstance(value, str) else value for value in (*columns.values(), *_truths(row))]
    return [value for value in values if isinstance(value, Mapping)]


def _other_value(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + max(1, abs(value) // 3)
    if isinstance(value, list):
        return [*value[:-1], _other_value(value[-1])] if value else [0]
    if isinstance(value, Mapping) and value:
        key = list(value)[-1]
        return {**value, key: _other_value(value[key])}
    text = str(value)
    return str(int(text) + 17) if re.fullmatch(r"-?\d{1,15}", text) else f"{text}{text[::-1]}"


RECORD_CHANGES: Mapping[str, Change] = {
    "field-changed": _field_changed,
    "fields-dropped": _dropped,
    "key-twice": _twice,
    "list-shortened": _shortened,
    "argument-added": _argument_added,
    "other-unit": _other_unit,
    "unknown-unit": _unknown_unit,
}
"""Ways in which a JSON object is slightly wrong."""
