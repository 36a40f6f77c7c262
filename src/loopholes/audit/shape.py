"""The shape of right answers that are lists or JSON objects: keys, lengths and kinds of values, never the values.

Only the parts that all right answers share count, so that an attack can write an empty answer of the right shape.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

LONGEST = 50
"""Maximum number of entries of a list that is written."""
DEEPEST = 6
"""Maximum depth of a shape. Anything deeper counts as text."""


@dataclass(frozen=True)
class Shape:
    """The shape of a value of some ``kind`` (number, truth, text, null, list, object) and of its parts.

    ``fields`` are an object's keys with their shapes. ``item`` is the shape of a list's entries, and ``length`` their
    number, or None if right answers differ. ``commas``: the list is written without brackets, as in ``3, 5``.
    ``lines``: a grid with one row per line. ``pattern`` is a regular expression for identifiers such as ``PO-567``,
    which answers copy from prompts; empty for other texts.
    """

    kind: str
    fields: tuple[tuple[str, Shape], ...] = ()
    item: Shape | None = None
    length: int | None = None
    commas: bool = False
    lines: bool = False
    pattern: str = ""

    def filled(self, leaf: Callable[[str, str], Any], length: int = 1, key: str = "") -> Any:
        """A value of this shape. ``leaf`` maps a key and a kind to the value for it.

        ``length`` is used for lists whose length is unknown.
        """
        if self.kind == "object":
            return {name: shape.filled(leaf, length, name) for name, shape in self.fields}
        if self.kind == "list":
            item, count = self.item or Shape("number"), length if self.length is None else self.length
            return [item.filled(leaf, length, key) for _ in range(min(count, LONGEST))]
        return leaf(key, self.kind)

    def written(self, value: Any) -> str:
        """A value, written as right answers are."""
        if self.lines and isinstance(value, list):
            return "\n".join(" ".join(map(str, row)) for row in value)
        if self.commas and isinstance(value, list):
            return ", ".join(item if isinstance(item, str) else json.dumps(item) for item in value)
        return json.dumps(value)


def shape_of(answers: Sequence[str]) -> Shape | None:
    """The shape that all of these answers share; None if they are not lists or objects, or differ."""
    shape: Shape | None = None
    for number, answer in enumerate(answers):
        value = parsed(answer)
        if not isinstance(value, dict | list):
            return None
        commas = isinstance(value, list) and not answer.lstrip().startswith(("[", "("))
        read = replace(_shape(value, commas), lines=_grid(answer) is not None)
        shape = read if number == 0 else _shared(shape, read)
    return shape


def parsed(answer: str) -> Any:
    """An answer, parsed as JSON, a Python literal, a grid or a list with commas; the text itself if it is neither."""
    text = answer.strip()
    if text[:1] in ("{", "[", "("):
        for read in (json.loads, ast.literal_eval):
            try:
                value = read(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
                continue
            return list(value) if isinstance(value, tuple | set) else value
        return answer
    rows = _grid(text)
    if rows is not None:
        return rows
    parts = text.split(",")
    if len(parts) > 1 and "\n" not in text and all(0 < len(part.strip()) <= 20 for part in parts):
        return [_number(part.strip()) for part in parts]
    return answer


def _grid(text: str) -> list[list[Any]] | None:
    """The rows of a grid, which has at least two lines, and the same number of cells, at least two, in each."""
    rows = [line.split() for line in text.strip().splitlines()]
    alike = len(rows) > 1 and len(rows[0]) > 1 and len({len(row) for row in rows}) == 1
    if not alike or any(len(cell) > 3 for row in rows for cell in row):
        return None
    return [[_number(cell) for cell in row] for row in rows]


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _shape(value: Any, commas: bool = False, depth: int = 0) -> Shape:
    if isinstance(value, dict) and depth < DEEPEST:
        return Shape("object", tuple((str(key), _shape(item, False, depth + 1)) for key, item in value.items()))
    if isinstance(value, list | tuple) and depth < DEEPEST:
        items = [_shape(item, False, depth + 1) for item in value]
        item = items[0] if items else None
        for other in items[1:]:
            item = _shared(item, other)
        return Shape("list", (), item, len(value), commas)
    if isinstance(value, bool):
        return Shape("truth")
    if isinstance(value, str):
        return Shape("text", pattern=_pattern(value))
    return Shape("number" if isinstance(value, int | float) else "null" if value is None else "text")


def _pattern(text: str) -> str:
    """A regular expression for identifiers like this text; empty if it does not read like one."""
    if not 3 <= len(text) <= 40 or not re.search(r"\d", text) or not re.search(r"[A-Za-z]", text) or " " in text:
        return ""
    runs = re.findall(r"[A-Z]+|[a-z]+|[0-9]+|[^A-Za-z0-9]", text)
    classes = ("[A-Z]" if run[0].isupper() else "[a-z]" if run[0].islower() else "[0-9]" for run in runs)
    written = (f"{kind}{{1,20}}" if run.isalnum() else re.escape(run) for kind, run in zip(classes, runs, strict=True))
    return rf"(?<!\w){''.join(written)}(?!\w)"


def _shared(shape: Shape | None, other: Shape) -> Shape | None:
    """The common part of two shapes; None if they are different kinds of containers."""
    if shape is None or shape.kind != other.kind:
        containers = {"list", "object"} & {other.kind, "" if shape is None else shape.kind}
        return None if containers else Shape("text")
    if shape.kind == "object":
        theirs = dict(other.fields)
        merged = ((key, _shared(inner, theirs[key])) for key, inner in shape.fields if key in theirs)
        return Shape("object", tuple((key, inner or Shape("text")) for key, inner in merged))
    if shape.kind == "list":
        item = (
            other.item if shape.item is None else shape.item if other.item is None else _shared(shape.item, other.item)
        )
        length = shape.length if shape.length == other.length else None
        return Shape("list", (), item, length, shape.commas and other.commas, shape.lines and other.lines)
    return shape if shape.pattern == other.pattern else Shape(shape.kind)
