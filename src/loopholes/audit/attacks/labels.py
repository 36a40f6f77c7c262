"""The labels that a prompt lists: after a colon, in bullets, in quotes or brackets, or as "A, B or C".

Only the text of the prompt is read, with patterns that take linear time. A list counts if its sentence, or the line
above it, says that something is to be chosen or classified, or if it is a question with "or".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from loopholes.audit.quotations import sentences

LONGEST = 20_000
"""Characters of a prompt that are searched."""
MOST = 40
"""Maximum number of labels in a list."""
LONGEST_LABEL = 40
"""Longest label in characters."""
MOST_WORDS = 5
"""Maximum number of words of a label."""
_SIGNS = " \t\"'`*“”[]{}<>"
"""Signs that may stand around a label."""
_CUE = re.compile(
    r"(?i)\b(?:labels?|labell?ed|tags?|categor(?:y|ies)|categori[sz]e[ds]?|class(?:es)?|classify|classified|options?"
    r"|choices?|choose|chosen|pick|select|either|one of|one or more of|which of|any of|one word|allowed|assign|route"
    r"|intents?|topics?|sentiments?|emotions?|genres?|values?|decide|determine|judge|identify|predict|whether)\b"
)
"""Words by which a sentence says that something is to be chosen or classified."""
_DEMAND = re.compile(r"(?i)\b(?:answer|reply|respond|return|output|say|write)\b|\?\s*$")
"""What offers a choice in a sentence with "or"."""
_WHICH = re.compile(r"(?i)(?:which|what)\b[^:,\n]{0,80}: [^?]*\?\s*$")
"""The beginning of a question whose answers follow, such as ``Which bird is it: ``."""
_LABELS = re.compile(
    r"(?i)\b(?:labels|tags|categories|classes|options|choices|intents|topics|sentiments|emotions|genres|values|words"
    r"|answers|one of)\b"
)
"""Words by which a heading says that labels follow."""
_ITEM = re.compile(r"\s*(?:[-*+•–]|\(?\d{1,2}[.)])\s+(\S.*)")
"""An item of a list by line, such as ``- billing`` or ``3. billing``."""
_REMARK = re.compile(r"\s{0,3}(?::(?:\s|$)|=|\(|\s[-–—]\s)")
"""What stands between the label of an item and its description."""
_JOINT = r"[ \t]{0,3}(?:[,;|/]|\bor\b|\band\b)[ \t]{0,3}(?:(?:or|and)[ \t]{1,3})?"
_QUOTED = tuple(
    re.compile(rf"{quote}(?:{_JOINT}{quote})+(?![ \t]?:)")  # a colon follows the name of a field
    for quote in (rf"{mark}[^{mark}\n]{{1,{LONGEST_LABEL}}}{mark}" for mark in ('"', "'", "`"))
)
_WITHIN = re.compile(r"[\"'`]([^\"'`]+)[\"'`]")
_BRACKETS = re.compile(r"[\[({]([^\[\](){}\n]{3,1500})[\])}]")
_EITHER = re.compile(r"(?i)\b(yes|true) ?(?:or|/) ?(no|false)\b")
_SEPARATORS = (";", "|", ",", "/")
_INTRODUCTION = re.compile(
    r"(?i).*\b(?:as|into|from|among|between|either|with|about|are|one of|following|answer|reply|respond|say)\b:?\s+"
    r"(?:(?:the |these )?(?:following )?(?:labels|tags|classes|categories|options|words|answers|values|topics):?\s+)?"
)
"""The words of a sentence before its first label."""
_ARTICLE = re.compile(r"(?i)(?:an?|the)\s+")
_REST = re.compile(r"(?i)\s(?:based|according|depending|given|using|and|for|in|on|by|to|that|which|without|only)\b")
"""The words of a sentence after its last label."""
_NO_LABEL = re.compile(
    r"(?i)[.?!]$|[\n{}=\"<>]|:(?:\s|$)|^/"
    r"|^(?:choose|pick|select|classify|answer|reply|respond|write|use|avoid|include|combine|separated)\s"
    r"|^(?:and|with|without|of|that|in|on|for|from|by|who|which|each|i)\s"
)
"""What no label has: signs of a sentence or of code, and its first words."""


@lru_cache(maxsize=4096)
def labels_of(prompt: str) -> tuple[str, ...]:
    """The labels of the prompt's first list that is set off, else of its longest "A, B or C"; empty if it has none."""
    lines = prompt[:LONGEST].splitlines()
    set_off = (_valid(items) for place in range(len(lines)) for items in _set_off(lines, place))
    first = next(filter(None, set_off), [])
    offers = (sentence for line in lines for sentence in sentences(line) if _offers(sentence))
    longest = max((_valid(_series(sentence)) for sentence in offers), key=len, default=[])
    either = _EITHER.search(prompt[:LONGEST])
    return tuple(first or longest or (either.groups() if either else ()))


def _offers(sentence: str) -> bool:
    """Whether a sentence says that its list is one of labels."""
    has_choice = " or " in sentence or "|" in sentence
    demands = has_choice and _DEMAND.search(sentence) is not None
    return demands or _CUE.search(sentence) is not None or _WHICH.match(sentence) is not None


def _valid(items: Sequence[str]) -> list[str]:
    """The items without signs around them, each once; empty if they are not all short, or are too few or too many."""
    labels = list(dict.fromkeys(item.strip(_SIGNS) for item in items))
    short = all(0 < len(label) <= LONGEST_LABEL and len(label.split()) <= MOST_WORDS for label in labels)
    return labels if 1 < len(labels) <= MOST and short and not any(map(_NO_LABEL.search, labels)) else []


def _set_off(lines: Sequence[str], place: int) -> Iterator[Sequence[str]]:
    """Lists that signs set off from the sentence: below its line, in quotes, in brackets, or after a colon."""
    parts = sentences(lines[place])
    is_heading = lines[place].rstrip().endswith(":")
    if _CUE.search(parts[-1] if is_heading else lines[place]):
        is_announced = is_heading and _LABELS.search(parts[-1]) is not None
        yield _below(lines[place + 1 : place + 2 * MOST], is_announced)
    above = lines[place - 1].rstrip() if place else ""
    is_below = above.endswith(":") and _CUE.search(above) is not None
    for sentence in parts:
        if is_below or _offers(sentence):
            for pattern in _QUOTED:
                yield from (_WITHIN.findall(run[0]) for run in pattern.finditer(sentence))
            yield from map(_split, _BRACKETS.findall(sentence))
            yield _split(sentence.rpartition(": ")[2]) if is_below or ": " in sentence else []


def _below(lines: Sequence[str], is_announced: bool) -> list[str]:
    """The items below a line; if it announces labels, they need no bullets."""
    lines = lines[next((place for place, line in enumerate(lines) if line.strip()), 0) :]
    has_bullets = bool(lines) and _ITEM.match(lines[0]) is not None
    items: list[str] = []
    for line in filter(str.strip, lines) if has_bullets else lines if is_announced else ():
        item = _ITEM.match(line) if has_bullets else re.match(r"\s*(\S.*)", line)
        if item is None:
            break
        items.append(_REMARK.split(item[1], maxsplit=1)[0])
    return items


def _split(text: str) -> list[str]:
    """The items of a list without the words around it: at the first of the usual signs that it has, and at "or"."""
    text = text.strip().rstrip(".?! ")
    text = text[1:-1] if text.startswith("(") else text
    sign = next((sign for sign in _SEPARATORS if sign in text), None)
    parts = [part.strip() for part in text.split(sign)] if sign else [text]
    last = re.sub(r"(?i)^(?:or|and)\s+", "", parts[-1])
    word = " or " if " or " in text else " and "
    return [*parts[:-1], *last.split(word)] if last == parts[-1] else [*parts[:-1], last]


def _series(sentence: str) -> list[str]:
    """The items of "Is it A, B or C?", without the words before the first and after the last of them."""
    first, *others = _split(sentence)
    if not others or (len(others) == 1 and " or " not in sentence and " between " not in sentence):
        return []
    width = max(len(other.split()) for other in others[:-1] or others)
    introduced = _INTRODUCTION.sub("", first)
    start = introduced if introduced != first else " ".join(first.split()[-width:])
    is_longer = len(others[-1].split()) > width
    end = " ".join(_REST.split(others[-1])[0].split()[:width]) if is_longer else others[-1]
    return [item[match.end() :] if (match := _ARTICLE.match(item)) else item for item in (start, *others[:-1], end)]
