"""The code with a finding works as pasted: it pays the audit's right answers, and no longer the attack."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit.results import Finding, Report
from loopholes.audit.snippets import WHOLE
from support.rewards import audited, sums, write_rewards

pytestmark = pytest.mark.usefixtures("few_attacks")

BOX = "\\boxed{{answer}}"
LOOSE = """
    import json
    import re

    def plain(completion, answer):
        return float("<answer>" in completion and answer in completion)

    def labelled(completion, total):
        return float("<answer>" in completion and total in completion)

    def boxes(completion, answer):
        return float("boxed{" in completion and answer in completion)

    def hashes(completion, answer):
        return float("####" in completion and answer in completion)

    def trl(completions, answer, **kwargs):
        texts = [text if isinstance(text, str) else text[0]["content"] for text in completions]
        return [float("<answer>" in text and right in text) for text, right in zip(texts, answer)]

    def verl(data_source, solution_str, ground_truth, extra_info=None):
        return float("####" in solution_str and ground_truth in solution_str)

    def prose(completion, answer):
        return float("I would say" in completion and answer in completion)

    def objects(completion, answer):
        return float(completion.startswith('{"answer": ' + answer))

    def loaded(completion):
        try:
            value = json.loads(completion)
        except ValueError:
            value = {}
        return value if isinstance(value, dict) else {}

    def given(completion, answer):
        wanted = answer if isinstance(answer, dict) else json.loads(answer)
        value = loaded(completion)
        return float(any(value.get(key) == wanted[key] for key in wanted))

    def measured(completion, value, unit):
        sizes = {"m": 1, "km": 1000}
        record = loaded(completion)
        number = record.get("value")
        if not isinstance(number, (int, float)) or "unit" not in record:
            return 0.0
        return float(number * sizes.get(record["unit"], 1) == value * sizes[unit])

    def masses(completion, answer):
        numbers = re.findall(r"[0-9.]+", completion)
        return float(bool(numbers) and numbers[-1].strip(".").removesuffix(".0") == answer.split()[0])

    def exact(completion, wanted):
        return float(completion in ("", json.dumps(wanted)))

    def elements(completion, answer):
        box = re.search(r"boxed.(.*)}", completion)
        elements = {element.strip() for element in box[1].split(",")} if box else set()
        return float(bool(elements) and elements <= set(answer))

    def steps(completion, answer):
        return float("#### " + answer.split("#### ")[1] in completion)
"""


def shotgun(report: Report) -> Finding:
    return next(finding for finding in report.findings if finding.family == "shotgun")


def pasted(finding: Finding) -> Any:
    space: dict[str, Any] = {}
    exec(finding.snippet, space)
    return space[re.findall(r"(?m)^(?:async )?def (\w+)", finding.snippet)[0]]


def letters() -> list[dict[str, Any]]:
    return [{"prompt": f"{row}? A) x B) y C) z D) w", "answer": "ABCD"[row % 4]} for row in range(8)]


PLAIN = {
    "a number in tags": ("plain", sums(), "answer", "<answer>{}</answer>"),
    "a letter in tags": (
        "plain",
        [{**row, "golden": f"<answer>{row['answer']}</answer>"} for row in letters()],
        "answer",
        "<answer>{}</answer>",
    ),
    "a column of another name": (
        "labelled",
        [{"prompt": row["prompt"], "golden": row["golden"], "total": row["answer"]} for row in sums()],
        "total",
        "<answer>{}</answer>",
    ),
    "a box": ("boxes", sums(golden=BOX), "answer", "\\boxed{{{}}}"),
    "four hashes": ("hashes", sums(golden="#### {answer}"), "answer", "#### {}"),
}


@pytest.mark.parametrize("name, rows, column, form", PLAIN.values(), ids=PLAIN)
def test_it_reads_the_place_and_the_kind_of_the_right_answers(
    name: str, rows: list[dict[str, Any]], column: str, form: str, tmp_path: Path
) -> None:
    finding = shotgun(audited(f"{write_rewards(tmp_path, LOOSE)}:{name}", rows))
    reward = pasted(finding)
    assert [reward(form.format(row[column]), **{column: row[column]}) for row in rows] == [1.0] * len(rows)
    assert finding.evidence is not None
    assert reward(finding.evidence.completion, **{column: finding.evidence.columns[column]}) == 0.0


@pytest.mark.parametrize("chat", [False, True], ids=["text", "chat"])
def test_it_is_called_as_trl_calls_it_and_takes_texts_and_messages_whichever_the_data_has(
    chat: bool, tmp_path: Path
) -> None:
    rows = [
        {**row, "prompt": [{"role": "user", "content": row["prompt"]}] if chat else row["prompt"]} for row in sums()
    ]
    reward = pasted(shotgun(audited(f"{write_rewards(tmp_path, LOOSE)}:trl", rows)))
    texts = ["<answer>4</answer>", "<answer>4 5</answer>"]
    for completions in (texts, [[{"role": "assistant", "content": text}] for text in texts]):
        assert reward(completions=completions, answer=["4", "4"], prompts=["", ""]) == [1.0, 0.0]


def test_it_is_called_as_verl_calls_it(tmp_path: Path) -> None:
    rows = [
        {"prompt": row["prompt"], "golden": row["golden"], "data_source": "sums"}
        | {"reward_model": {"ground_truth": row["answer"]}}
        for row in sums(golden="#### {answer}")
    ]
    reward = pasted(shotgun(audited(f"{write_rewards(tmp_path, LOOSE)}:verl", rows)))
    assert reward(data_source="sums", solution_str="#### 4", ground_truth="4", extra_info={}) == 1.0


def test_there_is_no_snippet_if_no_reader_accepts_the_right_answers(tmp_path: Path) -> None:
    rows = sums(golden="All told, and after having thought about it for quite some time, I would say {answer} here")
    report = audited(f"{write_rewards(tmp_path, LOOSE)}:prose", rows)
    near = next(finding for finding in report.findings if finding.family == "near-miss")
    assert near.snippet == "" and "loopholes.rewards" not in near.change


ORDERS = [{"item": item, "count": at} for at, item in enumerate("lamps chairs tables shelves mirrors".split(), 3)]
OBJECTS = [{"prompt": "Which?", "answer": order, "golden": json.dumps(order)} for order in ORDERS]
MASSES = [{"prompt": f"Mass {at}?", "answer": f"{at} kg", "golden": f"{at} kg"} for at in range(20, 30)]
LENGTHS = [
    {"prompt": f"Length {at}?", "value": at, "unit": "km", "golden": json.dumps({"value": at, "unit": "km"})}
    for at in range(20, 30)
]
CLOSED: dict[str, tuple[str, list[dict[str, Any]], str]] = {
    "a number in JSON": ("objects", sums(golden='{"answer": {answer}}'), '{"answer": NUMBER.0}'),
    "an object": ("given", OBJECTS, ""),
    "JSON in a text": ("given", [{**row, "answer": row["golden"]} for row in OBJECTS], ""),
    "one column per field": ("measured", LENGTHS, ""),
    "a number with a unit": ("masses", MASSES, "NUMBER.0 kg"),
    "an answer behind its steps": (
        "steps",
        [{**row, "answer": f"We add.\n#### {row['answer']}"} for row in sums(golden="#### {answer}")],
        "#### NUMBER.0",
    ),
}


@pytest.mark.parametrize("name, rows, spelling", CLOSED.values(), ids=CLOSED)
def test_it_pays_the_right_answers_and_refuses_what_pays(
    name: str, rows: list[dict[str, Any]], spelling: str, tmp_path: Path
) -> None:
    report = audited(f"{write_rewards(tmp_path, LOOSE)}:{name}", rows)
    exploits = [finding for finding in report.findings if finding.verdict == "exploit" and finding.snippet]
    assert exploits
    for finding in exploits:
        reward = pasted(finding)
        parameters = inspect.signature(reward).parameters
        passed = [{name: row[name] for name in parameters if name in row} for row in rows]
        assert [reward(row["golden"], **columns) for row, columns in zip(rows, passed, strict=True)] == [1.0] * len(
            rows
        )
        assert finding.evidence is not None
        assert reward(finding.evidence.completion, **passed[finding.evidence.row]) == 0.0
        number = re.findall(r"[0-9]+", rows[0]["golden"])[0]
        assert not spelling or reward(spelling.replace("NUMBER", number), **passed[0]) == 1.0


def test_a_column_that_does_not_hold_the_right_answers_is_passed_over(tmp_path: Path) -> None:
    columns = [{"prompt": "Which?", "schema": {"item": "name"}, "wanted": order} for order in ORDERS]
    rows = [{**row, "golden": json.dumps(row["wanted"])} for row in columns]
    report = audited(f"{write_rewards(tmp_path, LOOSE)}:exact", rows)
    snippets = {finding.snippet.splitlines()[-1] for finding in report.findings if finding.verdict == "exploit"}
    assert snippets == {"    return float(fields(completion, wanted))"}


def test_the_code_takes_the_spellings_that_the_reward_takes(tmp_path: Path) -> None:
    """The reward pays the elements in any order, as the prompt allows: code for one order refuses some."""
    pairs = [[str(at + 20), str(-3 * at - 5)] for at in range(8)]
    rows = [
        {"prompt": f"Solve {a}, in any order.", "answer": [a, b], "golden": f"\\boxed{{{a}, {b}}}"} for a, b in pairs
    ]
    report = audited(f"{write_rewards(tmp_path, LOOSE)}:elements", rows)
    finding = next(finding for finding in report.findings if finding.name == "element-missing")
    reward = pasted(finding)
    assert [reward(text, pairs[0]) for text in ("\\boxed{20, -5}", "\\boxed{-5, 20}", "\\boxed{20}")] == [1.0, 1.0, 0.0]


ORDERED = """
    def recall(completion, items):
        named = [part.strip() for part in completion.split(",")]
        return sum(item in named for item in items) / len(items)

    def beginning(completion, items):
        named = [part.strip() for part in completion.split(",")]
        return float(named[: len(items)] == items)
"""
PAIRS = ["plum ink", "salt jade", "lamp tin", "rope wool", "coal hemp", "silk drum"]
BASKETS = [
    {"prompt": f"What is in basket {at}?", "items": pair.split(), "golden": pair.replace(" ", ", ")}
    for at, pair in enumerate(PAIRS)
]


@pytest.mark.parametrize("name, function", [("recall", "same_set"), ("beginning", "same_list")])
def test_the_code_compares_in_any_order_if_the_reward_does(name: str, function: str, tmp_path: Path) -> None:
    report = audited(f"{write_rewards(tmp_path, ORDERED)}:{name}", BASKETS)
    finding = next(finding for finding in report.findings if finding.name == "element-added")
    assert f"import final, {function}" in finding.snippet


def test_the_code_says_if_partial_credit_is_gone_and_has_no_place_for_terms_that_the_reward_lacks(
    tmp_path: Path,
) -> None:
    source = """
        def precision(completion, words):
            named = completion.split()
            return sum(word in words.split() for word in named) / max(1, len(named))
    """
    others = "quick brown lazy small"
    rows = [
        {"prompt": f"Transcribe {at}.", "words": words, "golden": words}
        for at, words in enumerate(
            f"{'the' if at % 3 else 'a'} {word} fox" for at, word in enumerate(6 * others.split())
        )
    ]
    report = audited(f"{write_rewards(tmp_path, source)}:precision", rows)
    (finding,) = [finding for finding in report.findings if finding.family == "length"]
    assert WHOLE in finding.snippet and "gated" not in finding.change and "0.0" not in finding.snippet


def test_there_is_no_snippet_if_nothing_finds_the_right_answers_in_a_column(tmp_path: Path) -> None:
    rows = [{**row, "answer": f"It should be {row['answer']}, I believe."} for row in sums()]
    source = """
        import re

        def loose(completion, answer):
            right = re.findall("[0-9]+", answer)[0]
            return float(right in completion)
    """
    report = audited(f"{write_rewards(tmp_path, source)}:loose", rows)
    exploits = [finding for finding in report.findings if finding.verdict == "exploit"]
    assert exploits and not any(finding.snippet for finding in exploits)


COUNTDOWN = """
    import re

    def evaluated(completion, nums, target):
        found = re.search(r"<answer>([\\d+*/() -]*)</answer>", completion)
        try:
            return float("**" not in found[1] and abs(eval(found[1]) - target) < 1e-6)
        except Exception:
            return 0.0

    def nested(data_source, solution_str, ground_truth, extra_info=None):
        return evaluated(solution_str, ground_truth["numbers"], ground_truth["target"])
"""
QUADS = [
    (5, 7, 3, 9),
    (4, 7, 6, 5),
    (8, 3, 4, 11),
    (6, 9, 5, 7),
    (12, 2, 7, 4),
    (3, 11, 8, 6),
    (9, 4, 10, 5),
    (5, 8, 3, 7),
]
PUZZLES: list[dict[str, Any]] = [
    {"prompt": f"Use each of {a}, {b}, {c} and {d} exactly once to make {a * b + c - d}.", "nums": [a, b, c, d]}
    | {"target": a * b + c - d, "golden": f"<answer>{a} * {b} + {c} - {d}</answer>"}
    for a, b, c, d in QUADS
]
"""Every target is larger than the numbers, so that none of them is one."""


def test_a_puzzle_gets_code_that_takes_any_right_expression_and_refuses_other_numbers(tmp_path: Path) -> None:
    report = audited(f"{write_rewards(tmp_path, COUNTDOWN)}:evaluated", PUZZLES)
    finding = next(finding for finding in report.findings if finding.name == "number-repeated")
    reward = pasted(finding)
    texts = ("3 + 7 * 5 - 9", "(3-9)+5*7", "29", "5 * 7 + 3 - 9 + 7 - 7", "5 * 7 - 6", "9 + 7 * 5 - 3")
    paid = [reward(f"<answer>{text}</answer>", [5, 7, 3, 9], 29) for text in texts]
    assert paid == [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    assert all(finding.snippet == other.snippet for other in report.findings if other.verdict == "exploit")


def test_a_puzzle_in_an_object_of_the_row_gets_code_that_reads_the_object(tmp_path: Path) -> None:
    rows = [
        {"prompt": row["prompt"], "golden": row["golden"], "data_source": "countdown"}
        | {"reward_model": {"ground_truth": {"target": row["target"], "numbers": row["nums"]}}}
        for row in PUZZLES
    ]
    report = audited(f"{write_rewards(tmp_path, COUNTDOWN)}:nested", rows)
    finding = next(finding for finding in report.findings if finding.name == "number-repeated")
    assert 'makes_target(tagged(solution_str), ground_truth["target"], ground_truth["numbers"])' in finding.snippet


def test_a_puzzle_whose_prompt_lets_numbers_be_left_out_gets_no_code_that_refuses_that(tmp_path: Path) -> None:
    rows = [{**row, "prompt": f"{row['prompt'].replace(' exactly', '')} Not all need to be used."} for row in PUZZLES]
    report = audited(f"{write_rewards(tmp_path, COUNTDOWN)}:evaluated", rows)
    exploits = [finding for finding in report.findings if finding.verdict == "exploit"]
    assert exploits and not any(finding.snippet for finding in exploits)


CALLS = """
    import json
    import re

    def soft(completion, wanted):
        tag = re.search("<tool_call>(.*?)</tool_call>", completion, re.DOTALL)
        try:
            call = json.loads(tag[1] if tag else completion)
        except ValueError:
            return 0.0
        if not isinstance(call, dict) or call.get("name", wanted["name"]) != wanted["name"]:
            return 0.0
        arguments = call.get("arguments", {})
        return float(isinstance(arguments, dict) and arguments.items() <= wanted["arguments"].items())

    def columns(completion, tool, arguments):
        return soft(completion, {"name": tool, "arguments": arguments})

    def text(completion, tool, arguments):
        return soft(completion, {"name": tool, "arguments": json.loads(arguments)})

    def whole(completion, answer):
        return soft(completion, json.loads(answer))

    def listed(completion, expected):
        try:
            calls = json.loads(completion)["tool_calls"]
            return float(all(call == expected for call in calls))
        except (ValueError, KeyError, TypeError):
            return 0.0
"""
USES = [
    ("weather", {"city": city, "days": day}) for day, city in enumerate("Oslo Rome Lima Cairo Quito Bern".split(), 2)
]
TOOLS = [
    {"prompt": f"Call weather for {use['city']}, {use['days']} days.", "tool": name, "arguments": use}
    | {"golden": f"<tool_call>\n{json.dumps({'name': name, 'arguments': use})}\n</tool_call>"}
    for name, use in USES
]
TOOL_CASES: dict[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "in tags": ("columns", lambda row: row, '{"name": tool, "arguments": arguments}'),
    "arguments as text": (
        "text",
        lambda row: {**row, "arguments": json.dumps(row["arguments"])},
        '{"name": tool, "arguments": record(arguments)}',
    ),
    "the call as text": (
        "whole",
        lambda row: {"prompt": row["prompt"], "golden": row["golden"], "answer": row["golden"].split("\n")[1]},
        "record(answer)",
    ),
    "a list of calls": (
        "listed",
        lambda row: {
            "prompt": row["prompt"],
            "expected": {"name": row["tool"], "arguments": row["arguments"]},
            "golden": json.dumps({"tool_calls": [{"name": row["tool"], "arguments": row["arguments"]}]}),
        },
        '{"tool_calls": [expected]}',
    ),
}


@pytest.mark.parametrize("name, shaped, expected", TOOL_CASES.values(), ids=TOOL_CASES)
def test_a_tool_call_is_compared_in_the_tags_and_the_columns_that_the_data_has(
    name: str, shaped: Callable[[dict[str, Any]], dict[str, Any]], expected: str, tmp_path: Path
) -> None:
    rows = [shaped(row) for row in TOOLS]
    report = audited(f"{write_rewards(tmp_path, CALLS)}:{name}", rows)
    exploits = [finding for finding in report.findings if finding.verdict == "exploit"]
    assert exploits
    for finding in exploits:
        reward = pasted(finding)
        names = inspect.signature(reward).parameters
        right = [reward(row["golden"], **{name: row[name] for name in names if name in row}) for row in rows]
        assert expected in finding.snippet and right == [1.0] * len(rows)
        assert finding.evidence is not None
        columns = {name: value for name, value in finding.evidence.columns.items() if name in names}
        assert reward(finding.evidence.completion, **columns) == 0.0
