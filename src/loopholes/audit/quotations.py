"""Quotations and sentences in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

_SPOKEN = re.compile(r"\"[^\"\n]*\"|“[^”\n]*”|(?<!\w)'[^'\n]*'(?!\w)")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def quotations(text: str, *, shortest: int = 1, longest: int = 200) -> Iterator[str]:
    """What stands between quotation marks or backticks, if it has so many characters.

    Between single quotation marks it has at least two, since one of them may be an apostrophe.
    """
    return (match[match.lastindex or 0] for match in _quoted(shortest, longest).finditer(text))


@cache
def _quoted(shortest: int, longest: int) -> re.Pattern[str]:
    size = f"{{{shortest},{longest}}}"
    return re.compile(rf"\"([^\"\n]{size})\"|`([^`\n]{size})`|'([^'\n]{{2,{longest}}})'(?!\w)|“([^”\n]{size})”")


def unquoted(text: str) -> str:
    """A text without what stands between quotation marks, however long. What stands between backticks stays."""
    return _SPOKEN.sub("", text)


def sentences(text: str) -> list[str]:
    """A text divided after each full stop, exclamation mark or question mark that white space follows."""
    return _SENTENCE_END.split(text)
