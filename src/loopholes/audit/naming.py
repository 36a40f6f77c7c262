"""Whether an attempt names a row's right answer: such an attempt is a guess, and being paid for it is no loophole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import takewhile

from loopholes.audit.panel import Tried
from loopholes.audit.results import Attempt
from loopholes.audit.scale import Level, normalized
from loopholes.rewards import number

LISTING = frozenset({"shotgun", "tool-use"})
"""Families whose attacks list a row's candidates."""
SEVERAL = 3
"""Minimum number of different answers that a constant list has to hit, and of rows that pay a list of candidates."""


def names_many(tried: Tried, levels: Sequence[Level]) -> bool:
    """Whether an attack hits several answers because it names many: a constant list, or the row's own candidates.

    For a row's own candidates, a reader of only the first answer, or only the last, is right on some rows by luck. So
    the right answer has to come after other candidates on some rows, and before others on some.
    """
    texts = {level.row: normalized(tried.attempts[level.row].text) for level in levels}
    answers = {level.row: named_answer(tried.attempts[level.row], level) for level in levels}
    if len(set(texts.values())) == 1:
        return len(set(answers.values())) >= SEVERAL
    if tried.attack.family not in LISTING or len(levels) < SEVERAL:
        return False
    head, tail = _alike([*texts.values()]), _alike([text[::-1] for text in texts.values()])
    starts = {row: text.find(answers[row]) for row, text in texts.items()}
    behind = [row for row, start in starts.items() if start > head]
    before = [row for row, start in starts.items() if 0 <= start + len(answers[row]) < len(texts[row]) - tail]
    return bool(behind and before)


def _alike(texts: Sequence[str]) -> int:
    """The length of the common prefix of these texts."""
    return sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*texts, strict=False)))


def named_answer(attempt: Attempt, level: Level) -> str:
    """The name of the right answer that an attempt gives or mentions, as answers are compared; empty if none."""
    if names(attempt.text, level.answer):
        return normalized(level.answer)
    return normalized(level.other) if level.other and _mentions(attempt.text, level.other) else ""


def _mentions(text: str, option: str) -> bool:
    """Whether a text has an option's text in it, or its letter. The article in "a test" is not a letter."""
    is_letter = len(option) == 1 and option.isalpha()
    flags = re.ASCII if is_letter else re.ASCII | re.IGNORECASE
    return re.search(rf"(?<!\w){re.escape(option)}(?!\w)", text, flags) is not None


@lru_cache(maxsize=65536)
def names(text: str, answer: str) -> bool:
    """Whether a text contains an answer, or a number of the same value."""
    wanted = normalized(answer)
    if not wanted or wanted in normalized(text):
        return bool(wanted)
    if number(wanted) is None:
        return False
    return any(normalized(piece) == wanted for piece in text.replace("{", " ").replace("}", " ").split())
