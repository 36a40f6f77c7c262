"""Arithmetic in an answer: what is read, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopholes.rewards import arithmetic, makes_target


@pytest.mark.parametrize(
    "text, value, numbers",
    [
        ("3*4+13-7", 18, (3, 4, 13, 7)),
        (" (13 − 7) × 3 ", 18, (13, 7, 3)),
        ("-(2-5)", 3, (2, 5)),
        ("1÷3·3", 1, (1, 3, 3)),
        ("7/2", Fraction(7, 2), (7, 2)),
    ],
)
def test_an_expression_has_a_value_and_numbers(text: str, value: Fraction, numbers: tuple[int, ...]) -> None:
    assert arithmetic(text) == (value, numbers)


@pytest.mark.parametrize(
    "text",
    [None, "", "eighteen", "9**9**9", "7//2", "1.5+1", "1_0+1", "03+1", "1/0", "(1+2", "18=18", "True+1", "1,2", "１+1",
     "(" * 100 + "1" + ")" * 100 + "+1" * 60, "__import__('os')", "1;2", "1\n+1"],
)  # fmt: skip
def test_anything_else_is_refused(text: str | None) -> None:
    assert arithmetic(text) is None


@given(st.text(alphabet="0123456789+-*/() ", max_size=320))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    arithmetic(text)


@pytest.mark.parametrize(
    "text, right",
    [
        ("3*4+13-7", True),
        *((text, False) for text in ("(13-7)*3", "3*4+3+3", "17+1", "3*4+13-7+3-3", "18", "3+4+13+7", None)),
    ],
)
def test_the_target_is_made_of_each_number_once(text: str | None, right: bool) -> None:
    assert makes_target(text, 18, [3, 4, 13, 7]) is right
