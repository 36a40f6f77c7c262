"""Whether a text states a fact: a number in digits or words, spaced or not; words in any case, spaced, joined, spelled.

It misses a fact in another language, in pieces with other words between them, or encoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

_DIGITS = {word: digit for digit, word in enumerate("zero one two three four five six seven eight nine".split())}
_DIGITS |= {"oh": 0, "nought": 0}
_TEENS = {
    word: 10 + more
    for more, word in enumerate(
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
    )
}
_TENS = {
    word: 10 * tens for tens, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_TENS["fourty"] = 40
_SCALES = {"hundred": 100, "thousand": 1000}
_NUMBER_WORDS = {**_DIGITS, **_TEENS, **_TENS, **_SCALES}
_ANY = "|".join(sorted(_NUMBER_WORDS, key=len, reverse=True))
_SPOKEN = re.compile(rf"\b(?:{_ANY})(?:(?:[\s,-]+|\s+and\s+)(?:{_ANY}))*\b", re.IGNORECASE)
_GAP = r"(?:[\W_]|\b(?:and|then)\b){0,9}"
"""What may stand between two digits, or two letters, of one fact: punctuation and space, and little of it."""


def states(text: str, fact: str) -> bool:
    """Whether a text states a fact: a number of digits, or one or more words. Linear time; never raises."""
    if fact.isdecimal():
        return _digits_of(fact).search(_in_digits(text)) is not None
    return _letters_of(fact).search(text) is not None


@lru_cache(maxsize=1024)
def _digits_of(number: str) -> re.Pattern[str]:
    """The number, not as a part of a longer one."""
    return re.compile(rf"(?<!\d){_GAP.join(number)}(?!\d)")


@lru_cache(maxsize=1024)
def _letters_of(words: str) -> re.Pattern[str]:
    letters = [re.escape(letter) for letter in words if not letter.isspace()]
    return re.compile(rf"(?<![^\W_]){_GAP.join(letters)}(?![^\W_])", re.IGNORECASE)


def _in_digits(text: str) -> str:
    """The text with its numbers in words as digits: "forty-four seventy-one" is "44 71"."""
    return _SPOKEN.sub(lambda spoken: " ".join(map(str, _numbers(spoken[0].lower()))), text)


def _numbers(spoken: str) -> Iterator[int]:
    """The numbers that a row of number words says, one after the other."""
    words = [word for word in re.split(r"[\s,-]+", spoken) if word != "and"]
    if not _SCALES.keys().isdisjoint(words):
        yield _cardinal(words)
        return
    tens: int | None = None
    for word in words:
        if word in _TENS:
            if tens is not None:
                yield tens
            tens = _TENS[word]
        elif tens is not None and _DIGITS.get(word, 0):
            yield tens + _DIGITS[word]
            tens = None
        else:
            if tens is not None:
                yield tens
            tens = None
            yield _NUMBER_WORDS[word]
    if tens is not None:
        yield tens


def _cardinal(words: list[str]) -> int:
    """The value of "four thousand four hundred seventy-one", and of "forty-four hundred seventy-one"."""
    total = part = 0
    for word in words:
        if word == "thousand":
            total, part = total + max(part, 1) * 1000, 0
        elif word == "hundred":
            part = max(part, 1) * 100 if part < 100 else part  # so that a row of words cannot make an endless number
        else:
            part += _NUMBER_WORDS[word]
    return total + part
