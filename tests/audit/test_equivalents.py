"""How often right answers are refused when they are written differently: rates with intervals, by kind of reader."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import rows_from
from loopholes.audit.budget import Budget
from loopholes.audit.form import form_of
from loopholes.audit.frameworks.base import Paid, Row
from loopholes.audit.gold.answer import answer_of
from loopholes.audit.gold.equivalents import (
    Equivalent,
    ask_equivalents,
    refusal_findings,
    refusal_notes,
    refusals,
)
from loopholes.audit.gold.ways import WAYS, equivalents, reversed_items
from loopholes.audit.markdown import markdown
from loopholes.audit.results import Evidence
from loopholes.audit.scale import Level, levels_of
from loopholes.audit.section import audits_of
from loopholes.cli import main
from loopholes.rewards import arithmetic, calls_passed, choice, number, program, record, same_list, same_number, tagged
from support.rewards import audited, save_rows, scorer_for, sums, write_rewards

Pay = Callable[[Row, str], float]
Records = Sequence[dict[str, Any]]
NUMBERS = ["41", "-7", "0.5", "12345", "1/2", r"\frac{3}{4}", "0.0012", "40%", "5 km", "1234.5", "600000", "2.50"]
SUMS, MAKE = ["3*4+13-7", "3 * 4 + 13 - 7"], "Make 18 of 3, 4, 13 and 7."
CHOICE = "Which? (A) red (B) blue (C) green (D) black"


def rows_of(answers: Sequence[str], prompt: str = "?", golden: str = "<answer>{}</answer>") -> list[dict[str, Any]]:
    return [
        {"prompt": f"{at}. {prompt}", "answer": answer, "golden": golden.replace("{}", answer)}
        for at, answer in enumerate(answers)
    ]


def objects_of(answers: Sequence[Any], prompt: str = "Reply with a JSON object.") -> list[dict[str, Any]]:
    """Rows whose right answers are in the field ``answer`` of a JSON object."""
    rows = rows_of(["" for _ in answers], prompt)
    return [
        {**row, "answer": answer, "golden": json.dumps({"answer": answer, "sure": True})}
        for row, answer in zip(rows, answers, strict=True)
    ]


def scored_equivalents(pay: Pay, records: Records, truth: Any = None) -> list[Equivalent]:
    rows = rows_from(records)
    form = form_of([row.golden or "" for row in rows])
    scorer = scorer_for(pay, rows)
    levels = levels_of(scorer, form, None, 0, range(len(rows)))
    return ask_equivalents(scorer, levels, form, Budget(), truth)[0]


def exact(row: Row, text: str) -> float:
    return float(text == row.golden)


def in_tags(row: Row, text: str) -> float:
    return float(same_number(tagged(text), row.columns["answer"]))


def anywhere(row: Row, text: str) -> float:
    """The most lenient reader: the last number in the text."""
    numbers = re.findall(r"[-+−]?\d[\d,]*(?:\.\d+)?", text.replace("{,}", ",").rstrip(". "))
    return float(bool(numbers) and number(numbers[-1]) == number(row.columns["answer"]))


@pytest.mark.parametrize(
    "pay, reader",
    [(exact, "exact"), (in_tags, "strict on form"), (anywhere, "lenient")],
    ids=["exact", "strict on form", "lenient"],
)
def test_the_kind_of_reader_follows_from_what_it_refuses(pay: Pay, reader: str) -> None:
    rates = refusals(scored_equivalents(pay, sums(16)))
    assert rates.reader == reader and rates.rows == 16
    assert reader in rates.sentence and (rates.within.low or 0.0) <= (rates.within.value or 0.0)


def test_the_lines_about_refusals_begin_with_the_share_and_end_with_what_they_do_not_say() -> None:
    rates = refusals(scored_equivalents(anywhere, sums(16)))
    first, *_, last = rates.lines
    assert first.startswith("in the right form, 0.0 %") and first.endswith("are refused, on average over 16 rows")
    assert last == "this says nothing about whether wrong answers are paid"
    assert all(len(line) <= 160 and line.count("(") < 2 for line in rates.lines)
    assert rates.sentence.startswith("Right answers in other spellings. In the right form, 0.0 %")
    only_in_form = replace(rates, around=replace(rates.around, value=None))
    assert not any("in another form" in line or "unknown" in line for line in only_in_form.lines)
    assert only_in_form.reader == "lenient in its form" and "no other form was tried" in only_in_form.sentence


def test_each_way_is_counted_on_the_rows_that_it_applies_to() -> None:
    rates = {way.name: way for way in refusals(scored_equivalents(exact, rows_of(["5", "6", "7000", "8000"]))).ways}
    assert rates["decimal .0"].n == 4 and rates["thousands separators"].n == 2
    assert rates["thousands separators"].example == "<answer>7,000</answer>" and rates["decimal .0"].rate.value == 1.0


def test_forty_ways_apply_to_common_kinds_of_answers() -> None:
    """Every way applies to one of these answers, so none is dead."""
    records = [
        *rows_of(NUMBERS, "What is x, in dollars?"),
        *rows_of(list("ABCD"), CHOICE),
        *rows_of(["Paris", "new york", "yes"]),
        *rows_of(["1, 2, 3", r"\{3, 1\}"]),
        *rows_of(SUMS, MAKE),
    ]
    objects = [
        *objects_of(NUMBERS, "What is it, in dollars?"),
        *objects_of([7, "B"], CHOICE),
        *objects_of(["Paris", "new york", "yes"]),
        *objects_of([[3, 1]], "In any order?"),
        *objects_of(SUMS, MAKE),
    ]
    programs = "```python\ndef f(v):\n    a = 1\n    b = 2\n    w = v\n    return (w + a + b)\n```"
    further = rows_of(['{"a": 1, "b": 2}'], golden="{}") + rows_of([programs], golden="{}")
    further += rows_of([json.dumps({"arguments": json.dumps({"a": 1, "b": 2})})], golden="{}")
    fenced = rows_of(['{"a": 1, "b": 2}', '{"a": 3, "b": 4}'], golden="```json\n{}\n```")
    applied = set()
    for group in (records, objects, further, fenced):
        rows = rows_from(group)
        form = form_of([row.golden or "" for row in rows])
        answers = [answer_of(row, form) for row in rows]
        applied |= {name for answer in answers if answer is not None for name, _ in equivalents(answer)}
    assert set(WAYS) - applied == set() and len(WAYS) >= 40


def written(answer: str, prompt: str = "?") -> dict[str, str]:
    rows = rows_from(rows_of([answer, "Oslo"], prompt))
    form = form_of([row.golden or "" for row in rows])
    right = answer_of(rows[0], form)
    assert right is not None
    return {name: form.read(text) for name, text in equivalents(right) if WAYS[name].place == "within"}


def in_field(answer: Any, prompt: str = "Reply with a JSON object.") -> dict[str, Any]:
    """The values of the field ``answer`` in the spellings of a JSON object that change it."""
    rows = rows_from(objects_of([answer, "Oslo"], prompt))
    right = answer_of(rows[0], form_of([row.golden or "" for row in rows]))
    assert right is not None
    records = {name: record(text) for name, text in equivalents(right) if name.endswith(" in a field")}
    assert all(value is not None and value["sure"] is True for value in records.values())
    return {name.removesuffix(" in a field"): value["answer"] for name, value in records.items() if value is not None}


def test_a_text_in_a_json_field_is_written_in_other_case_and_with_spaces_and_a_full_stop() -> None:
    assert in_field("Paris") == {"spaces": " Paris ", "full stop": "Paris.", "lower case": "paris"}
    assert in_field("yes")["capitals"] == "YES"


def test_a_list_in_reverse_keeps_its_brackets() -> None:
    for brackets in ("{}", "[{}]", "({})", r"\{{{}\}}"):
        (row,) = rows_from(rows_of([brackets.format("3, 1, 2")], "In any order?"))
        answer = answer_of(row, form_of([row.golden or ""]))
        assert answer is not None and reversed_items(answer) == brackets.format("2, 1, 3")


@pytest.mark.parametrize("answer", NUMBERS)
def test_every_way_to_write_a_number_in_a_json_field_is_a_text_and_that_number(answer: str) -> None:
    spellings = in_field(answer)
    assert {"spaces", "full stop"} <= set(spellings)
    for name, text in spellings.items():
        assert isinstance(text, str) and same_number(text, answer), (name, text)


@pytest.mark.parametrize(
    "answer, prompt, names",
    [
        (42, "Reply with JSON.", ["decimal .0"]),
        (2.5, "Reply with JSON.", []),
        ([3, 1], "Reply with JSON, in any order.", ["other order"]),
        ([3, 1], "Reply with JSON.", []),
        ("positive", 'Reply with JSON: "positive" or "negative".', []),
        ("12345", "Reply with JSON, digits only.", ["spaces", "full stop", "decimal .0", "leading plus"]),
        ("Paris", "Reply with JSON, spelled exactly as on the map.", ["spaces", "full stop"]),
        ("get_weather", "Reply with JSON.", ["spaces", "full stop"]),
    ],
    ids=str,
)
def test_a_json_field_keeps_its_type_and_the_spelling_that_the_prompt_demands(
    answer: Any, prompt: str, names: list[str]
) -> None:
    spellings = in_field(answer, prompt)
    assert set(spellings) - {"scientific notation"} == set(names)
    if not isinstance(answer, str):
        assert all(value == answer or sorted(value) == sorted(answer) for value in spellings.values())


def test_a_json_object_is_written_with_a_remark_and_with_a_fence_or_without_and_with_a_number_as_text() -> None:
    def around(record: dict[str, Any], golden: str) -> list[str]:
        rows = rows_from([{**record, "golden": golden.replace("{}", record["golden"])}])
        right = answer_of(rows[0], form_of([rows[0].golden or ""]))
        assert right is not None
        return [text for name, text in equivalents(right) if WAYS[name].place == "around"]

    (row,) = objects_of([42])
    bare = row["golden"]
    assert {
        f"```json\n{bare}\n```",
        f"Here is the JSON:\n\n```json\n{bare}\n```",
        f"Sure, here is my answer.\n\n{bare}",
        bare.replace("42", '"42"'),
    } <= set(around(row, "{}"))
    assert bare.replace('"42"', "42") in around(objects_of(["42"])[0], "{}")
    fenced = around(row, "```json\n{}\n```")
    assert bare in fenced and max(text.count("```") for text in fenced) == 2


def test_a_prompt_about_a_capital_does_not_demand_capital_letters() -> None:
    assert "paris" in written("Paris", "What is the capital of France?").values()
    assert "paris" not in written("Paris", "Which city? Use capital letters.").values()


@pytest.mark.parametrize("answer", NUMBERS)
def test_every_way_to_write_a_number_is_that_number(answer: str) -> None:
    spellings = written(answer)
    assert spellings
    for name, text in spellings.items():
        assert same_number(text.split("=")[-1], answer), (name, text)


@pytest.mark.parametrize("letter", "ABCD")
def test_every_way_to_write_a_choice_is_that_choice(letter: str) -> None:
    options = {"A": "red", "B": "blue", "C": "green", "D": "black"}
    spellings = written(letter, CHOICE)
    assert len(spellings) >= 12
    assert {name: choice(text, options) for name, text in spellings.items()} == dict.fromkeys(spellings, letter)


def test_every_way_to_write_a_list_or_a_record_is_the_same_list_or_record() -> None:
    for name, text in written("1, 2, 3").items():
        assert same_list(text, [1, 2, 3]), (name, text)
    golden = '{"a": 1, "b": [2]}'
    for answer in (answer_of(row, form_of([golden])) for row in rows_from(rows_of([golden], golden="{}"))):
        assert answer is not None
        texts = [text for name, text in equivalents(answer) if WAYS[name].place == "within"]
        assert texts and all(record(text) == json.loads(golden) for text in texts)


def test_every_way_to_write_a_program_answers_alike() -> None:
    body = "total = 0\n    count = 1\n    for value in values:\n        total += (value)\n    return total * count\n"
    source = f"def f(values):\n    {body}"
    rows = rows_from([{"prompt": "Write f.", "golden": f"```python\n{source}```"}])
    answer = answer_of(rows[0], form_of([rows[0].golden or ""]))
    assert answer is not None
    texts = dict(equivalents(answer))
    assert {"renamed variables", "docstring", "type hints", "reordered assignments", "comment"} <= set(texts)
    for name, text in texts.items():
        assert calls_passed(program(text), "f", [([[1, 2]], 3), ([[]], 0)]) == 2, (name, text)


@pytest.mark.parametrize("answer", ["Saturday", "getValue"])
def test_spellings_that_nobody_writes_are_not_tried(answer: str) -> None:
    texts = set(written(answer).values())
    assert answer.swapcase() not in texts
    assert answer == "Saturday" or not {answer.lower(), answer.upper()} & texts


@pytest.mark.parametrize(
    "answer, other", [("3*4+(-7+13)", "3 * 4 + (-7 + 13)"), ("3 * 4 +(-7+13) = 18", "3*4+(-7+13)=18")]
)
def test_expressions_are_written_with_other_spaces_and_not_in_quotes_or_as_text_in_latex(
    answer: str, other: str
) -> None:
    texts = set(written(answer, MAKE).values())
    assert {other, f"`{answer}`"} <= texts and not {f'"{answer}"', rf"\text{{{answer}}}"} & texts


def test_a_reader_of_bare_expressions_is_strict_on_form_and_not_exact() -> None:
    def bare(row: Row, text: str) -> float:
        expression = arithmetic(tagged(text))
        return float(expression is not None and expression == arithmetic(row.columns["answer"]))

    rows = rows_of([f"{first}*2+9-7" for first in range(10, 22)], "Make {} of {}, 2, 9 and 7.")
    for first, row in enumerate(rows, start=10):
        row["prompt"] = row["prompt"].format(first * 2 + 2, first)
    assert refusals(scored_equivalents(bare, rows)).reader == "strict on form"


def messages_of(pay: Pay, records: Records) -> list[str]:
    def evidence(level: Level, text: str, paid: Paid) -> Evidence:
        return Evidence(level.row, "", {}, text, paid.value)

    return [finding.message for finding in refusal_findings(scored_equivalents(pay, records), evidence)]


def test_only_refusals_of_usual_spellings_are_a_warning() -> None:
    large = rows_of([str(1234 + 1000 * at) for at in range(12)])

    def no_separators(row: Row, text: str) -> float:
        return float((tagged(text) or "").rstrip(".") == row.columns["answer"])

    assert [re.search("should accept (.*)", message)[1] for message in messages_of(no_separators, large)] == [  # type: ignore[index]
        "thousands separators"
    ]
    assert messages_of(no_separators, sums(12)) == [] and messages_of(in_tags, large) == []


def test_spellings_that_the_truth_calls_wrong_are_not_tried() -> None:
    def truth(rows: Sequence[Row], texts: Sequence[str]) -> list[float | None]:
        return [float(text == row.golden) for row, text in zip(rows, texts, strict=True)]

    assert scored_equivalents(exact, sums(6)) and scored_equivalents(exact, sums(6), truth) == []


def test_rows_that_were_skipped_for_lack_of_time_are_named() -> None:
    rows = rows_from(sums(6))
    form, scorer = form_of([row.golden or "" for row in rows]), scorer_for(exact, rows)
    levels = levels_of(scorer, form, None, 0, range(6))
    assert ask_equivalents(scorer, levels, form, Budget(1.0, used=2.0)) == (
        [],
        ["right answers in other spellings on 6 of 6 rows, for lack of time"],
    )
    assert refusals([]).reader == "unknown"


def test_refusing_what_the_prompt_forbids_or_nobody_writes_is_not_a_warning() -> None:
    large = rows_of([str(1234 + 1000 * at) for at in range(12)])
    strict: Pay = lambda row, text: float((tagged(text) or "") == row.columns["answer"])  # noqa: E731
    assert any("thousands" in message for message in messages_of(strict, large))
    demanded = [{**row, "prompt": f"{row['prompt']} Reply with a JSON number."} for row in large]
    assert not any("thousands" in message for message in messages_of(strict, demanded))


def test_spaces_around_a_bare_answer_are_a_note_and_between_tags_a_warning() -> None:
    def exactly(row: Row, text: str) -> float:
        return float(text == row.golden)

    bare = [{**row, "golden": row["answer"]} for row in sums(12)]
    assert messages_of(exactly, bare) == [] and [
        note.name for note in refusal_notes(scored_equivalents(exactly, bare))
    ] == ["refused-equivalents"]
    assert messages_of(exactly, sums(12)) and list(refusal_notes(scored_equivalents(exactly, sums(12)))) == []


@pytest.mark.usefixtures("inside")
def test_the_warning_and_the_section_count_alike_in_every_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    source = """
        def exact(completion, answer):
            return float(completion == f"<answer>{answer}</answer>")
    """
    write_rewards(tmp_path, source)
    save_rows(tmp_path, rows_of([str(1234 + 1000 * at) for at in range(12)]))
    command = ["audit", "rewards.py:exact", "--data", "rows.jsonl", "--search-calls", "0"]
    main([*command, "--markdown", "audit.md", "--sarif", "audit.sarif"])
    terminal = " ".join(capsys.readouterr().out.split())
    record = json.loads(Path("findings/audit.json").read_text())
    (warning,) = [finding for finding in record["findings"] if finding["name"] == "refused-equivalents"]
    counted = warning["message"].partition(":")[0].removeprefix("most ")
    refused = [way for way in record["refused"]["ways"] if way["place"] == "within" and way["rate"]["value"] > 0.5]
    assert counted.startswith(f"rows refuse {len(refused)} of ")
    assert terminal.count(counted) == 2 and counted in record["refused"]["sentence"]
    (run,) = json.loads(Path("audit.sarif").read_text())["runs"]
    assert counted in run["results"][0]["message"]["text"] and counted in run["properties"]["rightAnswers"]
    assert counted in Path("audit.md").read_text()
    (section,) = audits_of(Path("findings"))
    (table,) = [table for table in section.tables if table.name == "audit-refused"]
    assert counted in table.note and record["refused"]["sentence"][1:] in table.note


@pytest.mark.usefixtures("inside")
def test_names_of_spellings_do_not_act_as_markdown_in_a_comment(tmp_path: Path) -> None:
    source = """
        def not_bold(completion, answer):
            return float("**" not in completion and answer in completion)
    """
    report = audited(f"{write_rewards(tmp_path, source)}:not_bold", sums(8))
    text = markdown(report, Path("findings"))
    assert r"\*\*bold\*\*" in text and "**bold**" not in text
