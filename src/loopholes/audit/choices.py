"""The options of a multiple choice, as a prompt writes them: ``A) plums``, ``(B) salt`` or ``[C] rain``."""

from __future__ import annotations

import re

LETTERS = "ABCDEFGHIJ"
LONGEST = 20_000
"""Characters of a prompt that are searched."""
_OPTION = re.compile(r"(?m)(?:^|\s|[(\[])([A-J])[).:\]]\s*(?=\S)")


def options_of(prompt: str) -> dict[str, str]:
    """Letter to text of each option, which ends where its line does or the next begins; empty if there are none."""
    prompt = prompt[:LONGEST]
    marks = list(_OPTION.finditer(prompt))
    ends = [*(mark.start() for mark in marks[1:]), len(prompt)]
    options: dict[str, str] = {}
    for mark, end in zip(marks, ends, strict=False):
        options.setdefault(mark[1], prompt[mark.end() : end].partition("\n")[0].strip())
    return options if len(options) > 1 and next(iter(options)) == "A" else {}
