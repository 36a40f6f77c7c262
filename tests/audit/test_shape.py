"""The shape of right answers: what all of them have in common as lists and objects, without their content."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopholes.audit.shape import parsed, shape_of

SHAPES: list[tuple[str, list[str], Any]] = [
    ("lists of one length", ["[1, 2, 3]", "[4, 5, 6]"], [0, 0, 0]),
    ("lists of other lengths", ["[1, 2]", "[3]"], [0, 0, 0, 0]),
    ("objects", ['{"a": 1, "b": "x"}', '{"a": 2, "b": "y"}'], {"a": 0, "b": ""}),
    ("keys that all of them have", ['{"a": 1, "b": 2}', '{"a": 3}'], {"a": 0}),
    ("objects in lists", ['[{"a": 1}]', '[{"a": 2}]'], [{"a": 0}]),
    ("Python's own lists", ["['a', 'b']", "['c', 'd']"], ["", ""]),
    ("lists without brackets", ["1, 2", "3, 4"], [0, 0]),
    ("grids", ["1 2\n2 1", "2 1\n1 2"], [[0, 0], [0, 0]]),
    ("lines that differ in length", ["1 2\n2", "2 1\n1"], None),
    ("words", ["Paris", "London"], None),
    ("a list and a word", ["[1]", "London"], None),
    ("a list and an object", ["[1]", "{}"], None),
    ("nothing", [], None),
]


def _nothing(key: str, kind: str) -> Any:
    return "" if kind == "text" else 0


@pytest.mark.parametrize("answers, value", [case[1:] for case in SHAPES], ids=[case[0] for case in SHAPES])
def test_a_shape_is_what_all_right_answers_share(answers: list[str], value: Any) -> None:
    shape = shape_of(answers)
    assert (None if shape is None else shape.filled(_nothing, 4)) == value


def test_a_list_is_written_like_those_of_right_answers() -> None:
    bare, listed = shape_of(["1, 2", "3, 4"]), shape_of(["[1, 2]", "[3, 4]"])
    assert bare is not None and listed is not None
    assert (bare.written([0, 0]), listed.written([0, 0])) == ("0, 0", "[0, 0]")
    grid = shape_of(["1 2\n2 1", "2 1\n1 2"])
    assert grid is not None and grid.written([[1, 2], [1, 2]]) == "1 2\n1 2"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(values=st.lists(VALUES, min_size=1, max_size=4), secret=st.just("zqjxkv"))
def test_any_answers_have_a_shape_or_none_and_never_a_value(values: list[Any], secret: str) -> None:
    answers = [json.dumps([secret, value]) for value in values]
    shape = shape_of(answers)
    assert secret not in str(shape)
    if shape is not None:
        json.dumps(shape.filled(_nothing))


@given(text=st.text(alphabet="[]{}()\",:1a '\\", max_size=40))
def test_any_text_can_be_parsed_as_an_answer(text: str) -> None:
    parsed(text)
