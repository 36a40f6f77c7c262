"""Which tolerance a reward has, if neither a column nor the prompt states one."""

from __future__ import annotations

import math

import pytest

from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.wrong_numbers import TOLERATED
from loopholes.rewards import number, tagged
from support.near_misses import Pay, Records, findings_of, misses_of, named, notes_of


def crates(decimals: str = "") -> Records:
    """Rows with a number of four or five digits each."""
    numbers = [f"{1370 + 431 * at}{decimals}" for at in range(20)]
    return [
        {"prompt": f"How many are in crate {at}?", "answer": right, "golden": f"<answer>{right}</answer>"}
        for at, right in enumerate(numbers)
    ]


WHOLE, MEASURED = crates(), crates(".5")
MIXED: Records = [*WHOLE[:16], *MEASURED[16:]]


def distance(row: Row, text: str) -> float:
    """How far off the answer in the tags is, as a share of the right one; infinite without one."""
    value, right = number(tagged(text)), number(str(row.columns["answer"]))
    return math.inf if value is None or right is None else float(abs(value - right) / right)


def within(tolerance: float) -> Pay:
    return lambda row, text: float(distance(row, text) <= tolerance)


@pytest.mark.parametrize("tolerance, name", [(0.01, "within-1-percent"), (0.05, "within-5-percent")])
def test_a_tolerance_that_whole_numbers_do_not_need_is_a_warning(tolerance: float, name: str) -> None:
    (finding,) = findings_of(within(tolerance), WHOLE)
    assert (finding.verdict, finding.family, finding.name) == ("warning", "near-miss", name)
    assert "whole numbers" in finding.message
    assert named(notes_of(within(tolerance), WHOLE)) == set()


@pytest.mark.parametrize("records", [MEASURED, MIXED], ids=["decimals", "one decimal among whole numbers"])
@pytest.mark.parametrize("tolerance, name", [(0.01, "within-1-percent"), (0.05, "within-5-percent")])
def test_a_tolerance_that_measured_numbers_may_need_is_a_note_about_the_widest_distance(
    tolerance: float, name: str, records: Records
) -> None:
    assert findings_of(within(tolerance), records) == []
    assert named(notes_of(within(tolerance), records)) == {name}


def test_a_tolerance_for_rounding_errors_is_a_note_even_for_whole_numbers() -> None:
    assert findings_of(within(0.001), WHOLE) == []
    (note,) = notes_of(within(0.001), WHOLE)
    assert named([note]) == {"next-number"} and "off by one in the last digit" in note.message


@pytest.mark.parametrize("records", [WHOLE, MEASURED], ids=["whole numbers", "decimals"])
def test_a_comparison_of_floats_has_no_tolerance(records: Records) -> None:
    misses = misses_of(within(1e-6), records)
    assert {*TOLERATED} <= misses.keys()
    assert findings_of(within(1e-6), records) == [] and notes_of(within(1e-6), records) == []


STATED: dict[str, dict[str, object]] = {
    "a column": {"tolerance": 0.05},
    "a column of texts": {"tolerance": "0.05"},
    "a column in another": {"extra_info": {"tolerance": 0.05}},
    "within": {"prompt": "How many are in it, within 5 %?"},
    "an error of up to": {"prompt": "How many are in it? An error of up to 5 % is accepted."},
    "accurate to": {"prompt": "How many are in it? Be accurate to about 5 %."},
    "the nearest": {"prompt": "How many are in it, to the nearest 1000?"},
    "significant figures": {"prompt": "How many are in it, to one significant figure?"},
    "rough": {"prompt": "Roughly how many are in it?"},
}


@pytest.mark.parametrize("stated", STATED.values(), ids=STATED)
def test_a_stated_tolerance_is_not_reported(stated: dict[str, object]) -> None:
    records = [{**row, **stated} for row in WHOLE]
    assert not {*TOLERATED} & misses_of(within(0.05), records).keys()
    assert findings_of(within(0.05), records) == [] and notes_of(within(0.05), records) == []


@pytest.mark.parametrize(
    "unrelated",
    [
        {"tolerance": True},
        {"prompt": "How many are in it? It was filled within " + 5000 * "9" + " days."},
        {"prompt": "How many are in it? Its label is " + 20_000 * "a" + "."},
    ],
    ids=["a truth value", "a number of 5,000 digits", "a word of 20,000 letters"],
)
def test_what_is_not_a_tolerance_states_none(unrelated: dict[str, object]) -> None:
    records = [{**row, **unrelated} for row in WHOLE]
    (finding,) = findings_of(within(0.05), records)
    assert finding.name == "within-5-percent"


def test_a_reward_that_measures_nearness_gets_a_note_that_says_so() -> None:
    def nearness(row: Row, text: str) -> float:
        return max(0.0, 1.0 - distance(row, text))

    assert findings_of(nearness, WHOLE) == []
    (note,) = notes_of(nearness, WHOLE)
    assert "measures nearness" in note.message


def test_a_number_beyond_any_usual_tolerance_is_the_only_finding() -> None:
    (finding,) = findings_of(within(0.12), WHOLE)
    assert finding.verdict == "exploit" and "ten-percent" in named([finding])
    assert not {*TOLERATED} & named([finding, *notes_of(within(0.12), WHOLE)])
