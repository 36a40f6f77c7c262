"""Quoting replies for a judge, and reading its verdict."""

from __future__ import annotations

import json
from collections.abc import Collection

LONGEST = 8000
"""Characters of a reply that a judge is shown."""


def quoted(reply: str, most: int = LONGEST) -> str:
    """A reply as one line of JSON, which can close no tag, fence, turn or section of the judge's prompt.

    Tell the judge that the string is data. It is cut off after ``most`` characters.
    """
    line = json.dumps(reply[:most])
    for mark in "<>[]{}#|`":
        line = line.replace(mark, f"\\u{ord(mark):04x}")
    return line


def verdict(text: str, allowed: Collection[str]) -> str | None:
    """The judge's last line, if it is just one of the ``allowed`` verdicts; None otherwise.

    None means that there is no verdict: give no reward then, and never a better one than for a wrong answer.
    """
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines and lines[-1].strip() in allowed else None
