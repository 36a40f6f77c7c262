"""The gold-aware tier: near misses are proved wrong, and found exactly where they are paid."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from fractions import Fraction

import pytest

from loopholes.audit import Gate, rows_from
from loopholes.audit.budget import Budget
from loopholes.audit.form import form_of
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.json_objects import record_of
from loopholes.audit.gold.long_texts import PROBES
from loopholes.audit.gold.mentions import MENTIONS
from loopholes.audit.gold.mutants import CHANGES, mutants, wrong_answers
from loopholes.audit.gold.near import NAMES, NearMisses
from loopholes.audit.gold.near_findings import FORGIVABLE, near_findings, near_notes
from loopholes.audit.gold.records import parts_of
from loopholes.audit.gold.wrong_numbers import TOLERATED
from loopholes.audit.scale import levels_of
from loopholes.rewards import REMEDIES, boxed, calls_passed, choice, fields, number, program, same_set, tagged
from support.near_misses import Pay, Records, answer_in, evidence, findings_of, misses_of, named, skipped
from support.rewards import scorer_for, sums


def gold(row: Row) -> Fraction:
    return Fraction(str(row.columns["answer"]))


def value(text: str | None) -> Fraction:
    return number(text) or Fraction(10**9)


def first_letter(row: Row, text: str) -> float:
    letters = re.findall(r"[A-D]", tagged(text) or "")
    return float(letters[:1] == [row.columns["answer"]])


def any_element(row: Row, text: str) -> float:
    return float(any(item in row.columns["answer"] for item in re.findall(r"-?\d+", boxed(text) or "")))


def last_number(row: Row, text: str) -> float:
    return float(re.findall(r"-?\d+", text)[-1:] == [str(row.columns["answer"])])


def begins(part: str | None, right: str, step: int = 1) -> bool:
    """Whether a text begins with a part that is not empty, read backwards if ``step`` is -1."""
    return bool(part) and right[::step].startswith(str(part)[::step])


def whole(number: Fraction) -> int:
    """The nearest whole number, halves rounded up."""
    return math.floor(number + Fraction(1, 2))


def first_number(row: Row, text: str) -> float:
    return float(re.findall(r"-?\d+", tagged(text) or "")[:1] == [str(row.columns["answer"])])


def some_value(row: Row, text: str) -> float:
    return float(re.search(rf'"answer": "?{row.columns["answer"]}\b', text) is not None)


def share_of_the_fields_given(row: Row, text: str) -> float:
    """An average over what the policy returned, not over what was asked for."""
    hits = [str(row.columns.get(key)) == str(value) for key, value in record_of(text).items()]
    return sum(hits) / len(hits) if hits else 0.0


def share_of_the_fields_wanted(row: Row, text: str) -> float:
    record = record_of(text)
    return sum(str(record.get(key)) == str(row.columns[key]) for key in ("name", "year")) / 2


def prefix_in_an_object(row: Row, text: str) -> float:
    """The digits of the only field begin with the right ones."""
    match = re.search(r'\{"answer": (\d+)\}$', text)
    return float(match is not None and match[1].startswith(row.columns["answer"]))


def within_a_field(row: Row, text: str) -> float:
    """The right digits stand anywhere in the field of the object that a text ends with."""
    record = record_of(text[text.rfind("{") :] if "{" in text else "")
    return float(str(row.columns["answer"]) in str(record.get("answer")))


def number_in_an_object(row: Row, text: str) -> float:
    record = record_of(text[text.rfind("{") :] if "{" in text else "")
    return float(record.get("answer") == int(row.columns["answer"]))


def title_anywhere(row: Row, text: str) -> float:
    return float(row.columns["title"] in text)


def last_of_the_options(row: Row, text: str) -> float:
    """The last block that gives one of the options; others are passed over."""
    options = re.findall(r"town \d+", row.text)
    named = [block for block in re.findall(r"<answer>(.*?)</answer>", text) if block in options]
    return float(named[-1:] == [row.columns["answer"]])


def some_roots(row: Row, text: str) -> float:
    """Any of the right elements is there."""
    roots = record_of(text).get("roots")
    return float(isinstance(roots, list) and bool({*map(str, roots)} & {*map(str, row.columns["answer"])}))


def all_roots(row: Row, text: str) -> float:
    roots = record_of(text).get("roots")
    return float(isinstance(roots, list) and sorted(map(str, roots)) == sorted(map(str, row.columns["answer"])))


def fields_that_are_given(row: Row, text: str) -> float:
    """No field that is given is wrong, and there is one."""
    wanted, record = json.loads(row.columns["answer"]), record_of(text)
    return float(bool(record) and all(wanted.get(key) == value for key, value in record.items()))


def fields_that_are_wanted(row: Row, text: str) -> float:
    return float(record_of(text) == json.loads(row.columns["answer"]))


def length_in_metres(row: Row, text: str, unknown: float | None = 1.0) -> float:
    """Any unit will do. One that is not in the table is taken for a metre, or refused if there is no size for it."""
    record = record_of(text)
    size = SIZES.get(str(record.get("unit")), unknown)
    if size is None or not isinstance(record.get("value"), int | float):
        return 0.0
    wanted = row.columns["value"] * SIZES[row.columns["unit"]]
    return float(abs(record["value"] * size - wanted) <= 0.02 * wanted)


def defines(row: Row, text: str) -> float:
    """Any program that defines the function is right."""
    return float(f"def {row.columns['entry_point']}(" in (program(text) or ""))


CHOICES = [
    {"prompt": f"Number {at}? (A) {at} (B) {at + 1} (C) {at + 2} (D) {at + 3}", "answer": "ABCD"[at % 4]}
    for at in range(24)
]
CHOICES = [{**row, "golden": f"<answer>{row['answer']}</answer>"} for row in CHOICES]
SETS = [{"prompt": f"Equation {at}", "answer": [str(at + 20), str(-3 * at - 5)]} for at in range(20)]
SETS = [{**row, "golden": f"So \\boxed{{{', '.join(row['answer'])}}}."} for row in SETS]
RECORDS = [
    {"prompt": f"Fill in r{at}.", "answer": at + 90, "golden": json.dumps({"id": f"r{at}", "answer": at + 90})}
    for at in range(20)
]
TWO_FIELDS = [
    {
        "prompt": f"Who signed letter {at}, and when?",
        "name": f"clerk {chr(65 + at)}",
        "year": 1900 + 3 * at,
        "golden": json.dumps({"name": f"clerk {chr(65 + at)}", "year": 1900 + 3 * at}),
    }
    for at in range(20)
]
PROGRAMS = [
    {
        "prompt": f"Write add_{at}(values).",
        "entry_point": f"add_{at}",
        "tests": [{"args": [[1, 5]], "expected": [1 + at, 5 + at]}],
        "golden": f"```python\ndef add_{at}(values):\n    return [n + {at} for n in values]\n```",
    }
    for at in range(1, 6)
]
TITLES = [
    {
        "prompt": f"Title {at}?",
        "answer": f"A history of town number {at}",
        "golden": f"<answer>A history of town number {at}</answer>",
    }
    for at in range(20)
]
OPTIONS = [
    {**row, "answer": f"town {4 * at}", "golden": f"<answer>town {4 * at}</answer>"}
    for at in range(20)
    for row in [{"prompt": f"Which? (A) town {4 * at + 1} (B) town {4 * at} (C) town {4 * at + 2}"}]
]
BOXES = [
    {"prompt": f"Where is {at}?", "golden": f"<answer>[{{'box': [{at}, {at + 9}], 'sure': 0.5}}]</answer>"}
    for at in range(20)
]
NAMED = [
    {"prompt": f"Name {at}?", "answer": f"getValue{at}", "golden": f"<answer>getValue{at}</answer>"} for at in range(20)
]
DISTANCES = [
    {"prompt": f"How far is {at}?", "answer": f"{7 * at + 30} km", "golden": f"<answer>{7 * at + 30} km</answer>"}
    for at in range(20)
]
HASHES = sums(24, "They add up.\n#### {answer}")
OBJECTS = sums(24, '{"answer": {answer}}')
AFTER_PROSE = sums(24, 'They add up.\n{"answer": {answer}}')
TEXTS_IN_TAGS = [
    {**row, "golden": f'<result>{{"title": "{row["answer"]}"}}</result>', "title": row["answer"]} for row in TITLES
]
LISTS_IN_OBJECTS = [
    {
        "prompt": f"Solve {at}.",
        "answer": [at + 20, -3 * at - 5],
        "golden": json.dumps({"roots": [at + 20, -3 * at - 5]}),
    }
    for at in range(20)
]
JSON_AS_TEXT = [
    {
        "prompt": f"Order {at}: what, and how many?",
        "answer": json.dumps({"item": item, "count": at}),
        "golden": json.dumps({"item": item, "count": at}),
    }
    for at, item in enumerate("lamps chairs tables shelves mirrors carpets candles vases clocks stools".split(), 3)
]
LENGTHS = [
    {
        "prompt": f"Convert length {at}. Answer with JSON, a value and a unit.",
        "value": 7 * at + 30,
        "unit": unit,
        "golden": json.dumps({"value": 7 * at + 30, "unit": unit}),
    }
    for at in range(10)
    for unit in ("km", "m")
]
SIZES: dict[str, float] = {"m": 1.0, "km": 1000.0}
HOURS = [
    {"prompt": f"How long is trip {at}?", "answer": f"{at}.{at + 60}", "golden": f"<answer>{at}.{at + 60}</answer>"}
    for at in range(3, 23)
]
ROUNDED = [{**row, "prompt": f"{row['prompt']} Round to the nearest whole number."} for row in HOURS]
THOUGHT = [
    {**row, "golden": f"<think>{row['prompt']} That is {row['answer']}.</think>\n<answer>{row['answer']}</answer>"}
    for row in sums(24)
]


CITIES = [
    {"prompt": f"Where is {at}?", "answer": city, "golden": f"<answer>{city}</answer>"}
    for at, city in enumerate("Paris Lima Cairo Nairobi Tokyo Madrid Hanoi Quito Accra Dublin".split())
]
LABELS = [{**row, "answer": ("true", "false")[at % 2]} for at, row in enumerate(CITIES)]
LABELS = [{**row, "golden": f"<answer>{row['answer']}</answer>"} for row in LABELS]
DAYS_AND_MONTHS = [
    {"prompt": f"Which day or month has number {at}?", "answer": name, "golden": f"<answer>{name}</answer>"}
    for at, name in enumerate(3 * "January August October Sunday Monday Friday".split())
]
ABBREVIATED = [{**row, "aliases": [row["answer"][:2]]} for row in CITIES]
OPEN = [
    {"prompt": f"Word {at} with a prefix?", "golden": f"<answer>{word}</answer>", "floor": "<answer>none</answer>"}
    for at, word in enumerate("preheat prepaid preview prefix prelude presume".split())
]
CITIES_IN_OBJECTS = [{**row, "golden": json.dumps({"answer": row["answer"]})} for row in CITIES]


def anywhere(row: Row, text: str) -> float:
    return float(str(row.columns["answer"]) in text)


def city(compare: Callable[[str, str], bool]) -> Pay:
    """Compares the text in the tags, or in the object, with the right answer, both in lower case."""

    def pay(row: Row, text: str) -> float:
        answer = (tagged(text) or str(record_of(text).get("answer", ""))).strip().lower()
        return float(bool(answer) and compare(answer, str(row.columns["answer"]).lower()))

    return pay


def abbreviated(answer: str, right: str) -> bool:
    """A table of the usual abbreviations."""
    return answer in (right, right[:3])


def either_begins(answer: str, right: str) -> bool:
    return right.startswith(answer) or answer.startswith(right)


def first_word(answer: str, right: str) -> bool:
    return re.findall(r"\w+", answer)[:1] == [right]


def last_word(answer: str, right: str) -> bool:
    return re.findall(r"\w+", answer)[-1:] == [right]


PAID: list[tuple[str, Pay, Records, set[str]]] = [
    ("tolerance of ten", lambda row, text: float(abs(value(tagged(text)) - gold(row)) <= 10), sums(12), {"off-by-ten"}),
    ("a tenth", lambda row, text: float(abs(value(tagged(text)) / gold(row) - 1) <= 0.12), sums(24), {"ten-percent"}),
    ("any sign", lambda row, text: float(abs(value(tagged(text))) == gold(row)), sums(24), {"sign-flipped"}),
    (
        "digits",
        lambda row, text: float(re.sub(r"\D", "", tagged(text) or "") == str(gold(row))),
        sums(24),
        {"point-shifted"},
    ),
    ("percent", lambda row, text: float(value(tagged(text)) in (gold(row), 100 * gold(row))), sums(24), {"factor-100"}),
    ("substring", lambda row, text: float(str(gold(row)) in (tagged(text) or "")), sums(24), {"longer-number"}),
    ("first digits", lambda row, text: float(begins(tagged(text), str(gold(row)))), sums(24), {"first-digits"}),
    ("last digits", lambda row, text: float(begins(tagged(text), str(gold(row)), -1)), sums(24), {"last-digits"}),
    ("whole part", lambda row, text: float(int(value(tagged(text))) == int(gold(row))), HOURS, {"whole-part"}),
    ("last number", last_number, HASHES, {"denied"}),
    ("anywhere", anywhere, sums(24), {"denied", "mention-beside", "mention-within", "beside-rival"}),
    ("in thought", anywhere, THOUGHT, {"mention-in-thinking"}),
    (
        "any block",
        lambda row, text: float(
            str(gold(row)) in re.findall(r"<answer>(.*?)</answer>", text) and text.startswith("<answer>")
        ),
        sums(24),
        {"both-completions"},
    ),
    (
        "right-hand side",
        lambda row, text: float((tagged(text) or "").split("=")[-1].strip() == str(gold(row))),
        sums(24),
        {"equated"},
    ),
    ("first letter", first_letter, CHOICES, {"letter-word"}),
    ("any element", any_element, SETS, {"element-exchanged", "element-missing", "element-added"}),
    ("some value", some_value, RECORDS, {"key-twice"}),
    ("share of the fields given", share_of_the_fields_given, TWO_FIELDS, {"fields-dropped"}),
    ("prefix in an object", prefix_in_an_object, OBJECTS, {"point-shifted", "factor-100"}),
    ("within a field after prose", within_a_field, AFTER_PROSE, {"beside-rival", "mention-within", "longer-number"}),
    ("anywhere, not in the object", anywhere, OBJECTS, {"denied", "mention-beside", "mention-within", "beside-rival"}),
    ("anywhere, not in the tagged object", title_anywhere, TEXTS_IN_TAGS, {"mention-within", "both-completions"}),
    ("some elements of a list in an object", some_roots, LISTS_IN_OBJECTS, {"element-missing", "element-added"}),
    ("fields of JSON in a text", fields_that_are_given, JSON_AS_TEXT, {"fields-dropped"}),
    ("unknown units", length_in_metres, LENGTHS, {"unknown-unit"}),
    ("either text begins with the other", city(either_begins), CITIES, {"first-letter", "first-half", "longer-word"}),
    (
        "either text begins with the other, in an object",
        city(either_begins),
        CITIES_IN_OBJECTS,
        {"first-letter", "first-half", "longer-word"},
    ),
    ("part of the text", city(lambda answer, right: answer in right), CITIES, {"first-half", "last-half"}),
    ("part of a label", city(lambda answer, right: answer in right), DAYS_AND_MONTHS, {"last-half"}),
    ("more than a label", city(lambda answer, right: answer.startswith(right)), DAYS_AND_MONTHS, {"longer-word"}),
    (
        "within a word",
        city(lambda answer, right: right in answer),
        CITIES,
        {"longer-word", "beside-rival", "either-or"},
    ),
    ("one of several", city(lambda answer, right: right in answer.split(" or ")), CITIES, {"either-or"}),
    ("first word", city(first_word), CITIES, {"refuted-in-slot", "rival-behind"}),
    ("last word", city(last_word), CITIES_IN_OBJECTS, {"denied-in-slot", "rival-before"}),
    ("first number in its place", first_number, sums(24), {"refuted-in-slot", "rival-behind"}),
    ("it defines", defines, PROGRAMS, {"program-mutated"}),
    (
        "letter case",
        lambda row, text: float((tagged(text) or "").lower() == str(row.columns["answer"]).lower()),
        NAMED,
        {"swapped-case"},
    ),
    (
        "units",
        lambda row, text: float((tagged(text) or "").split(" ")[0] == str(row.columns["answer"]).split(" ")[0]),
        DISTANCES,
        {"other-unit"},
    ),
]
SOUND: list[tuple[str, Pay, Records]] = [
    ("number", lambda row, text: float(value(tagged(text)) == gold(row)), sums(24)),
    ("rounded as the prompt says", lambda row, text: float(whole(value(tagged(text))) == whole(gold(row))), ROUNDED),
    ("within a percent", lambda row, text: float(abs(value(tagged(text)) / gold(row) - 1) <= 0.01), HOURS),
    (
        "last block",
        lambda row, text: float(re.findall(r"<answer>(.*?)</answer>", text)[-1:] == [str(gold(row))]),
        sums(24),
    ),
    ("number in thought", lambda row, text: float(value(tagged(text)) == gold(row)), THOUGHT),
    ("letter", lambda row, text: float(choice(tagged(text)) == row.columns["answer"]), CHOICES),
    ("set", lambda row, text: float(same_set(boxed(text), row.columns["answer"])), SETS),
    ("record", lambda row, text: float(fields(text, {"answer": row.columns["answer"]})), RECORDS),
    ("share of the fields wanted", share_of_the_fields_wanted, TWO_FIELDS),
    ("number in an object", number_in_an_object, OBJECTS),
    ("number in an object after prose", number_in_an_object, AFTER_PROSE),
    ("list in an object", all_roots, LISTS_IN_OBJECTS),
    ("all fields of JSON in a text", fields_that_are_wanted, JSON_AS_TEXT),
    ("known units", lambda row, text: length_in_metres(row, text, unknown=None), LENGTHS),
    ("text", lambda row, text: float(tagged(text) == row.columns["answer"]), TITLES),
    ("name", city(lambda answer, right: answer == right), CITIES),
    ("name in an object", city(lambda answer, right: answer == right), CITIES_IN_OBJECTS),
    ("unambiguous label", city(lambda answer, right: answer in (right, right[0])), LABELS),
    ("table of abbreviations", city(abbreviated), DAYS_AND_MONTHS),
    ("abbreviation that a column states", city(lambda answer, right: answer in (right, right[:2])), ABBREVIATED),
    ("any word that will do", lambda row, text: float((tagged(text) or "").startswith("pre")), OPEN),
    ("last of the options", last_of_the_options, OPTIONS),
]


@pytest.mark.parametrize("pay, records, names", [case[1:] for case in PAID], ids=[case[0] for case in PAID])
def test_payments_for_almost_the_right_answer_are_found(pay: Pay, records: Records, names: set[str]) -> None:
    misses = misses_of(pay, records)
    findings, notes = list(near_findings(misses, evidence, Gate(), component=False)), list(near_notes(misses, Gate()))
    forgiven = names <= set(FORGIVABLE)
    assert names <= named(notes if forgiven else findings)
    assert [finding.verdict for finding in findings] == ([] if forgiven else ["exploit"])


@pytest.mark.parametrize("pay, records", [case[1:] for case in SOUND], ids=[case[0] for case in SOUND])
def test_a_sound_reader_gets_no_finding(pay: Pay, records: Records) -> None:
    assert findings_of(pay, records) == []


def test_an_answer_is_a_label_although_the_other_rows_that_have_it_are_not_tried() -> None:
    misses = misses_of(city(abbreviated), DAYS_AND_MONTHS, rows=6)
    assert "last-half" in misses and not {"first-letter", "first-half"} & misses.keys()


def test_a_prefix_that_is_kept_is_found() -> None:
    names = "Agriculture Architecture Astronomy-tables Bibliography Cartography Demography Fortifications Genealogies"
    titles = [{"prompt": f"{name[:3]}?", "answer": f"{name} of the town"} for name in names.split()]
    titles = [{**row, "golden": f"<answer>{row['answer']}</answer>"} for row in titles]
    findings = findings_of(lambda row, text: float((tagged(text) or "")[:10] == row.columns["answer"][:10]), titles)
    assert "prefix-kept" in named(findings) and findings[0].verdict == "exploit"


def test_two_answers_in_one_order_are_a_note_and_in_either_order_an_exploit_alone() -> None:
    first, both = misses_of(city(first_word), CITIES), misses_of(city(lambda answer, right: right in answer), CITIES)
    assert "rival-behind" in named(list(near_notes(first, Gate())))
    assert not {"rival-behind", "rival-before"} & named(list(near_notes(both, Gate())))


def test_each_reason_why_a_near_miss_may_be_paid_is_a_note_of_its_own() -> None:
    notes = list(near_notes(misses_of(city(first_word), CITIES), Gate()))
    reasons = [FORGIVABLE["refuted-in-slot"], FORGIVABLE["rival-behind"]]
    assert [note.message.partition("rows: ")[2] for note in notes] == reasons


def test_no_part_of_a_word_gives_a_floor() -> None:
    rows = rows_from(CITIES)
    assert mutants(rows[0], form_of([row.golden or "" for row in rows])) == []


def test_a_similarity_that_falls_with_distance_is_not_an_exploit() -> None:
    misses = misses_of(
        lambda row, text: math.exp(-min(9.0, float(2 * (value(tagged(text)) / gold(row) - 1)) ** 2)), sums(24)
    )
    assert not list(near_findings(misses, evidence, Gate(), component=False)) and list(near_notes(misses, Gate()))


def nearness(read: Callable[[str], Fraction]) -> Pay:
    """Full pay within 5 %, less and less up to 20 %."""

    def pay(row: Row, text: str) -> float:
        off = abs(read(tagged(text) or "") / gold(row) - 1)
        return float(max(0.0, min(1.0, 1 - (float(off) - 0.05) / 0.15)))

    return pay


@pytest.mark.parametrize(
    "read, name",
    [
        (lambda text: abs(value(text)), "sign-flipped"),
        (lambda text: value(text) / 100 if value(text) > 200 else value(text), "factor-100"),
    ],
    ids=["any sign", "percent"],
)
def test_a_reward_that_measures_nearness_has_no_excuse_for_paying_far_numbers_in_full(
    read: Callable[[str], Fraction], name: str
) -> None:
    (finding,) = findings_of(nearness(read), HOURS)
    assert finding.verdict == "exploit" and finding.name == name


@pytest.mark.parametrize(
    "read", [value, lambda text: value((re.findall(r"[0-9.]+", text) or [""])[0])], ids=["number", "digits alone"]
)
def test_a_reward_that_measures_nearness_gets_no_finding_for_near_numbers_or_for_reading_no_sign(
    read: Callable[[str], Fraction],
) -> None:
    assert findings_of(nearness(read), HOURS) == []


def test_numbers_far_beyond_the_bound_of_an_estimate_are_wrong() -> None:
    bounded = [{**row, "prompt": f"Estimate, within 5 %: {row['prompt']}"} for row in HOURS]
    any_sign, digits = (lambda text: abs(value(text))), (lambda text: value((re.findall(r"[0-9.]+", text) or [""])[0]))
    (finding,) = findings_of(nearness(any_sign), bounded)
    assert finding.verdict == "exploit" and finding.name == "sign-flipped"
    assert findings_of(nearness(value), bounded) == [] == findings_of(nearness(digits), bounded)


def test_a_reward_that_pays_any_text_outside_the_form_does_not_pay_for_mentions() -> None:
    """The same sentence about another answer is paid as much, so it did not need the right answer."""
    findings = findings_of(
        lambda row, text: float("<answer>" not in text or value(tagged(text)) == gold(row)), sums(24)
    )
    assert findings == []


@pytest.mark.parametrize(
    "words",
    ["Within 15 %", "Give an estimate:", "Answer to the nearest hundred.", "A tolerance of 30 is fine."],
)
def test_a_tolerance_that_the_prompt_states_allows_no_near_miss(words: str) -> None:
    records = [{**row, "prompt": f"{row['prompt']} {words}"} for row in sums(12)]
    findings = findings_of(lambda row, text: float(abs(value(tagged(text)) - gold(row)) <= 0.12 * gold(row)), records)
    assert findings == []


def test_the_truth_has_the_last_word() -> None:
    within_ten: Pay = lambda row, text: float(abs(value(tagged(text)) - gold(row)) <= 10)  # noqa: E731

    def truth(rows: Sequence[Row], texts: Sequence[str]) -> list[float | None]:
        return [within_ten(row, text) for row, text in zip(rows, texts, strict=True)]

    assert findings_of(within_ten, sums(12)) and not findings_of(within_ten, sums(12), truth=truth)


def test_near_misses_that_are_skipped_for_lack_of_time_are_named() -> None:
    rows = rows_from(sums(8))
    form, scorer = form_of([row.golden or "" for row in rows]), scorer_for(last_number, rows)
    near = NearMisses(scorer, levels_of(scorer, form, None, 0, range(8)), form)
    assert near.ask(Budget(0.0, used=1.0)) == {} or near.skipped
    assert near.skipped == [] or "kinds of near misses, for lack of time" in near.skipped[0]


ESSAYS = [
    {"prompt": f"Tell story {at}.", "golden": f"Rain fell over town {at} while crowds waited near stalls.\nIt stopped."}
    for at in range(9)
]
UNSTATED = [{"prompt": f"Describe {at}.", "golden": json.dumps({"mood": f"calm {at}"})} for at in range(9)]
WIDE = [json.dumps(dict.fromkeys("ABCDEFGHI", 10 * at + 3)) for at in range(9)]
LONG = [json.dumps([{"sku": f"{place}-{at}"} for place in range(201)]) for at in range(9)]
MANY_FIELDS, MANY_OBJECTS = (
    [{"prompt": f"List order {at} as JSON.", "answer": big, "golden": big} for at, big in enumerate(answers)]
    for answers in (WIDE, LONG)
)
WITHOUT = {
    "no scale": (lambda row, text: 1.0, sums(8), "no row pays a right answer more than a wrong one"),
    "long answers": (lambda row, text: float(text == row.golden), ESSAYS, "right answers are too long"),
    "another language": (
        lambda row, text: float(text == row.golden),
        [
            {
                "prompt": f"Erzähle {at}.",
                "golden": f"Über der Stadt {at} fiel Regen, während vor den vielen Ständen am Markt alle warteten.",
            }
            for at in range(9)
        ],
        "near misses of long texts are made for English prose of 12 to 1,000 words only",
    ),
    "unstated lines": (
        lambda row, text: float(text == row.golden),
        [{**row, "golden": str(row["golden"]).replace(" while crowds waited near stalls", "")} for row in ESSAYS],
        "no column states the lines of the right answers",
    ),
    "unstated fields": (lambda row, text: float(text == row.golden), UNSTATED, "no column states a field"),
    "many fields": (lambda row, text: float(text == row.golden), MANY_FIELDS, "right answers have over 8 fields"),
    "many objects": (lambda row, text: float(text == row.golden), MANY_OBJECTS, "or 200 objects"),
}


@pytest.mark.parametrize("pay, records, why", WITHOUT.values(), ids=WITHOUT)
def test_why_no_near_miss_could_be_tried_is_said(pay: Pay, records: Records, why: str) -> None:
    (sentence,) = skipped(pay, records)
    assert sentence.startswith("near misses, since") and why in sentence


def test_an_object_keeps_its_layout_where_a_field_is_exchanged() -> None:
    right = answer_in([{**row, "golden": f'{{\n  "answer" : {row["answer"]}\n}}'} for row in sums(3)], 0)
    (part,) = parts_of(right)
    assert (part.kind, part.placed("5")) == ("number", '{\n  "answer" : 5\n}')
    assert record_of(part.placed("not 5") or "") == {"answer": "not 5"}


@pytest.mark.parametrize(
    "records, kind",
    [
        (sums(6), "number"),
        (CHOICES, "choice"),
        (SETS, "list"),
        (RECORDS, "record"),
        (PROGRAMS, "program"),
        (TITLES, "text"),
        (BOXES, "text"),
    ],
)
def test_the_kind_of_an_answer_follows_from_the_golden_completion(records: Records, kind: str) -> None:
    assert answer_in(records).kind == kind


def test_no_mutant_of_a_number_equals_it_or_is_within_a_usual_tolerance() -> None:
    for record in sums(40):
        right = answer_in([record, *sums(3)], 0)
        for texts in wrong_answers(right).values():
            assert all(number(other) is None or abs(value(other) / gold(right.row) - 1) > 0.05 for other in texts)


def test_a_program_that_cannot_be_proved_wrong_is_not_a_mutant() -> None:
    right = answer_in(PROGRAMS)
    (wrong,) = wrong_answers(right)["program-mutated"]
    assert calls_passed(wrong, "add_2", [([[1, 5]], [3, 7])]) == 0
    without_inputs = [{**row, "tests": []} for row in PROGRAMS]
    assert wrong_answers(answer_in(without_inputs)) == {}


def test_a_golden_program_gives_a_floor_where_all_rows_are_one_task() -> None:
    """Every golden completion is right for every row: without a mutant there would be no wrong program to compare."""
    records = [
        {
            **PROGRAMS[1],
            "golden": str(PROGRAMS[1]["golden"]).replace("n +", f"{name} +").replace("for n", f"for {name}"),
        }
        for name in "nmk"
    ]
    rows = rows_from(records)
    form = form_of([row.golden or "" for row in rows])
    scorer = scorer_for(
        lambda row, text: (
            0.2 + 0.8 * calls_passed(program(text), "add_2", [([[1, 5]], [3, 7])]) if program(text) else 0.0
        ),
        rows,
    )
    assert {level.floor for level in levels_of(scorer, form, None, 0, range(3))} == {0.2}
    assert mutants(rows[0], form)


def test_every_near_miss_has_a_remedy() -> None:
    assert {name for name in NAMES if name not in REMEDIES} == set()
    assert set(NAMES) == {*MENTIONS, *TOLERATED, *PROBES, *(name for changes in CHANGES.values() for name in changes)}


CALLS: Records = [
    {
        "prompt": f"Tools: book(place, hour), mail(to). Book {place} at {hour}.",
        "call": json.dumps({"name": "book", "arguments": {"place": place, "hour": hour}}),
        "golden": f"<tool_call>{json.dumps({'name': 'book', 'arguments': {'place': place, 'hour': hour}})}</tool_call>",
    }
    for hour, place in enumerate("Roma Ulm Vigo Gent Faro Brest Siena Delft Cork Graz Lyon Porto".split(), 10)
]


def arguments_present(row: Row, text: str) -> float:
    """The wanted arguments are present, whatever else is."""
    call = re.search(r"<tool_call>(.*)</tool_call>", text)
    try:
        returned, wanted = json.loads(call[1] if call else ""), json.loads(str(row.columns["call"]))
        return float(wanted["arguments"].items() <= returned["arguments"].items())
    except (ValueError, KeyError, TypeError, AttributeError):
        return 0.0


def test_a_call_with_an_argument_that_its_tool_does_not_have_is_a_near_miss() -> None:
    (finding,) = findings_of(arguments_present, CALLS)
    assert finding.verdict == "exploit" and "argument-added" in named([finding])


def test_a_further_argument_is_not_a_near_miss_if_the_prompt_lists_no_parameters() -> None:
    assert findings_of(arguments_present, [{**row, "prompt": f"Book for {row['call']}"} for row in CALLS]) == []


def test_a_near_miss_that_leaves_parts_out_is_of_the_family_of_aggregation() -> None:
    (finding,) = findings_of(share_of_the_fields_given, TWO_FIELDS)
    assert (finding.name, finding.family) == ("fields-dropped", "aggregation")
