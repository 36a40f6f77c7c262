"""The words of a long answer without its sentences: keywords that a column lists, and the answer's own content words.

Also whether a prompt asks for sentences at all, since a list of words may be the right answer to other prompts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from loopholes.audit.answers import NO_ANSWERS
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.json_objects import DEEPEST, loaded
from loopholes.audit.quotations import unquoted

FEWEST, MOST = 12, 1000
"""Smallest and largest number of words of a text that counts as prose."""
FUNCTION_SHARE = 0.3
"""Smallest share of function words in English prose. Without them, an F1 score of words is at most 0.82."""
FUNCTION_WORDS = frozenset(
    "a about after all also an and any are as at be because been before both but by can could did do does down "
    "each for from had has have he her here him his how i if in into is it its just may me might more most must "
    "my no nor not of off on one only or other our out over own shall she should so some such than that the their "
    "them then there these they this those through to too under until up upon us very was we were what when where "
    "which while who whom whose why will with without would you your".split()
)
LONGEST = 2000
"""Longest column, in characters, that is read as a list."""
MOST_ITEMS = 50
"""Maximum number of elements of a list of keywords."""
LONGEST_ITEM = 8
"""Maximum number of words of one keyword."""
FEWEST_ITEMS = 3
"""Smallest number of elements that make a text a list."""
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_BULLET = re.compile(r"^(?:[-*•]|\d{1,2}[.)])\s+")
_SENTENCES = r"(?:sentences?|paragraphs?)"
_TEXT = r"(?:paragraph|essay|story|poem|e-?mail|summary|description|explanation|article|review|report|sentences?)"
_START = (
    r"(?:^[\W_]*|[.!?:;,]\s+[*_]*|\n[\s\W_]*|\b(?:and|then|now|also|please|you|should|must|tell|me|us|say|\w+ly"
    r"|(?:task|goal|job) is to|you to|try to)\s+)"
)
"""Where an imperative may stand, unlike a verb such as that of ``gases that explain it``."""
_PROSE = re.compile(
    rf"{_START}(?:explain|describe|discuss|summari[sz]e|define|elaborate|paraphrase)\b(?! (?:your|why you|how you)\b)"
    rf"|{_START}(?:why|how (?:does|do|did|is|are|can|could|would|was|were))\b|\bin your own words\b"
    rf"|\bin (?:about |at most |no more than )?(?:a|an|one|two|three|four|five|\d+)(?: \w+){{0,3}} {_SENTENCES}\b"
    r"|\bin (?:about |at most |no more than )?\d{2,} words\b"
    rf"|\bwrite (?:\w+ ){{1,3}}{_TEXT}\b(?! statistics)",
    re.IGNORECASE,
)
_NO_PROSE = re.compile(
    r"\b(?:list|enumerate|classify|label|tag|extract|identify|keywords?|commas?|semicolons?|json|only|separated"
    r"|delimited)\b|\b(?:the|their) names\b|\bwhich (?:of|two|three|four|five|\d+)\b"
    r"|\bin (?:a|one|two|three|four|five|[1-9]) words?\b|^\s*translate\b"
    r"|\bname (?:the|all|any|at|two|three|four|five|\d+)\b|\b(?:explain|describe) (?:your|why you|how you)\b",
    re.IGNORECASE,
)
_NAMED = r"\b(?:passage|text|article)\s*:"
_MATERIAL = re.compile(
    rf"(?is)\A\s*{_NAMED}\s*.*?(?=\n\s*\n|\Z)|{_NAMED}.*?(?=\n\W*(?:question|task|instructions?|q)\s*:|\Z)"
)
"""What follows ``Passage:``: all of it, or a paragraph if the prompt starts with it, since the request is below it."""


def asks_for_prose(row: Row) -> bool:
    """Whether the prompt asks for sentences, and not for a list, labels or one answer with its reasons."""
    asked = unquoted(_MATERIAL.sub("", row.text))
    return _PROSE.search(asked) is not None and _NO_PROSE.search(asked) is None


def words_of(text: str) -> list[str]:
    """The words of a text, in order."""
    return _WORD.findall(text)


def is_prose(text: str) -> bool:
    """Whether a text is English prose that is not too long, with enough function words."""
    words = words_of(text.lower())
    return FEWEST <= len(words) <= MOST and sum(map(FUNCTION_WORDS.__contains__, words)) >= FUNCTION_SHARE * len(words)


def content_words(text: str) -> list[str]:
    """The runs of a text's words between function words, each run once: ``cell membrane``, ``ATP``."""
    runs = groupby(words_of(text), key=lambda word: word.lower() in FUNCTION_WORDS)
    return list(dict.fromkeys(" ".join(run) for is_function, run in runs if not is_function))


def lists_of(row: Row) -> dict[str, list[str]]:
    """The lists of short texts in a row's columns, by the column; those that may hold an answer."""
    return {name: items for name, value in row.columns.items() if name not in NO_ANSWERS for items in _lists(value)}


def _lists(value: Any, depth: int = 0) -> Iterator[list[str]]:
    """The lists in a value: itself, its text split up, or those within an object."""
    if isinstance(value, str):
        value = value if len(value) <= LONGEST else ""
        value = loaded(value) if value.lstrip()[:1] in ("[", "{") else value
    if isinstance(value, Mapping) and depth <= DEEPEST:
        yield from (items for inner in value.values() for items in _lists(inner, depth + 1))
    items = _split(value) if isinstance(value, str) else _texts(value)
    if 1 < len(items) <= MOST_ITEMS and all(words_of(item) and len(item.split()) <= LONGEST_ITEM for item in items):
        yield items


def _texts(value: Any) -> list[str]:
    """The elements of a sequence of texts; empty for anything else."""
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    return list(value) if is_list and all(isinstance(item, str) for item in value) else []


def _split(text: str) -> list[str]:
    """A text split at its semicolons, lines, bars or commas; empty if it has too few of them, or sentences."""
    separator = next((sign for sign in (";", "\n", "|", ",") if text.count(sign) >= FEWEST_ITEMS - 1), None)
    if separator is None or re.search(r"[.?!](?:\s|$)", re.sub(r"(?m)^\d{1,2}\.\s", "", text)):
        return []
    return [_BULLET.sub("", item.strip()) for item in text.split(separator) if item.strip()]
