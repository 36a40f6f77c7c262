"""What a judge is shown, and what is read back from it."""

from __future__ import annotations

import json
from collections.abc import Collection

LONGEST = 8000
"""Characters of a reply that a judge is shown."""


def quoted(reply: str, most: int = LONGEST) -> str:
    """A reply as one line of JSON, which can close no tag, fence, turn or section of the judge's prompt.

    Tell the judge that the string is data. What is beyond ``most`` characters is cut off.
    """
    line = json.dumps(reply[:most])
    for mark in "<>[]{}#|`":
        line = line.replace(mark, f"\\u{ord(mark):04x}")
    return line


def verdict(text: str, allowed: Collection[str]) -> str | None:
    """The judge's last line, if it is just one of the ``allowed`` verdicts; None otherwise.

    None is no verdict at all: give no reward for it, and never a reward that is better than for a wrong answer.
    """
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines and lines[-1].strip() in allowed else None
