"""Which of these functions closes which finding of an audit, as three lines that can be pasted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Remedy(NamedTuple):
    """The function of :mod:`loopholes.rewards` that closes a finding, and how a reward calls it."""

    function: str
    snippet: str


def _remedy(function: str, expression: str, *others: str, columns: str = "answer") -> Remedy:
    names = ", ".join(sorted({function, *others}))
    lines = (
        f"from loopholes.rewards import {names}",
        f"def reward(completion, {columns}):",
        f"    return {expression}",
    )
    return Remedy(function, "\n".join(lines))


def _gated(bonus: str) -> Remedy:
    return _remedy("gated", f"gated(same_text(tagged(completion), answer), bonus={bonus})", "same_text", "tagged")


ONE_PLACE = _remedy("tagged", "float(same_number(tagged(completion), answer))", "same_number")
ONE_TEXT = _remedy("tagged", "float(same_text(tagged(completion), answer))", "same_text")
ONE_NUMBER = _remedy("number", "float(number(tagged(completion)) == number(answer))", "tagged")
QUOTED = _remedy(
    "quoted",
    'float(verdict(ask_judge(quoted(completion)), {"right", "wrong"}) == "right")',
    "verdict",
    columns="ask_judge",
)
PROGRAM = _remedy(
    "calls_passed",
    "calls_passed(program(completion), entry_point, tests) / len(tests)",
    "program",
    columns="entry_point, tests",
)

ONE_CHOICE = _remedy("choice", 'float(choice(tagged(completion), "ABCD") == answer)', "tagged")
ONE_SET = _remedy("same_set", "float(same_set(tagged(completion), answer))", "tagged")
ONE_RECORD = _remedy("fields", 'float(fields(completion, {"answer": answer}))')
ONE_EXPRESSION = _remedy(
    "makes_target", "float(makes_target(tagged(completion), target, numbers))", "tagged", columns="numbers, target"
)
NUMBERS = (
    *("wrong-digit", "ten-percent", "off-by-one", "off-by-ten", "point-shifted", "factor-100", "sign-flipped"),
    *("first-digits", "last-digits", "whole-part"),
    *("longer-number", "other-unit", "unknown-unit", "equated", "denied", "denied-in-slot", "denied-without-form"),
    *("next-number", "within-1-percent", "within-5-percent"),
    *("refuted-in-slot", "either-or", "rival-behind", "rival-before"),
    *("beside-rival", "mention-beside", "mention-within", "mention-in-thinking", "both-completions"),
)
"""Near misses that reading one number from one place closes."""
TEXTS = (
    *("first-letter", "first-half", "last-half", "longer-word"),
    *("other-day", "other-month", "other-year", "named-month", "named-year", "next-day", "day-month-exchanged"),
    *("either-reading", "other-hour", "other-minute", "next-minute", "other-half", "named-half"),
)
"""Near misses that comparing whole texts closes."""
LONG_TEXTS = ("keywords-alone", "words-alone", "text-denied", "statements-negated")
"""Near misses of long answers that comparing whole texts closes."""
STUFFED = _gated('0.01 * completion.count("because")')

REMEDIES: Mapping[str, Remedy] = {
    "degenerate": ONE_TEXT,
    "echo": ONE_TEXT,
    "worked-example": ONE_TEXT,
    "restate": ONE_NUMBER,
    "shotgun": ONE_CHOICE,
    "hedge": ONE_TEXT,
    "format": _gated('0.1 * completion.startswith("<think>")'),
    "length": _gated("len(completion) / 20_000"),
    **dict.fromkeys(("stuffing", "keywords-among-others", "words-among-others"), STUFFED),
    "unfinished-thought": _remedy("final", "float(same_text(final(completion), answer))", "same_text"),
    "aggregation": _remedy("same_list", "float(same_list(tagged(completion), answer))", "tagged"),
    "protected-field": ONE_RECORD,
    "number-forging": ONE_NUMBER,
    "evaluation": ONE_NUMBER,
    "delimiter": _remedy("behind", 'float(same_number(behind(completion, "####"), answer))', "same_number"),
    "forged-role": QUOTED,
    "judge-injection": QUOTED,
    "break-the-grader": ONE_NUMBER,
    "masked-component": _remedy(
        "weighted",
        'weighted({"right": same_text(tagged(completion), answer), "form": "<answer>" in completion}, '
        '{"right": 0.9, "form": 0.1})',
        *("same_text", "tagged"),
    ),
    "tool-use": _remedy(
        "gated", 'gated(fields(completion, {"answer": answer}), bonus=0.1 * ("<tool_call>" in completion))', "fields"
    ),
    "code": PROGRAM,
    "near-miss": ONE_PLACE,
    **dict.fromkeys(("other-letter", "letter-word", "others-text"), ONE_CHOICE),
    **dict.fromkeys(
        ("element-exchanged", "element-missing", "element-added", "element-repeated", "element-twice"), ONE_SET
    ),
    **dict.fromkeys(("field-changed", "fields-dropped", "key-twice", "list-shortened", "argument-added"), ONE_RECORD),
    **dict.fromkeys(("prefix-kept", "swapped-case", "ranking-reversed", *TEXTS, *LONG_TEXTS), ONE_TEXT),
    **dict.fromkeys(("number-repeated", "number-left-out", "number-not-given"), ONE_EXPRESSION),
    **dict.fromkeys(("repeated-unstated", "left-out-unstated", "not-given-unstated"), ONE_EXPRESSION),
    "program-mutated": PROGRAM,
    **dict.fromkeys(NUMBERS, ONE_PLACE),
    "refused-equivalents": ONE_PLACE,
}
"""By the family of a finding, or by its name: that of a near miss, or of a check of the contract."""


def remedy_for(family: str, name: str) -> Remedy | None:
    """The remedy of a finding: by its name (or the part before a slash or a colon), else by its family."""
    for key in (name, name.partition("/")[0]):
        if key in REMEDIES:
            return REMEDIES[key]
    return REMEDIES.get(family)
