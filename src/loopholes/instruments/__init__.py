"""Measures of texts and programs; :func:`strip_thinking` is the first thing that every scorer does to a completion."""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


def strip_thinking(text: str) -> str:
    """The text without its closed ``<think>…</think>`` blocks; a tag without its partner stays, with what follows it.

    A block runs from an opening tag to the first closing tag after it, whatever stands between. Nothing else is
    changed, white space included. Linear time.
    """
    kept: list[str] = []
    rest = 0
    while (start := text.find(_OPEN, rest)) >= 0 and (end := text.find(_CLOSE, start)) >= 0:
        kept.append(text[rest:start])
        rest = end + len(_CLOSE)
    return "".join(kept) + text[rest:]
