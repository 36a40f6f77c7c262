"""A plain function gets the completion and the columns that it names. A failure is a problem, without a reward."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit.frameworks.base import Paid, Part, Rejected, Row, file_of
from loopholes.audit.frameworks.plain import build
from loopholes.errors import UsageError
from support.framework_rewards import Written, reward_returning

COLUMNS: dict[str, Any] = {"prompt": "1+1?", "answer": "2", "level": 3, "golden": "2", "completion": "an old one"}
ROW = Row(0, "1+1?", columns=COLUMNS)


def pay(parts: list[Part], *texts: str, row: Row = ROW) -> list[Paid]:
    return build(parts, {})([row] * len(texts), texts)


SIGNATURES = {
    "completion": [],
    "completion, answer": ["answer"],
    "completion, /, answer, *, level": ["answer", "level"],
    "completion, prompt, tolerance=0.1": ["prompt"],
    "completion, **row": ["prompt", "answer", "level", "golden"],
    "response, answer, **row": ["answer", "prompt", "level", "golden"],
    "answer, **row": ["prompt", "level", "golden"],  # the completion, whatever a column is called
    "completion, level=0, **row": ["level", "prompt", "answer", "golden"],
    "prompt, completion, answer": ["prompt", "answer"],  # by its name, in any position
    "*texts, **row": ["prompt", "answer", "level", "golden"],
}


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("signature, named", SIGNATURES.items(), ids=SIGNATURES)
def test_a_function_gets_the_columns_that_it_names(
    signature: str, named: list[str], asynchronous: bool, written: Written
) -> None:
    body = f"def reward({signature}):\n    given = dict(locals())\n    given.update(given.pop('row', {{}}))\n"
    body += f"    return float({{name: given.get(name) for name in {named!r}}} == { ({n: COLUMNS[n] for n in named})!r}"
    body += " and given.get('completion', 'the text') == 'the text')"
    assert pay(written(f"{'async ' if asynchronous else ''}{body}"), "the text") == [Paid(1.0, parts=(1.0,))]


def test_a_class_and_a_partial_are_called_like_functions(written: Written) -> None:
    body = "class Caller:\n    async def __call__(self, completion, answer):\n        return completion == answer\n"
    assert [payment.value for payment in pay(written(body + "reward = Caller()\n"), "2", "3")] == [1.0, 0.0]
    body = "def inner(completion, answer, worth):\n    return worth * (completion == answer)\n"
    partial = body + "reward = functools.partial(inner, worth=0.5)\n"
    assert [payment.value for payment in pay(written(partial), "2", "3")] == [0.5, 0.0]


@pytest.mark.parametrize(
    "body",
    [
        "def reward(completion):\n    return inner(completion)\n",
        "class Caller:\n    async def __call__(self, text):\n        return inner(text)\nreward = Caller()\n",
        "reward = functools.partial(inner)\n",
    ],
    ids=["function", "object", "partial"],
)
def test_an_exception_names_the_last_line_of_the_rewards_own_file(body: str, written: Written) -> None:
    parts = written(f"import functools, json\ndef inner(completion):\n    return json.loads(completion)\n{body}")
    (paid,) = pay(parts, "no")
    lines = Path(parts[0].source).read_text().splitlines()
    place = f"{Path(parts[0].source).name}, line {1 + lines.index('    return json.loads(completion)')}"
    assert paid.problem == f"raised JSONDecodeError: Expecting value: line 1 column 1 (char 0) ({place})"


class Magic:
    """A callable that has every attribute, such as a mock, and so seems to wrap itself."""

    def __getattr__(self, name: str) -> Magic:
        return self

    def __call__(self, completion: str) -> float:
        raise ValueError("no")


def test_a_callable_that_has_every_attribute_has_no_file() -> None:
    assert file_of(Magic()) == "" and file_of(len) == "" and file_of(pay) == __file__


def test_a_column_that_is_needed_and_missing_is_named(written: Written) -> None:
    parts = written("def reward(completion, answer, target, *, tests, level=1):\n    return 1.0\n")
    with pytest.raises(Rejected, match=r"rewards_0\.py:reward needs target, tests, but row 0 has only the columns"):
        pay(parts, "2")


@pytest.mark.parametrize("signature", ["", "*, completion", "**row"])
def test_a_function_that_takes_no_completion_is_refused(signature: str, written: Written) -> None:
    with pytest.raises(Rejected, match="takes no completion"):
        build(written(f"def reward({signature}):\n    return 1.0\n"), {})


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_an_exception_is_a_problem_of_only_that_completion(asynchronous: bool, written: Written) -> None:
    head = "async def" if asynchronous else "def"
    parts = written(f"{head} reward(completion):\n    return 1 / int(completion)\n")
    file = Path(parts[0].source)
    place = f"({file.name}, line {len(file.read_text().splitlines())})"
    assert pay(parts, "2", "0", "x") == [
        Paid(0.5, parts=(0.5,)),
        Paid(None, f"raised ZeroDivisionError: division by zero {place}"),
        Paid(None, f"raised ValueError: invalid literal for int() with base 10: 'x' {place}"),
    ]


@pytest.mark.parametrize(
    "first, second, weights, value",
    [
        ("1.0", "0.5", (1.0, 1.0), 1.5),
        ("1.0", "0.5", (0.2, -2.0), -0.8),
        ("None", "0.5", (1.0, 2.0), 1.0),
        ("None", "None", (1.0, 1.0), None),
        ("True", "np.float32(0.5)", (1.0, 1.0), 1.5),
        ("math.inf", "torch.tensor(1.0)", (1.0, 1.0), math.inf),
    ],
)
def test_several_functions_are_summed_by_weight(
    first: str, second: str, weights: tuple[float, ...], value: float | None, written: Written
) -> None:
    parts = written(
        *(reward_returning(value).replace("completions", "completion") for value in (first, second)), weights=weights
    )
    (paid,) = pay(parts, "2")
    assert paid.value == (None if value is None else pytest.approx(value))
    assert len(paid.parts) == 2


@pytest.mark.parametrize(
    "value, kind", [("'1.0'", "str"), ("[1.0]", "list"), ("{'score': 1}", "dict"), ("1j", "complex")]
)
def test_a_value_that_is_not_a_number_is_refused(value: str, kind: str, written: Written) -> None:
    with pytest.raises(Rejected, match=rf"reward returned (a|the) {kind}.*, not a number"):
        pay(written(reward_returning(value)), "2")


@pytest.mark.parametrize(
    "body, sentence",
    [
        ("reward = 3\n", "is of type int, and no function"),
        ("def other(completion):\n    return 1.0\n", "has no reward; it has: other"),
        ("raise SystemExit\n", "ends the interpreter when it is imported"),
        ("1 / 0\n", "cannot be imported: ZeroDivisionError"),
    ],
)
def test_a_file_without_the_function_is_named(body: str, sentence: str, written: Written) -> None:
    with pytest.raises(UsageError, match=sentence):
        build(written(body), {})


def test_a_file_that_was_edited_within_a_second_at_the_same_length_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "rewards.py"
    for sign, paid in (("in", 1.0), ("==", 0.0), ("in", 1.0)):
        file.write_text(f"def reward(completion, answer):\n    return float(answer {sign} completion)\n")
        os.utime(file, (1_700_000_000, 1_700_000_000))
        reward = build([Part(str(file), "reward")], {})
        assert reward([Row(0, "?", columns={"answer": "4"})], ["4 or 5"])[0].value == paid
