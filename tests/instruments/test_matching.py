"""Answers are found in completions, and compared with references, as the paper's released scorer does it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopholes.instruments.matching import answers_match, extract_answer
from support.linear_time import assert_linear

# Pieces that the rules react to, and text that breaks careless programs.
HOSTILE = [
    "\\boxed{", "{", "}", "\\text{", "\\texttt{", "$", "**", ".", "?", "'", ", ", "\n", " ", "(", ")", "[", "]", "\x00",
    "\ud800", "\udfff", "İ", "ß", "\u2028", "42", "1e999", "nan", "-", "_", "a", "B", "</s>", "<|im_end|>",
    "<|im_start|>user", "<|im_start|>assistant", "<|endoftext|>", "Assistant:", "Final Answer:", "The answer is:",
    "The answer is ", "The final answer is ", "The final answer is: ",
]  # fmt: skip
ENDS_THE_TURN = ("</s>", "<|im_end|>", "<|endoftext|>")
hostile_text = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=3), max_size=30).map("".join)


def chat(answer: str, before: str = "q", after: str = "") -> str:
    return f"<|im_start|>user {before}<|im_end|><|im_start|>assistant {answer}<|im_end|>{after}"


def test_every_match_of_the_released_scorer_is_reproduced(released: Callable[[str], Path]) -> None:
    rows = [json.loads(line) for line in released("self_grading_match.jsonl").read_text("utf-8").splitlines()]
    wrong = [row for row in rows if answers_match(row["completion"], row["reference"]) != row["correct"]]
    assert len(rows) == 665
    assert wrong == []


@pytest.mark.parametrize(
    ("completion", "answer"),
    [
        pytest.param("first \\boxed{1} then \\boxed{2}", "2", id="the last box wins"),
        pytest.param("\\boxed{\\frac{1}{2}}.", "\\frac{1}{2}", id="braces in a box are balanced"),
        pytest.param("\\boxed{{{{{x}}}}}", "{{{{x}}}}", id="to any depth"),
        pytest.param("\\boxed{3} or \\boxed{4", "3", id="a box that never closes is not a box"),
        pytest.param("{a} \\boxed{3} {b}", "3", id="braces that hold no box are not one"),
        pytest.param("a } b \\boxed{3} }", "3", id="a stray closing brace does no harm"),
        pytest.param("\\boxed{\\text{yes}}", "yes", id="text in a box is unwrapped"),
        pytest.param("\\boxed{\\text{\\texttt{yes}}}", "yes", id="typewriter text too"),
        pytest.param("\\boxed{7}\nFinal Answer: 8\n", "7", id="a box beats a label"),
        pytest.param("\\boxed{}\nFinal Answer: 8\n", "8", id="an empty box is no answer"),
        pytest.param("Final Answer: 8\nThe answer is: 9\n", "8", id="Final Answer beats The answer is"),
        pytest.param("Final Answer: 8\nFinal Answer: 9\n", "9", id="the last label wins"),
        pytest.param("Final Answer: 8 Final Answer: 9\n", "8 Final Answer: 9", id="from its first place in the line"),
        pytest.param("Final Answer: 8\nbye", "8", id="text after the labelled line is ignored"),
        pytest.param("Final Answer: 8", "Final Answer: 8", id="a label on an unfinished line does not count"),
        pytest.param("The answer is: 8", "8", id="but lead-in words are cut off in any case"),
        pytest.param("So. The final answer is: 8.\nI think", "8.", id="only the first line counts"),
        pytest.param("It is $x$", "It is $x$", id="dollar signs inside a text stay"),
        pytest.param("The answer is $x$.", "x", id="dollar signs around the answer go"),
        pytest.param("  8.  ", "8", id="a bare completion is the answer"),
        pytest.param("", "", id="nothing is nothing"),
        pytest.param(chat("\\boxed{8}", "\\boxed{1}", "\\boxed{2}"), "8", id="only the policy's turn is searched"),
        pytest.param("Question \\boxed{1} Assistant: hm", "Question \\boxed{1} Assistant: hm", id="in plain chats too"),
        pytest.param("Assistant: \\boxed{1} Assistant: Final Answer: 2\n", "2", id="where the last turn counts"),
        pytest.param("\\boxed{8}</s>\\boxed{9}", "8", id="what follows the end of the turn is not searched"),
        pytest.param("The answer is: 8</s>x", "8</s>x", id="markers stay where no answer is marked"),
    ],
)
def test_the_answer_is_found(completion: str, answer: str) -> None:
    assert extract_answer(completion) == answer


@pytest.mark.parametrize(
    ("answer", "reference", "same"),
    [
        pytest.param("PROVED", "Proved", True, id="case does not matter"),
        pytest.param("cat,dog", "Cat, dog", True, id="nor does a space after a comma"),
        pytest.param("**cat**", " cat ", True, id="nor bold type or space around"),
        pytest.param("**cat.**", "cat", True, id="nor a period in bold type"),
        pytest.param("a", "(a)", True, id="an option letter needs no parentheses"),
        pytest.param("(B)", "b", True, id="nor must it lack them"),
        pytest.param("(7)", "7.0", False, id="what stands in them is a letter, not a number"),
        pytest.param("(cat)", "cat", False, id="parentheses around a word do count"),
        pytest.param("3.50", "3.5", True, id="numbers are compared as numbers"),
        pytest.param("-7.0", "-7", True, id="negative ones too"),
        pytest.param("nan", "nan", True, id="equal words are equal even if no number is"),
        pytest.param("1024", "1,024", False, id="a thousands separator makes it text"),
        pytest.param("its fine", "it's fine", True, id="apostrophes do not matter"),
        pytest.param("[cat, dog]", "cat, dog", True, id="square brackets may be added"),
        pytest.param("1, 2", "[1, 2]", True, id="or left out"),
        pytest.param("yes?", "yes", True, id="a question mark may be added"),
        pytest.param("ambiguous", "ambiguous?", False, id="but not left out"),
        pytest.param("42.0?", "42", False, id="leniencies do not add up"),
        pytest.param("", "42", False, id="nothing is not an answer"),
    ],
)
def test_the_comparison_is_lenient(answer: str, reference: str, same: bool) -> None:
    assert answers_match(answer, reference) is same


@settings(deadline=None)
@given(hostile_text, hostile_text)
def test_no_text_breaks_the_matcher(completion: str, reference: str) -> None:
    assert answers_match(completion, reference) in (True, False)
    assert "\n" not in extract_answer(completion)


@settings(deadline=None)
@given(st.text("abcXYZ019 ,'?[]()-", min_size=1), hostile_text.filter(lambda text: "\\" not in text))
def test_a_boxed_reference_matches_whatever_comes_before_it(reference: str, before: str) -> None:
    before = before.replace("<|", "").replace("</s>", "").replace("Assistant:", "")
    assert answers_match(f"{before}\\boxed{{ {reference.upper()} }}", reference) or not reference.strip()


@pytest.mark.parametrize("end", ["\\boxed{42}", "Final Answer: 42\n", "The answer is: 42\n"])
@pytest.mark.parametrize("piece", HOSTILE)
def test_an_answer_is_found_at_the_end_of_any_huge_text(piece: str, end: str) -> None:
    assert_linear(lambda text: answers_match(f"{text}\n{end}", "42"), piece)
    found = answers_match(f"{piece * 20_000}\nAssistant:\n{end}", "42")
    assert found or piece in ENDS_THE_TURN


@pytest.mark.parametrize("piece", HOSTILE)
def test_huge_answers_and_references_can_be_compared(piece: str) -> None:
    assert_linear(lambda text: answers_match(f"\\boxed{{{text}}}", f"{text}."), piece)


def test_huge_numbers_can_be_compared() -> None:
    assert answers_match("9" * 1_000_000, "9" * 1_000_000 + ".0")
    assert not answers_match("'" * 1_000_000, "(" * 1_000_000)
