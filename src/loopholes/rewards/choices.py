"""One letter of a multiple choice."""

from __future__ import annotations

import re
from collections.abc import Mapping

from loopholes.rewards.texts import bare, same_text

_LETTER = re.compile(
    r"(?:option\s+|choice\s+)?[(\[]?(?P<letter>[A-Za-z])(?P<mark>[)\].:]{0,2})(?:\s+(?P<text>\S.*))?", re.I
)


def choice(text: str | None, options: str | Mapping[str, str] = "ABCDE") -> str | None:
    r"""The upper-case letter that a text gives: ``B``, ``b``, ``(B)``, ``B.``, ``**B**``, ``\text{B}``, ``Option B``.

    ``options`` are the letters, or a mapping from letter to the text of that choice; then ``B) its text`` is read, too.
    None for several letters, a letter that the question lacks, or a letter with another choice's text.
    """
    if text is None:
        return None
    match = _LETTER.fullmatch(bare(text))
    if match is None or match["letter"].upper() not in options:
        return None
    letter = match["letter"].upper()
    if match["text"] is None:
        return letter
    named = options[letter] if isinstance(options, Mapping) else None
    return letter if named and match["mark"] and same_text(match["text"], named) else None
