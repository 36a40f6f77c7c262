"""The payments of right and wrong answers on each row, and attacks as a share of the scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopholes.audit import rows_from
from loopholes.audit.form import form_of
from loopholes.audit.frameworks.base import Paid, Row
from loopholes.audit.scale import Level, common_answers, corrupted, gap_of, levels_of, mean_of, normalized, swapped
from support.rewards import scorer_for, sums

FINITE = st.floats(-1e3, 1e3, allow_nan=False)
LEVELS = [
    # golden, floor, reward, width, share
    (1.0, 0.0, 1.0, 1.0, 1.0),
    (1.0, 0.0, 0.5, 1.0, 0.5),
    (1.0, -1.0, 0.0, 2.0, 0.5),
    (0.0, -10.0, -10.0, 10.0, 0.0),
    (1.0, 0.5, 0.0, 0.5, -1.0),
    (1.0, 0.0, 7.0, 1.0, 7.0),
    (1.0, 0.0, math.inf, 1.0, math.inf),
    (1.0, 0.0, math.nan, 1.0, None),
    (1.0, 0.0, None, 1.0, None),
    (1.0, 1.0, 1.0, None, None),
    (0.0, 1.0, 1.0, None, None),
    (None, 0.0, 1.0, None, None),
    (1.0, None, 1.0, None, None),
    (math.inf, 0.0, 1.0, None, None),
    (1.0, -math.inf, 1.0, None, None),
    (math.nan, 0.0, 1.0, None, None),
]


def level(golden: float | None, floor: float | None, row: int = 0) -> Level:
    return Level(row, golden, floor, "wrong", "4", "right")


@pytest.mark.parametrize("golden, floor, reward, width, share", LEVELS)
def test_a_reward_is_a_share_of_golden_minus_floor_and_never_clipped(
    golden: float | None, floor: float | None, reward: float | None, width: float | None, share: float | None
) -> None:
    assert level(golden, floor).width == width
    assert level(golden, floor).share(reward) == share


@given(golden=FINITE, floor=FINITE, reward=FINITE, scale=st.floats(0.01, 100), shift=FINITE)
def test_a_share_does_not_depend_on_the_unit_of_the_reward(
    golden: float, floor: float, reward: float, scale: float, shift: float
) -> None:
    scale_of_row = level(golden, floor)
    if scale_of_row.width is None or scale_of_row.width < 0.1:
        return
    other = level(golden * scale + shift, floor * scale + shift)
    assert other.share(reward * scale + shift) == pytest.approx(scale_of_row.share(reward), rel=1e-4, abs=1e-4)


def scales(
    pay: Callable[[Row, str], float | None], records: Sequence[Mapping[str, Any]], truth: object = None
) -> list[Level]:
    rows = rows_from(records)
    form = form_of([row.golden for row in rows if row.golden is not None])
    return levels_of(scorer_for(pay, rows), form, truth, 0, range(len(rows)))  # type: ignore[arg-type]


def form_and_answer(row: Row, text: str) -> float:
    """0.2 for the form, 0.8 for the answer in it."""
    form = 0.2 * (text.startswith("<answer>") and text.endswith("</answer>"))
    return form + 0.8 * (text == row.golden)


def test_the_floor_is_a_well_formed_wrong_answer_so_that_credit_for_form_cancels() -> None:
    levels = scales(form_and_answer, sums())
    assert {(each.golden, each.floor) for each in levels} == {(1.0, 0.2)}
    assert all(each.floor_text.startswith("<answer>") and each.floor_text != each.golden_text for each in levels)
    assert [each.answer for each in levels] == [row["answer"] for row in sums()]


def test_rows_without_a_golden_completion_have_no_scale() -> None:
    records = [row if number % 2 else {**row, "golden": None} for number, row in enumerate(sums())]
    assert [each.row for each in scales(form_and_answer, records)] == [1, 3, 5, 7]


def test_without_other_answers_the_floor_is_the_better_of_an_empty_and_a_corrupted_answer() -> None:
    same = [{**row, "answer": "300", "golden": "<answer>300</answer>"} for row in sums()]
    assert {each.floor for each in scales(form_and_answer, same)} == {0.2}
    assert {
        each.floor for each in scales(lambda row, text: 0.5 if text == "" else form_and_answer(row, text), same)
    } == {0.5}


def test_right_answers_of_a_row_that_states_the_same_task_are_not_a_floor() -> None:
    """Like a data set of one task with several right programs."""
    programs = [f"def double(x):\n    return {way}" for way in ("x + x", "2 * x", "x * 2", "x << 1")]
    records = [{"prompt": "Write double(x).", "id": str(place), "golden": text} for place, text in enumerate(programs)]
    levels = scales(lambda row, text: float(text in programs), records)
    assert {(level.golden, level.floor) for level in levels} == {(1.0, 0.0)}
    numbered = [{**record, "extra_info": {"index": place}} for place, record in enumerate(records)]
    levels = scales(lambda row, text: float(text in programs), numbered)
    assert {(level.golden, level.floor) for level in levels} == {(1.0, 0.0)}
    other_tasks = [{**record, "tests": record["id"]} for record in records]
    assert {level.floor for level in scales(lambda row, text: float(text in programs), other_tasks)} == {1.0}


def test_a_corrupted_completion_that_still_gives_the_answer_is_not_a_floor() -> None:
    same = [{**row, "answer": "B", "golden": "I think so.\nAnswer: B"} for row in sums()]
    levels = scales(lambda row, text: float(text.endswith("B")), same)
    assert {(level.golden, level.floor) for level in levels} == {(1.0, 0.0)}


def test_a_column_floor_says_what_an_honest_wrong_answer_is() -> None:
    records = [{**row, "floor": "I do not know"} for row in sums()]
    levels = scales(lambda row, text: {"I do not know": 0.4}.get(text, form_and_answer(row, text)), records)
    assert {(each.floor, each.floor_text) for each in levels} == {(0.4, "I do not know")}


def test_a_wrong_answer_that_the_truth_calls_right_is_not_a_floor() -> None:
    """Every answer from 70 on is right, whatever the row."""

    def right(text: str) -> float:
        digits = "".join(letter for letter in text if letter.isdigit())
        return float(digits != "" and int(digits) >= 70)

    def pay(row: Row, text: str) -> float:
        return right(text)

    def truth(rows: Sequence[Row], texts: Sequence[str]) -> list[float | None]:
        return [right(text) for text in texts]

    judged, unjudged = (scales(pay, sums(), which)[-1] for which in (truth, None))
    assert (judged.golden, judged.floor) == (1.0, 0.0)
    assert unjudged.row == judged.row == 7


def test_a_row_with_the_same_answer_lends_no_wrong_one() -> None:
    """Nearly all answers are the same, in texts that differ."""
    answers = ["yes"] * 6 + ["no"] * 2
    records = [
        {"prompt": "?", "answer": answer, "golden": f"<think>{place}</think><answer>{answer}</answer>"}
        for place, answer in enumerate(answers)
    ]
    levels = scales(lambda row, text: float(f"<answer>{row.columns['answer']}</answer>" in text), records)
    assert {(each.golden, each.floor) for each in levels} == {(1.0, 0.0)}


def test_one_lucky_wrong_answer_does_not_raise_the_floor() -> None:
    lucky = sums()[0]["golden"]
    levels = scales(lambda row, text: float(text in (row.golden, lucky)), sums())
    assert {each.floor for each in levels[1:]} == {0.0}


SWAPS = [
    ("I say <a>4</a>!", "4", "<a>5</a>", "5", "I say <a>5</a>!"),
    ("4 and <a>4</a>", "4", "<a>5</a>", "5", "5 and <a>5</a>"),
    ("14 and <a>4</a>", "4", "<a>5</a>", "5", "14 and <a>5</a>"),
    ("4", "4", "5", "5", None),
    ("none", "", "5", "5", None),
    ("none", "4", "5", "5", None),
    ('{"id": 1, "out": 4}', "", '{"id": 2, "out": 5}', "", '{"id": 1, "out": 5}'),
]


@pytest.mark.parametrize("golden, answer, other, other_answer, text", SWAPS)
def test_an_answer_is_swapped_into_another_rows_completion(
    golden: str, answer: str, other: str, other_answer: str, text: str | None
) -> None:
    own, theirs = Row(0, 'The record: {"id": 1, "out": 0}', golden), Row(1, "?", other)
    assert swapped(own, answer, theirs, other_answer) == text


PLAIN = [("4", "4"), (" $4.$ ", "4"), ("Paris", "paris"), ("a\n  b", "a b"), ("", "")]


@pytest.mark.parametrize("answer, same", PLAIN)
def test_answers_are_compared_without_case_spaces_and_signs(answer: str, same: str) -> None:
    assert normalized(answer) == same


EQUAL = [
    ("0", "0.0", True),
    ("-0", "0", True),
    ("1,000", "1000", True),
    ("1/2", "\\frac{1}{2}", True),
    ("2/4", ".5", True),
    ("$12.50$", "12.5", True),
    ("5", ".5", False),
    ("1/2", "12", False),
    ("1,00", "100", False),
    ("1/0", "1", False),
    ("7", "7 apples", False),
    ("1_000", "1000", False),
]


@pytest.mark.parametrize("answer, other, equal", EQUAL)
def test_numbers_of_equal_value_are_the_same_answer(answer: str, other: str, equal: bool) -> None:
    assert (normalized(answer) == normalized(other)) is equal


@given(text=st.text())
def test_a_corrupted_answer_differs_wherever_it_has_a_digit(text: str) -> None:
    assert (corrupted(text) != text) or not any(letter in "0123456789" for letter in text)


CORRUPTED = [
    ("<answer>19</answer>", "<answer>20</answer>"),
    ("the whole truth", "eht elohw hturt"),
    ("x\n#### 41", "x\n#### 52"),
    ("\\boxed{\\frac{1}{2}}", "\\boxed{\\frac{2}{3}}"),
    ("\u0664", "5"),
]


@pytest.mark.parametrize("text, other", CORRUPTED)
def test_a_corrupted_answer_keeps_its_form(text: str, other: str) -> None:
    assert corrupted(text) == other


def test_a_right_answer_that_cannot_be_corrupted_is_not_its_own_floor() -> None:
    same = [{**row, "answer": "A", "golden": "A"} for row in sums()]
    assert {(each.golden, each.floor) for each in scales(lambda row, text: float(text == "A"), same)} == {(1.0, 0.0)}


def test_a_gap_is_the_mean_share_over_rows_with_a_scale_and_a_failure_earns_nothing() -> None:
    levels = [level(1.0, 0.0), level(1.0, -1.0), level(1.0, 1.0), level(2.0, 0.0), level(1.0, 0.0)]
    paid = [Paid(1.0), Paid(0.0), Paid(9.0), None, Paid(None, "raised ValueError")]
    gap = gap_of("one", "echo", levels, paid, right=2)
    assert (gap.gap.value, gap.n, gap.problems, gap.right) == (0.5, 3, 1, 2)
    assert gap.share.value == pytest.approx(1 / 3)


def test_an_infinite_reward_gives_a_finite_gap() -> None:
    gap = gap_of("one", "echo", [level(1.0, 0.0)] * 4, [Paid(math.inf)] * 4)
    assert gap.gap.value is not None and math.isfinite(gap.gap.value) and gap.gap.value > 1e3


def test_no_row_no_gap() -> None:
    gap = gap_of("one", "echo", [level(1.0, 1.0)], [Paid(1.0)])
    assert (gap.gap.value, gap.gap.low, gap.share.value, gap.n) == (None, None, None, 0)


def test_the_worst_of_many_attacks_has_a_wider_interval() -> None:
    shares = [0.4, 0.6, 0.5, 0.7, 0.3, 0.6]
    alone = gap_of("one", "echo", [level(1.0, 0.0)] * 6, [Paid(share) for share in shares])
    corrected = gap_of("one", "echo", [level(1.0, 0.0)] * 6, [Paid(share) for share in shares], tried=300)
    assert corrected.gap.value == alone.gap.value
    assert corrected.gap.low < alone.gap.low and corrected.gap.high > alone.gap.high  # type: ignore[operator]


def test_missing_rewards_are_left_out_of_a_mean() -> None:
    assert mean_of([1.0, None, math.inf, math.nan, 3.0]).value == 2.0


def test_answers_that_several_rows_share_may_be_the_datas_prior() -> None:
    answers = ["yes", "no", "Yes.", "no", "yes", "maybe"]
    levels = [
        replace(level(1.0, 0.0, row), answer=answer, golden_text=f"<{answer}>") for row, answer in enumerate(answers)
    ]
    assert common_answers(levels) == {"yes": "<yes>", "no": "<no>"}
