"""Templates that a prompt shows: tags, quotations, fences, and what an instruction such as ``End with:`` introduces.

The answer takes the place of a placeholder (``Total: AMOUNT EUR``) or of an example of a list (``A > B > C``), whose
separator the answer's elements then get.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from loopholes.audit.form import SURENESS, THINKING
from loopholes.audit.quotations import quotations

HOLE = "{answer}"
ANSWERING = re.compile(r"answer|solution|result|response|output|final|label|class|choice|code|sql", re.IGNORECASE)
"""Names of parts that hold the answer."""
MOST = 12
"""Maximum number of templates that are read from a prompt's instructions."""
_TAGS = re.compile(r"<([A-Za-z_][\w-]{0,30})>(?:(?!</?\1>).){0,300}?</\1>", re.DOTALL)
_BRACKETS = re.compile(r"\[([A-Z_]{3,20})\](?:(?!\[/).){0,200}?\[/\1\]", re.DOTALL)
_MARKER = re.compile(r"(?i)\b((?:my |the )?(?:final )?answer(?: is)?\s?:)")
_PLACE = re.compile(
    r"\.\.\.|…|<[^<>/]{1,30}>|\[[^\[\]/]{1,30}\]|_{2,}|\{[A-Za-z _]{1,30}\}|\$[A-Z]+\b"
    r"|(?P<word>\b(?:[XN]|[A-Z](?:_?[A-Z]){2,20})\b)"
)
WORDS = ("X", "N", "NUMBER", "LETTER", "ANSWER")
"""Words that are placeholders wherever they stand in a quotation."""
_AFTER = re.compile(r"\b(?:after|behind|following|with|by) [\"'`]?([^\w\s\"'`.,()]{2,6})")
_DOUBLE = re.compile(r"(\[\[|<<|\{\{|\(\(|\*\*)[^\]>})*\n]{0,40}(\]\]|>>|\}\}|\)\)|\*\*)")
_FENCE = re.compile(r"```([A-Za-z][\w+#-]{0,20})\b")
_INSTRUCTION = re.compile(
    r"(?i)\b(?:end|finish|conclude|close|answer|reply|respond|write|return|output|give|state|report|rank|list|format)"
    r"\b[^\n.:?!]{0,60}?(?:\b(?:with|as|like|of|format|form)\b\s*:?|:)\s*"
    r"(?:(?:a|the|one) (?:\w+ )?(?:line|sentence|phrase|text)(?: (?:like|as|saying|reading|of the form)\b)?:?\s*)?"
)
"""The words of a prompt that introduce a form, such as ``End with:`` and ``Answer as``."""
_SENTENCE = re.compile(r"[^\n]{1,120}?(?=\.?\s*(?:$|\n)|[.!?]\s+[A-Z])")
_SIGN = re.compile(r"[:=(\[{|>] ?$")
"""What stands before a placeholder that is a mere word, or before an example of a list."""
_REMARK = re.compile(r"\s*[,;(]\s*|\s+(?:on|at|in|where|and|as|for|with|without|using|rounded|to)\b")
"""Where a form ends, and the rest of its sentence says something about it."""
_ELEMENT = r"(?:\w+|<[\w ]{1,30}>|\[[\w ]{1,30}\]|\{[\w ]{1,30}\})"
_LISTED = re.compile(rf"{_ELEMENT}(?P<by>\s?(?:->|=>|→|>|<|\||;|,|/)\s?){_ELEMENT}(?:(?P=by)(?:{_ELEMENT}|\.\.\.|…))+")
"""An example of a list of at least three elements, such as ``A > B > C``."""
_SEPARATORS = ("->", "=>", "→", ">", "<", "|", ";", ",", "\n", "/")
"""What may separate the elements of a list in a column."""


class Template(NamedTuple):
    """A text with a hole for the answer, and what separates the answer's elements; empty if it stays as it is."""

    text: str
    separator: str = ""

    @property
    def name(self) -> str:
        """The text, and what separates the elements."""
        return f"{self.text}, separated by '{self.separator}'" if self.separator else self.text

    def write(self, answer: str) -> str | None:
        """A completion with this answer; None if the answer is no list, and the template takes one."""
        if not self.separator:
            return self.text.replace(HOLE, answer)
        elements = elements_of(answer)
        return self.text.replace(HOLE, self.separator.join(elements)) if len(elements) > 1 else None


def elements_of(answer: str) -> list[str]:
    """The elements of a list: a JSON list's, or what the first of the usual separators in the text separates."""
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, list):
        return [element if isinstance(element, str) else json.dumps(element) for element in value]
    separator = next((sign for sign in _SEPARATORS if sign in answer), None)
    return [part.strip() for part in answer.split(separator)] if separator else [answer.strip()]


def templates_of(prompt: str) -> list[Template]:
    """The templates that a prompt shows, each once, the likeliest first."""
    return list(dict.fromkeys([*_marked(prompt), *islice(_instructed(prompt), MOST)]))


def _marked(prompt: str) -> Iterator[Template]:
    """Templates around marks: tags, quotations, announcements of an answer, signs and fences."""
    tags = list(dict.fromkeys(_TAGS.findall(prompt)))
    if tags:
        for between, inside in (("\n", ""), ("", ""), ("\n", "\n")):
            yield _tagged([(f"<{tag}>", f"</{tag}>", tag) for tag in tags], between, inside)
    brackets = list(dict.fromkeys(_BRACKETS.findall(prompt)))
    if brackets:
        yield _tagged([(f"[{name}]", f"[/{name}]", name) for name in brackets], "\n", "")
    for quotation in quotations(prompt, shortest=2, longest=120):
        yield from _of_quote(quotation)
    for language in dict.fromkeys(_FENCE.findall(prompt)):
        yield Template(f"```{language}\n{HOLE}\n```")
    for marker in dict.fromkeys(_MARKER.findall(prompt)):
        yield from (Template(f"{marker} {HOLE}"), Template(f"{THINKING}\n{marker} {HOLE}"))
    for sign in dict.fromkeys(_AFTER.findall(prompt)):
        yield Template(f"{THINKING}\n{sign} {HOLE}")
    for opening, closing in dict.fromkeys(_DOUBLE.findall(prompt)):
        yield Template(f"{opening}{HOLE}{closing}")


def _tagged(marks: list[tuple[str, str, str]], between: str, inside: str) -> Template:
    """All parts in the prompt's order. The answer goes into the last part that is named like one."""
    answering = [number for number, (_, _, name) in enumerate(marks) if ANSWERING.search(name)]
    slot = answering[-1] if answering else len(marks) - 1
    parts = []
    for number, (opening, closing, name) in enumerate(marks):
        text = HOLE if number == slot else "1.0" if SURENESS.search(name) else THINKING
        parts.append(f"{opening}{inside}{text}{inside}{closing}")
    return Template(between.join(parts))


def _of_quote(text: str) -> Iterator[Template]:
    """Templates from a quotation that ends with a colon, that has a placeholder, or that shows a list."""
    if text.rstrip().endswith(":"):
        yield from (Template(f"{text.rstrip()} {HOLE}"), Template(f"{THINKING}\n{text.rstrip()} {HOLE}"))
        return
    yield from _lists(text)
    for place in [*_PLACE.finditer(text)][::-1]:
        before, after = text[: place.start()], text[place.end() :]
        if (before or after) and (place["word"] in (None, *WORDS) or (before and _follows_sign(before))):
            yield Template(before + HOLE + after)


def _instructed(prompt: str) -> Iterator[Template]:
    """Templates from what follows an instruction, up to the end of its sentence or to a remark about the form."""
    for instruction in _INSTRUCTION.finditer(prompt):
        sentence = _SENTENCE.match(prompt, instruction.end())
        if sentence is None or sentence[0][0] in "\"'`“":
            continue  # nothing follows, or a quotation, which is read as such
        shown = list(_lists(sentence[0], has_remark=True))
        for place in _PLACE.finditer(sentence[0]):
            before, after = sentence[0][: place.start()], sentence[0][place.end() :]
            if place["word"] is None or (before and _follows_sign(before)):
                shown += [Template(before + HOLE + rest) for rest in _without_remark(after)]
        yield from filter(_is_balanced, shown)


def _lists(text: str, *, has_remark: bool = False) -> Iterator[Template]:
    """Templates from the examples of lists in a text, of which the end may be a remark."""
    for example in _LISTED.finditer(text):
        before, after = text[: example.start()], text[example.end() :]
        for rest in _without_remark(after) if has_remark else (after,):
            if _follows_sign(before):
                yield Template(before + HOLE + rest, example["by"])


def _follows_sign(before: str) -> bool:
    """Whether a text ends with a sign that a placeholder follows, or is empty."""
    return not before or _SIGN.search(before) is not None


def _is_balanced(template: Template) -> bool:
    """Whether no bracket or quotation mark of a template lacks its other one."""
    counts = Counter(template.text)
    return counts['"'] % 2 == 0 and all(counts[opening] == counts[closing] for opening, closing in ("()", "[]", "{}"))


def _without_remark(text: str) -> list[str]:
    """The rest of a form without the remark that may follow it, then all of it, and nothing."""
    remark = _REMARK.search(text)
    return list(dict.fromkeys((text[: remark.start()] if remark else text, text, "")))
