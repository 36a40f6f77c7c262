"""JSON objects, one or several: each key once, finite numbers, and fields compared with their types."""

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
    return _object(_outside_fence(_rest(text)))


def records(text: str | None, tag: str = "") -> list[dict[str, Any]] | None:
    """The JSON objects of a text, in their order; None if there are none, or if :func:`record` would refuse one.

    They are the elements of the list that the text consists of, bare or in its only fenced block after the thinking.
    With a ``tag`` such as ``tool_call``, each stands between ``<tool_call>`` and ``</tool_call>`` after the thinking,
    whatever stands around the tags. Every tag has to be closed before the next one opens, and none may be written in
    another way, such as ``<Tool_Call>``, which another reader may take for one.
    """
    rest = _rest(text)
    if rest is None or not tag:
        value = _value(_outside_fence(rest))
        values = value if isinstance(value, list) else []
    else:
        before, *blocks = rest.split(f"<{tag}>")
        pairs = [block.split(f"</{tag}>") for block in blocks]
        is_closed = f"</{tag}>" not in before and all(len(pair) == 2 for pair in pairs)
        similar = re.findall(rf"<\s*(?:/\s*)?{re.escape(tag)}\b", rest, re.IGNORECASE)
        is_plain = is_closed and len(similar) == 2 * len(pairs)
        insides = [inside.strip() for inside, _ in pairs] if is_plain else []
        values = [_value(fence[1] if (fence := _FENCE.fullmatch(inside)) else inside) for inside in insides]
    return values if values and all(isinstance(value, dict) and value for value in values) else None


def _rest(text: str | None) -> str | None:
    """What follows the thinking; None if it is too long."""
    rest = None if text is None else final(text)
    return None if rest is None or len(rest) > LONGEST else rest


def _outside_fence(text: str | None) -> str | None:
    """A text without the fence around it, if it has one; None if there are several."""
    blocks = [] if text is None else _FENCE.findall(text)
    if text is None or len(blocks) > 1 or (not blocks and "```" in text):
        return None
    return blocks[0] if blocks else text


def _value(text: str | None) -> Any:
    """The value of a JSON text; None for other texts."""
    if text is None:
        return None
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refused, parse_float=_finite)
    except (ValueError, RecursionError):
        return None


def _object(text: str | None) -> dict[str, Any] | None:
    """The JSON object that a text is; None otherwise."""
    value = _value(text)
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


def same_records(
    values: Sequence[Mapping[str, Any]] | None, gold: Sequence[Mapping[str, Any]] | None, *, any_order: bool = False
) -> bool:
    """Whether these are the expected objects, each once and with the same fields and values, in the same order.

    Values are compared as :func:`fields` does; with ``any_order``, the objects and the lists in them may have any
    order. Raises ValueError if ``gold`` is empty, None, or holds anything but objects with fields.
    """
    if not gold or not all(isinstance(wanted, dict) and wanted for wanted in gold):
        raise ValueError("there are no expected objects")
    return values is not None and same_value(list(values), list(gold), any_order=any_order, opens_texts=True)


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
