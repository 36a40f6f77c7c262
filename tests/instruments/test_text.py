"""Closed thinking is removed before anything is scored, from any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopholes.instruments import strip_thinking
from support.linear_time import assert_linear

TAGS = ("<think>", "</think>", "<think", "think>", "</", "<", "\x00", "\ud800", "a", " ", "\n")
tagged = st.lists(st.sampled_from(TAGS) | st.text(max_size=2), max_size=30).map("".join)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        pytest.param("<think>a</think> b", " b", id="a closed block goes, the space after it stays"),
        pytest.param("a<think>b\n</think>c<think>d</think>e", "ace", id="all of them go"),
        pytest.param("a <think> b", "a <think> b", id="an unclosed block stays"),
        pytest.param("a </think> b", "a </think> b", id="so does a closing tag alone"),
        pytest.param("</think><think>a", "</think><think>a", id="in the wrong order they are no block"),
        pytest.param("<think><think>a</think>b</think>", "b</think>", id="the first closing tag ends a block"),
        pytest.param("<think></think>", "", id="an empty block leaves nothing"),
    ],
)
def test_closed_thinking_is_removed(text: str, left: str) -> None:
    assert strip_thinking(text) == left


@given(tagged)
def test_what_is_left_are_pieces_of_the_text_in_their_order_and_outside_of_its_blocks(text: str) -> None:
    """Read off one character at a time, as no reader that has to be fast would do it."""
    left, inside = "", False
    for start in range(len(text)):
        closes = text.find("</think>", start) >= 0
        if not inside and text.startswith("<think>", start) and closes:
            inside = True
        if not inside:
            left += text[start]
        if inside and text[: start + 1].endswith("</think>"):
            inside = False
    assert strip_thinking(text) == left


@pytest.mark.parametrize(
    ("piece", "kept"),
    [("<think>", 1), ("</think>", 1), ("<think></think>", 0), ("<think>x", 1), ("<think><think></think>", 0)],
)
def test_a_huge_text_is_read_like_a_small_one(piece: str, kept: int) -> None:
    assert_linear(strip_thinking, piece)
    assert strip_thinking(piece * 50_000) == piece * 50_000 * kept
