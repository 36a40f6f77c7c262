"""JSON objects: one of them, each key once, finite numbers, and fields compared with their types."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

from loopholes.rewards.places import final

LONGEST = 100_000
"""Characters of the longest object that is read."""
_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)\n?```", re.DOTALL)


def record(text: str | None) -> dict[str, Any] | None:
    """The JSON object that a text consists of, bare or in its only fenced block after the thinking; None otherwise.

    Also None for repeated keys, NaN, infinities, and objects nested too deep.
    """
    rest = None if text is None else final(text)
    if rest is None or len(rest) > LONGEST:
        return None
    blocks = _FENCE.findall(rest)
    if len(blocks) > 1 or (not blocks and "```" in rest):
        return None
    return _object(blocks[0] if blocks else rest)


def _object(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is; None otherwise."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refused, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _refused(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a finite number")


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        _refused(digits)
    return value


def fields(text: str | None, gold: Mapping[str, Any], *, only: bool = False, any_order: bool = False) -> bool:
    """Whether the record has each of these fields with this value, and with ``only`` no other field.

    True and 1 differ, 1 and 1.0 do not. With ``any_order``, lists may have any order. A text that is a JSON object is
    compared as one, such as the arguments of a tool call. Raises ValueError if ``gold`` is empty.
    """
    if not gold:
        raise ValueError("there are no expected fields")
    value = record(text)
    if value is None or (only and value.keys() != gold.keys()):
        return False
    same = partial(same_value, any_order=any_order, opens_texts=True)
    return all(name in value and same(value[name], wanted) for name, wanted in gold.items())


def same_value(value: Any, wanted: Any, *, any_order: bool = False, opens_texts: bool = False) -> bool:
    """Whether two plain values are equal at every depth, where truth values are not numbers and lists not tuples.

    With ``any_order``, lists may have any order. ``opens_texts``: texts that are JSON objects are compared as objects.
    """
    same = partial(same_value, any_order=any_order, opens_texts=opens_texts)
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if isinstance(value, dict) and isinstance(wanted, dict):
        return value.keys() == wanted.keys() and all(same(value[key], wanted[key]) for key in wanted)
    if isinstance(value, list | tuple) and type(value) is type(wanted):
        compare = _same_items if any_order else _same_list
        return len(value) == len(wanted) and compare(value, wanted, same)
    if opens_texts and isinstance(value, str) and isinstance(wanted, str):
        inner, expected = _object(value), _object(wanted)
        return value == wanted if inner is None or expected is None else same(inner, expected)
    return bool(value == wanted) and (isinstance(value, int | float) or type(value) is type(wanted))


def _same_list(values: Sequence[Any], wanted: Sequence[Any], same: Callable[[Any, Any], bool]) -> bool:
    return all(map(same, values, wanted))


def _same_items(values: Sequence[Any], wanted: Sequence[Any], same: Callable[[Any, Any], bool]) -> bool:
    """Whether each value is the same as a wanted one that no other value was matched with."""
    rest = list(wanted)
    for value in values:
        place = next((place for place, other in enumerate(rest) if same(value, other)), None)
        if place is None:
            return False
        rest.pop(place)
    return True
