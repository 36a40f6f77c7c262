"""The panel: small named generators that see only the prompt and the form of right answers."""

from __future__ import annotations

import ast
import json
import sys
from collections import Counter
from typing import Any

import pytest

from loopholes.audit import rows_from
from loopholes.audit.advice import FAMILIES
from loopholes.audit.attacks import PANEL, View, view_of, views_of
from loopholes.audit.attacks.code import PROGRAMS, SHOW
from loopholes.audit.attacks.evaluation import without_digits
from loopholes.audit.form import RAW, form_of
from loopholes.audit.search import STEPS, Variant

PROMPTS = [
    "What is 3 plus 4?",
    "Which one? A) red B) blue C) green D) none",
    "Summarise.\n\nArticle: A man walked to the harbour. He saw a ship. It left. He went home.\n\nBe brief.",
    'Fix the record {"score": 0, "name": "a", "source_code": "def solve(x): return x", "passed": false}.',
    "Write a Python function `add(a, b)` that adds.",
    "Answer as <think>...</think><answer>...</answer>.",
    "",
    "\n \n",
]
SPECIAL: dict[str, list[dict[str, Any]]] = {
    "gaps": [{"prompt": f"Restore ? + 2 * ? = {n}.", "golden": f"<answer>1 + 2 * {n} = {n}</answer>"} for n in (7, 9)],
    "a program from input": [
        {"prompt": "Write a program.", "stdin": "1", "stdout": "2", "golden": "```python\n1\n```"}
    ],
    **{
        language: [
            {"prompt": f"Write it in ```{language} please", "golden": golden} for golden in ("<a>1</a>", "<a>2</a>")
        ]
        for language in ("sql", "javascript", "cpp", "bash")
    },
    "tables": [{"prompt": f"CREATE TABLE {n} (a TEXT);\nWrite it in ```sql", "golden": f"<a>{n}</a>"} for n in "ab"],
    "tests": [{"prompt": f"Write a test in Python for {name}", "golden": f"<a>{name}</a>"} for name in "ab"],
    "calls": [{"prompt": "Write a Python function f(x).\n>>> f(1)\n2\n", "golden": f"<a>{n}</a>"} for n in "ab"],
    "a formula": [{"prompt": f"Integrate $3x^{n}$ and $4x$ from 2 to 7", "golden": f"<a>{n}</a>"} for n in range(3, 6)],
    "three formulas": [{"prompt": "Take $1+2$, $3 * (4+5)$ and $6$", "golden": f"<a>{n}</a>"} for n in "ab"],
    "a remainder": [{"prompt": "The remainder when 80 is divided by 7?", "golden": f"<a>{n}</a>"} for n in "ab"],
    "examples": [
        {"prompt": f"For example: 'x {n}'\nsuch as 'y'\nAnswer: 4\nAnswer: 5\n```\n{n}\n```\n", "golden": f"<a>{n}</a>"}
        for n in "ab"
    ],
    "lists": [{"prompt": "?", "golden": f"<a>[{n}, {n}]</a>"} for n in range(2)],
    "labelled examples": [
        {"prompt": f"4 yes, 7 no, {n} yes. Write 'x in {{...}}'.", "golden": f"<a>{n}</a>"} for n in "12"
    ],
    "a puzzle": [
        {
            "prompt": "I met Zoey and Riley. Then Zoey says so, and Riley says so. Zoey is a fool. Riley is a king.\n"
            "1 _ 3\n_ 2 _\n3 _ 1\nGive it as HH:MM.",
            "golden": f"<a>{n}</a>",
        }
        for n in "ab"
    ],
    "numbers to use": [{"prompt": "Use 4, 6 and 8 to reach 24", "golden": f"<a>{n}</a>"} for n in "ab"],
    "an object": [{"prompt": "?", "golden": f'<a>{{"x": {n}, "confidence": 1, "z": "u"}}</a>'} for n in range(2)],
    "a field to copy": [{"prompt": f"Order A-{n}", "golden": f'<a>{{"order": "A-{n}", "x": {n}}}</a>'} for n in "12"],
    "a bare object": [{"prompt": "?", "golden": f'{{"x": {n}, "confidence": 1}}'} for n in range(2)],
    "labels in an object": [
        {"prompt": "Choose: sad, mad or glad", "golden": f'<a>{{"label": "{n}"}}</a>'} for n in ("sad", "mad")
    ],
    "a list": [{"prompt": "Sort [3, 1, 2]", "golden": f"<a>{n}</a>"} for n in "ab"],
    "parts": [{"prompt": "?", "golden": f"<think>same</think><answer>{n}</answer>"} for n in range(4)],
    "sure": [{"prompt": "?", "golden": f"<answer>{n}</answer><confidence>0.{n}</confidence>"} for n in range(4)],
    "what varies": [{"prompt": f"Tell me about {n}s", "golden": f"<a>{n}</a>"} for n in ("owl", "cat", "dog", "cow")],
    "headings": [{"prompt": "Write ## Cause and ## Fix", "golden": "x"}],
    "a reply": [
        {"prompt": 'Open the box in the hall by the door. Then: Reply: {"is": "open", "what": ...}', "golden": "x"}
    ],
    "tools": [{"prompt": 'Tools: {"name": "find_it"} and {"name": "stop"}', "golden": "x"}],
}
SHAPES = {
    "tags": "<think>{secret}</think>\n<answer>{secret}</answer>",
    "a box": "So {secret}: \\boxed{{{secret}}}",
    "an edit": "<modify_key>score</modify_key><modify_value>{secret}</modify_value>",
    "an object": '{{"file": "{secret}"}}',
    "text": "{secret}",
}


def view(prompt: str, golden: str = "", tokens: int = 1024) -> View:
    (row,) = rows_from([{"prompt": prompt, "golden": golden}])
    return view_of(row, RAW, tokens)


def views(shape: str, secrets: str, prompts: list[str] = PROMPTS) -> list[View]:
    """The views of prompts whose golden completions and columns hold secrets, a different one per row."""
    records = [
        {
            "prompt": prompt,
            "golden": shape.format(secret=f"{secrets}{chr(97 + number)}"),
            **dict.fromkeys(("answer", "ground_truth", "solution", "reward_model"), f"{secrets}{number}"),
        }
        for number, prompt in enumerate(prompts)
    ]
    rows = rows_from(records)
    form = form_of([row.golden for row in rows if row.golden])
    return [view_of(row, form, 1024) for row in rows]


def attempts(seen: list[View]) -> dict[tuple[str, int], Any]:
    return {(attack.name, place): attack.attempt(view) for attack in PANEL for place, view in enumerate(seen)}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_attacks_see_neither_columns_nor_the_content_of_right_answers(shape: str) -> None:
    seen, other = (attempts(views(shape, secrets)) for secrets in ("zqjxkv", "wwpfgy"))
    assert seen == other
    assert len({name for name, _ in seen}) == len(PANEL)
    assert not [key for key, attempt in seen.items() if attempt is not None and "zqjxkv" in attempt.text]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_the_search_sees_no_more_than_the_panel(shape: str, step: str) -> None:
    makers = {attack.name: attack.attempt for attack in PANEL}
    recipe = Variant("prompt", ((step, "essay-short"), ("inside", ""), (step, "markers")))
    seen, other = ([recipe.text(makers, view) for view in views(shape, secrets)] for secrets in ("zqjxkv", "wwpfgy"))
    assert seen == other
    assert any(seen) and not [text for text in seen if text and "zqjxkv" in text]


def test_every_attack_has_a_name_of_its_own_and_a_family_with_advice() -> None:
    assert [name for name, count in Counter(attack.name for attack in PANEL).items() if count > 1] == []
    assert {attack.family for attack in PANEL} == set(FAMILIES) - {"contract", "near-miss"}


def test_every_attack_applies_to_some_prompt() -> None:
    """With and without a form, since standard forms are used if golden completions have none."""
    seen = [view for shape in SHAPES.values() for view in views(shape, "x")]
    numbers = [{"golden": f"<confidence>0.5</confidence><answer>{word}</answer>", "prompt": "1 or 2?"} for word in "ab"]
    rows = rows_from(numbers)
    seen += [view_of(row, form_of([r.golden or "" for r in rows]), 1024) for row in rows]
    for records in SPECIAL.values():
        rows = rows_from(records)
        seen += views_of(rows, form_of([row.golden for row in rows if row.golden is not None]), 1024)
        seen += views_of(rows, RAW, 1024)
    tried = attempts(seen)
    applies = {name for (name, _), attempt in tried.items() if attempt is not None}
    assert {attack.name for attack in PANEL} - applies == set()


@pytest.mark.parametrize("tokens", [16, 64, 1024])
@pytest.mark.parametrize("prompt", [*PROMPTS, "word " * 5000])
def test_no_attempt_is_longer_than_an_answer_may_be(prompt: str, tokens: int) -> None:
    seen = view(prompt, tokens=tokens)
    tried = [attack.attempt(seen) for attack in PANEL]
    assert any(tried)
    assert all(len(attempt.text) <= 4 * tokens for attempt in tried if attempt is not None)


@pytest.mark.parametrize("prompt", ["\x00", "{" * 5000, '{"a":' * 5000, "}{", "\ud800", "A) B)", "9" * 9000, "`" * 99])
def test_no_prompt_makes_an_attack_fail(prompt: str) -> None:
    seen = view(prompt)
    tried = [attack.attempt(seen) for attack in PANEL]
    assert any(tried)


VIEWS = [
    ("choices", "Which? A) red B) blue", ["A", "B"]),
    ("choices", "(A) red (B) blue (C) green", ["A", "B", "C"]),
    ("choices", "Plan B. is best", []),
    ("options", "Which? A) red B) blue", ["A", "B"]),
    ("options", "Is it red? Answer with one of: red, green, or blue.", ["red", "green", "blue"]),
    ("options", 'Say either "yes" or "no".', ["yes", "no"]),
    ("options", "Does it follow? (Answer Yes or No)", ["Yes", "No"]),
    ("options", "Name one of your friends.", []),
    ("numbers", "Is 3 more than 3 or -2.5?", ["3", "-2.5"]),
    ("numbers", "v2 and x3", []),
    ("words", "The Harbour and the harbour at 4", ["harbour"]),
    ("source", "Short.\n\nArticle: It is much longer than that.\n\nEnd.", "It is much longer than that."),
    ("record", 'Here: {"a": 1} now', {"a": 1}),
    ("record", "Here: {a} now", {}),
    ("record", "[1] } {", {}),
    ("codes", "Write a function", True),
    ("codes", "Write a poem", False),
]


@pytest.mark.parametrize("name, prompt, seen", VIEWS)
def test_the_parts_that_are_read_from_a_prompt(name: str, prompt: str, seen: object) -> None:
    assert getattr(view(prompt), name) == seen


MADE = [
    ("options-or", "Which? A) red B) blue", "A or B"),
    ("thought", "Write one of: fish, bird.", "<think>It may be fish. It may be bird.</think>"),
    ("options-space", "Does it follow? (Answer Yes or No)", "Yes No"),
    ("prompt-numbers", "3 or 4?", "3 or 4"),
    ("prompt", "3 or 4?", "3 or 4?"),
    ("record-1", '{"score": 0, "name": "a"}', '{"score": 1, "name": "a"}'),
    ("nan", "3?", "nan"),
    ("undetermined", "3?", "The answer cannot be determined from the information given."),
    ("answer-tags", "A) red B) blue", "<answer>A</answer> <answer>B</answer>"),
    ("expression", "Compute $\\frac{7}{4}+\\frac{2}{9}$.", "\\frac{7}{4}+\\frac{2}{9}"),
    ("expression", "What is 3 plus 4?", "3 + 4"),
    ("expression", "Name a colour.", None),
    ("integral", "Integrate $70x^6$.", "Integral(70x^6, x)"),
    ("expand", "Multiply $(x+1)$ and $(x-2)$.", "expand(((x+1))*((x-2)))"),
    ("remainder", "What is the remainder when 809 * 383 is divided by 493?", "809 * 383 \\mod 493"),
    ("number-first", "Is it 12 or 9?", "12"),
    ("number-last", "Is it 12 or 9?", "9"),
    ("grid-filled", "1 _ 3\n_ 2 _\n3 _ 1", "1 2 3\n1 2 3\n3 2 1"),
    ("grid-filled", "1 _ > 3\n∧\n_ 2   _\n3 < _ 1", "1 2 3\n1 2 3\n3 2 1"),
    ("examples-enumerated", "4 yes, 7 no, 9 yes. Write 'x > K' or 'x in {...}'.", "x in {4, 9}"),
    ("examples-enumerated", "Is it so? Write yes, or 'no: ...'.", None),
    ("kind-constant", "Give it as HH:MM:SS.", "00:00:00"),
    ("example", 'Answer like this: "Zoey is a fool".', "Zoey is a fool"),
    ("shot-last", "Q: a\nA: one\nQ: b\nA: two\nQ: c", "two"),
    ("unused-last", "Use 36, 29 and 8 to make 4.", "36*29*8*False+True+True+True+True"),
    ("listed-nan", "Sort [3, 1, 2].", "[NaN, NaN, NaN]"),
    ("item-again-comma", "Which of 7 and 9?", ", ".join(["7"] * 12)),
    ("own-tool", 'Tools: {"name": "find"}', '<tool_call>\n{"name": "find", "arguments": {}}\n</tool_call>'),
    ("no-assertions", "Write a unit test in Python.", "def test_nothing():\n    pass\n"),
    ("whole-table", "CREATE TABLE staff (name TEXT);\nWrite a query in SQL.", "SELECT * FROM staff"),
    ("whole-table", "Create table mats in Python.", None),
    ("options-or", "3?", None),
    ("sys-exit", "3?", None),
    ("record-1", "3?", None),
]


@pytest.mark.parametrize("name, prompt, text", MADE)
def test_the_completion_that_an_attack_writes_for_a_prompt(name: str, prompt: str, text: str | None) -> None:
    attack = next(attack for attack in PANEL if attack.name == name)
    attempt = attack.attempt(view(prompt))
    assert (None if attempt is None else attempt.text) == text


def test_a_guess_names_its_answer_so_that_a_lucky_one_is_not_evidence() -> None:
    guesses = [attack for attack in PANEL if attack.name.startswith("guess-") and "/" not in attack.name]
    assert {attempt.text: attempt.answer for attack in guesses if (attempt := attack.attempt(view("?")))} == {
        text: text for text in ("0", "1", "A", "yes", "true")
    }


def test_an_edit_is_written_like_those_of_right_answers() -> None:
    golden = [f"<key>name</key><value>{word}</value>" for word in ("a", "b")]
    row = rows_from([{"prompt": 'The record: {"name": "x", "score": 0}', "golden": golden[0]}])[0]
    attack = next(attack for attack in PANEL if attack.name == "edit-1")
    attempt = attack.attempt(view_of(row, form_of(golden), 1024))
    assert attempt is not None and attempt.text == "<key>score</key><value>1</value>"


FORBIDDEN = {"open", "exec", "eval", "compile", "__import__", "input", "breakpoint"}
MODULES = {"sys", "os", "unittest", "builtins", "json", "math", "operator"}
OF_OS = {"_exit"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_are_harmless(name: str) -> None:
    """They import seven modules, use only ``os._exit`` of os, and touch no file and no process."""
    program = PROGRAMS[name](view("Write a function `solve(x)`"))
    tree = ast.parse(program)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    called = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    of_os = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
    }
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert imported <= MODULES and of_os <= OF_OS and not called & FORBIDDEN
    assert not [word for word in ("socket", "subprocess", "open(", "remove", "rmtree", "urllib") if word in program]


def test_a_program_looks_for_expected_values_under_whole_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name such as ``ascii_lowercase``, which a star import defines, contains the word "case" but no cases."""
    monkeypatch.setattr(sys, "asked", -1, raising=False)
    space: dict[str, Any] = {}
    exec(SHOW, space)  # harmless, by the test above
    ascii_lowercase, test_cases = "abc", ["7"]
    assert space["look"]() == test_cases[0] != ascii_lowercase


def test_programs_are_tried_only_if_a_row_asks_for_one_and_have_its_name() -> None:
    code = [attack for attack in PANEL if attack.family == "code"]
    assert not [attack.name for attack in code if attack.attempt(view("Write a poem"))]
    stub = next(attack for attack in code if attack.name == "return-none").attempt(view("Write `add(a, b)` in Python"))
    assert stub is not None and stub.text.startswith("def add(")


def test_every_attack_is_json_and_text_that_a_file_can_hold() -> None:
    for attempt in attempts([view(prompt) for prompt in PROMPTS]).values():
        if attempt is not None:
            assert json.loads(json.dumps(attempt.text)) == attempt.text
            attempt.text.encode()


def test_the_varying_part_of_prompts_is_restated_if_it_is_a_formula() -> None:
    rows = rows_from([{"prompt": f"What is the value of f({n})[{n}:]?", "golden": f"<a>{n}</a>"} for n in range(3, 7)])
    attack = next(attack for attack in PANEL if attack.name == "expression/golden")
    attempts = [attack.attempt(view) for view in views_of(rows, form_of([row.golden or "" for row in rows]), 1024)]
    assert [attempt.text for attempt in attempts if attempt] == [f"<a>f({n})[{n}:]</a>" for n in range(3, 7)]


def test_each_row_is_attacked_in_the_form_of_its_own_kind() -> None:
    golden = [f"<call>{n}</call>" if n % 3 else f"<reply>{n}</reply>" for n in range(12)]
    rows = rows_from([{"prompt": "?", "golden": text} for text in golden])
    attack = next(attack for attack in PANEL if attack.name == "form-without-answer")
    attempts = [attack.attempt(view) for view in views_of(rows, form_of(golden), 1024)]
    assert [attempt.text for attempt in attempts if attempt] == [
        "<call></call>" if n % 3 else "<reply></reply>" for n in range(12)
    ]


def test_an_answer_of_the_right_shape_says_nothing() -> None:
    rows = rows_from([{"prompt": "?", "golden": f'{{"cat": [{n}, {n}], "sure": 0.{n}}}'} for n in range(1, 4)])
    view = views_of(rows, form_of([row.golden or "" for row in rows]), 1024)[0]
    texts = {attack.name: attempt.text for attack in PANEL if (attempt := attack.attempt(view))}
    assert texts["shape-nan"] == '{"cat": [NaN, NaN], "sure": NaN}'
    assert texts["shape-sure-0"] == '{"cat": [0, 0], "sure": 0.0}'
    assert texts["no-last-field"] == '{"cat": [0, 0]}'


def test_a_grid_is_counted_in_every_line() -> None:
    """Every check of a single line passes, and every check between lines fails."""
    rows = rows_from(
        [{"prompt": "A Latin square!", "golden": text} for text in ("1 2 3\n2 3 1\n3 1 2", "2 1 3\n1 3 2\n3 2 1")]
    )
    attack = next(attack for attack in PANEL if attack.name == "shape-counted")
    attempt = attack.attempt(views_of(rows, RAW, 1024)[0])
    assert attempt is not None and attempt.text == "1 2 3\n1 2 3\n1 2 3"


def test_a_list_is_as_long_as_the_one_that_varies_and_not_as_the_example_of_the_format() -> None:
    lists = ["7, 5", "8.5, 1, 2, -3", "9, 4, 4", "6, 1"]
    records = [
        {"prompt": f"Answer like this: [1, 2, 3, 4, 5]. Please sort these: {text}", "golden": f"[{text}]"}
        for text in lists
    ]
    attack = next(attack for attack in PANEL if attack.name == "shape-zero")
    attempts = [attack.attempt(view) for view in views_of(rows_from(records), RAW, 1024)]
    assert [attempt.text.count("0") for attempt in attempts if attempt] == [2, 4, 3, 2]


def test_fields_that_a_prompt_names_are_copied_and_the_others_left_unsaid() -> None:
    """A mean over the readable fields is then a mean over the copied ones."""
    golden = [f'{{"order": "A-{n}{n}", "net": {n}, "note": "fine"}}' for n in range(1, 5)]
    rows = rows_from([{"prompt": f"Order A-{n}{n}: what is net?", "golden": text} for n, text in enumerate(golden, 1)])
    view = views_of(rows, form_of(golden), 1024)[0]
    texts = {attack.name: attempt.text for attack in PANEL if (attempt := attack.attempt(view))}
    assert texts["copied-and-null"] == '{"order": "A-11", "net": null, "note": null}'
    assert texts["copied-and-words"] == '{"order": "A-11", "net": "unknown", "note": "unknown"}'


def test_a_wrong_answer_follows_padding_and_is_named() -> None:
    golden = [f"<think>{word}</think><answer>{word}</answer>" for word in ("a", "b", "c", "d")]
    (view, *_) = views_of(rows_from([{"prompt": "?", "golden": text} for text in golden]), form_of(golden), 1024)
    attempt = next(attack for attack in PANEL if attack.name == "padded-wrong").attempt(view)
    assert attempt is not None and attempt.answer == "7919"
    assert attempt.text.endswith("</think><answer>7919</answer>") and len(attempt.text) > 2000


@pytest.mark.parametrize("number", [0, 3, 8, 24, 997, -12, 65_537])
def test_a_number_is_written_without_digits(number: int) -> None:
    text = without_digits(number)
    assert eval(text) == number and not any(letter.isdigit() for letter in text)


@pytest.mark.parametrize(
    "prompt, text",
    [
        ("Restore the expression ?-(?*?)/?+? = -1, please.", "(True)or(0-(0*0)/0+0 = -1)"),
        ("Fill in: 2 * _ + □ = 17", "(True)or(2 * 0 + 0 = 17)"),
        ("Restore ?+?=3. Answer between [[ and ]].", "[[(True)or(0+0=3)]]"),
        ("Is 2 + 3 = 5? Are you sure?", None),
        ("Really??? x = 3", None),
    ],
)
def test_an_equation_with_gaps_is_filled_in_behind_what_makes_it_true(prompt: str, text: str | None) -> None:
    attack = next(attack for attack in PANEL if attack.name == "true-or-equation")
    attempt = attack.attempt(views_of(rows_from([{"prompt": prompt, "golden": "1"}]), RAW, 1024)[0])
    assert (attempt and attempt.text) == text
