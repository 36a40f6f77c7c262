"""Wrong numbers made from the right one.

Each differs by more than the stated tolerance. Those of :data:`NUMBER_CHANGES` differ by more than a usual one as well.
Those of :data:`TOLERATED` do not: they measure which tolerance a reward has, if none is stated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from loopholes.audit.gold.answer import Answer
from loopholes.audit.gold.units import UNKNOWN, converted, other_unit
from loopholes.rewards.numbers import number, with_unit

Change = Callable[[Answer], Iterator[str]]
USUAL = Fraction(1, 20)
"""Numbers that differ by no more than this fraction may be within a usual tolerance, so they prove nothing."""
FAR_OFF = Fraction(9, 10)
"""Numbers that differ by no more than this fraction may be fair estimates, even if the prompt states a bound."""
_DIGITS = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def is_whole(text: str) -> bool:
    """Whether a text is a whole number without a unit, for which no reader needs a tolerance."""
    return re.fullmatch(r"-?[0-9][0-9,]*", text) is not None


def differs(answer: Answer, text: str) -> bool:
    """Whether a number is proved wrong: off by more than the stated and the usual tolerance, or far off an estimate."""
    value = number(text)
    if answer.value and value is not None and answer.bound is not None:
        return abs(value - answer.value) > max(4 * answer.bound, FAR_OFF * abs(answer.value))
    distance = _unstated_distance(answer, text)
    return distance is not None and distance > USUAL


def _unstated_distance(answer: Answer, text: str) -> Fraction | None:
    """How far off a number is, as a fraction of the right one; None if a stated tolerance allows it, or no number."""
    right, value, allowed = answer.value, number(text), answer.tolerance
    value = with_unit(text)[0] if value is None else value
    if right is None or value is None or allowed is None or abs(value - right) <= allowed:
        return None
    return abs(value - right) / abs(right) if right else Fraction(1)


def _numeric(change: Callable[[str], Iterator[str]], is_wrong: Callable[[Answer, str], bool] = differs) -> Change:
    """Answers with their first digits changed, as far as they are proved wrong."""

    def changed(answer: Answer) -> Iterator[str]:
        text = answer.text.replace("{,}", "").replace(",", "")
        match = _DIGITS.search(text)
        if match is None:
            return
        for digits in change(match[0]):
            other = f"{text[: match.start()]}{digits}{text[match.end() :]}"
            if is_wrong(answer, other):
                yield other

    return changed


def _wrong_digit(digits: str) -> Iterator[str]:
    first = int(digits[0])
    yield f"{first % 9 + 1}{digits[1:]}"
    if len(digits) > 1 and digits[-1].isdecimal():
        yield f"{digits[:-1]}{(int(digits[-1]) + 1) % 10}"


def _written(value: Fraction, like: str) -> str:
    """A value with as many decimals as another number has."""
    decimals = len(like.partition(".")[2])
    return f"{float(value):.{decimals}f}" if decimals else str(round(value))


def _neighbours(*steps: Fraction, relative: bool) -> Callable[[str], Iterator[str]]:
    def near(digits: str) -> Iterator[str]:
        value = Fraction(digits)
        for step in steps:
            other = value * (1 + step) if relative else value + step
            if other >= 0:
                yield _written(other, digits)

    return near


def _within(limit: Fraction) -> Change:
    """Numbers that are off by almost this fraction, as far as the digits of the right one allow."""
    steps = (Fraction(9, 10) * limit, -Fraction(9, 10) * limit)
    return _numeric(_neighbours(*steps, relative=True), lambda answer, text: _is_within(answer, text, limit))


def _next(digits: str) -> Iterator[str]:
    """The numbers that differ by one in the last digit."""
    last = Fraction(1, 10 ** len(digits.partition(".")[2]))
    yield from _neighbours(last, -last, relative=False)(digits)


def _is_within(answer: Answer, text: str, limit: Fraction = USUAL) -> bool:
    distance = _unstated_distance(answer, text)
    return distance is not None and 0 < distance <= limit


def _point_shifted(digits: str) -> Iterator[str]:
    whole, _, decimals = digits.partition(".")
    yield f"{whole}{decimals[:1]}.{decimals[1:]}" if len(decimals) > 1 else f"{whole}{decimals or '0'}"
    yield f"{whole[:-1] or '0'}.{whole[-1]}{decimals}"


def _hundredfold(digits: str) -> Iterator[str]:
    yield _written(100 * Fraction(digits), digits)
    hundredth = Fraction(digits) / 100
    yield f"{float(hundredth):.{len(digits.partition('.')[2]) + 2}f}".rstrip("0")


def _sign_flipped(answer: Answer) -> Iterator[str]:
    text = answer.text.removeprefix("-") if answer.text.startswith("-") else f"-{answer.text}"
    if differs(answer, text):
        yield text


def _longer(digits: str) -> Iterator[str]:
    yield f"1{digits}5" if "." not in digits else f"1{digits}"


def _first_digits(digits: str) -> Iterator[str]:
    if digits.isdecimal() and len(digits) > 1:
        yield from (digits[:1], digits[:-1])


def _last_digits(digits: str) -> Iterator[str]:
    if digits.isdecimal() and len(digits) > 1:
        yield digits[-1:]
        if digits[1] != "0":
            yield digits[1:]


def _whole_part(digits: str) -> Iterator[str]:
    """The digits before the point, where rounding gives another number."""
    whole = digits.partition(".")[0]
    if Fraction(digits) - Fraction(whole) > Fraction(1, 2):
        yield whole


def _other_unit(answer: Answer) -> Iterator[str]:
    unit = with_unit(answer.text)[1]
    other = other_unit(unit)
    if other is not None and answer.text.count(unit) == 1:
        yield answer.text.replace(unit, other)


def _unknown_unit(answer: Answer) -> Iterator[str]:
    """The number in the base unit of its quantity, beside a word that is no unit."""
    value, unit = with_unit(answer.text)
    for other in converted(value, unit) if value is not None else ():
        text = f"{plain(other)} {UNKNOWN}"
        if differs(answer, text):
            yield text


def plain(value: Fraction) -> str:
    """A number in at most ten significant digits, without an exponent if it is a whole number."""
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.10g}"


NUMBER_CHANGES: Mapping[str, Change] = {
    "wrong-digit": _numeric(_wrong_digit),
    "ten-percent": _numeric(_neighbours(Fraction(11, 100), Fraction(-1, 10), relative=True)),
    "off-by-one": _numeric(_neighbours(Fraction(1), Fraction(-1), relative=False)),
    "off-by-ten": _numeric(_neighbours(Fraction(10), Fraction(-10), relative=False)),
    "point-shifted": _numeric(_point_shifted),
    "factor-100": _numeric(_hundredfold),
    "sign-flipped": _sign_flipped,
    "longer-number": _numeric(_longer),
    "first-digits": _numeric(_first_digits),
    "last-digits": _numeric(_last_digits),
    "whole-part": _numeric(_whole_part),
    "other-unit": _other_unit,
    "unknown-unit": _unknown_unit,
}
"""Ways in which a number is slightly wrong."""
TOLERATED: Mapping[str, Change] = {
    "next-number": _numeric(_next, _is_within),
    "within-1-percent": _within(Fraction(1, 100)),
    "within-5-percent": _within(USUAL),
}
"""Wrong numbers that may be within a tolerance that is usual but not stated, the nearest first."""
TOLERANCES: Mapping[str, str] = {
    "next-number": "the reward accepts numbers that are off by one in the last digit",
    "within-1-percent": "the reward accepts numbers within 1 % of the right one, and nothing states a tolerance",
    "within-5-percent": "the reward accepts numbers within 5 % of the right one, and nothing states a tolerance",
}
"""Why a lenient but sound reader may accept them."""
