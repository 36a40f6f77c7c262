"""The form of right answers: what all of them share, and where the answer is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopholes.audit.form import RAW, STANDARD, THINKING, Form, form_of

PLAIN = st.text(alphabet="bcdfhjkmpqvxyz0123456789 +-.,", min_size=1, max_size=20).filter(str.strip)
"""Text without possible marks."""
SHAPES = {
    "tags": "<think>{thought}</think>\n<answer>{answer}</answer>",
    "a box": "{thought}\nSo it is \\boxed{{{answer}}}.",
    "hashes": "{thought}\n#### {answer}",
    "a sentence": "{thought}\nThe final answer is: {answer}",
    "a fence": "```python\n{answer}\n```",
}
FORMS = [
    ("tags around it", ["<answer>4</answer>", "<answer>5</answer>"], "7", "<answer>7</answer>"),
    ("a box", ["So \\boxed{4}", "So \\boxed{5}"], "7", "So \\boxed{7}"),
    ("a box with braces in it", ["\\boxed{\\frac{1}{2}}", "\\boxed{5}"], "7", "\\boxed{7}"),
    ("hashes", ["a\n#### 4", "b\n#### 5"], "7", f"{THINKING}\n#### 7"),
    ("one answer's words are nobody's form", ["I saw <b>4</b>"], "7", f"{THINKING} <b>7</b>{THINKING}"),
    ("what all of them say stays", ["Well: <a>4</a>!", "Well: <a>5</a>!"], "7", "Well: <a>7</a>!"),
    ("what differs is thinking", ["x <a>4</a>", "y <a>5</a>"], "7", f"{THINKING} <a>7</a>"),
    ("lines stay lines", ["a\n\\boxed{4}\n", "b\n\\boxed{5}\n"], "7", f"{THINKING}\n\\boxed{{7}}\n"),
    ("spaces that differ do not", ["a\n ####  4", "b\n\n#### 5 "], "7", f"{THINKING}#### 7"),
    ("most of them count", ["<a>1</a>", "<a>2</a>", "<a>3</a>", "none"], "7", "<a>7</a>"),
    (
        "the last part that differs is the answer",
        ["<t>p</t><a>1</a>", "<t>q</t><a>2</a>"],
        "7",
        f"<t>{THINKING}</t><a>7</a>",
    ),
    ("a wide minority does not count", ["<a>1</a>", "2", "3", "<b>4</b>"], "7", "7"),
    (
        "lines with the same labels",
        [f"Plan: {step}\nReflection: It may fail." for step in ("cut", "peel", "boil", "wash")],
        "eat",
        "Plan: eat\nReflection: It may fail.",
    ),
    ("labels of some lines are none", ["Note: a", "Plan: b", "Plan: c", "Plan: d"], "7", "7"),
    ("none without marks", ["4", "5"], "7", "7"),
    ("none without answers", [], "7", "7"),
]


@pytest.mark.parametrize("golden, answer, wrapped", [case[1:] for case in FORMS], ids=[case[0] for case in FORMS])
def test_an_answer_is_wrapped_as_right_answers_are(golden: list[str], answer: str, wrapped: str) -> None:
    assert form_of(golden).wrap(answer) == wrapped


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
@given(answers=st.lists(st.tuples(PLAIN, PLAIN), min_size=2, max_size=5), answer=PLAIN, thinking=PLAIN)
def test_what_is_wrapped_is_read_again(shape: str, answers: list[tuple[str, str]], answer: str, thinking: str) -> None:
    form = form_of([shape.format(thought=thought, answer=text) for thought, text in answers])
    assert form.read(form.wrap(answer)) == answer.strip() or form is RAW
    assert form.read(form.wrap(answer, thinking)) == (answer if form is not RAW else form.wrap(answer)).strip()


@pytest.mark.parametrize("form", STANDARD, ids=lambda form: form.name)
@given(answer=PLAIN)
def test_a_standard_form_is_read_again(form: Form, answer: str) -> None:
    assert form.read(form.wrap(answer)) == answer.strip()


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
@given(answers=st.lists(st.tuples(PLAIN, PLAIN), min_size=2, max_size=5, unique_by=lambda pair: pair[1].strip()))
def test_the_answer_of_each_golden_completion_is_read(shape: str, answers: list[tuple[str, str]]) -> None:
    texts = [shape.format(thought=thought, answer=text) for thought, text in answers]
    form = form_of(texts)
    assert [form.read(text) for text in texts] == [text.strip() for _, text in answers]


MARKS = st.sampled_from(
    [
        "<a>",
        "</a>",
        "\\boxed{",
        "{",
        "}",
        "####",
        "```",
        "```py\n",
        "The answer is:",
        "answer:",
        " ",
        "4",
        "\n",
        "<",
        ">",
    ]
)
HOSTILE = st.one_of(st.text(max_size=80), st.lists(MARKS, max_size=14).map("".join))


def test_an_answer_behind_a_label_is_read() -> None:
    form = form_of([f"I see.\nRule: {rule}" for rule in ("x > 1", "x > 2", "x > 3", "x < 4")])
    assert form.read("So be it.\nRule: x > 9") == "x > 9"
    assert form.read(form.wrap("\\boxed{4}")) == "\\boxed{4}"


@given(golden=st.lists(HOSTILE, max_size=6), answer=HOSTILE, other=HOSTILE)
def test_any_text_has_a_form_that_wraps_and_reads(golden: list[str], answer: str, other: str) -> None:
    form = form_of(golden)
    assert len(form.fixed) == len(form.marks) + 1
    assert 0 <= form.slot < len(form.fixed)
    assert answer in form.wrap(answer)
    assert form.read(other) in other


@given(golden=st.lists(HOSTILE, min_size=1, max_size=6))
def test_a_form_repeats_only_what_golden_completions_share(golden: list[str]) -> None:
    form = form_of(golden)
    holders = [text for text in golden if all(mark in text for mark in form.marks)]
    shared = [text for text in form.fixed if text]
    assert all(sum(text in holder for holder in holders) >= 2 for text in shared)


def test_no_part_of_a_single_golden_completion_is_form() -> None:
    form = form_of(["I know <answer>Paris</answer> well"])
    assert form.fixed == (None, None, None)


@pytest.mark.parametrize("old, new, text", [("name", "score", "<key>score</key><value>1</value>"), ("else", "x", None)])
def test_a_fixed_word_can_be_exchanged(old: str, new: str, text: str | None) -> None:
    form = form_of(["<key>name</key><value>a</value>", "<key>name</key><value>b</value>"]).with_fixed(old, new)
    assert (None if form is None else form.wrap("1")) == text


MIXED = [f"<call>{n}</call>" if n % 3 else f"<reply>{n}</reply>" for n in range(12)]


def test_data_of_several_kinds_have_a_form_for_each() -> None:
    form = form_of(MIXED)
    assert [form.of(text).wrap("x") for text in MIXED[:2]] == ["<reply>x</reply>", "<call>x</call>"]
    assert [form.read(text) for text in MIXED] == [str(n) for n in range(12)]


def test_a_rare_form_is_none_of_the_data_s() -> None:
    form = form_of([*(f"<a>{n}</a>" for n in range(30)), "<b>1</b>", "<b>2</b>"])
    assert form.alternatives == ()


def test_how_sure_an_answer_is_is_not_the_answer() -> None:
    form = form_of([f"<answer>{n}</answer><confidence>0.{n}</confidence>" for n in range(4)])
    assert form.read("<answer>Paris</answer><confidence>0.5</confidence>") == "Paris"


DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]


@pytest.mark.parametrize("tag", ["think", "reasoning"])
def test_an_answer_without_marks_behind_a_thought_is_the_answer(tag: str) -> None:
    """Like completions of R1-like models, whose thoughts differ from row to row as well."""
    golden = [f"<{tag}>It is about {thing}.</{tag}>\n{day}" for thing, day in zip("abcdef", DAYS, strict=True)]
    form = form_of(golden)
    assert [form.read(text) for text in golden] == DAYS
    assert form.wrap("Sunday", "Hm.") == f"<{tag}>Hm.</{tag}>\nSunday"


def test_a_part_with_marks_of_its_own_behind_a_thought_is_the_answer() -> None:
    golden = [f"<think>{n} things</think> So: \\boxed{{{n + 1}}}." for n in range(6)]
    assert [form_of(golden).read(text) for text in golden] == [str(n + 1) for n in range(6)]


@pytest.mark.parametrize("line", ["******", "---", "====="])
def test_a_line_of_one_sign_between_two_parts_is_a_mark(line: str) -> None:
    form = form_of([f"{number} x 2\n{line}\n{number} x 3" for number in range(5, 11)])
    assert form.marks == (line,) and form.read(f"5 x 2\n{line}\n5 x 3") == "5 x 3"


def test_signs_within_a_line_are_no_mark() -> None:
    assert form_of([f"{number} --- {number + 1} *** {number + 2}" for number in range(6)]).marks == ()
