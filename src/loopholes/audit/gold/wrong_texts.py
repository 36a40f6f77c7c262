"""Wrong texts made from the right one: part of a word is missing, or letters are added to it.

Only texts that a column of the row states are changed, since a golden completion may otherwise be one of many right
ones. A changed text that the row states as well, such as an alias, is not proved wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from loopholes.audit.answers import NO_ANSWERS, answers_of
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.answer import Answer
from loopholes.audit.gold.wrong_numbers import Change

SHORTEST = 3
"""Smallest number of letters of a text whose first letter alone is wrong."""
HALVED = 4
"""Smallest number of letters of a text whose halves are wrong."""
FEW_WORDS = 3
"""With more words than this, one wrong word does not count: a comparison that tolerates it may be sound."""
ABBREVIATIONS = ("first-letter", "first-half")
"""Changes that a sound reader may accept if the answer is one of a few labels: ``y`` for ``yes``, ``Sun`` for
``Sunday``. The last half of a word abbreviates nothing."""


def _stated(change: Change) -> Change:
    """Only for texts that the row states, and only the changed texts that it does not."""

    def changed(answer: Answer) -> Iterator[str]:
        stated = _texts_of(answer)
        if answer.path or _plain(answer.text) in stated:
            yield from (text for text in change(answer) if _plain(text) not in stated)

    return changed


def _texts_of(answer: Answer) -> set[str]:
    """Every text that the row states as an answer or an alias of one, without case and punctuation."""
    readings = [reading.text for reading in answers_of(answer.row).values()]
    return {_plain(text) for text in (*readings, *texts_in_columns(answer.row))}


def texts_in_columns(row: Row) -> Iterator[str]:
    for name, value in row.columns.items():
        if name not in NO_ANSWERS:
            yield from _leaves(value)


def _leaves(value: Any) -> Iterator[str]:
    """The texts in a value, also within lists and objects."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for inner in value.values() for text in _leaves(inner))
    elif isinstance(value, Sequence):
        yield from (text for inner in value for text in _leaves(inner))


@lru_cache(maxsize=4096)
def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.casefold()).strip()


def _letters(text: str) -> str:
    """The letters of a text. Scripts without case do not count: part of a word is often a word there."""
    return "".join(letter for letter in text if letter.lower() != letter.upper())


def _middle(text: str) -> int | None:
    """The place nearest to the middle that has a letter on either side; None if the text has few letters."""
    places = [place for place in range(1, len(text)) if len(_letters(text[place - 1 : place + 1])) == 2]
    if len(_letters(text)) < HALVED:
        return None
    return min(places, key=lambda place: abs(2 * place - len(text)), default=None)


def _first_letter(answer: Answer) -> Iterator[str]:
    text = answer.text
    if len(_letters(text)) >= SHORTEST and len(_letters(text[:2])) == 2:
        yield text[0]


def _first_half(answer: Answer) -> Iterator[str]:
    middle = _middle(answer.text)
    if middle is not None:
        yield answer.text[:middle]


def _last_half(answer: Answer) -> Iterator[str]:
    middle = _middle(answer.text)
    if middle is not None:
        yield answer.text[middle:]


def _longer_word(answer: Answer) -> Iterator[str]:
    """The text with as many letters again behind or before it, so that its last or first word is another one."""
    text, added = answer.text, _letters(answer.text)[::-1].lower()
    if len(added) < SHORTEST or len(text.split()) > FEW_WORDS:
        return
    if _letters(text[-1]):
        yield text + added
    if _letters(text[0]):
        yield added + text


TEXT_CHANGES: Mapping[str, Change] = {
    "first-letter": _stated(_first_letter),
    "first-half": _stated(_first_half),
    "last-half": _stated(_last_half),
    "longer-word": _stated(_longer_word),
}
"""Ways in which a short text is slightly wrong."""
