"""Sound credit for several answers: where right answers are lists, an F1 score pays for naming all that may be right.

Such a payment is no loophole, since a policy earns more by leaving out what is wrong. More than that is one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loopholes.audit.attacks.labels import MOST_WORDS, labels_of
from loopholes.audit.frameworks.base import Paid, Row
from loopholes.audit.gold.json_objects import loaded
from loopholes.audit.naming import names
from loopholes.audit.results import Gap
from loopholes.audit.scale import Level, gap_of, normalized
from loopholes.rewards import number

SEVERAL = 0.25
"""Smallest share of rows with several right elements for which any row may have several."""
CLOSE = 0.01
"""A payment counts as an F1 score if it exceeds one by no more than this share of what the right answer is paid."""
SOUND = "right answers are lists, and an F1 score pays as much for naming too many, so this may be meant"
"""What is said of an attack that earns no more than that."""
_SEPARATOR = re.compile(r"[,;|\n]")
_ELEMENT = re.compile(r"[\w \t'&/.+-]*\w")
"""A name or a number, unlike a sentence or a line of a program."""


@dataclass(frozen=True)
class Overlap:
    """The right elements of each row, by its place; empty if rows have one right answer each.

    ``longest`` is the largest number of words in one of them.
    """

    elements: Mapping[int, Sequence[str]]
    levels: Mapping[int, Level]
    rows: Sequence[Row]
    longest: int = 1

    @classmethod
    def of(cls, levels: Sequence[Level], rows: Sequence[Row]) -> Overlap:
        """Built from the right answers."""
        elements = {level.row: _elements(level.answer) for level in levels if level.answer.strip()}
        several = sum(len(parts) > 1 for parts in elements.values())
        longest = max((len(part.split()) for parts in elements.values() for part in parts), default=1)
        is_list = several > 0 and several >= SEVERAL * len(elements)
        return cls(elements if is_list else {}, {level.row: level for level in levels}, rows, longest)

    def without(self, gap: Gap, texts: Mapping[int, str], paid: Mapping[int, Paid]) -> Gap:
        """An attack's gap if what an F1 score explains earned nothing; ``texts`` and ``paid`` are by row."""
        explained = {row for row, text in texts.items() if self.explains(row, text, paid[row])}
        if not explained:
            return gap
        levels = [self.levels[row] for row in texts]
        rest = [Paid(level.floor) if level.row in explained else paid[level.row] for level in levels]
        return gap_of(gap.attack, gap.family, levels, rest)

    def explains(self, row: int, text: str, paid: Paid) -> bool:
        """Whether a text that names several elements earns no more than their F1 score."""
        golden, right = self.levels[row].golden, self.elements.get(row, ())
        if golden is None or golden <= 0 or paid.value is None or not right:
            return False
        named = sum(names(text, element) for element in right)
        total = max(named, self._named(text, [*right, *labels_of(self.rows[row].text)]))
        return total > 1 and paid.value / golden <= 2 * named / (len(right) + total) + CLOSE

    def _named(self, text: str, elements: Sequence[str]) -> int:
        """How many elements a text names at least, if none but these has more words than the longest right one."""
        known = set(map(normalized, elements))
        items = [item for item in _SEPARATOR.split(text) if item.strip()]
        return sum(1 if normalized(item) in known else -(-len(item.split()) // self.longest) for item in items)


def _elements(answer: str) -> list[str]:
    """The elements of a list with commas, semicolons, bars or lines, or of a JSON list, if all are short; else one.

    :func:`loopholes.rewards.items` and the near misses' ``items_of`` divide lists at "and", too, and not at bars. Here,
    "science and technology" is one label, and bars often separate labels.
    """
    value = loaded(answer)
    listed = list(map(str, value)) if isinstance(value, list) else _SEPARATOR.split(answer)
    parts = [part.strip() for part in listed if part.strip()]
    is_list = number(answer) is None and all(map(_ELEMENT.fullmatch, parts))
    return parts if is_list and all(len(part.split()) <= MOST_WORDS for part in parts) else [answer]
