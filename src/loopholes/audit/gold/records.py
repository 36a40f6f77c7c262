"""Answers that are JSON objects: which of their fields the row states, and these fields as answers of their own.

A field counts only if a column of the row states its value, whether as a value, in an object or in the text of one, and
the prompt neither shows it nor says that any value will do.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

from loopholes.audit.answers import NESTED, NO_ANSWERS, TRUTHS
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.answer import Answer, items_of, kind_of
from loopholes.audit.gold.json_objects import DEEPEST, ListObject, dumps, opened, structure_of, value_at
from loopholes.audit.gold.tagged_calls import list_of_blocks

MOST_PARTS = 8
"""With more list elements or record fields than this, one wrong part does not count: partial credit is nearly full."""
MOST_ELEMENTS = 200
"""No longer list of objects is looked at, for the time that it would take."""
_NEXT_NAME = re.compile(r"\W*,\W*\w+\s*\(\s*")
"""What stands between a name and ``(optional)`` if that is about the name behind it: ``amount, item (optional)``."""
_ABOUT_ALL = re.compile(r"\b(?:are|both|all|each|may|can)\b")
_OPTIONAL = r"optional(?:ly)?|default|(?:may|can|might|need not) be (?:left out|omitted|missing|absent)"
_OPTIONALLY = r"(?<!is )(?<!are )(?<!be )\boptionally[\s,]+(?:(?:an?|the|its|with)\s+)?(?:\w+\s+){0,2}?[\"'`*]*"
"""The word and what may stand between it and the name behind it: ``and, optionally, a short note``."""
_OF_ANOTHER = re.compile(r"\W*,\W*|[^\w(]*[)\]}].*")
"""What stands between the word and a name if the word is about the name before it: ``item (optional), amount``."""
_CALL_LABELS = ("id", "call_id", "uuid", "index", "type")
"""Keys that label a call and are no part of it: a call is its name and its arguments."""
_FREE = (
    r"[\s:=(\"'`*]*(?:(?:is|are|be|may|can|will|a|an|only|just|value|values)\s+)*"
    r"(?:\bup to you\b|\bignored\b|\bfree to choose\b|\bfor display\b|\bremark\b|\bin your own words\b"
    r"|\bnot (?:be )?(?:compared|graded|scored|checked|marked)\b"
    r"|(?<=\()(?:any|any value|anything|free|free choice)(?=\s*[),;])|\b(?:may|can) be anything\b)"
)
"""What stands behind the name of a field that may have any value: ``id (any)``, ``note is not compared``."""


class Field(NamedTuple):
    """A value in a JSON object that the row states, by the keys that lead to it."""

    path: tuple[str, ...]
    value: Any


def parts_of(answer: Answer) -> list[Answer]:
    """The stated fields of a JSON object as answers of their own, the first of each kind; empty for other answers.

    Texts, numbers and lists of them count. Each is placed in the object, as a number where the right one is a number.
    """
    parts: dict[str, Answer] = {}
    fields = list(stated_fields(answer))
    for field in fields:
        text, elements = text_of(field.value), len(field.value) if isinstance(field.value, list) else 1
        if text and len(fields) * elements <= MOST_PARTS:
            part = replace(answer, text=text, kind=kind_of(text, answer.row), path=field.path, whole=answer)
            if isinstance(field.value, list) == (part.kind == "list") and part.kind not in (
                "record",
                "program",
                "call",
                "long",
            ):
                parts.setdefault(part.kind, part)
    return list(parts.values())


def text_of(value: Any) -> str:
    """A field's value as an answer; empty if it has no parts that could be slightly wrong."""
    if isinstance(value, list):
        plain_items = all(isinstance(item, str | int | float) and not isinstance(item, bool) for item in value)
        return ", ".join(map(text_of, value)) if plain_items else ""
    return value if isinstance(value, str) else json.dumps(value) if is_number(value) else ""


def is_number(value: Any) -> bool:
    """Whether a JSON value is a finite number; truth values are not."""
    is_finite = math.isfinite(value) if isinstance(value, float) else isinstance(value, int)
    return is_finite and not isinstance(value, bool)


def stated_fields(answer: Answer) -> Iterator[Field]:
    """The stated fields of an object and of those in it; none if it has too many for one of them to count."""
    if has_few(leaves_of(answer.record), MOST_PARTS):
        yield from (field for field, is_stated in fields_of(answer) if is_stated)


def has_few(fields: Iterable[Field], most: int) -> bool:
    """Whether there are at most so many fields; no more of them are looked at."""
    return len(list(islice(fields, most + 1))) <= most


def fields_of(answer: Answer) -> Iterator[tuple[Field, bool]]:
    """Each field that is not an object itself, and whether the row states it, or an object that it is in."""
    row, truths = answer.row, _Truths(answer.row)
    states: dict[tuple[str, ...], bool] = {(): False}
    for field in leaves_of(answer.record):
        for end in range(1, len(field.path)):
            path = field.path[:end]
            if path not in states:
                inner = value_at(answer.record, path)
                states[path] = states[path[:-1]] or is_truth(path[-1], inner, truths)
        key, value = field.path[-1], field.value
        is_stated = states[field.path[:-1]] or is_truth(key, value, truths)
        yield field, is_stated and not (is_shown(key, value, row) or is_free(key, row))


def leaves_of(record: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[Field]:
    """Each field that is not an object itself, or is nested too deep to be looked into."""
    for key, value in content_of(record).items():
        if isinstance(value, Mapping) and value and len(above) < DEEPEST:
            yield from leaves_of(value, (*above, key))
        else:
            yield Field((*above, key), value)


def outer_fields(answer: Answer) -> Iterator[tuple[str, Any]]:
    """The stated fields of the outermost object; none if it has too many for one of them to count."""
    if not has_many_parts(answer):
        truths = _Truths(answer.row)
        fields = content_of(answer.record).items()
        yield from ((key, value) for key, value in fields if is_truth(key, value, truths))


def has_many_parts(answer: Answer) -> bool:
    """Whether the outermost object has so many fields, or a list so many objects, that one wrong one does not count."""
    return len(content_of(answer.record)) > MOST_PARTS


def is_too_large(answer: Answer) -> bool:
    """Whether no part of an object counts, or no more of a list is looked at, because there are so many."""
    return len(answer.record) > MOST_ELEMENTS if isinstance(answer.record, ListObject) else has_many_parts(answer)


def stated_elements(answer: Answer) -> list[Any]:
    """The objects of a list, if the row states them all; empty for other answers.

    If there are many, a column has to state the whole list, since looking for each of them in each column takes long.
    """
    elements, row = answer.record, answer.row
    if not isinstance(elements, ListObject) or is_too_large(answer):
        return []
    if has_many_parts(answer):
        is_stated = elements in _objects(row) and not any(is_shown(*element, row) for element in elements.items())
    else:
        is_stated = len(list(outer_fields(answer))) == len(elements)
    return list(elements.values()) if is_stated else []


def content_of(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of an object that can be wrong: all, except for an envelope such as ``{"type": "a", "a": {...}}``.

    Of an envelope, only the object that its type names counts, since a sound reward may ignore an id beside it, as it
    may beside the name and the arguments of a call.
    """
    kind = record.get("type")
    if isinstance(kind, str) and isinstance(record.get(kind), Mapping):
        return {kind: record[kind]}
    is_call = {"name", "arguments"} <= record.keys()
    return {key: value for key, value in record.items() if key not in _CALL_LABELS} if is_call else record


class _Truths:
    """The right answers and the objects that a row's columns hold, each read once."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.answers = list(map(opened, _truths(row)))
        self.objects = _objects(row)
        self.columns = {name: opened(value) for name, value in row.columns.items()}


def is_truth(key: str, value: Any, truths: _Truths) -> bool:
    """Whether a column of the row states this value of a field, and the prompt neither shows it nor calls it free."""
    row = truths.row
    if value is None or value in ("", [], {}) or is_shown(key, value, row) or is_free(key, row):
        return False
    whole = [*truths.answers, *([truths.columns[key]] if key in truths.columns else [])]
    inside = [truth[key] for truth in (*whole, *truths.objects) if isinstance(truth, Mapping) and key in truth]
    return any(_states(truth, value) for truth in (*whole, *inside))


def _states(truth: Any, value: Any) -> bool:
    """Whether a column's value is a field's value, or a text that lists the elements of it."""
    if isinstance(truth, str) and isinstance(value, list) and len(value) > 1:
        return items_of(truth) == list(map(str, value))
    return truth == value or str(truth) == str(value)


def is_shown(key: str, value: Any, row: Row) -> bool:
    """Whether the prompt shows a field with this value, or the value alone, which is an element of a list then."""
    texts = row.text, row.text.replace('\\"', '"')
    shown = [dump(value) if key.isdigit() else dump({key: value})[1:-1] for dump in (json.dumps, dumps)]
    return any(field in text for field in shown for text in texts)


def is_free(key: str, row: Row) -> bool:
    """Whether the prompt says that any value of a field will do. A field that is named like an answer is never free."""
    if key.isdigit() or key in TRUTHS:
        return False
    return re.search(rf"(?<!\w){re.escape(key)}{_FREE}", row.text) is not None or (
        key in _CALL_LABELS and re.search(rf"(?<!\w){key}s? (?:is|are) free\b", row.text) is not None
    )


def _truths(row: Row) -> list[Any]:
    """The values of columns that are named like a right answer, also within columns that hold further columns."""
    sections = [section for name in NESTED if isinstance(section := row.columns.get(name), Mapping)]
    return [columns[name] for columns in (row.columns, *sections) for name in TRUTHS if name in columns]


def _objects(row: Row) -> list[Mapping[str, Any]]:
    """The objects and lists of objects that columns hold, as such, as text or within an object; also an only element.

    Columns that never hold an answer are left out.
    """
    columns = {name: value for name, value in row.columns.items() if name not in NO_ANSWERS}
    values = (*columns.values(), *_truths(row))
    objects = [structure_of(list_of_blocks(value) or value if isinstance(value, str) else value) for value in values]
    lists = [value for record in objects for value in record.values() if isinstance(value, list)]
    structures = [*objects, *map(structure_of, lists)]
    short = [record for record in structures if isinstance(record, ListObject) and len(record) == 1]
    return [record for record in (*structures, *(element for record in short for element in record.values())) if record]


def is_optional(answer: Answer, path: Sequence[str]) -> bool:
    """Whether the prompt or a column says that a field may be left out, or what it is by default.

    A list of required fields speaks of an object if it names one of its fields, or none at all.
    """
    *above, key = path
    row, siblings = answer.row, value_at(answer.record, above)
    columns = [value for name, value in row.columns.items() if name not in ("golden", "floor", "prompt")]
    texts = [row.text, *(value if isinstance(value, str) else json.dumps(value, default=str) for value in columns)]
    lists = [keys for text in texts for keys in re.findall(r'"required":\s*\[([^\[\]]*)\]', text)]
    required = [keys for keys in lists if not keys.strip() or any(f'"{sibling}"' in keys for sibling in siblings)]
    is_listed = any(f'"{key}"' in keys for keys in required)
    others = [sibling for sibling in siblings if sibling != key]
    return (bool(required) and not is_listed) or any(_is_called_optional(key, others, text) for text in texts)


def _is_called_optional(key: str, others: Sequence[str], text: str) -> bool:
    """Whether a text calls this field optional, or gives its default. The word counts for the name next to it."""
    word = re.escape(key)
    names = "|".join(map(re.escape, others)) or "(?!)"
    of_next = rf"(?:optional\s+[\"'`*]*|{_OPTIONALLY})(?:{names})(?!\w)"
    before = re.finditer(rf"(?i)(?<!\w){word}(?!\w)(?=([^.;\n]{{0,60}}?)\b(?!{of_next})(?:{_OPTIONAL}))", text)
    behind = re.finditer(rf"(?i)\b(?:{_OPTIONAL})(?<!ly)\b([^.;\n]{{0,30}}?)(?<!\w){word}(?!\w)", text)
    depends = re.search(rf"(?i)\bif\b[^.;\n]{{1,60}},\s*(?:an? |the |its )?{word}(?!\w)", text)
    return (
        depends is not None
        or re.search(rf"(?i){_OPTIONALLY}{word}(?!\w)", text) is not None
        or any(_is_next(match[1], others) for match in before)
        or any(_OF_ANOTHER.fullmatch(match[1]) is None for match in behind)
        or re.search(rf"(?i)[(,]\s*{word}\s*(?::[^,()=]*)?=", text) is not None
    )


def _is_next(between: str, others: Sequence[str]) -> bool:
    """Whether no other name stands between a name and the word, unless the word is about all of them."""
    names = "|".join(map(re.escape, others))
    rest = re.split(rf"(?i)(?<!\w)(?:{names})(?!\w)", between) if others else [between]
    is_alone = len(rest) == 1 and _NEXT_NAME.fullmatch(between) is None
    return is_alone or _ABOUT_ALL.search(rest[-1]) is not None
