"""Wrong answers made from the right one, each proved to be wrong.

Numbers have to differ as fractions, letters as letters, lists as multisets, records in a field that the row's truth
states, and programs in their answers to the row's own inputs. Answers that cannot be proved wrong are left out.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from loopholes.audit.answers import TRUTHS
from loopholes.audit.form import Form
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.answer import Answer, answer_of, items_of
from loopholes.audit.gold.code_variants import wrong_program
from loopholes.errors import ScoringError
from loopholes.rewards.numbers import number, with_unit

USUAL = Fraction(1, 20)
"""Numbers that differ by no more than this fraction may be within a usual tolerance, so they prove nothing."""
MOST_PARTS = 8
"""Most list elements or record fields for which one wrong part counts. With more, partial credit is nearly full."""
_DIGITS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_PLACES = re.compile(
    r"(\w+) decimal places?|nearest (tenth|hundredth|thousandth|whole|integer|ten|hundred|thousand)\b", re.I
)
_WITHIN = re.compile(r"(?:within|tolerance(?: of)?|±|\+/-|plus or minus)\s*([0-9]+(?:\.[0-9]+)?)\s*(%|percent)?", re.I)
_ROUGH = re.compile(r"\b(?:approximate(?:ly)?|roughly|estimate[ds]?|about how|ballpark)\b", re.I)
_TOLERANCES = ("tolerance", "tol", "atol", "rtol", "abs_tol", "rel_tol", "epsilon", "eps", "margin")
_ROUNDED = {
    "tenth": -1,
    "hundredth": -2,
    "thousandth": -3,
    "whole": 0,
    "integer": 0,
    "ten": 1,
    "hundred": 2,
    "thousand": 3,
}
_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
Change = Callable[[Answer], Iterator[str]]


def mutants(row: Row, form: Form) -> list[str]:
    """Completions in the form of the row's golden one whose answers are proved wrong, the plainest change first.

    Empty if the kind of answer allows no proof. They are a fallback for floors: honest wrong answers for rows to which
    no other row can lend one.
    """
    answer = answer_of(row, form)
    if answer is None:
        return []
    texts = (answer.replaced(wrong) for answers in wrong_answers(answer).values() for wrong in answers)
    return list(dict.fromkeys(text for text in texts if text is not None and text != answer.golden))


def wrong_answers(answer: Answer) -> dict[str, list[str]]:
    """Wrong answers, by the way in which they are wrong. Ways that do not apply are left out."""
    changes = CHANGES.get(answer.kind, {})
    wrong = {name: list(dict.fromkeys(change(answer))) for name, change in changes.items()}
    return {name: answers for name, answers in wrong.items() if answers}


def stated_tolerance(row: Row, value: Fraction) -> Fraction | None:
    """How far from ``value`` an answer may be, as the row's columns or prompt state; None if any estimate will do."""
    tolerance = Fraction(0)
    for name in _TOLERANCES:
        stated = row.columns.get(name)
        if isinstance(stated, int | float) and math.isfinite(stated):
            tolerance = max(tolerance, Fraction(stated), Fraction(stated) * abs(value))
    if _ROUGH.search(row.text):
        return None
    for match in _WITHIN.finditer(row.text):
        bound = Fraction(match[1])
        tolerance = max(tolerance, bound * abs(value) / 100 if match[2] else bound)
    for match in _PLACES.finditer(row.text):
        count = _WORDS.get((match[1] or "").lower(), int(match[1]) if (match[1] or "").isdecimal() else 0)
        power = _ROUNDED[match[2].lower()] if match[2] else -min(count, 12)
        tolerance = max(tolerance, Fraction(10) ** power)
    return tolerance


def _differs(answer: Answer, text: str) -> bool:
    """Whether a number is proved wrong: off by more than the stated and the usual tolerance."""
    right, value = answer.value, number(text) if number(text) is not None else with_unit(text)[0]
    if right is None or value is None:
        return False
    allowed = stated_tolerance(answer.row, right)
    return allowed is not None and abs(value - right) > max(allowed, USUAL * abs(right))


def _numeric(change: Callable[[str], Iterator[str]]) -> Change:
    """Answers with their first digits changed, as far as they are proved wrong."""

    def changed(answer: Answer) -> Iterator[str]:
        text = answer.text.replace("{,}", "").replace(",", "")
        match = _DIGITS.search(text)
        if match is None:
            return
        for digits in change(match[0]):
            other = f"{text[: match.start()]}{digits}{text[match.end() :]}"
            if _differs(answer, other):
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
    if _differs(answer, text):
        yield text


def _longer(digits: str) -> Iterator[str]:
    yield f"1{digits}5" if "." not in digits else f"1{digits}"


_UNITS = {"km": "m", "m": "km", "kg": "g", "g": "kg", "cm": "m", "mm": "cm", "hours": "minutes", "minutes": "hours"}
_UNITS |= {"days": "weeks", "litres": "millilitres", "liters": "milliliters", "$": "€", "€": "$", "s": "h", "h": "s"}


def _other_unit(answer: Answer) -> Iterator[str]:
    unit = with_unit(answer.text)[1]
    if unit in _UNITS and answer.text.count(unit) == 1:
        yield answer.text.replace(unit, _UNITS[unit])


def _other_letter(answer: Answer) -> Iterator[str]:
    letter = answer.text.strip("()")
    letters = "".join(answer.options) or "ABCD"
    yield from (answer.text.replace(letter, other) for other in letters if other != letter)


def _others_text(answer: Answer) -> Iterator[str]:
    """The right letter with another choice's text."""
    letter = answer.text.strip("()")
    texts = [text for other, text in answer.options.items() if other != letter and text != answer.options.get(letter)]
    yield from (f"{letter}) {text}" for text in texts[:1] if text)


def _letter_word(answer: Answer) -> Iterator[str]:
    """A word that begins with the right letter and is not one of the choices."""
    words = {"A": "Always", "B": "Because", "C": "Clearly", "D": "Definitely", "E": "Every", "F": "First", "G": "Given"}
    words |= {"H": "Having", "I": "Indeed", "J": "Just"}
    word = words.get(answer.text.strip("()"))
    if word is not None and word not in answer.options.values():
        yield word


def _elements(change: Callable[[list[str]], Iterator[list[str]]]) -> Change:
    """The list with other elements, in its own brackets and with its own separator."""

    def changed(answer: Answer) -> Iterator[str]:
        items = answer.items
        if len(items) > MOST_PARTS:
            return
        right = Counter(map(_key, items))
        for changed_items in change(items):
            text = _joined(answer.text, items, changed_items)
            if changed_items and text is not None and Counter(map(_key, items_of(text))) != right:
                yield text

    return changed


def _joined(text: str, items: list[str], changed_items: list[str]) -> str | None:
    """Other elements, written like the list in a text; None if the text does not show how."""
    start, end = text.find(items[0]), text.rfind(items[-1])
    between = text[start + len(items[0]) : text.find(items[1], start + len(items[0]))]
    if start < 0 or end < start or not between:
        return None
    return f"{text[:start]}{between.join(changed_items)}{text[end + len(items[-1]) :]}"


def _key(item: str) -> Fraction | str:
    value = number(item)
    return item.strip().lower() if value is None else value


def _other_element(item: str) -> str:
    value = number(item)
    return f"{item[::-1]}x" if value is None else str(int(value) + 17 if value.denominator == 1 else value + 17)


def _exchanged(items: list[str]) -> Iterator[list[str]]:
    yield [*items[:-1], _other_element(items[-1])]


def _missing(items: list[str]) -> Iterator[list[str]]:
    yield items[:-1]


def _added(items: list[str]) -> Iterator[list[str]]:
    yield [*items, _other_element(items[0])]


def _field_changed(answer: Answer) -> Iterator[str]:
    for key, value in _true_fields(answer):
        yield json.dumps({**answer.record, key: _other_value(value)})


def _twice(answer: Answer) -> Iterator[str]:
    """The right value of a field, then a wrong one under the same key, which is the one that JSON readers keep."""
    for key, value in _true_fields(answer):
        text = answer.text.rstrip()
        yield f"{text[:-1].rstrip()}, {json.dumps(key)}: {json.dumps(_other_value(value))}}}"


def _shortened(answer: Answer) -> Iterator[str]:
    for key, value in _true_fields(answer):
        if isinstance(value, list):
            yield json.dumps({**answer.record, key: value[:-1]})


def _dropped(answer: Answer) -> Iterator[str]:
    """A single right field: readers that average over the fields present pay it like the whole record."""
    fields = list(_true_fields(answer))
    if len(fields) > 1:
        yield from (json.dumps({key: value}) for key, value in fields)


def _argument_added(answer: Answer) -> Iterator[str]:
    """A call with an argument that its tool, as the prompt describes it, does not have, so that the call would fail."""
    name, arguments = answer.record.get("name"), answer.record.get("arguments")
    if not isinstance(name, str) or not isinstance(arguments, Mapping):
        return
    parameters = _parameters(name, answer.row.text)
    if parameters and set(arguments) <= parameters:
        for extra in {"confirm", "limit"} - parameters:
            yield json.dumps({**answer.record, "arguments": {**arguments, extra: 1}})


def _parameters(tool: str, prompt: str) -> set[str]:
    """The parameters of a tool that a prompt describes as ``tool(a, b)``; empty if it does not."""
    signature = re.search(rf"(?<![\w.]){re.escape(tool)}\(([^()]{{1,300}})\)", prompt)
    names = [part.partition(":")[0].partition("=")[0].strip() for part in signature[1].split(",")] if signature else []
    return set(names) if all(name.isidentifier() for name in names) else set()


def _true_fields(answer: Answer) -> Iterator[tuple[str, Any]]:
    """Fields whose value is in the row's truth and not in its prompt."""
    if len(answer.record) <= MOST_PARTS:
        yield from ((key, value) for key, value in answer.record.items() if _is_truth(key, value, answer.row))


def _is_truth(key: str, value: Any, row: Row) -> bool:
    if value is None or value in ("", [], {}) or json.dumps({key: value})[1:-1] in row.text:
        return False
    truths: list[Any] = [row.columns[name] for name in (*TRUTHS, key) if name in row.columns]
    inside = [truth[key] for truth in truths if isinstance(truth, Mapping) and key in truth]
    return any(truth == value or str(truth) == str(value) for truth in (*truths, *inside))


def _other_value(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + max(1, abs(value) // 3)
    if isinstance(value, list):
        return [*value[:-1], _other_value(value[-1])] if value else [0]
    text = str(value)
    return str(int(text) + 17) if re.fullmatch(r"-?\d{1,15}", text) else f"not {text}"


def _mutated(answer: Answer) -> Iterator[str]:
    try:
        wrong = wrong_program(answer.program, answer.row.columns)
    except ScoringError:  # without a sandbox there is no proof
        return
    if wrong is not None:
        yield answer.text.replace(answer.program, wrong if answer.program != answer.text else wrong + "\n")


CHANGES: Mapping[str, Mapping[str, Change]] = {
    "number": {
        "wrong-digit": _numeric(_wrong_digit),
        "ten-percent": _numeric(_neighbours(Fraction(11, 100), Fraction(-1, 10), relative=True)),
        "off-by-one": _numeric(_neighbours(Fraction(1), Fraction(-1), relative=False)),
        "off-by-ten": _numeric(_neighbours(Fraction(10), Fraction(-10), relative=False)),
        "point-shifted": _numeric(_point_shifted),
        "factor-100": _numeric(_hundredfold),
        "sign-flipped": _sign_flipped,
        "longer-number": _numeric(_longer),
        "other-unit": _other_unit,
    },
    "choice": {"other-letter": _other_letter, "letter-word": _letter_word, "others-text": _others_text},
    "list": {
        "element-exchanged": _elements(_exchanged),
        "element-missing": _elements(_missing),
        "element-added": _elements(_added),
    },
    "record": {
        "field-changed": _field_changed,
        "fields-dropped": _dropped,
        "key-twice": _twice,
        "list-shortened": _shortened,
        "argument-added": _argument_added,
    },
    "program": {"program-mutated": _mutated},
}
"""Ways to be slightly wrong, by kind of answer."""
