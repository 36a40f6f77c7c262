"""Short texts, compared without emphasis marks, quotes, spaces, case or a full stop around them."""

from __future__ import annotations

import re

_AROUND = (
    re.compile(r"\$\$?([^$]*)\$\$?"),
    re.compile(r"\\\((.*)\\\)"),
    re.compile(r"\\\[(.*)\\\]"),
    re.compile(r"\\(?:text|textbf|mathrm|mathbf|textit)\s*\{([^{}]*)\}"),
    re.compile(r"\*\*([^*]*)\*\*"),
    re.compile(r"\*([^*]*)\*"),
    re.compile(r"__([^_]*)__"),
    re.compile(r"`([^`]*)`"),
    re.compile(r'"([^"]*)"'),
    re.compile(r"“([^”]*)”"),
    re.compile(r"'([^']*)'"),
)
LAYERS = 4
"""Largest number of nested marks that are removed."""


def bare(text: str) -> str:
    r"""A text without spaces, ``$..$``, ``\(..\)``, ``\text{..}``, ``**..**``, quotes and one full stop around it."""
    text = text.strip()
    for _ in range(LAYERS):
        before = text
        text = text.removesuffix(".").strip() if not text.endswith("..") else text
        match = next((match for around in _AROUND if (match := around.fullmatch(text))), None)
        text = match[1].strip() if match else text
        if text == before:
            break
    return text


def same_text(text: str | None, gold: str, *, case: bool = False) -> bool:
    """Whether a short text is ``gold``, ignoring what :func:`bare` removes, inner spaces and, without ``case``, case.

    Raises ValueError if gold is empty.
    """
    wanted = _plain(gold, case)
    if not wanted:
        raise ValueError("the expected answer is empty")
    return text is not None and _plain(text, case) == wanted


def _plain(text: str, case: bool) -> str:
    plain = re.sub(r"\s+", " ", bare(text))
    return plain if case else plain.lower()
