"""The options of a multiple choice in a prompt: ``A) plums``, ``(B) salt`` or ``[C] rain``."""

from __future__ import annotations

import re

LETTERS = "ABCDEFGHIJ"
LONGEST = 20_000
"""Characters of a prompt that are searched."""
_OPTION = re.compile(r"(?m)(?:^|\s|[(\[])([A-J])[).:\]]\s*(?=\S)")


def options_of(prompt: str) -> dict[str, str]:
    """The text of each option by letter, up to the end of its line or the next option; empty if there are none."""
    prompt = prompt[:LONGEST]
    marks = list(_OPTION.finditer(prompt))
    ends = [*(mark.start() for mark in marks[1:]), len(prompt)]
    options: dict[str, str] = {}
    for mark, end in zip(marks, ends, strict=False):
        options.setdefault(mark[1], prompt[mark.end() : end].partition("\n")[0].strip())
    return options if len(options) > 1 and next(iter(options)) == "A" else {}


def same_option(answer: str, prompt: str) -> str:
    """The text of the option whose letter the answer is, or the letter of the option whose text it is; else empty."""
    options = options_of(prompt)
    by_text = {text.rstrip(".").casefold(): letter for letter, text in options.items()}
    letter = answer.strip().removeprefix("(").removesuffix(")")
    return options.get(letter) or by_text.get(answer.strip().rstrip(".").casefold(), "")
