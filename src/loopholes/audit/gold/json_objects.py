"""JSON objects, also those that another object holds as text: the arguments of a tool call in OpenAI's style are one.

Such a text is read as an object, so that it is compared and changed like any object within an object. It is written as
text again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from loopholes.files import is_too_deep

DEEPEST = 3
"""Objects nested deeper than this are not looked into."""


class TextObject(dict[str, Any]):
    """An object that is held as text. ``is_compact``: the text has no white space between keys and values."""

    is_compact = False


class ListObject(dict[str, Any]):
    """A list of objects, each under its place in the list, so that it is changed like an object of objects."""


def record_of(text: str) -> dict[str, Any]:
    """A text read as a JSON object; empty if it is not one."""
    record = loaded(text)
    return record if isinstance(record, dict) else {}


def structure_of(value: Any) -> Mapping[str, Any]:
    """A JSON value, or the text of one, as an opened object if it is an object or a list of objects; else empty."""
    return _structure_of_text(value) if isinstance(value, str) else _structure_of(value)


@lru_cache(maxsize=256)
def _structure_of_text(text: str) -> Mapping[str, Any]:
    """Kept, since each near miss of a row reads its object again."""
    return _structure_of(loaded(text))


def _structure_of(value: Any) -> Mapping[str, Any]:
    if isinstance(value, list) and all(isinstance(element, Mapping) and element for element in value):
        return ListObject((str(place), opened(element, 1)) for place, element in enumerate(value))
    return dict(opened(value)) if isinstance(value, Mapping) else {}


def opened(value: Any, depth: int = 0) -> Any:
    """A JSON value in which every text that is an object is a :class:`TextObject`, down to the depth looked into."""
    if depth > DEEPEST:
        return value
    if isinstance(value, str):
        value = _held(value)
    if isinstance(value, Mapping):
        return like(value, {key: opened(inner, depth + 1) for key, inner in value.items()})
    return value


def _held(text: str) -> Any:
    """A text, as a :class:`TextObject` if it is an object."""
    record = loaded(text) if text.lstrip().startswith("{") else None
    if not isinstance(record, dict):
        return text
    held = TextObject(record)
    held.is_compact = text == json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return held


def like(right: Any, value: Any) -> Any:
    """An object that is held as text, or stands for a list, if the right one does; other values as they are."""
    if isinstance(right, ListObject) and isinstance(value, Mapping):
        return ListObject(value)
    if isinstance(right, TextObject) and isinstance(value, Mapping):
        held = TextObject(value)
        held.is_compact = right.is_compact
        return held
    return value


def dumps(value: Any, **options: Any) -> str:
    """A JSON value as text, by options of ``json.dumps``; the objects in it that are held as text stay text."""
    return json.dumps(_closed(value), ensure_ascii=False, **options)


def with_value(record: Mapping[str, Any], path: Sequence[str], value: Any) -> Any:
    """A JSON object with another value at the end of a path of keys."""
    key, *rest = path
    other = with_value(record[key], rest, value) if rest else like(record.get(key), value)
    return like(record, {**record, key: other})


def value_at(record: Mapping[str, Any], path: Sequence[str]) -> Any:
    """The value at the end of a path of keys."""
    value: Any = record
    for key in path:
        value = value[key]
    return value


def with_value_in(text: str, path: Sequence[str], value: Any) -> str:
    """The text of a JSON object with another value at the end of a path of keys, and otherwise as it is written.

    If the place of the value in the text is not certain, the whole object is written anew.
    """
    record = structure_of(text)
    right, wanted = _closed(value_at(record, path)), with_value(record, path, value)
    for written in (json.dumps(right), dumps(right), dumps(right, separators=(",", ":"))):
        place = re.compile(rf"({re.escape(json.dumps(path[-1], ensure_ascii=False))}\s*:\s*){re.escape(written)}")
        spliced = place.sub(lambda match: match[1] + dumps(value), text, count=1)
        if spliced != text and structure_of(spliced) == opened(wanted):
            return spliced
    return dumps(wanted)


def paths_of(value: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value in an object and in the objects in it, with the keys that lead to it."""
    if isinstance(value, Mapping) and len(above) <= DEEPEST:
        for key, inner in value.items():
            yield (*above, key), inner
            yield from paths_of(inner, (*above, key))


def _closed(value: Any) -> Any:
    """A JSON value in which every :class:`TextObject` is text again, and every :class:`ListObject` a list."""
    if not isinstance(value, Mapping):
        return value
    record = {key: _closed(inner) for key, inner in value.items()}
    if isinstance(value, ListObject):
        return list(record.values())
    if not isinstance(value, TextObject):
        return record
    return json.dumps(record, ensure_ascii=False, separators=(",", ":") if value.is_compact else None)


def loaded(text: str) -> Any:
    """The value of a JSON text; None for other texts and for values nested too deep to be changed and written again."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return None if is_too_deep(value) else value
