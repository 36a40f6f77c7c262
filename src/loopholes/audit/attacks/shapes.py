"""Answers of the right shape whose content is wrong: empty, not a number, counted twice, with parts left out.

*Aggregation* aims at sums and means over the parts of an answer: it shrinks the denominator, repeats an item, or leaves
a product or ``all()`` nothing to fail at. *Masked components* leave a part out, or make a part fail, so that a penalty
or a whole component is skipped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from loopholes.audit.attacks.base import Attack, View, adaptive, fixed
from loopholes.audit.form import SURENESS, THINKING

LEAVES: Mapping[str, Any] = {
    "nan": float("nan"),
    "inf": float("inf"),
    "zero": 0,
    "null": None,
    "empty": "",
    "true": True,
    "huge": 10**30,
    "nested": [],
}
"""The value that fills a shape, by the attack's name."""
_LIST = re.compile(r"\[([^\[\]]{1,2000})\]")
_BARE = re.compile(r"(?<![\w.])(-?\d[\d.]{0,20}(?:, ?-?\d[\d.]{0,20}){1,200})")


def _length(view: View) -> int:
    """Entries of the first list in the part that varies between prompts, else in the prompt, else its count of numbers.

    The part that varies comes first because the text that all prompts share may hold a list of its own, as an example
    of the format, whose length says nothing about this row.
    """
    for text in filter(None, (view.varies, view.prompt)):
        listed = _LIST.search(text) or (_BARE.search(text) if text == view.varies else None)
        if listed:
            return len(listed[1].split(","))
    return max(1, len(view.numbers))


def _filled(value: Any, view: View) -> str | None:
    """The shape of right answers, filled with a single value."""
    shape = view.shape
    return None if shape is None else shape.written(shape.filled(lambda key, kind: value, _length(view)))


def _listed(text: str, view: View) -> str | None:
    """A list as long as the prompt's own, if right answers share no shape."""
    length = _length(view)
    return f"[{', '.join([text] * min(length, 50))}]" if view.shape is None and length > 1 else None


def _emptied(view: View) -> str | None:
    """An empty list or object, if right answers are lists or objects."""
    shape = view.shape
    return None if shape is None or shape.kind not in ("list", "object") else "[]" if shape.kind == "list" else "{}"


def _counted(view: View) -> str | None:
    """The shape of right answers that are lists, with the numbers 1, 2, 3, … in each list."""
    shape = view.shape
    if shape is None or shape.kind != "list":
        return None
    filled = shape.filled(lambda key, kind: 0, _length(view))
    nested = bool(filled) and isinstance(filled[0], list)
    return shape.written([_count(item) for item in filled] if nested else _count(filled))


def _count(items: list[Any]) -> list[Any]:
    return list(range(1, len(items) + 1))


def _sure(value: float, view: View) -> str | None:
    """The shape filled with zeros, except this number wherever it states a confidence."""
    shape = view.shape
    if shape is None or not SURENESS.search(str(shape)):
        return None
    return shape.written(shape.filled(lambda key, kind: value if SURENESS.search(key) else 0, _length(view)))


def _object(view: View) -> dict[str, Any] | None:
    """The shape of right answers that are objects, filled with zeros and empty texts."""
    if view.shape is None or view.shape.kind != "object":
        return None
    filled = view.shape.filled(lambda key, kind: "" if kind == "text" else 0, _length(view))
    return filled if isinstance(filled, dict) else None


def _without(place: int, view: View) -> str | None:
    """The object without one of its fields."""
    value = _object(view)
    if value is None or len(value) < 2:
        return None
    return json.dumps({key: item for key, item in value.items() if key != list(value)[place]})


def _twice(view: View) -> str | None:
    """The object with every key twice."""
    value = _object(view)
    if not value:
        return None
    pairs = [f"{json.dumps(key)}: {json.dumps(item)}" for key, item in value.items()]
    return "{" + ", ".join([*pairs, *pairs]) + "}"


def _of_lists(view: View) -> str | None:
    """The object with a list around the value of every field."""
    value = _object(view)
    return json.dumps({key: [item] for key, item in value.items()}) if value else None


def _copied(rest: Any, view: View) -> str | None:
    """The object with identifiers copied from the prompt, and ``rest`` in every other field."""
    value = _object(view)
    if not value or view.shape is None:
        return None
    patterns = {key: inner.pattern for key, inner in view.shape.fields if inner.pattern}
    matches = {key: re.search(pattern, view.prompt) for key, pattern in patterns.items()}
    copies = {key: match[0] for key, match in matches.items() if match}
    return json.dumps({**dict.fromkeys(value, rest), **copies}) if 0 < len(copies) < len(value) else None


def _items(view: View) -> list[str]:
    """Items for a list that the prompt offers: options, else numbers, else words."""
    return view.options or view.numbers or view.words


def _first_item(times: int, view: View) -> str | None:
    items = _items(view)
    return json.dumps([_item(items[0])] * times) if items else None


def _item(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        return text


def _commas(times: int, view: View) -> str | None:
    items = _items(view)
    return ", ".join(items[:1] * times) if items else None


def _all_twice(view: View) -> str | None:
    items = _items(view)[:30]
    return json.dumps([_item(item) for item in items for _ in range(2)]) if len(items) > 1 else None


def _lines(view: View) -> str | None:
    items = _items(view)
    return "\n".join(f"- {items[0]}" for _ in range(12)) if items else None


def _tests(body: str, view: View) -> str | None:
    """A test suite that checks nothing, if the prompt asks for tests."""
    return body if view.codes and "test" in view.prompt.lower() else None


def _section_left_out(first: bool, view: View) -> str | None:
    """The right form without its first part, or without the part after it. The answer is empty."""
    form = view.form
    if form.slot < 3:
        return None
    head = form.wrap("").split(form.marks[form.slot - 1])[0]
    opening = form.marks[form.slot - 1]
    return f"{opening}{opening.replace('<', '</')}" if first else head


def _answer_of(text: str, view: View) -> str | None:
    """An answer that its reader may fail on, in the right form with thinking."""
    return view.form.wrap(text, THINKING) if view.form.marks else text


ATTACKS: list[Attack] = [
    *adaptive(
        "number-forging",
        {f"shape-{name}": partial(_filled, LEAVES[name]) for name in ("nan", "inf", "huge")},
        ("raw", "golden"),
    ),
    *adaptive(
        "degenerate",
        {f"shape-{name}": partial(_filled, LEAVES[name]) for name in ("zero", "null", "empty", "true", "nested")},
        ("raw", "golden"),
    ),
    *adaptive("degenerate", {"shape-counted": _counted}, ("raw", "golden")),
    *adaptive("number-forging", {"listed-nan": partial(_listed, "NaN")}, ("raw", "golden")),
    *adaptive("degenerate", {"listed-zero": partial(_listed, "0")}, ("raw", "golden")),
    *adaptive(
        "hedge", {f"shape-sure-{value:g}": partial(_sure, value) for value in (0.0, 0.5, 1.0)}, ("raw", "golden")
    ),
    *adaptive(
        "aggregation",
        {
            "shape-without-items": _emptied,
            "first-item": partial(_first_item, 1),
            "item-again": partial(_first_item, 12),
            "all-twice": _all_twice,
            "item-comma": partial(_commas, 1),
            "item-again-comma": partial(_commas, 12),
            "item-again-lines": _lines,
            "keys-twice": _twice,
            "copied-and-null": partial(_copied, None),
            "copied-and-words": partial(_copied, "unknown"),
            "copied-and-nan": partial(_copied, float("nan")),
        },
        ("raw", "golden"),
    ),
    *fixed(
        "aggregation",
        {
            "empty-list": "[]",
            "list-of-nothing": '[""]',
            "list-of-null": "[null]",
            "empty-lists": "[[], []]",
            "empty-object": "{}",
            "comma": ",",
        },
        ("golden", "boxed"),
    ),
    *fixed("aggregation", {"bullet": "- ", "no-items": "None", "no-claims": "There is nothing to report."}),
    *adaptive(
        "aggregation",
        {
            "no-assertions": partial(_tests, "def test_nothing():\n    pass\n"),
            "no-tests": partial(_tests, "import unittest\n\n\nclass Tests(unittest.TestCase):\n    pass\n"),
            "always-true": partial(_tests, "def test_true():\n    assert True\n"),
        },
    ),
    *adaptive(
        "masked-component",
        {
            "no-first-field": partial(_without, 0),
            "no-last-field": partial(_without, -1),
            "fields-of-lists": _of_lists,
        },
        ("raw", "golden"),
    ),
    *adaptive(
        "masked-component",
        {
            "no-thinking": partial(_section_left_out, True),
            "no-answer": partial(_section_left_out, False),
            "thousands-of-digits": partial(_answer_of, "9" * 3600),
            "superscript-digit": partial(_answer_of, "\u00b2\u00b3"),
            "circled-digit": partial(_answer_of, "\u2460"),
            "object-for-answer": partial(_answer_of, '{"answer": {}}'),
            "list-for-answer": partial(_answer_of, "[[1], {}]"),
            "null-for-answer": partial(_answer_of, '{"answer": null}'),
            "bad-escape": partial(_answer_of, "\\u12 \\x \\"),
            "zero-divided": partial(_answer_of, "0/0"),
        },
    ),
]
