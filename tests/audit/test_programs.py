"""Whether a row asks for a program, by golden completions, columns and prompt, and what its function is called."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from loopholes.audit import rows_from
from loopholes.audit.attacks import PANEL, view_of
from loopholes.audit.form import RAW
from loopholes.audit.programs import Program, program_of

LEET = {"prompt": "Given nums, return the indices.", "starter_code": "class Solution:\n    def twoSum(self, nums):"}
CASES: list[tuple[str, dict[str, Any], Program | None]] = [
    ("a call in the prompt", {"prompt": "Write sum_list(nums) returning the sum"}, Program("sum_list")),
    ("a function in words", {"prompt": "Write a Python function named add"}, Program("add")),
    ("starter code", LEET, Program("twoSum", "Solution")),
    ("assertions", {"prompt": "Return the sum.", "test_list": ["assert total([1]) == 1"]}, Program("total")),
    ("an entry point", {"prompt": "Return the sum.", "entry_point": "total"}, Program("total")),
    ("a golden program", {"prompt": "Sum it.", "golden": "def total(xs):\n    return sum(xs)"}, Program("total")),
    (
        "a golden query",
        {"prompt": "All users?", "golden": "```sql\nSELECT * FROM users\n```"},
        Program(None, None, "sql"),
    ),
    (
        "inputs and outputs",
        {"prompt": "Polycarp has n coins.", "input_output": json.dumps({"inputs": ["1"], "outputs": ["2"]})},
        Program(reads_input=True),
    ),
    ("standard input", {"prompt": "Double it.", "stdin": "1", "stdout": "2"}, Program(reads_input=True)),
    ("a failing test", {"prompt": "Fix the failing test in utils."}, Program()),
    (
        "a contest",
        {"prompt": "Polycarp has n coins.\n\nInput\nOne number.\n\nOutput\nOne number."},
        Program(reads_input=True),
    ),
    (
        "the name that tests call",
        {"prompt": "?", "golden": "def a(): 0\ndef b(): 0", "tests": "assert b() == 0"},
        Program("b"),
    ),
    ("a sum", {"prompt": "What is 3 plus 4?", "golden": "\\boxed{7}"}, None),
    ("a function of mathematics", {"prompt": "Let f(x) be a function. What is sin(x)?", "golden": "\\boxed{7}"}, None),
    ("a poem", {"prompt": "Write a poem."}, None),
]


@pytest.mark.parametrize("record, program", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_program_that_a_row_asks_for_does_not_depend_on_the_wording_of_its_prompt(
    record: dict[str, Any], program: Program | None
) -> None:
    assert program_of(rows_from([record])[0]) == program


@pytest.mark.parametrize("prompt", ["(" * 9000, "a(b," * 4000, "aaa(bbb=ccc," * 2000, "x_" * 9000, "```" * 5000])
def test_no_prompt_takes_long_to_read(prompt: str) -> None:
    began = time.process_time()
    program_of(rows_from([{"prompt": prompt}])[0])
    assert time.process_time() - began < 5


def test_a_program_bears_the_name_and_the_class_that_the_row_asks_for() -> None:
    (row,) = rows_from([LEET])
    stub = next(attack for attack in PANEL if attack.name == "return-none").attempt(view_of(row, RAW, 1024))
    assert stub is not None
    space: dict[str, Any] = {}
    exec(stub.text, space)
    assert space["Solution"]().twoSum([1], target=3) is None


def test_a_row_that_asks_for_a_query_gets_queries() -> None:
    (row,) = rows_from([{"prompt": "All users?", "golden": "```sql\nSELECT * FROM users\n```"}])
    names = {attack.name for attack in PANEL if attack.family == "code" and attack.attempt(view_of(row, RAW, 1024))}
    assert "select-null" in names and "sys-exit" not in names
