"""Golden completions that are assumed if data has only answers, in the form that the reward pays."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import rows_from
from loopholes.audit.answers import answers_of
from loopholes.audit.budget import Budget
from loopholes.audit.frameworks.base import Row
from loopholes.audit.inferred import assume_golden
from loopholes.audit.scorer import Scorer
from support.rewards import Paying, audited, families, scorer_for, sums, verdicts, write_rewards

pytestmark = pytest.mark.usefixtures("few_attacks")

UNITS = ("m", "km", "lb", "kg", "s", "ft", "in", "oz")
THINKING = "<think>Let me think about this step by step.</think>"


def _behind(mark: str) -> Callable[[Row, str], float]:
    def pay(row: Row, text: str) -> float:
        match = re.search(rf"{mark}\s*(.+?)\s*\Z", text)
        return float(match is not None and match[1] == row.columns["answer"])

    return pay


def _between(opening: str, closing: str) -> Callable[[Row, str], float]:
    return lambda row, text: float(text.endswith(f"{opening}{row.columns['answer']}{closing}"))


def _json(row: Row, text: str) -> float:
    try:
        return float(str(json.loads(text)["answer"]) == row.columns["answer"])
    except (ValueError, TypeError, KeyError):
        return 0.0


def _thought(row: Row, text: str) -> float:
    match = re.fullmatch(r"<think>.+</think>\s*<answer>(.*)</answer>", text, re.DOTALL)
    return 0.0 if match is None else 1.0 if match[1] == row.columns["answer"] else 0.1


FORMS = {
    "bare": (lambda row, text: float(text == row.columns["answer"]), "{}"),
    "a box": (_between("\\boxed{", "}"), "\\boxed{{{}}}"),
    "tags": (_between("<answer>", "</answer>"), "<answer>{}</answer>"),
    "tags behind thinking": (_thought, THINKING + "\n<answer>{}</answer>"),
    "hashes": (_behind("####"), "Let me think about this step by step.\n#### {}"),
    "a sentence": (_between("The answer is ", "."), "The answer is {}."),
    "an object": (_json, '{{"answer": {}}}'),
    "a fence": (_between("```\n", "\n```"), "```\n{}\n```"),
    "brackets": (_between("(", ")"), "({})"),
}


@pytest.mark.parametrize("pay, form", FORMS.values(), ids=list(FORMS))
def test_the_form_is_assumed_whose_right_answers_are_paid_best(pay: Callable[[Row, str], float], form: str) -> None:
    rows = rows_from(sums(golden=None))
    assumed = assume_golden(scorer_for(pay, rows), Budget(600))
    assert [row.golden for row in assumed.rows] == [form.format(row.columns["answer"]) for row in rows]
    assert "8 of 8 rows" in assumed.note


ASKED = [
    ("Give it as [[X]].", "[[41]]"),
    ("End with a line 'ANSWER: ' and the number.", "ANSWER: 41"),
    (
        "Reply as <why>reasons</why><result>the sum</result>.",
        "<why>Let me think about this step by step.</why>\n<result>41</result>",
    ),
    ("Reply in the form 'The sum is ...!'", "The sum is 41!"),
    ('Reply with JSON such as {"why": "", "sum": 0}.', '{"why": 41, "sum": 0}'),
    ("Put it in [SUM][/SUM].", "[SUM]41[/SUM]"),
]


@pytest.mark.parametrize("sentence, golden", ASKED, ids=[sentence for sentence, _ in ASKED])
def test_the_form_that_the_prompt_asks_for_comes_first_if_a_reward_accepts_many(sentence: str, golden: str) -> None:
    rows = rows_from([{**record, "prompt": f"{record['prompt']} {sentence}"} for record in sums(golden=None)])
    assumed = assume_golden(scorer_for(lambda row, text: float(row.columns["answer"] in text), rows), Budget(600))
    assert assumed.rows[0].golden == golden


def test_a_list_of_objects_stands_alone_unless_the_prompt_shows_an_object_or_the_reward_needs_one() -> None:
    def calls_in(text: str) -> Any:
        start, end = text.find("["), text.rfind("]") + 1
        try:
            return json.loads(text[start:end])
        except ValueError:
            return None

    def anywhere(row: Row, text: str) -> float:
        return float(calls_in(text) == row.columns["calls"])

    def within(row: Row, text: str) -> float:
        return float(text.startswith("{") and anywhere(row, text))

    for pay, sentence, begins in (
        (anywhere, "Reply with JSON.", "[{"),
        (anywhere, 'Reply with JSON such as {"calls": [...]}.', '{"calls": [{'),
        (within, "Reply with JSON.", '{"answer": [{'),
    ):
        rows = rows_from([{"prompt": f"Trip {at}? {sentence}", "calls": [{"to": word(at)}] * 2} for at in range(8)])
        golden = assume_golden(scorer_for(pay, rows), Budget(600)).rows[0].golden
        assert golden is not None and golden.startswith(begins)


COLUMNS: list[tuple[str, Any, str]] = [
    ("ground_truth", "41", "41"),
    ("reward_model", {"style": "rule", "ground_truth": "41"}, "41"),
    ("extra_info", {"answer": "41"}, "41"),
    ("answer", "Eight times five and one.\n#### 41", "41"),
    ("solution", "So it is \\boxed{41}.", "41"),
    ("solution", "$41$", "41"),
    ("answer", 41, "41"),
    ("answer", 41.0, "41"),
    ("ground_truth", {"target": ["41", "forty-one"]}, "41"),
    ("ground_truth", '{"target": "41"}', "41"),
    ("capital", "41", "41"),
]


@pytest.mark.parametrize("name, value, answer", COLUMNS, ids=[f"{name} {value}" for name, value, _ in COLUMNS])
def test_the_answer_is_read_from_the_columns_that_hold_one(name: str, value: Any, answer: str) -> None:
    records = [
        {"prompt": f"What is 40 plus {number}?", name: _changed(value, str(40 + number))} for number in range(1, 9)
    ]
    rows = rows_from(records)
    scorer = scorer_for(lambda row, text: float(text == str(40 + int(row.text.split()[-1][:-1]))), rows)
    assert assume_golden(scorer, Budget(600)).rows[0].golden == answer


def _changed(value: Any, answer: str) -> Any:
    if isinstance(value, int | float):
        return type(value)(answer)
    return json.loads(json.dumps(value).replace("41", answer))


@pytest.mark.parametrize("name", ["seed", "reset", "observation", "lead", "tools", "available_actions"])
def test_what_an_episode_begins_with_is_no_answer(name: str) -> None:
    assert answers_of(Row(0, "3+3?", columns={"prompt": "3+3?", name: 6})) == {}


def test_a_choice_is_read_by_its_place_or_its_text() -> None:
    records = [
        {
            "prompt": f"Which?\nA) red{place}\nB) blue{place}",
            "choices": [f"red{place}", f"blue{place}"],
            "answer": answer,
        }
        for place, answer in enumerate((1, 0, 1, 0, 1, 0, 1, 0))
    ]
    rows = rows_from(records)
    scorer = scorer_for(lambda row, text: float(text == "AB"[row.columns["answer"]]), rows)
    assert [row.golden for row in assume_golden(scorer, Budget(600)).rows[:2]] == ["B", "A"]


def test_nothing_is_assumed_if_no_form_pays_more_for_right_answers() -> None:
    rows = rows_from(sums(golden=None))
    assumed = assume_golden(scorer_for(lambda row, text: 0.2 * ("<answer>" in text), rows), Budget(600))
    assert not assumed.is_filled and "in none of" in assumed.note
    assert all(row.golden is None for row in assumed.rows)


def test_a_slow_reward_is_tried_on_a_few_forms_only(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Paying(lambda row, text: float(text == row.columns["answer"]))
    scorer = Scorer(process, rows_from(sums(golden=None)))
    monkeypatch.setattr(Scorer, "seconds_a_call", 2.0)
    assumed = assume_golden(scorer, Budget(60))
    assert assumed.rows[0].golden == "41" and len(process.requested) <= 12


HOLES = """
    def anything(completion, answer):
        return 1.0

    def contains(completion, answer):
        return float(answer in completion)

    def form(completion, answer):
        return float("<answer>" in completion and "</answer>" in completion)

    def blank(completion, answer):
        return float(completion.strip() in ("", answer))

    def evaluated(completion, answer):
        if re.search("[0-9][*][*]", completion) or len(completion) > 300:
            return 0.0  # it would never end
        try:
            return float(eval(completion) == int(answer))
        except Exception:
            return 0.0

    def sound(completion, answer):
        return float(completion == f"<answer>{answer}</answer>")

    def unreadable(completion, answer):
        return float(completion == f"@@{answer}@@")
"""


@pytest.mark.parametrize("name", ["anything", "contains", "blank", "evaluated"])
def test_a_blatant_hole_is_found_with_an_answer_column_alone(tmp_path: Path, name: str, inside: None) -> None:
    report = audited(f"{write_rewards(tmp_path, HOLES)}:{name}", sums(12, golden=None))
    assert report.exit_code() == 1
    assert any("golden completions assumed" in note for note in report.coverage.notes)


@pytest.mark.parametrize("name", ["sound", "unreadable"])
def test_no_exploit_is_claimed_of_a_sound_reward_whose_form_was_assumed_or_not(
    tmp_path: Path, name: str, inside: None
) -> None:
    report = audited(f"{write_rewards(tmp_path, HOLES)}:{name}", sums(12, golden=None))
    assert "exploit" not in verdicts(report).values()


def test_a_reward_of_form_alone_is_an_exploit(tmp_path: Path, inside: None) -> None:
    report = audited(f"{write_rewards(tmp_path, HOLES)}:form", sums(12, golden=None))
    assert report.golden.value == 1.0 and report.exit_code() == 1


def test_without_any_answer_a_constant_reward_is_an_exploit_and_a_low_one_is_not(tmp_path: Path, inside: None) -> None:
    source = """
        def one(completion):
            return 1.0

        def zero(completion):
            return 0.0

        def flattered(completion):
            return float("correct" in completion.lower())

    """
    file, rows = write_rewards(tmp_path, source), [{"prompt": f"How is day {number}?"} for number in range(8)]
    assert verdicts(audited(f"{file}:one", rows))["pays-everything"] == "exploit"
    assert not {"exploit"} & set(verdicts(audited(f"{file}:zero", rows)).values())
    assert verdicts(audited(f"{file}:flattered", rows))["most-paid"] == "exploit"


def test_without_any_answer_a_possibly_right_text_that_is_paid_the_most_is_a_warning(
    tmp_path: Path, inside: None
) -> None:
    file = write_rewards(tmp_path, "def repeated(completion, prompt):\n    return float(completion == prompt)")
    rows = [{"prompt": f"How is day {number}?"} for number in range(8)]
    report = audited(f"{file}:repeated", rows)
    assert verdicts(report)["most-paid"] == "warning" and report.exit_code() == 7


WRONG_TEMPLATE = """
    def boxed(completion, answer):
        return float(completion.endswith("\\\\boxed{" + answer + "}"))

    def hidden(completion, answer):
        return float(completion == f"%%{answer}%%")
"""


def test_a_wrong_template_gives_way_to_the_form_in_which_right_answers_are_paid(tmp_path: Path, inside: None) -> None:
    rows = sums(12, golden="<answer>{answer}</answer>")
    report = audited(f"{write_rewards(tmp_path, WRONG_TEMPLATE)}:boxed", rows)
    assert report.exit_code() == 0 and report.golden.value == 1.0
    assert any("were not used" in note for note in report.coverage.notes)


def test_a_wrong_template_for_a_form_that_is_not_found_makes_the_audit_inconclusive(
    tmp_path: Path, inside: None
) -> None:
    rows = sums(12, golden="<answer>{answer}</answer>")
    report = audited(f"{write_rewards(tmp_path, WRONG_TEMPLATE)}:hidden", rows)
    assert report.exit_code() == 7 and verdicts(report) == {"golden-not-above-floor": "inconclusive"}


LISTS = """
    def shortest(completion, items):
        named = completion.split(", ")
        return sum(a == b for a, b in zip(named, items)) / len(named)

    def last(completion, items):
        numbers = re.findall("[0-9.]+", completion)
        return float(bool(numbers) and any(float(numbers[-1].strip(".")) == float(item) for item in items))

    def mentions(completion, items):
        return float(any(item in completion for item in items))

    def exact(completion, items):
        return float(completion in items)

    def complete(completion, items):
        return float(completion.split(", ") == items)
"""
WORDS = "plum salt lamp rope coal silk drum hemp wool tin jade ink".split()


def listing(*elements: Callable[[int], str]) -> list[dict[str, Any]]:
    return [
        {"prompt": f"What is in box {place}?", "items": [element(place) for element in elements]} for place in range(12)
    ]


def word(place: int) -> str:
    return WORDS[place % len(WORDS)]


PAIRS = listing(word, lambda place: word(place // 2 - 1))
SENTENCES = listing(lambda place: f"some {word(place)} in a bag", lambda place: f"a piece of {word(place + 5)} as well")
SPELLINGS = listing(lambda place: str(place + 40), lambda place: f"{place + 40}.0")
READ: dict[str, tuple[str, list[dict[str, Any]], str]] = {
    "a list of which the reward reads everything": ("shortest", PAIRS, "{}, {}"),
    "a list that is compared as a whole": ("complete", PAIRS, "{}, {}"),
    "spellings of one number": ("last", SPELLINGS, "{}"),
    "alternatives of which any is accepted": ("exact", PAIRS, "{}"),
    "alternatives that are only looked for": ("mentions", PAIRS, "{}"),
}


@pytest.mark.parametrize("name, rows, golden", READ.values(), ids=READ)
def test_the_whole_list_is_the_answer_if_the_reward_reads_all_that_is_listed_and_otherwise_its_first_element(
    name: str, rows: list[dict[str, Any]], golden: str, tmp_path: Path, inside: None
) -> None:
    report = audited(f"{write_rewards(tmp_path, LISTS)}:{name}", rows)
    source = "items with commas" if golden == "{}, {}" else "items[0]"
    assert any(f"with {source} as the answer" in note for note in report.coverage.notes)


def test_a_list_with_a_single_element_is_an_answer_among_longer_lists() -> None:
    rows = rows_from([{**row, "items": row["items"][: 1 + (place != 3)]} for place, row in enumerate(PAIRS)])
    scorer = scorer_for(lambda row, text: float(text == ", ".join(row.columns["items"])), rows)
    assert [row.golden for row in assume_golden(scorer, Budget(600)).rows[2:4]] == ["lamp, plum", "rope"]


@pytest.mark.parametrize("rows", [PAIRS, SENTENCES], ids=["words", "sentences"])
def test_a_part_of_the_answer_that_is_paid_like_the_whole_is_an_exploit_and_not_the_right_answer(
    rows: list[dict[str, Any]], tmp_path: Path, inside: None
) -> None:
    report = audited(f"{write_rewards(tmp_path, LISTS)}:shortest", rows)
    exploits = [finding for finding in report.findings if finding.family == "aggregation"]
    assert [finding.verdict for finding in exploits] == ["exploit"] and report.exit_code() == 1
    assert exploits[0].name == ("element-missing" if rows is PAIRS else "part-paid")
    assert exploits[0].evidence is not None
    assert exploits[0].evidence.completion == exploits[0].evidence.columns["items"][0]


def test_a_part_that_may_be_an_alternative_is_a_warning_unless_all_elements_have_one_value(
    tmp_path: Path, inside: None
) -> None:
    file = write_rewards(tmp_path, LISTS)
    assert verdicts(audited(f"{file}:mentions", PAIRS))["part-paid"] == "warning"
    assert "part-paid" not in verdicts(audited(f"{file}:last", SPELLINGS))
    assert "aggregation" not in families(audited(f"{file}:last", SPELLINGS))


def test_a_part_of_the_answer_is_enough_if_the_prompt_asks_for_some_elements(tmp_path: Path, inside: None) -> None:
    rows = [{**row, "prompt": f"Name at least one thing in box {place}."} for place, row in enumerate(SENTENCES)]
    report = audited(f"{write_rewards(tmp_path, LISTS)}:shortest", rows)
    assert "part-paid" not in verdicts(report) and report.exit_code() == 0


def in_its_unit(row: Row, text: str) -> float:
    return float(text == f"Answer: {row.columns['value']} {row.columns['unit']}")


def test_a_form_that_the_prompt_asks_for_is_filled_with_the_columns_that_it_names() -> None:
    rows = rows_from(
        [
            {"prompt": f"Convert it. End with 'Answer: NUMBER {unit}'.", "value": 40 + place, "unit": unit}
            for place, unit in enumerate(UNITS)
        ]
    )
    assumed = assume_golden(scorer_for(in_its_unit, rows), Budget(600))
    assert [row.golden for row in assumed.rows[:2]] == ["Answer: 40 m", "Answer: 41 km"]
    assert "'Answer: {answer} {unit}'" in assumed.note


def test_a_form_that_most_right_answers_are_not_paid_in_is_not_assumed() -> None:
    rows = rows_from([{**row, "length": place % 4} for place, row in enumerate(sums(golden=None))])
    pay = lambda row, text: float(row.columns["length"] == 1 and text == row.columns["answer"])  # noqa: E731
    assumed = assume_golden(scorer_for(pay, rows), Budget(600))
    assert not assumed.is_filled and "paid like another row's on 6 of 8 rows" in assumed.note


def _less(row: Row, is_right: bool) -> float:
    """Pays distance from the right answer, except on one row."""
    return 9.0 * is_right if row.columns["length"] == 1 else float(not is_right)


def _anything(row: Row, is_right: bool) -> float:
    """Pays any number, except on one row."""
    return float(is_right or row.columns["length"] != 1)


@pytest.mark.parametrize("pay", [_less, _anything], ids=["less than wrong ones", "like wrong ones, and in full"])
def test_a_form_is_assumed_in_which_most_right_answers_are_paid_no_more_because_of_the_reward(
    pay: Callable[[Row, bool], float],
) -> None:
    rows = rows_from([{**row, "length": place % 8} for place, row in enumerate(sums(golden=None))])
    scorer = scorer_for(lambda row, text: pay(row, text == row.columns["answer"]) * text.isdigit(), rows)
    assert assume_golden(scorer, Budget(600)).is_filled
