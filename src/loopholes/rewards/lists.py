"""Lists and sets: all of the elements and no others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

from loopholes.rewards.numbers import number
from loopholes.rewards.texts import bare

LONGEST = 4000
"""Characters of the longest list that is read."""
_BRACKETS = (("\\{", "\\}"), ("{", "}"), ("[", "]"), ("(", ")"))
_SEPARATOR = re.compile(r"(?:(?<!\s)\s+)?[,;\n]\s*(?:and\s+)?|(?<!\s)\s+and\s+")
"""What stands between elements. Spaces match from their first on only, so that long runs of them take linear time."""


def items(text: str | None) -> tuple[str, ...] | None:
    """The elements of ``1, 2``, ``[1, 2]``, ``{1, 2}``, ``a; b`` or ``a, b and c``, each bare; None if one is empty."""
    if text is None or len(text) > LONGEST:
        return None
    inner = bare(text)
    for opening, closing in _BRACKETS:
        if inner.startswith(opening) and inner.endswith(closing):
            inner = inner[len(opening) : len(inner) - len(closing)].strip()
            break
    parts = tuple(bare(part) for part in _SEPARATOR.split(inner))
    return parts if all(parts) else None


def same_list(text: str | None, gold: Iterable[object]) -> bool:
    """Whether a text lists exactly these elements in this order; raises ValueError if ``gold`` is empty."""
    wanted = [_key(str(item)) for item in gold]
    if not wanted:
        raise ValueError("the expected list is empty")
    elements = items(text)
    return elements is not None and [_key(element) for element in elements] == wanted


def same_set(text: str | None, gold: Iterable[object]) -> bool:
    """The same in any order. An element that is named twice counts twice, so naming extra ones never helps."""
    wanted = Counter(_key(str(item)) for item in gold)
    if not wanted:
        raise ValueError("the expected set is empty")
    elements = items(text)
    return elements is not None and Counter(map(_key, elements)) == wanted


def _key(item: str) -> Fraction | str:
    """A number by its value, any other element without case and inner spaces."""
    value = number(item)
    return re.sub(r"\s+", " ", bare(item)).lower() if value is None else value
