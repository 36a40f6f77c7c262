"""Numbers, read strictly: exactly one, finite, in ASCII digits, in the spellings that people and models use."""

from __future__ import annotations

import re
from collections.abc import Collection
from fractions import Fraction
from functools import lru_cache

from loopholes.rewards.texts import bare

LONGEST = 60
"""Characters of the longest text that is read as a number."""
MOST_DIGITS = 30
"""Largest number of digits, and largest exponent, that is read."""
_DIGITS = r"(?:[0-9]{1,3}(?:(?:,|\{,\})[0-9]{3})+|[0-9]{1,30})"
_DECIMAL = rf"(?:{_DIGITS}(?:\.[0-9]{{0,30}})?|\.[0-9]{{1,30}})"
_PLAIN = re.compile(
    rf"(?P<mantissa>{_DECIMAL})(?:[eE](?P<e>[+-]?[0-9]{{1,2}})"
    rf"|\s*(?:\\times|\\cdot|[×x*])\s*10(?:\^|\*\*)(?:\{{(?P<braced>-?[0-9]{{1,2}})\}}|(?P<power>-?[0-9]{{1,2}})))?"
)
_RATIO = re.compile(rf"(?P<top>[+-]?{_DIGITS})\s*/\s*(?P<bottom>{_DIGITS})")
_LATEX = re.compile(r"\\[dt]?frac\s*\{\s*(?P<top>[+-]?[0-9]{1,30})\s*\}\s*\{\s*(?P<bottom>[0-9]{1,30})\s*\}")
_UNIT = re.compile(
    r"(?P<before>\\?[$€£¥])?\s*(?P<number>[-+−]?[$€£]?\s*[0-9.\\{][^A-Za-z°]*?(?:frac\S*)?(?:[eE][+-]?[0-9]+)?)"
    r"\s*(?P<unit>\\?%|\\?(?:text|mathrm)\s*\{[^{}]{1,20}\}|[A-Za-z°µ][A-Za-z°µ/²³^0-9]{0,15}(?: [A-Za-z]{1,15})?)?"
)


def number(text: str | None) -> Fraction | None:
    r"""The value of a text that is one finite number; None if it is anything else.

    It reads a sign (also ``−``), thousands separators, decimals, ``3/4``, ``\frac{3}{4}``, ``1.5e3``,
    ``1.5 \times 10^{3}``, a percent sign, which is dropped as a unit is, and what :func:`~loopholes.rewards.texts.bare`
    removes. It does not read expressions, other digits than 0 to 9, ``nan``, ``inf`` and underscores.
    """
    return None if text is None or len(text) > LONGEST else _value(text)


@lru_cache(maxsize=4096)
def _value(text: str) -> Fraction | None:
    plain = re.sub(r"\s*\\?%$", "", bare(text)).replace("−", "-").strip()
    sign = -1 if plain.startswith("-") else 1
    unsigned = plain[1:].lstrip() if plain[:1] in ("-", "+") and plain else plain
    value = _fraction(unsigned) if "/" in unsigned or "frac" in unsigned else _decimal(unsigned)
    return None if value is None else sign * value


def _fraction(text: str) -> Fraction | None:
    match = _RATIO.fullmatch(text) or _LATEX.fullmatch(text)
    if match is None:
        return None
    top, bottom = (int(_digits(match[name])) for name in ("top", "bottom"))
    return Fraction(top, bottom) if bottom else None


def _decimal(text: str) -> Fraction | None:
    match = _PLAIN.fullmatch(text)
    if match is None:
        return None
    exponent = int(match["e"] or match["braced"] or match["power"] or 0)
    if abs(exponent) > MOST_DIGITS:
        return None
    return Fraction(_digits(match["mantissa"]).removesuffix(".")) * Fraction(10) ** exponent


def _digits(text: str) -> str:
    return text.replace("{,}", "").replace(",", "")


def with_unit(text: str | None) -> tuple[Fraction | None, str]:
    """A number and the unit or currency beside it, as in ``5 km`` or ``$5``; (None, "") otherwise."""
    value = number(text)
    if text is None or value is not None:
        return value, "%" if text is not None and bare(text).endswith("%") else ""
    match = _UNIT.fullmatch(bare(text)) if len(text) <= LONGEST else None
    if match is None:
        return None, ""
    value = number(match["number"])
    unit = (match["unit"] or match["before"] or "").strip().removeprefix("\\")
    return (None, "") if value is None else (value, re.sub(r"(?:text|mathrm)\s*\{([^{}]*)\}", r"\1", unit).strip())


def same_number(
    text: str | None,
    gold: str | float | Fraction,
    tolerance: float | Fraction = 0,
    *,
    units: Collection[str] = (),
) -> bool:
    """Whether a text is a number that is within ``tolerance`` (absolute) of ``gold``.

    The text may have no unit, a percent sign, the unit that gold is written with, or one of ``units``. Raises
    ValueError if gold is not a number: a row with an unreadable truth must not pay any answer.
    """
    wanted, unit = with_unit(gold) if isinstance(gold, str) else (Fraction(gold), "")
    if wanted is None:
        raise ValueError(f"the expected answer {gold!r} is not a number")
    value, own = with_unit(text)
    if value is None or own not in ("", "%", unit, *units):
        return False
    return abs(value - wanted) <= Fraction(tolerance)
