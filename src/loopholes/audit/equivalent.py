"""The same answer written otherwise, as far as that can be told without knowing the task."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def _spaced(answer: str) -> str | None:
    return f" {answer} "


def _other_case(answer: str) -> str | None:
    return answer.swapcase() if re.fullmatch(r"[A-Za-z][A-Za-z ]{0,28}", answer) else None


def _decimal(answer: str) -> str | None:
    return f"{answer}.0" if re.fullmatch(r"-?\d{1,9}", answer) else None


def _latex(answer: str) -> str | None:
    return f"${answer}$" if _NUMBER.fullmatch(answer) else None


def _as_decimal(answer: str) -> str | None:
    found = re.fullmatch(r"(-?\d+)/(\d+)", answer)
    if found is None or int(found[2]) == 0 or (1000 * int(found[1])) % int(found[2]):
        return None
    return f"{int(found[1]) / int(found[2]):g}"


EQUIVALENT: Mapping[str, Callable[[str], str | None]] = {
    "spaces around them": _spaced,
    "other letter case": _other_case,
    "a decimal point": _decimal,
    "dollar signs": _latex,
    "a decimal for a fraction": _as_decimal,
}
"""What is written otherwise, and how; None where an answer has no such form."""
