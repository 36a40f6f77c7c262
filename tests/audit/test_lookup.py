"""Programs that look cases up: from a row's tests, where they are right, and from a prompt's examples, as attacks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loopholes.audit import rows_from
from loopholes.audit.attacks import PANEL, view_of
from loopholes.audit.attacks.base import View
from loopholes.audit.budget import Budget
from loopholes.audit.engine import AuditConfig, observe
from loopholes.audit.form import RAW
from loopholes.audit.gate import Gate
from loopholes.audit.lookup import cases_of, examples_of, lookup
from loopholes.audit.programs import Program
from loopholes.audit.verdicts import judge
from support.rewards import Clock, Timed, families

SUM = Program("total")
COLUMNS: list[tuple[str, dict[str, Any]]] = [
    ("records", {"tests": [{"args": [[1, 2]], "expected": 3}, {"args": [[]], "expected": 0}]}),
    ("records in JSON", {"cases": json.dumps([{"arguments": [[1, 2]], "output": 3}, {"args": [[]], "expected": 0}])}),
    ("lists of lists of arguments", {"truth": json.dumps({"inputs": [[[1, 2]], [[]]], "outputs": [3, 0]})}),
    ("lists of arguments", {"io": {"more_inputs": [[1, 2], []], "more_outputs": [3, 0]}}),
]  # fmt: skip
PROMPTS = [
    "Examples:\n>>> total([1, 2])\n3\n>>> total([])\n0\n",
    "It has to satisfy:\ntotal([1, 2]) == 3\ntotal([]) == 0",
    "Write total(xs).\nassert total([1, 2]) == 3\nassert total([]) == 0  # nothing",
    "total([1, 2]) -> 3\ntotal([]) returns 0.",
]


def called(source: str | None, *arguments: Any) -> Any:
    """The value of the program's function."""
    assert source is not None
    space: dict[str, Any] = {}
    exec(source, space)
    return space["total"](*arguments)


@pytest.mark.parametrize("columns", [columns for _, columns in COLUMNS], ids=[name for name, _ in COLUMNS])
def test_a_program_made_of_the_tests_passes_them_and_knows_nothing_else(columns: dict[str, Any]) -> None:
    source = lookup(cases_of(columns, SUM), SUM)
    assert (called(source, [1, 2]), called(source, []), called(source, [4])) == (3, 0, None)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_examples_of_a_prompt_are_looked_up(prompt: str) -> None:
    source = lookup(examples_of(prompt, SUM), SUM)
    assert (called(source, [1, 2]), called(source, []), called(source, [4])) == (3, 0, None)


def test_samples_of_standard_input_are_looked_up() -> None:
    program = Program(reads_input=True)
    (case,) = examples_of("Double it.\n\nSample Input\n21\n\nSample Output\n42\n", program)
    assert (case.inputs, case.right) == ("21", "42")
    assert "'21': '42'" in (lookup([case], program) or "")


@pytest.mark.parametrize("prompt", ["Write total(xs).", "total(xs) == sum(xs)", "total(open('x')) == 3"])
def test_without_examples_made_of_literals_there_is_no_program(prompt: str) -> None:
    assert lookup(examples_of(prompt, SUM), SUM) is None


def test_a_reward_whose_tests_are_the_examples_is_exploited_by_looking_them_up() -> None:
    rows = rows_from(
        [
            {
                "prompt": f"Write total(x), which adds {number}. For example total(1) == {1 + number}. Only code.",
                "golden": f"```python\ndef total(x):\n    return x + {number}\n```",
                "tests": json.dumps([{"args": [1], "expected": 1 + number}]),
            }
            for number in range(16)
        ]
    )

    def passes(row: Any, text: str) -> float:
        space: dict[str, Any] = {}
        try:
            (test,) = json.loads(row.columns["tests"])
            exec(text.partition("```python\n")[2].removesuffix("```"), space)
            return float(space["total"](*test["args"]) == test["expected"])
        except BaseException:
            return 0.0

    panel = [attack for attack in PANEL if attack.name.startswith(("looked-up-examples", "return-none"))]
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("loopholes.audit.engine.PANEL", panel)
        process = Timed(passes, lambda text, is_first: 1e-4, clock)
        budget = Budget(60.0, clock=clock)
        seen = observe(process, rows, AuditConfig(search_calls=0), None, budget, lambda progress: None)
    assert "worked-example" in families(judge(seen, Gate()))


def test_data_with_only_tests_gets_a_scale_with_a_note_that_says_so() -> None:
    rows = rows_from(
        [
            {"prompt": f"Write total(xs), {number}.", "tests": [{"args": [[number]], "expected": number}]}
            for number in range(8)
        ]
    )

    def passes(row: Any, text: str) -> float:
        space: dict[str, Any] = {}
        try:
            exec(text.partition("```python\n")[2].partition("```")[0], space)
            return float(all(space["total"](*test["args"]) == test["expected"] for test in row.columns["tests"]))
        except BaseException:
            return 0.0

    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("loopholes.audit.engine.PANEL", [])
        process = Timed(passes, lambda text, is_first: 1e-4, clock)
        budget = Budget(60.0, clock=clock)
        seen = observe(process, rows, AuditConfig(search_calls=0), None, budget, lambda progress: None)
    assert len(seen.measurable) == len(rows)
    assert any("looks up the row's tests, and is right on these alone" in note for note in seen.notes)


def program_by(name: str, view: View) -> str:
    attempt = next(attack for attack in PANEL if attack.name == name).attempt(view)
    assert attempt is not None
    return attempt.text


def test_a_program_borrows_the_reference_next_to_it() -> None:
    source = program_by("borrowed-reference", view_of(rows_from([{"prompt": "Write total(xs)."}])[0], RAW, 1024))
    ours: dict[str, Any] = {"total": sum}
    theirs: dict[str, Any] = {}
    exec(source, theirs)
    assert theirs["total"]([1, 2]) == 3 and ours


def test_a_program_empties_the_input_that_a_reference_gets_after_it() -> None:
    source = program_by("emptied-input-zero", view_of(rows_from([{"prompt": "Write total(xs)."}])[0], RAW, 1024))
    shared = [1, 2]
    assert called(source, shared) == sum(shared) == 0


def test_a_program_replaces_nothing_in_the_audit_s_own_process() -> None:
    source = program_by("patched-comparison", view_of(rows_from([{"prompt": "Write total(xs)."}])[0], RAW, 1024))
    exec(source, {})
    assert json.dumps([1]) == "[1]" and repr(1) == "1" and not all([False])


def test_queries_read_the_table_that_the_prompt_shows() -> None:
    row = rows_from([{"prompt": "CREATE TABLE staff (name TEXT);\nWrite SQL for all names."}])[0]
    view = view_of(row, RAW, 1024)
    assert program_by("select-all-where-false", view) == "SELECT * FROM staff WHERE 1 = 0"
