"""Reading the answer from one place after the thinking that is used exactly once."""

from __future__ import annotations

import re

THINKING = ("<think>", "</think>")


def final(text: str) -> str | None:
    """The text after the thinking; the whole text if there is none.

    None if the thinking is never closed, is closed twice, or begins again after its end.
    """
    opening, closing = THINKING
    if closing not in text:
        return None if opening in text else text
    thinking, _, rest = text.partition(closing)
    if opening in rest or closing in rest or thinking.count(opening) > 1:
        return None
    return rest


def tagged(text: str, name: str = "answer") -> str | None:
    """The content of the only ``<name>...</name>`` after the thinking; None if there is not exactly one pair."""
    rest, opening, closing = final(text), f"<{name}>", f"</{name}>"
    if rest is None or rest.count(opening) != 1 or rest.count(closing) != 1:
        return None
    before, _, inside = rest.partition(opening)
    return inside.partition(closing)[0].strip() if closing not in before else None


def boxed(text: str) -> str | None:
    r"""The content of the only ``\boxed{...}`` after the thinking, if its braces close; None otherwise."""
    rest = final(text)
    if rest is None or len(re.findall(r"\\f?boxed", rest)) != 1:
        return None
    inside = rest.partition("\\boxed{")[2]
    depth = 1
    for place, letter in enumerate(inside):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth == 0:
            return inside[:place].strip()
    return None


def behind(text: str, marker: str = "####") -> str | None:
    """The text after the only ``marker``, on the last line that is not empty; None otherwise.

    A marker of words, such as ``The answer is``, matches in any letter case, and a full stop at the end is dropped.
    """
    rest = final(text)
    if rest is None or not rest.strip() or not marker:
        return None
    lines = rest.strip().splitlines()
    marks = re.findall(re.escape(marker), rest, re.IGNORECASE)
    place = lines[-1].lower().find(marker.lower())
    if len(marks) != 1 or place < 0:
        return None
    answer = lines[-1][place + len(marker) :].strip().removeprefix(":").strip()
    return answer.removesuffix(".") if marker[-1].isalpha() or marker.endswith(":") else answer
