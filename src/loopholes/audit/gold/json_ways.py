"""Ways to write a right answer that is a JSON object: around the object, and inside its fields.

The ways of a plain answer are made inside a field, too. The field keeps its type: a text stays a text, and a number
stays the same number. A prompt that asks for JSON does not thereby demand one spelling of a text in it, but one that
shows the text in quotes does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from loopholes.audit.gold.answer import Answer, Kind, Write
from loopholes.audit.gold.json_objects import (
    ListObject,
    TextObject,
    dumps,
    like,
    paths_of,
    structure_of,
    value_at,
    with_value,
    with_value_in,
)
from loopholes.audit.gold.records import parts_of

NOT_IN_A_FIELD = (
    *("own line", "**bold**", "$..$", r"\(..\)", "backticks", "quotes", r"\text{}", r"\mathbf{B}", r"\{ \}", "[B]"),
    *("thousands in LaTeX", "powers of ten in LaTeX", "percent in LaTeX", "unit in LaTeX", "x = 42"),
    *("no spaces in the list", "spaces in the list", "brackets", "and"),
)
"""Ways that nobody writes inside a field, and those that leave a list in it as it is."""
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,6})?")


def with_layout(**options: object) -> Write:
    """The object with other white space, by options of ``json.dumps``."""
    return lambda answer: dumps(answer.record, **options)


def other_keys(answer: Answer) -> str | None:
    """The object with its keys in reverse order, or each object of a list."""
    record = answer.record
    if isinstance(record, ListObject):
        reverse: Any = like(record, {place: like(inner, _backwards(inner)) for place, inner in record.items()})
    else:
        reverse = _backwards(record)
    return dumps(reverse) if dumps(reverse) != dumps(record) else None


def _backwards(record: Mapping[str, Any]) -> dict[str, Any]:
    return dict(reversed(list(record.items())))


def fenced(template: str) -> Write:
    """The object in a fence, if it is in none yet."""
    return lambda answer: None if "```" in answer.golden else template.replace("{}", answer.text)


def unfenced(answer: Answer) -> str | None:
    """The object alone, if the golden completion has it in a fence."""
    golden = answer.golden.strip()
    is_fence = golden.count("```") == 2 and golden.startswith("```") and golden.endswith("```")
    return answer.text if is_fence and golden[3:-3].partition("\n")[2].strip() == answer.text.strip() else None


def in_field(write: Write, kinds: tuple[Kind, ...]) -> Write:
    """A way to write an object: the first of its stated fields to which ``write`` applies is written so."""

    def written(answer: Answer) -> str | None:
        for part in parts_of(answer):
            is_free = not _is_quoted(part) and (part.kind == "number" or not _is_in_call(part, answer))
            text = write(part) if part.kind in kinds and is_free else None
            other = answer.text if text is None else part.written(text)
            if (
                text is not None
                and other != answer.text
                and _keeps_type(_value(answer.text, part), _value(other, part), text)
            ):
                return other
        return None

    return written


def number_as_text(answer: Answer) -> str | None:
    """``"42"`` for 42 in the first stated field that is a number."""
    for part in parts_of(answer):
        if _is_number(_value(answer.text, part)):
            return dumps(with_value(answer.record, part.path, part.text))
    return None


def text_as_number(answer: Answer) -> str | None:
    """42 for ``"42"`` in the first stated field that is such a text."""
    for part in parts_of(answer):
        if isinstance(_value(answer.text, part), str) and _PLAIN_NUMBER.fullmatch(part.text):
            return dumps(with_value(answer.record, part.path, json.loads(part.text)))
    return None


def in_text(change: Callable[[TextObject], str | None]) -> Write:
    """The first object that is held as text, such as the arguments of a tool call, written by ``change``."""

    def written(answer: Answer) -> str | None:
        held = next(((path, value) for path, value in paths_of(answer.record) if isinstance(value, TextObject)), None)
        text = None if held is None else change(held[1])
        return None if held is None or text is None else with_value_in(answer.text, held[0], text)

    return written


def other_spaces(held: TextObject) -> str:
    """The object with spaces where it has none, and without them where it has some."""
    return dumps(dict(held), separators=None if held.is_compact else (",", ":"))


def keys_reversed(held: TextObject) -> str | None:
    """The object with its keys in reverse order."""
    reverse = _backwards(held)
    return dumps(reverse, separators=(",", ":") if held.is_compact else None) if len(reverse) > 1 else None


def _keeps_type(right: Any, value: Any, text: str) -> bool:
    """Whether a field's new value is of the right one's type: a text, a number as written, or a list of the same."""
    if isinstance(right, list):
        return isinstance(value, list) and sorted(map(repr, right)) == sorted(map(repr, value))
    if isinstance(right, str):
        return isinstance(value, str)
    return _is_number(value) and value == right and text == json.dumps(value)


def _is_quoted(part: Answer) -> bool:
    """Whether the prompt shows this text in quotes, as one of the values that it allows."""
    return re.search(rf"""["'`“]{re.escape(part.text)}["'`”]""", part.row.text) is not None


def _is_in_call(part: Answer, answer: Answer) -> bool:
    """Whether a field is the name of a function that is called or one of its arguments: a program reads it as it is."""
    above = [value_at(answer.record, part.path[:depth]) for depth in range(len(part.path))]
    return any("name" in record and not {"arguments", "parameters"}.isdisjoint(record) for record in above)


def _value(text: str, part: Answer) -> Any:
    """The value of a field in the text of an object."""
    return value_at(structure_of(text), part.path)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
