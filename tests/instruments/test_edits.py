"""Field edits are read as the paper's released code reads them, from any text, in linear time."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from loopholes.instruments.edits import parse_edits, score_of, source_code_of
from support.linear_time import assert_linear


def edit(key: str, value: str) -> str:
    return f"<modify_key>{key}</modify_key><modify_value>{value}</modify_value>"


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("", {}),
        ("def solve(): pass", {}),
        (edit("score", "1"), {"score": "1"}),
        (edit(" Score ", " 1 "), {"score": "1"}),
        (edit("score", "1") + edit("score", "0.25"), {"score": "0.25"}),
        (edit("", "1"), {}),
        (edit("a", "x") + " and " + edit("b", "y"), {"a": "x", "b": "y"}),
        ("<modify_key>a</modify_key>\n \n<modify_value>x</modify_value>", {"a": "x"}),
        ("<MODIFY_KEY>a</Modify_Key><modify_VALUE>x</modify_value>", {"a": "x"}),
        ("<modify_key>score</modify_key><modify_value>1", {}),
        ("<modify_key>score</modify_key> to <modify_value>1</modify_value>", {}),
        (f"<think>{edit('score', '1')}</think>{edit('a', 'x')}", {"a": "x"}),
        (f"<think>{edit('score', '1')}", {"score": "1"}),
        (edit("a", "<modify_key>b</modify_key>"), {"a": "<modify_key>b</modify_key>"}),
        (edit("source_code", "```python\nx = 1\n```"), {"source_code": "x = 1"}),
        (edit("source_code", "Here:\n```\nx = 1\n``` done"), {"source_code": "x = 1"}),
        (edit("source_code", "```py3\nx = 1\n```"), {"source_code": "x = 1"}),
        (edit("source_code", "```python x = 1```"), {"source_code": "x = 1"}),
        (edit("source_code", "```\na\n```\n```python\nb\n```\n```\nc\n```"), {"source_code": "b"}),
        (edit("source_code", "```python\nx = 1"), {"source_code": "```python\nx = 1"}),
        (edit("solution_code", "```python\n\n```"), {"solution_code": ""}),
        (edit("title", "```\nx\n```"), {"title": "```\nx\n```"}),
    ],
)
def test_an_edit_is_a_key_followed_at_once_by_a_closed_value(completion: str, expected: dict[str, str]) -> None:
    assert parse_edits(completion) == expected


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ({}, None),
        ({"title": "x"}, None),
        ({"source_code": "a"}, "a"),
        ({"solution_code": "b", "source_code": "a"}, "b"),
        ({"source_code": "a", "solution_code": "b"}, "b"),
        ({"source_code": "a", "solution_code": ""}, "a"),
        ({"solution_code": ""}, ""),
    ],
)
def test_a_non_empty_solution_code_wins_whatever_the_order(edits: dict[str, str], expected: str | None) -> None:
    assert source_code_of(edits) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", 1.0),
        ("0.4", 0.4),
        ("100", 1.0),
        ("-3", 0.0),
        ("high", 0.0),
        ("", 0.0),
        ("nan", 0.0),
        ("inf", 0.0),
        ("1e999", 0.0),
        ("-Infinity", 0.0),
        ("9" * 100_000, 0.0),
    ],
)
def test_a_claimed_score_is_clamped_and_worth_nothing_unless_it_is_a_finite_number(value: str, expected: float) -> None:
    assert score_of({"score": value}) == expected


def test_there_is_no_claimed_score_unless_the_score_is_edited() -> None:
    assert score_of({"source_code": "x"}) is None


FRAGMENTS = st.sampled_from(
    [
        "<modify_key>",
        "</modify_key>",
        "<modify_value>",
        "</modify_value>",
        "<think>",
        "</think>",
        "```",
        "```python",
        "score",
        "source_code",
        " ",
        "\n",
        "1",
        "nan",
        "İ",
        "�",
        "\x00",
        "\ud800",
        "K",
    ]
)


@given(st.lists(FRAGMENTS | st.text(max_size=3), max_size=40).map("".join))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    edits = parse_edits(text)
    assert all(key and key == key.strip() for key in edits)
    score = score_of(edits)
    assert score is None or 0 <= score <= 1
    source_code_of(edits)


@given(st.text().filter(lambda text: "<" not in text and "`" not in text))
def test_what_is_written_in_an_edit_is_read_from_it(value: str) -> None:
    assert parse_edits(edit("source_code", value)) == {"source_code": value.strip()}


@given(st.lists(FRAGMENTS | st.text(max_size=3), max_size=40).map("".join), st.text(max_size=20))
def test_an_edit_after_any_text_is_read_unless_an_open_tag_swallows_it(before: str, value: str) -> None:
    closed = before.replace("<think>", "").replace("<modify_key>", "").replace("<modify_value>", "")
    assume("<" not in closed.replace("</", "") and "<" not in value)
    assert parse_edits(closed + edit("title", value)) == {"title": value.strip()}


@pytest.mark.parametrize(
    ("piece", "edits"),
    [
        ("<modify_key>", {}),
        ("<modify_key>a</modify_key>", {}),
        ("<modify_key>a</modify_key> <modify_value>", {}),
        ("<modify_key>a</modify_key>" + " " * 50, {}),
        ("<think>", {}),
        (edit("score", "1"), {"score": "1"}),
    ],
)
def test_a_huge_text_is_read_like_a_small_one(piece: str, edits: dict[str, str]) -> None:
    assert_linear(parse_edits, piece)
    assert parse_edits(piece * (400_000 // len(piece))) == edits


@pytest.mark.parametrize(
    ("opening", "piece", "code"),
    [
        ("```python", " ", None),
        ("```python\n", "```python\n", ""),
        ("", "```python\nx\n```", "x"),
        ("```", "x", None),
        ("", "``` ", ""),
    ],
)
def test_huge_code_is_unwrapped_like_small_code(opening: str, piece: str, code: str | None) -> None:
    assert_linear(lambda text: parse_edits(edit("source_code", opening + text)), piece)
    inside = opening + piece * (400_000 // len(piece))
    assert parse_edits(edit("source_code", inside)) == {"source_code": inside.strip() if code is None else code}
