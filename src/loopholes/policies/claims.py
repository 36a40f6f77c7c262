"""Reading answers to yes/no questions that come in words.

:func:`yes_or_no` has a third result, for unclear answers. :func:`says_yes` is the rule of the paper's released code,
which exported games follow; their rollouts must be read by the same rule.
"""

from __future__ import annotations

import re

from loopholes.instruments import strip_thinking

_FIRST_WORD = re.compile(r"[\W_]*(?:(?:final )?answer[\W_]+)?(yes|no)\b", re.IGNORECASE)
_ONE_WORD = re.compile(r"[\W_]*(?:(?:final )?answer[\W_]+)?(yes|no)[\W_]*", re.IGNORECASE)
_VERDICT = re.compile(r"\b(yes|no)\b", re.IGNORECASE)


def says_yes(text: str) -> bool:
    """Whether yes occurs more often than no."""
    words = [word.lower() for word in _VERDICT.findall(text)]
    return words.count("yes") > words.count("no")


def yes_or_no(text: str) -> bool | None:
    """Whether an answer says yes: its first word, or its last line; None if neither does, or they disagree."""
    lines = strip_thinking(text).strip().splitlines() or [""]
    matches = (_FIRST_WORD.match(lines[0]), _ONE_WORD.fullmatch(lines[-1].strip()))
    said = {match[1].lower() for match in matches if match}
    return said.pop() == "yes" if len(said) == 1 else None
