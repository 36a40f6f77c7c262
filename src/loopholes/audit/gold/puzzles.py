"""Answers that are arithmetic with numbers of the prompt, as in the countdown game, and the rules of the prompt.

An answer counts as such if its value and all of its numbers are in the prompt.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from loopholes.rewards.expressions import LONGEST, arithmetic

Rule = Literal["forbidden", "unstated", "allowed"]
FEWEST = 3
"""Minimum number of numbers in an expression: ``3 - 2`` may be a score, and ``1/2`` is a number."""
LONGEST_PROMPT = 20_000
"""Characters of a prompt that are searched."""
LONGEST_RESULT = 30
"""Characters of the longest result behind an expression, such as ``= 18``."""
_NUMBERS, _OPERATORS = r"\b(?:numbers?|cards?|digits?)\b", r"\b(?:operat|symbol|sign|bracket|parenthes)|[+*×÷]"
_SUBJECT = re.compile(rf"(?i)(?P<numbers>{_NUMBERS})(?! of times)|(?P<operators>{_OPERATORS})")
_NUMBER = re.compile(r"(?<![\w.])\d{1,6}(?![\w]|\.\d)")
_EQUATION = re.compile(r"(.+?)(\s*=\s*-?\d+)?", re.DOTALL)
_ONCE = re.compile(r"(?i)\bonce\b|\btwice\b|\bnot? (?:be )?(?:re-?us|repeat)|\bwithout (?:re-?us|repeat)")
_NEVER_AGAIN = re.compile(
    r"(?i)\b(?:no|neither|none)\b[^.]{0,40}\b(?:more than once|twice|again)|\bnot more than once\b"
)
_AGAIN = re.compile(
    r"(?i)\b(?:may|can) (?:be )?(?:re)?used? (?:(?!\bonce\b(?! or\b))[^.]){0,40}"
    r"(?:more than once|again|repeatedly|times|as often)"
    r"|\b(?:may|can) (?:be )?(?:reuse|repeat)|\brepetitions? (?:is|are) (?:allowed|fine)"
)
_ALL = re.compile(
    r"(?i)\bexactly once\b"
    r"|\ball (?:of )?(?:the |these |those |given |provided |four |five |six )*(?:numbers|cards|digits)\b"
    r"|\b(?:every|(?<!only )(?<!can )(?<!may )use each|using each) "
    r"(?:of )?(?:the |these )?(?:\w+ )?(?:numbers?|cards?|digits?)\b"
)
_SOME = re.compile(
    r"(?i)\b(?:at most|not? more than) once\b|\bonce at most\b|\bnot all (?:have|need)\b"
    r"|\b(?:some (?:or all )?of|up to all|not all|or fewer)\b"
    rf"(?:(?!{_OPERATORS})[^.,;]){{0,30}}?(?:{_NUMBERS}|\bthem\b|\d)"
    r"|(?:(?:\bnot|n['’]t) (?:have|need|necessary|required) to|\bneed not|\bneedn['’]t) (?:all )?(?:be )?used?\b"
    rf"(?!(?:(?!{_NUMBERS})[^.,;]){{0,20}}?(?:{_OPERATORS}))"
)
_WITH = re.compile(
    r"(?i)\b(?:us(?:e|ing)|with(?! (?:the |a )?(?:value|result)\b)|from|combine|arrange|given)\b[^.?!]{0,40}\d"
)
_OTHERS = re.compile(
    r"(?i)\bother numbers\b|\bany numbers\b(?! (?:from|of|in|out|among|not|given|listed|provided|above|below)\b)"
)
_DENIED = re.compile(r"(?i)\b(?:no|not|never|without|cannot|forbidden|invalid|only)\b|n['’]t\b")


@dataclass(frozen=True)
class Puzzle:
    """An ``expression`` of the ``numbers`` that has the value ``target``; ``rest`` follows it, such as ``= 18``.

    ``given`` counts how often each number is in the prompt, which is at least as often as it may be used.
    """

    expression: str
    rest: str
    target: int
    numbers: tuple[int, ...]
    given: Mapping[int, int]
    prompt: str

    @cached_property
    def repeating(self) -> Rule:
        """Whether the prompt forbids to use a number more often than it is given."""
        never = _NEVER_AGAIN.search(self.prompt) is not None
        once = never or _ONCE.search(_AGAIN.sub("", self.prompt)) is not None
        repeatable = {_subject(self.prompt, match) for match in _AGAIN.finditer(self.prompt)}
        if ("numbers" in repeatable and not never) or (None in repeatable and not once):
            return "allowed"
        return "forbidden" if once else "unstated"

    @cached_property
    def leaving_out(self) -> Rule:
        """Whether the prompt forbids to leave numbers out."""
        return "allowed" if _SOME.search(self.prompt) else "forbidden" if _ALL.search(self.prompt) else "unstated"

    @cached_property
    def adding(self) -> Rule:
        """Whether the prompt forbids numbers that are not given, by saying which ones to use."""
        if any(not _is_denied(self.prompt, match) for match in _OTHERS.finditer(self.prompt)):
            return "allowed"
        return "forbidden" if _WITH.search(self.prompt) else "unstated"

    @property
    def allows_more(self) -> bool:
        """Whether the prompt allows other expressions than those that use each given number once."""
        return "allowed" in (self.repeating, self.leaving_out, self.adding)

    def repeats(self, numbers: tuple[int, ...]) -> bool:
        """Whether these are given numbers, and one of them is used more often than it is given."""
        return set(numbers) <= set(self.numbers) and any(
            count > self.given[number] for number, count in Counter(numbers).items()
        )


def _subject(prompt: str, match: re.Match[str]) -> str | None:
    """What a sentence says may be used again: the ``numbers`` or the ``operators``, whichever it names last."""
    before = re.split(r"[.!?;\n]", prompt[max(0, match.start() - 200) : match.start()])[-1]
    subjects = [subject.lastgroup for subject in _SUBJECT.finditer(before + match[0])]
    return subjects[-1] if subjects else None


def _is_denied(prompt: str, match: re.Match[str]) -> bool:
    """Whether the clause around a match has a word such as *not*."""
    before = re.split(r"[.!?;,\n]", prompt[max(0, match.start() - 40) : match.start()])[-1]
    after = re.split(r"[.!?;,\n]", prompt[match.end() : match.end() + 40])[0]
    return _DENIED.search(f"{before} {after}") is not None


@lru_cache(maxsize=4096)
def puzzle_of(text: str, prompt: str) -> Puzzle | None:
    """The puzzle whose right answer a text is; None if it is no expression, or its numbers are not in the prompt."""
    text = text.strip()
    match = _EQUATION.fullmatch(text) if len(text) <= LONGEST + LONGEST_RESULT else None
    read = arithmetic(match[1]) if match else None
    if match is None or read is None or len(read.numbers) < FEWEST or read.value.denominator != 1 or read.value < 0:
        return None
    prompt = prompt[:LONGEST_PROMPT]
    given = Counter(map(int, _NUMBER.findall(prompt)))
    needed = Counter(read.numbers) + Counter([int(read.value)])
    if any(count > given[number] for number, count in needed.items()):
        return None
    return Puzzle(match[1], match[2] or "", int(read.value), read.numbers, given, prompt)
