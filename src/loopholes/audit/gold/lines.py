"""Answers of several short lines, which are lists by line if the row states every line.

A line such as ``owner: core`` is stated if a column, or an object in one, holds that value under that key. Other lines
are stated if a column holds exactly the lines of the answer: as a text, as a list, or as a list of lists. An answer
with a line that the prompt shows does not count, since that line may not have been asked for. Where the prompt says on
which line the answer stands, that line alone is the answer, and the others are remarks. Sentences that deny this, that
ask something, or that are about a line of the input do not count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loopholes.audit.answers import NO_ANSWERS
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.json_objects import DEEPEST, loaded
from loopholes.audit.quotations import sentences
from loopholes.rewards.numbers import number

LONGEST_LINE = 40
"""Longest line, in characters, that counts as short."""
KEYED = re.compile(r"(?P<key>[^:=]*[^:=\s]\s*[:=]\s*)(?P<value>\S.*)")
"""A line or element that names a key, such as ``owner: core``."""
_ENDS = r"\b(?P<end>first|last|final) line\b"
_GRADED = r"\b(?:answer|reply|result|solution|graded|scored)\b"
_READ = r"\b(?:only|alone)\b.{0,60}?\b(?:read|counts)\b"
_PLACES = (
    re.compile(rf"(?i){_GRADED}.{{0,60}}?{_ENDS}"),
    re.compile(rf"(?i){_ENDS}.{{0,60}}?(?:{_GRADED}|{_READ})"),
    re.compile(rf"(?i)\bonly\b.{{0,20}}?{_ENDS}.{{0,60}}?\b(?:read|counts)\b"),
)
"""Sentences that say on which line the answer stands; the first one that a prompt has counts."""
_NOT = r"(?:\bnot|n['’]t|\bnever)\b"
_DENIED = re.compile(rf"(?i){_NOT}(?![^,;:]*\b(?:forget|fail|but|except|other than|more than)\b)[^,;:]*$")
"""The end of the words up to a place that deny it, such as ``Do not put the answer on the first line``."""
_UNGRADED = re.compile(
    r"(?i)\bline(?:(?:(?!\b(?:rest|below|others?|follow\w*|under|after|then|remain\w*|second|third)\b).)*?"
    r"\b(?:they|it|which|this|that|these|those))?\s+"
    r"(?:\w+ not|\w+n['’]t|(?:\w+ )?never) (?:be )?(?:graded|scored|read|counted|count|checked)\b"
)
"""Words from a place on that say that what stands there is not graded."""
_MATERIAL = (
    r"\b(?:input|code|program|script|snippet|file|log|table|data|document|passage|article|text|story|letter|e-?mail"
    r"|poem|song|limerick|verse|stanza)\b"
)
_OF_MATERIAL = re.compile(rf"(?i)\bline (?:of|in|from) (?!your\b)(?:\w+ ){{0,3}}?{_MATERIAL}|\bline by line\b")
_ABOUT_MATERIAL = re.compile(rf"(?i){_MATERIAL}")
_ABOUT_REPLY = re.compile(
    r"(?i)^(?:answer|reply|respond)\b|\b(?:your?|the (?:reply|response)|put|write|give|place|state|print|only|alone)\b"
)
"""Words for a line of the completion, and not of a text that the prompt is about."""
_MORE_LINES = re.compile(r"(?i)\b(?:second|third|next|each|every|per|own|other) lines?\b|\bon the (?:second|third)\b")
_REMARKS = re.compile(r"(?i)\b(?:reason|expla|work|step|note|comment|justif|remark)")
"""Words for what is on the other lines, if it is not a part of the answer."""
_BULLET = re.compile(r"(?:[-*•]|\d{1,2}[.)])\s+")


def short_lines(text: str) -> list[str]:
    """The lines of a text, without blank ones; empty if there are fewer than two, or a long one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines if len(lines) > 1 and max(map(len, lines)) <= LONGEST_LINE else []


def graded_line(text: str, row: Row) -> str:
    """The line of a text on which the answer stands by the prompt; empty if the prompt names no such line."""
    end = next(_ends(row.text), None)
    if end is None or (_MORE_LINES.search(row.text) and not _REMARKS.search(row.text)):
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    return lines[0 if end == "first" else -1]


def _ends(prompt: str) -> Iterator[str]:
    """The ends of a completion, such as ``first``, on whose line a sentence of the prompt says the answer stands."""
    lines = [line for sentence in sentences(prompt) for line in sentence.split("\n")]
    for sentence, following in zip(lines, [*lines[1:], ""], strict=True):
        place = next((place for pattern in _PLACES if (place := pattern.search(sentence))), None)
        if place is None or sentence.endswith("?") or _DENIED.search(sentence[: place.end()]):
            continue
        is_elsewhere = _ABOUT_MATERIAL.search(sentence) and not _ABOUT_REPLY.search(sentence)
        is_ungraded = _UNGRADED.search(f"{sentence[place.start() :]} {following}")
        if not (is_elsewhere or is_ungraded or _OF_MATERIAL.search(sentence)):
            yield place["end"].lower()


def is_list_by_line(text: str, row: Row) -> bool:
    """Whether a text consists of short lines, all of which the row states and none of which the prompt shows.

    Numbers after the first line may be among the prompt's lines by chance, as where the input has one number per line.
    """
    lines = [_plain(line) for line in short_lines(text)]
    shown = set(lines) & {_plain(line) for line in row.text.splitlines()}
    if not lines or graded_line(text, row) or lines[0] in shown or any(number(line) is None for line in shown):
        return False
    columns = {name: value for name, value in row.columns.items() if name not in NO_ANSWERS}
    return set(lines) <= set(_pairs(columns)) or any(
        Counter(stated) == Counter(lines) for value in columns.values() for stated in _listed(value)
    )


def _pairs(value: Any, depth: int = 0) -> Iterator[str]:
    """Every key with its value, as a line, in columns and in the objects and JSON texts in them."""
    if isinstance(value, str):
        value = loaded(value)
    if isinstance(value, Mapping) and depth <= DEEPEST:
        yield from (_plain(f"{key}: {inner}") for key, inner in value.items() if isinstance(inner, str | int | float))
        yield from (line for inner in value.values() for line in _pairs(inner, depth + 1))


def _listed(value: Any, depth: int = 0) -> Iterator[list[str]]:
    """The lines that a value states as a whole, in each way to write them."""
    if isinstance(value, str):
        yield [_plain(line) for line in short_lines(value)]
        value = loaded(value)
    if isinstance(value, Mapping) and depth <= DEEPEST:
        yield from (lines for inner in value.values() for lines in _listed(inner, depth + 1))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for separator in (" ", ", ", ""):
            yield [_plain(_written(element, separator)) for element in value]


def _written(element: Any, separator: str) -> str:
    return separator.join(map(str, element)) if isinstance(element, list | tuple) else str(element)


def _plain(line: str) -> str:
    """A line as lines are compared: without its bullet, letter case, underscores, and spaces around its key's sign."""
    text = _BULLET.sub("", line.strip(), count=1) if _BULLET.match(line.strip()) else line.strip()
    return re.sub(r"\s*[:=]\s*", ": ", re.sub(r"[\s_]+", " ", text.casefold())).strip()
