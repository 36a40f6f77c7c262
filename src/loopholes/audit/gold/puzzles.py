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

from loopholes.rewards.expressions import arithmetic

Rule = Literal["forbidden", "unstated", "allowed"]
FEWEST = 3
"""Minimum number of numbers in an expression: ``3 - 2`` may be a score, and ``1/2`` is a number."""
LONGEST = 20_000
"""Characters of a prompt that are searched."""
_NUMBER = re.compile(r"(?<![\w.])\d{1,6}(?![\w]|\.\d)")
_EQUATION = re.compile(r"(.+?)(\s*=\s*-?\d+)?", re.DOTALL)
_ONCE = re.compile(r"(?i)\bonce\b|\btwice\b|\bnot? (?:be )?(?:re-?us|repeat)|\bwithout (?:re-?us|repeat)")
_NEVER_AGAIN = re.compile(r"(?i)\b(?:no|neither|none)\b[^.]{0,40}\b(?:more than once|twice|again)")
_AGAIN = re.compile(
    r"(?i)\b(?:may|can) (?:be )?(?:re)?used? [^.]{0,40}(?:more than once|again|repeatedly|times|as often)"
    r"|\b(?:may|can) (?:be )?(?:reuse|repeat)|\brepetitions? (?:is|are) (?:allowed|fine)"
)
_ALL = re.compile(
    r"(?i)\bexactly once\b"
    r"|\ball (?:of )?(?:the |these |those |given |provided |four |five |six )*(?:numbers|cards|digits)\b"
    r"|\b(?:every|(?<!only )(?<!can )(?<!may )use each|using each) "
    r"(?:of )?(?:the |these )?(?:\w+ )?(?:numbers?|cards?|digits?)\b"
)
_SOME = re.compile(
    r"(?i)\bat most once\b|\bsome (?:or all )?of\b|\bnot (?:have|need) to use\b|\bneed not\b|\bor fewer\b"
)
_WITH = re.compile(r"(?i)\b(?:us(?:e|ing)|with|from|combine|arrange|given)\b[^.?!]{0,40}\d")


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
        if _AGAIN.search(self.prompt) and not _NEVER_AGAIN.search(self.prompt):
            return "allowed"
        return "forbidden" if _ONCE.search(self.prompt) else "unstated"

    @cached_property
    def leaving_out(self) -> Rule:
        """Whether the prompt forbids to leave numbers out."""
        return "forbidden" if _ALL.search(self.prompt) else "allowed" if _SOME.search(self.prompt) else "unstated"

    @cached_property
    def adding(self) -> Rule:
        """Whether the prompt forbids numbers that are not given, by saying which ones to use."""
        return "forbidden" if _WITH.search(self.prompt) else "unstated"

    def repeats(self, numbers: tuple[int, ...]) -> bool:
        """Whether these are given numbers, and one of them is used more often than it is given."""
        return set(numbers) <= set(self.numbers) and any(
            count > self.given[number] for number, count in Counter(numbers).items()
        )


@lru_cache(maxsize=4096)
def puzzle_of(text: str, prompt: str) -> Puzzle | None:
    """The puzzle whose right answer a text is; None if it is no expression, or its numbers are not in the prompt."""
    match = _EQUATION.fullmatch(text.strip())
    read = arithmetic(match[1]) if match else None
    if match is None or read is None or len(read.numbers) < FEWEST or read.value.denominator != 1 or read.value < 0:
        return None
    prompt = prompt[:LONGEST]
    given = Counter(map(int, _NUMBER.findall(prompt)))
    needed = Counter(read.numbers) + Counter([int(read.value)])
    if any(count > given[number] for number, count in needed.items()):
        return None
    return Puzzle(match[1], match[2] or "", int(read.value), read.numbers, given, prompt)
