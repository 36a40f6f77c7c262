"""Wrong JSON objects made from the right one: fields are changed, left out, given twice or added.

Only fields that the row states (:mod:`.records`) are touched, also those of objects within the object. What a prompt or
a column calls optional, or gives a default for, is never all that is left out. Objects of a list are also left out,
added and repeated. Their order stays, since nobody says whether it matters.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from loopholes.audit.gold.answer import Answer
from loopholes.audit.gold.json_objects import ListObject, dumps, like, structure_of, value_at, with_value
from loopholes.audit.gold.records import (
    MOST_PARTS,
    Field,
    content_of,
    fields_of,
    has_few,
    has_many_parts,
    is_free,
    is_number,
    is_optional,
    is_shown,
    leaves_of,
    outer_fields,
    stated_elements,
    stated_fields,
    text_of,
)
from loopholes.audit.gold.units import UNKNOWN, converted, is_unit, other_unit
from loopholes.audit.gold.wrong_lists import asks_for_some, missing, quarter, repeated, twice, unless_allowed
from loopholes.audit.gold.wrong_numbers import Change, differs, plain

SENTENCE = 6
"""A text of so many words, such as a reason, is not changed: a sound reward may compare the other fields alone."""
MOST_FIELDS = 200
"""No inner object is looked at if there are more fields than this in all of them, for the time that it would take."""
LOST_BY_F1 = Fraction(1, 3)
"""Smallest loss in the F1 score of an object that keeps one of its fields: that with two of them."""


def _field_changed(answer: Answer) -> Iterator[str]:
    """Each stated field in turn, first those of the outermost object and then those inside; sentences excepted.

    Then all stated fields of each inner object at once, since one of them alone may be too small a part to count. Of a
    list, each field in all objects at once; of a long list, also a quarter of the objects at once.
    """
    yield from _changed_everywhere(answer)
    fields = [Field((key,), value) for key, value in outer_fields(answer)]
    fields += [field for field in stated_fields(answer) if len(field.path) > 1 and _counts(answer, field.path)]
    for field in fields:
        if not _is_sentence(field.value):
            yield _written(answer, {field.path: _other_value(field.value)})
    for path, keys in _inner_objects(answer):
        inner = value_at(answer.record, path)
        others = {(*path, key): _other_value(inner[key]) for key in keys if not _is_sentence(inner[key])}
        if others:
            yield _written(answer, others)
    elements = _required_elements(answer) if has_many_parts(answer) else []
    for places in _quarters(len(elements)) if elements else ():
        yield _written(answer, {(str(place),): _other_value(elements[place]) for place in places})


def _changed_everywhere(answer: Answer) -> Iterator[str]:
    """A list in which one field of every object is changed, for each field that they all have.

    Fields that say nothing are left out: those that are the same in all objects, and those that only number them.
    """
    whole = _required_elements(answer)
    for others in _everywhere(whole, answer):
        yield _list_of(others)
    for field in [] if whole else stated_fields(answer):
        if isinstance(field.value, list):
            for others in _everywhere(field.value, answer, field.path):
                yield _written(answer, {field.path: others})


def _everywhere(elements: Sequence[Any], answer: Answer, path: Sequence[str] = ()) -> Iterator[list[Any]]:
    """The objects of a list, at this path of the answer, with one of their fields changed in all of them, in turn."""
    objects = [dict(leaves_of(element)) if isinstance(element, Mapping) else {} for element in elements]
    shared = [inner for inner in objects[0] if all(inner in fields for fields in objects)] if len(objects) > 1 else []
    for inner in shared if len(shared) * _siblings(answer, path) <= MOST_PARTS else ():
        values, key = [fields[inner] for fields in objects], inner[-1]
        is_free_or_shown = is_free(key, answer.row) or any(is_shown(key, value, answer.row) for value in values)
        if _says_something(values) and not is_free_or_shown:
            changed = zip(elements, values, strict=True)
            yield [with_value(element, inner, _other_value(value)) for element, value in changed]


def _says_something(values: Sequence[Any]) -> bool:
    """Whether a field of a list's objects is there in all of them, and neither a sentence nor constant nor a count."""
    is_there = all(value is not None and value not in ("", [], {}) and not _is_sentence(value) for value in values)
    counts = [[*range(first, first + len(values))] for first in (0, 1)]
    return is_there and any(value != values[0] for value in values) and values not in counts


def _required_elements(answer: Answer) -> list[Any]:
    """The objects of a list, if the row states them all and the prompt does not ask for some of them only."""
    return [] if asks_for_some(answer.row) else stated_elements(answer)


def _quarters(count: int) -> Iterator[Sequence[int]]:
    """Places of a quarter of the elements: the first ones, the last ones, and some at odd places all over the list.

    So one of them is wrong only where a reward that reads the first half does not look, or the last, or every other.
    """
    size, odd = quarter(count), range(1, count, 2)
    yield from (range(size), range(count - size, count), [odd[at * len(odd) // size] for at in range(size)])


def _is_sentence(value: Any) -> bool:
    return isinstance(value, str) and len(value.split()) >= SENTENCE


def _twice(answer: Answer) -> Iterator[str]:
    """The right value of a field, then a wrong one under the same key, which is the one that JSON readers keep."""
    for key, value in [] if isinstance(answer.record, ListObject) else outer_fields(answer):
        text = answer.text.rstrip()
        yield f"{text[:-1].rstrip()}, {dumps({key: _other_value(value)})[1:]}"


def _shortened(answer: Answer) -> Iterator[str]:
    """A list without its last quarter, for which the F1 score is 6/7 at most."""
    for field in stated_fields(answer):
        if isinstance(field.value, list):
            yield _written(answer, {field.path: field.value[: -quarter(len(field.value))]})


def _dropped(answer: Answer) -> Iterator[str]:
    """An inner object without its fields or with one of them, then the whole object with one of its fields.

    Readers that compare only the fields present, or average over them, pay these like the whole object.
    """
    for path, keys in _inner_objects(answer):
        inner = value_at(answer.record, path)
        kept = [(), *((key,) for key in (keys[0], keys[-1]) if len(keys) > 1 and _counts(answer, path, LOST_BY_F1))]
        for right in kept:
            yield _written(answer, {path: {key: inner[key] for key in inner if key not in keys or key in right}})
    stated = list(outer_fields(answer))
    needed = {key for key, _ in stated if not is_optional(answer, (key,))}
    yield from (dumps(like(answer.record, {key: value})) for key, value in stated if needed - {key})


def _inner_objects(answer: Answer) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """The path of each inner object, and the keys of those of its fields that are stated and must be there."""
    objects: dict[tuple[str, ...], list[str]] = {}
    is_small = not has_many_parts(answer) and has_few(leaves_of(answer.record), MOST_FIELDS)
    for field, is_stated in fields_of(answer) if is_small else ():
        *path, key = field.path
        if path and is_stated and not is_optional(answer, field.path):
            objects.setdefault(tuple(path), []).append(key)
    yield from ((path, keys) for path, keys in objects.items() if _counts(answer, path))


def _counts(answer: Answer, path: Sequence[str], lost: Fraction = Fraction(1)) -> bool:
    """Whether losing a share of a part costs more than a tenth, if each object gives its parts equal credit."""
    return lost * MOST_PARTS >= _siblings(answer, path)


def _siblings(answer: Answer, path: Sequence[str]) -> int:
    """How many parts have as much credit as the one at this path, if each object gives its parts equal credit."""
    return math.prod(len(content_of(value_at(answer.record, path[:depth]))) for depth in range(len(path)))


def _argument_added(answer: Answer) -> Iterator[str]:
    """A call with an argument that its tool, as the prompt describes it, does not have, so that the call would fail."""
    calls = [(key,) for key in answer.record] if isinstance(answer.record, ListObject) else [()]
    for above in [*calls, *((*path, "function") for path in calls if "function" in value_at(answer.record, path))]:
        call = value_at(answer.record, above)
        name, arguments = (call.get("name"), call.get("arguments")) if isinstance(call, Mapping) else (None, None)
        parameters = _parameters(name, answer.row.text) if isinstance(name, str) else set()
        if parameters and isinstance(arguments, Mapping) and set(arguments) <= parameters:
            for extra in sorted({"confirm", "limit"} - parameters):
                yield _written(answer, {(*above, "arguments"): {**arguments, extra: 1}})


def _parameters(tool: str, prompt: str) -> set[str]:
    """The parameters of a tool that a prompt describes as ``tool(a, b)``; empty if it does not."""
    signature = re.search(rf"(?<![\w.]){re.escape(tool)}\(([^()]{{1,300}})\)", prompt)
    names = [part.partition(":")[0].partition("=")[0].strip() for part in signature[1].split(",")] if signature else []
    return set(names) if all(name.isidentifier() for name in names) else set()


def _elements(change: Callable[[list[Any]], Iterator[list[Any]]]) -> Change:
    """A list of objects, all of which the row states, with other objects."""

    def changed(answer: Answer) -> Iterator[str]:
        right = _required_elements(answer)
        others = [elements for elements in change(right) if elements != right] if right else []
        yield from map(_list_of, others)

    return changed


def _also_inside(change: Change) -> Change:
    """A change of a list of objects that is made also where the list is all that an object holds."""

    def changed(answer: Answer) -> Iterator[str]:
        yield from change(answer)
        content = {} if isinstance(answer.record, ListObject) else content_of(answer.record)
        for key, value in content.items() if len(content) == 1 else ():
            if isinstance(value, list) and structure_of(value):
                texts = change(replace(answer, text=dumps(value)))
                yield from (_written(answer, {(key,): json.loads(text)}) for text in texts)

    return changed


def _list_of(elements: Sequence[Any]) -> str:
    return dumps(ListObject((str(at), record) for at, record in enumerate(elements)))


def _element_added(elements: list[Any]) -> Iterator[list[Any]]:
    """Further objects that are wrong throughout; of calls also some of the same functions with other arguments.

    A sound reward may pass over functions that do not exist.
    """
    some = elements[: quarter(len(elements))]
    yield [*elements, *map(_other_value, some)]
    if all(isinstance(element, Mapping) and element.get("name") and element.get("arguments") for element in some):
        yield [*elements, *({**element, "arguments": _other_value(element["arguments"])} for element in some)]


def _other_unit(answer: Answer) -> Iterator[str]:
    """The same number beside another unit of its quantity."""
    for _, unit in _measured(answer):
        yield _written(answer, {unit.path: other_unit(unit.value)})


def _unknown_unit(answer: Answer) -> Iterator[str]:
    """The number in the base unit of its quantity, beside a word that is no unit."""
    for number, unit in _measured(answer):
        part = replace(answer, text=text_of(number.value), kind="number")
        for other in converted(Fraction(str(number.value)), unit.value):
            if differs(part, plain(other)):
                yield _written(answer, {number.path: json.loads(plain(other)), unit.path: UNKNOWN})


def _measured(answer: Answer) -> Iterator[tuple[Field, Field]]:
    """The only number and the only unit of an object, where both are stated."""
    objects: dict[tuple[str, ...], list[Field]] = {}
    for field in stated_fields(answer):
        objects.setdefault(field.path[:-1], []).append(field)
    for fields in objects.values():
        numbers = [field for field in fields if is_number(field.value)]
        units = [field for field in fields if is_unit(field.value)]
        if len(numbers) == len(units) == 1:
            yield numbers[0], units[0]


def _written(answer: Answer, values: Mapping[tuple[str, ...], Any]) -> str:
    """The object with other values."""
    record = answer.record
    for path, value in values.items():
        record = with_value(record, path, value)
    return dumps(record)


def _other_value(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + max(1, abs(value) // 3) if is_number(value) else 0
    if isinstance(value, list):
        kept = len(value) - quarter(len(value))
        return [*value[:kept], *map(_other_value, value[kept:])] or [0]
    if isinstance(value, Mapping) and value:
        return like(value, {key: _other_value(inner) for key, inner in value.items()})
    text = str(value)
    return str(int(text) + 17) if re.fullmatch(r"-?\d{1,15}", text) else f"{text}{text[::-1]}"


_RECORD_CHANGES: Mapping[str, Change] = {
    "field-changed": _field_changed,
    "fields-dropped": _dropped,
    "key-twice": _twice,
    "list-shortened": _shortened,
    "argument-added": _argument_added,
    "element-missing": _elements(missing),
    "element-added": unless_allowed(_elements(_element_added)),
    "element-repeated": _elements(repeated),
    "element-twice": _elements(twice),
    "other-unit": _other_unit,
    "unknown-unit": _unknown_unit,
}
RECORD_CHANGES = {name: _also_inside(change) for name, change in _RECORD_CHANGES.items()}
"""Ways in which a JSON object is slightly wrong."""
PARTWISE = ("field-changed", "fields-dropped", "list-shortened")
"""Ways that apply to each part of an object in turn."""
