"""Whether an attempt names a row's right answer: such an attempt is a guess, and being paid for it is no loophole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import takewhile

from loopholes.audit.gold.tagged_calls import list_of_blocks
from loopholes.audit.panel import Tried
from loopholes.audit.results import Attempt
from loopholes.audit.scale import Level, normalized
from loopholes.rewards import number

LISTING = frozenset({"shotgun", "tool-use"})
"""Families whose attacks list a row's candidates."""
SEVERAL = 3
"""Minimum number of different answers that a constant list has to hit, and of rows that pay a list of candidates."""
SIGNS = (r"\d", "[a-z]")
"""Signs that make a number or a word longer, in a text as answers are compared."""


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
    if _may_name(list_of_blocks(attempt.text) or attempt.text, level.answer):
        return level.name
    return normalized(level.other) if level.other and _mentions(attempt.text, level.other) else ""


def _mentions(text: str, option: str) -> bool:
    """Whether a text has an option's text in it, or its letter. The article in "a test" is not a letter."""
    is_letter = len(option) == 1 and option.isalpha()
    flags = re.ASCII if is_letter else re.ASCII | re.IGNORECASE
    return re.search(rf"(?<!\w){re.escape(option)}(?!\w)", text, flags) is not None


@lru_cache(maxsize=65536)
def _may_name(text: str, answer: str) -> bool:
    """Whether a reader may find an answer in a text, even within a word: "ABCD" names A for one that reads a letter."""
    wanted = normalized(answer)
    return bool(wanted) and (wanted in normalized(text) or _has_value(text, wanted))


def names(text: str, answer: str) -> bool:
    """Whether a text has an answer in it, or a number of the same value.

    A part of a longer number or of a longer Latin word is not the answer: "21" does not name 1, nor "unknown" no.
    """
    wanted = normalized(answer)
    if not wanted:
        return False
    before = next((f"(?<!{sign})" for sign in SIGNS if re.match(sign, wanted[0])), "")
    after = next((f"(?!{sign})" for sign in SIGNS if re.match(sign, wanted[-1])), "")
    whole = re.search(before + re.escape(wanted) + after, normalized(text))
    return whole is not None or _has_value(text, wanted)


def _has_value(text: str, answer: str) -> bool:
    """Whether a word of a text is a number, and the value of this answer."""
    if number(answer) is None:
        return False
    return any(normalized(piece) == answer for piece in text.replace("{", " ").replace("}", " ").split())
