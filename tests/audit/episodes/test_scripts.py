"""An episode of a scripted policy is written as a completion."""

from __future__ import annotations

import pytest

from loopholes.audit import rows_from
from loopholes.audit.episodes.scripts import actions_of, script, scripted


def test_a_plain_text_is_the_action_on_the_first_turn_or_after_the_lead() -> None:
    assert actions_of("7", {}) == ["7"]
    assert actions_of("7", {"lead": ["look", "open"]}) == ["look", "open", "7"]


def test_a_script_is_played_from_the_first_turn_whatever_leads() -> None:
    assert actions_of(script("open", "7"), {"lead": ["look"]}) == ["open", "7"]


@pytest.mark.parametrize(
    "text",
    ['{"actions": []}', '{"actions": [1]}', '{"actions": "go"}', '{"actions": ["a"], "b": 1}', '{"actions": [', ""],
)
def test_a_text_that_only_looks_like_a_script_is_a_plain_text(text: str) -> None:
    assert scripted(text) is None and actions_of(text, {}) == [text]


def rows(*golden: list[str] | str) -> list[tuple[str | None, object]]:
    """Golden completion and lead of rows with these golden columns."""
    records = [{"prompt": f"Task {number}", "golden": actions} for number, actions in enumerate(golden)]
    return [(row.golden, row.columns.get("lead")) for row in rows_from(records)]


def test_a_beginning_that_all_golden_episodes_share_leads_to_the_answering_turn() -> None:
    assert rows(["look", "answer 1"], ["look", "answer 2"]) == [("answer 1", ["look"]), ("answer 2", ["look"])]


@pytest.mark.parametrize(
    "golden",
    [
        (["look 1", "done"], ["look 2", "done"]),  # the beginning contains the answer
        (["look", "answer 1"], ["answer 2"]),
        (["go", "done"], ["go", "done"]),
    ],
)
def test_a_beginning_that_differs_or_an_end_that_does_not_stays_in_the_script(golden: tuple[list[str], ...]) -> None:
    assert rows(*golden) == [(script(*actions), None) for actions in golden]


def test_golden_texts_are_left_alone() -> None:
    assert rows("1", "2") == [("1", None), ("2", None)]
