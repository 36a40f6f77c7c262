"""The measure of growth that other tests rely on finds what it is for."""

from __future__ import annotations

import re

import pytest

from support.linear_time import assert_linear

BLOCK = re.compile(r"<think>.*?</think>", re.DOTALL)
TRAILING = re.compile(r"\s+$")


@pytest.mark.parametrize(
    ("work", "piece"),
    [
        pytest.param(lambda text: BLOCK.sub("", text), "<think>", id="a search to the end from every opening tag"),
        pytest.param(lambda text: TRAILING.search(f"{text}."), " ", id="a search for the end from every space"),
        pytest.param(lambda text: [text[at:] for at in range(0, len(text), 64)], "x", id="the rest copied each time"),
    ],
)
def test_readers_that_are_quadratic_are_found_out(work: object, piece: str) -> None:
    with pytest.raises(AssertionError, match="characters take [1-9][0-9]+ times as long"):
        assert_linear(work, piece)  # type: ignore[arg-type]


@pytest.mark.parametrize("piece", ["<think>", "</think>", " ", "x"])
def test_linear_readers_pass(piece: str) -> None:
    assert_linear(lambda text: (text.split("<think>"), text.upper(), text.strip()), piece)
