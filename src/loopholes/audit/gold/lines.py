"""Answers of several short lines, which are lists by line if the row states every line.

A line such as ``owner: core`` is stated if a column, or an object in one, holds that value under that key. Other lines
are stated if a column holds exactly the lines of the answer: as a text, as a list, or as a list of lists. An answer
with a line that the prompt shows does not count, since that line may not have been asked for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loopholes.audit.answers import NO_ANSWERS
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.json_objects import DEEPEST, loaded

LONGEST_LINE = 40
"""Longest line, in characters, that counts as short."""
KEYED = re.compile(r"(?P<key>[^:=]*[^:=\s]\s*[:=]\s*)(?P<value>\S.*)")
"""A line or element that names a key, such as ``owner: core``."""
_BULLET = re.compile(r"(?:[-*•]|\d{1,2}[.)])\s+")


def short_lines(text: str) -> list[str]:
    """The lines of a text, without blank ones; empty if there are fewer than two, or a long one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines if len(lines) > 1 and max(map(len, lines)) <= LONGEST_LINE else []


def is_list_by_line(text: str, row: Row) -> bool:
    """Whether a text consists of short lines, all of which the row states and none of which the prompt shows."""
    lines = [_plain(line) for line in short_lines(text)]
    if not lines or set(lines) & {_plain(line) for line in row.text.splitlines()}:
        return False
    columns = {name: value for name, value in row.columns.items() if name not in NO_ANSWERS}
    return set(lines) <= set(_pairs(columns)) or any(
        Counter(stated) == Counter(lines) for value in columns.values() for stated in _listed(value)
    )


def _pairs(value: Any, depth: int = 0) -> Iterator[str]:
    """Every key with its value, as a line, in columns and in the objects and JSON texts in them."""
    if isinstance(value, str):
        value = loaded(value)
    if isinstance(value, Mapping) and depth <= DEEPEST:
        yield from (_plain(f"{key}: {inner}") for key, inner in value.items() if isinstance(inner, str | int | float))
        yield from (line for inner in value.values() for line in _pairs(inner, depth + 1))


def _listed(value: Any, depth: int = 0) -> Iterator[list[str]]:
    """The lines that a value states as a whole, in each way to write them."""
    if isinstance(value, str):
        yield [_plain(line) for line in short_lines(value)]
        value = loaded(value)
    if isinstance(value, Mapping) and depth <= DEEPEST:
        yield from (lines for inner in value.values() for lines in _listed(inner, depth + 1))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for separator in (" ", ", ", ""):
            yield [_plain(_written(element, separator)) for element in value]


def _written(element: Any, separator: str) -> str:
    return separator.join(map(str, element)) if isinstance(element, list | tuple) else str(element)


def _plain(line: str) -> str:
    """A line as lines are compared: without its bullet, letter case, underscores, and spaces around its key's sign."""
    text = _BULLET.sub("", line.strip(), count=1) if _BULLET.match(line.strip()) else line.strip()
    return re.sub(r"\s*[:=]\s*", ": ", re.sub(r"[\s_]+", " ", text.casefold())).strip()
