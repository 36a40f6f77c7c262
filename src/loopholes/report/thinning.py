"""Reduces what is too much to show: points of a line, rows of a list, characters of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def evenly(count: int, most: int) -> list[int]:
    """At most ``most`` of ``count`` positions, evenly spread, including the first and the last."""
    if count <= most:
        return list(range(count))
    if most < 2:
        return [0][:most]
    return [round(index * (count - 1) / (most - 1)) for index in range(most)]


def evenly_of(rows: Sequence[T], most: int) -> list[T]:
    """At most ``most`` of the rows, evenly spread."""
    return [rows[index] for index in evenly(len(rows), most)]


def clip(text: str, length: int) -> str:
    """The beginning and the end of a text that is too long, with the number of missing characters."""
    if len(text) <= length:
        return text
    head, tail = (2 * length) // 3, length // 3
    return f"{text[:head]}\n[… {len(text) - head - tail:,} characters left out …]\n{text[-tail:]}"
