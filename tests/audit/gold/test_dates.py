"""Dates and clock times as right answers: what is read as one, and which others are wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.dates import moment_of
from loopholes.audit.gold.mutants import wrong_answers
from loopholes.rewards import tagged
from support.near_misses import Pay, Records, answer_in, findings_of, misses_of, named, notes_of

FORMS: Mapping[str, Callable[[date], str]] = {
    "ISO": lambda day: day.isoformat(),
    "slashes": lambda day: f"{day:%Y/%m/%d}",
    "words": lambda day: f"{day.day} {day:%B %Y}",
    "American words": lambda day: f"{day:%b} {day.day}, {day.year}",
    "day first": lambda day: f"{day:%d.%m.%Y}",
    "month first": lambda day: f"{day.month}/{day.day}/{day.year}",
}


def dated(form: Callable[[date], str], prompt: str = "When is invoice {} due?", step: int = 29) -> Records:
    """Rows with a date each, from the end of 2021 on."""
    days = [date(2021, 12, 30) + timedelta(days=step * at) for at in range(24)]
    return [
        {"prompt": prompt.format(at), "answer": form(day), "golden": f"<date>{form(day)}</date>"}
        for at, day in enumerate(days)
    ]


def pays(compared: Callable[[str], object]) -> Pay:
    """Pays for a date if what is compared of it is the same as of the right one."""

    def pay(row: Row, text: str) -> float:
        answer = tagged(text, "date")
        return float(answer is not None and compared(answer) == compared(str(row.columns["answer"])))

    return pay


def whole(text: str) -> object:
    moment = moment_of(text)
    return moment and moment.parts


@pytest.mark.parametrize(
    "text, parts",
    [
        ("2024-03-13", {"year": 2024, "month": 3, "day": 13}),
        ("13 March 2024", {"year": 2024, "month": 3, "day": 13}),
        ("March 13th, 2024", {"year": 2024, "month": 3, "day": 13}),
        ("13th of Mar. 2024", {"year": 2024, "month": 3, "day": 13}),
        ("Sept 3", {"month": 9, "day": 3}),
        ("13/03/2024", {"year": 2024, "month": 3, "day": 13}),
        ("3/13/2024", {"year": 2024, "month": 3, "day": 13}),
        ("03/04/2024", {"year": 2024, "first": 3, "second": 4}),
        ("14:30", {"hour": 14, "minute": 30}),
        ("2:30 p.m.", {"hour": 2, "minute": 30, "half": 1}),
        ("2024-03-13T14:30:00Z", {"year": 2024, "month": 3, "day": 13, "hour": 14, "minute": 30}),
        ("29 February 2024", {"year": 2024, "month": 2, "day": 29}),
    ],
)
def test_the_parts_of_a_date(text: str, parts: Mapping[str, int]) -> None:
    moment = moment_of(text)
    assert moment is not None and moment.parts == parts


@pytest.mark.parametrize(
    "text",
    ["29 February 2023", "2024-13-01", "2024-04-31", "31/31/2024", "25:00", "14:60", "13:00 pm", "20240313", "3-4",
     "March", "1.5", "Marched 3", "maybe 3", "12:5", "due on 2024-03-13"],
)  # fmt: skip
def test_what_is_no_date(text: str) -> None:
    assert moment_of(text) is None


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), st.sampled_from(sorted(FORMS)))
def test_every_wrong_date_is_another_day_in_the_same_form(day: date, form: str) -> None:
    answer = answer_in([{"prompt": "When?", "answer": FORMS[form](day), "golden": FORMS[form](day)}], 0)
    wrong = [text for texts in wrong_answers(answer).values() for text in texts]
    assert answer.kind == "date" and wrong
    for text in wrong:
        moment, right = moment_of(text), moment_of(answer.text)
        assert moment is not None and right is not None and moment.parts != right.parts
        assert re.sub(r"\d+|[A-Z]\w+", "", text) == re.sub(r"\d+|[A-Z]\w+", "", answer.text)


@pytest.mark.parametrize("form", FORMS)
def test_a_reward_that_compares_year_and_month_alone_is_found(form: str) -> None:
    def year_and_month(text: str) -> object:
        moment = moment_of(text)
        number = "first" if form == "month first" else "second"
        return moment and (moment.parts["year"], moment.parts.get("month", moment.parts.get(number)))

    (finding,) = findings_of(pays(year_and_month), dated(FORMS[form]))
    assert finding.verdict == "exploit" and "other-day" in named([finding])


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_reward_that_compares_whole_dates_gets_neither_a_finding_nor_a_note(form: Callable[[date], str]) -> None:
    assert findings_of(pays(whole), dated(form)) == [] and notes_of(pays(whole), dated(form)) == []


def test_a_reward_that_reads_day_and_month_in_either_order_is_forgiven_for_numbers_and_not_for_iso() -> None:
    either = pays(lambda text: sorted(map(int, re.findall(r"\d+", text))))
    ambiguous = [row for row in dated(FORMS["day first"], step=31) if int(row["answer"][:2]) <= 12]
    assert "either-reading" in named(notes_of(either, ambiguous))
    (finding,) = findings_of(either, dated(FORMS["ISO"], step=31))
    assert "day-month-exchanged" in named([finding])


@pytest.mark.parametrize("prompt, forgiven", [("When in 2022 is invoice {} due?", True), ("When is {} due?", False)])
def test_a_year_that_the_prompt_names_need_not_be_compared(prompt: str, forgiven: bool) -> None:
    records = [row for row in dated(FORMS["ISO"], prompt) if row["answer"].startswith("2022")]
    without_year = pays(lambda text: text[4:])
    assert bool(findings_of(without_year, records)) is not forgiven
    assert ("named-year" in named(notes_of(without_year, records))) is forgiven


def test_a_day_off_is_a_note_if_no_other_day_is_paid() -> None:
    def within_a_day(row: Row, text: str) -> float:
        answer = re.fullmatch(r"<date>(\d{4}-\d\d-\d\d)</date>", text)
        right = date.fromisoformat(str(row.columns["answer"]))
        return float(answer is not None and abs(date.fromisoformat(answer[1]) - right) <= timedelta(days=1))

    assert findings_of(within_a_day, dated(FORMS["ISO"])) == []
    assert named(notes_of(within_a_day, dated(FORMS["ISO"]))) == {"next-day"}


def test_a_reward_that_measures_nearness_of_dates_gets_a_note_that_says_so() -> None:
    def nearness(row: Row, text: str) -> float:
        answer = re.fullmatch(r"<date>(\d{4}-\d\d-\d\d)</date>", text)
        right = date.fromisoformat(str(row.columns["answer"]))
        return 0.0 if answer is None else max(0.0, 1.0 - abs(date.fromisoformat(answer[1]) - right).days / 400)

    assert findings_of(nearness, dated(FORMS["ISO"])) == []
    assert any("measures nearness" in note.message for note in notes_of(nearness, dated(FORMS["ISO"])))


def test_a_clock_time_has_near_misses_of_its_own() -> None:
    records = [
        {"prompt": f"When does train {at} leave?", "answer": time, "golden": f"<date>{time}</date>"}
        for at in range(10)
        for time in [f"{at + 1}:{17 + at} pm"]
    ]
    (finding,) = findings_of(pays(lambda text: text.partition(":")[0]), records)
    assert {"other-minute", "other-half"} <= named([finding]) and "other-hour" not in named([finding])


@pytest.mark.parametrize(
    "when, forgiven",
    [
        ("in the afternoon", True),
        ("this evening", True),
        ("after 1pm", True),
        ("before midnight", True),
        ("today (I am late)", False),
        ("in the morning", False),
        ("today? Write a.m. or p.m", False),
        ("in the afternoon or in the morning", False),
    ],
)
def test_the_half_of_the_day_that_the_prompt_names_need_not_be_compared(when: str, forgiven: bool) -> None:
    records = [
        {"prompt": f"When does train {at} leave {when}?", "answer": time, "golden": f"<date>{time}</date>"}
        for at in range(10)
        for time in [f"{at + 1}:{17 + at} p.m."]
    ]
    without_half = pays(lambda text: text.partition(" ")[0])
    assert bool(findings_of(without_half, records)) is not forgiven
    assert ("named-half" in named(notes_of(without_half, records))) is forgiven


def test_a_date_that_no_column_states_is_not_changed() -> None:
    records = [{key: value for key, value in row.items() if key != "answer"} for row in dated(FORMS["ISO"])]
    assert "other-day" not in misses_of(lambda row, text: float("<date>20" in text and text == row.golden), records)
