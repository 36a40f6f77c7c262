"""Small programming problems in plain English, as records to be edited.

Levels: 1 one operation on a number, 2 two operations or two numbers, 3 a list of numbers, 4 texts and pickier lists.
Every wording has its own program, and says how to draw its inputs; tests are run for real. Two of the six tests are
examples in the question.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from loopholes.games.worlds.english.entities import FIRST_NAMES, THINGS
from loopholes.games.worlds.english.wordings import draw_split, of_split, pick
from loopholes.records import Message, Split, message

LEVELS = (1, 2, 3, 4)
ENTITIES = (*FIRST_NAMES, *THINGS)
TESTS = 6

Draw = Callable[[np.random.Generator], object]


def _number(rng: np.random.Generator) -> int:
    return int(rng.integers(1, 40))


def _list(rng: np.random.Generator) -> list[int]:
    return [int(number) for number in rng.integers(1, 50, size=int(rng.integers(3, 7)))]


def _word(rng: np.random.Generator) -> str:
    return str(pick(rng, THINGS))


def _words(rng: np.random.Generator) -> str:
    return " ".join(str(pick(rng, THINGS)) for _ in range(int(rng.integers(2, 5))))


@dataclass(frozen=True, slots=True)
class Template:
    """A wording with its program: ``expression`` over the parameters, and over ``k`` and ``j``, which are drawn."""

    words: str
    parameters: str
    expression: str
    draw: Draw = _number


_BY_LEVEL: dict[int, tuple[Template, ...]] = {
    1: (
        Template("{name} packs {k} {things} into every box. Write solve(boxes), which returns how many {things} are "
                 "in that many boxes.", "boxes", "boxes * {k}"),
        Template("{name} gets {k} {things} on top of those that are there. Write solve(x), which returns how many "
                 "{things} there are then, if x were there before.", "x", "x + {k}"),
        Template("Of x {things}, {k} are sold. Write solve(x), which returns how many are left; a negative result is "
                 "fine.", "x", "x - {k}"),
        Template("{name} rides {k} kilometres a day to deliver {things}. Write solve(days), which returns the "
                 "kilometres ridden in that many days.", "days", "days * {k}"),
        Template("One of the {things} costs {k} euros. Write solve(count), which returns the price of that many.",
                 "count", "count * {k}"),
        Template("x {things} are put into bags of {k}. Write solve(x), which returns how many bags are full.",
                 "x", "x // {k}"),
        Template("x {things} are put into rows of {k}. Write solve(x), which returns how many are left over.",
                 "x", "x % {k}"),
        Template("{name} never keeps more than {k} {things}. Write solve(x), which returns x, or {k} if x is more.",
                 "x", "min(x, {k})"),
        Template("{name} always orders at least {k} {things}. Write solve(x), which returns x, or {k} if x is less.",
                 "x", "max(x, {k})"),
        Template("{name} lays {things} in a square with x on each side. Write solve(x), which returns how many are "
                 "needed.", "x", "x * x"),
    ),
    2: (
        Template("Delivery costs {k} euros, and each of the {things} costs {j} euros. Write solve(count), which "
                 "returns the total price in euros.", "count", "count * {j} + {k}"),
        Template("{name} has a {things} and {other} has b. Write solve(a, b), which returns how many {things} they "
                 "have together.", "a, b", "a + b"),
        Template("{name} has a {things} and {other} has b. Write solve(a, b), which returns how many more {name} has; "
                 "the result may be negative.", "a, b", "a - b"),
        Template("A table is a steps long and b steps wide and is covered with {things}, {k} on each square step. "
                 "Write solve(a, b), which returns how many {things} lie on it.", "a, b", "a * b * {k}"),
        Template("Both {name} and {other} collect {things}. Write solve(a, b), which returns the larger of the two "
                 "numbers a and b.", "a, b", "max(a, b)"),
        Template("A fence with {k} {things} on every metre goes around a garden a metres long and b metres wide. "
                 "Write solve(a, b), which returns how many {things} there are.", "a, b", "2 * (a + b) * {k}"),
        Template("{name} buys a {things}, gets {k} more as a present and then doubles the number. Write solve(a), "
                 "which returns the result.", "a", "(a + {k}) * 2"),
        Template("a children share b {things} equally. Write solve(a, b), which returns how many each child gets, "
                 "without the rest.", "a, b", "b // a"),
        Template("Of a boxes with {k} {things} each, b of the {things} are broken. Write solve(a, b), which returns "
                 "how many are whole; the result may be negative.", "a, b", "a * {k} - b"),
        Template("{name} counts a {things} on one day and b on the next. Write solve(a, b), which returns how far "
                 "apart the two numbers are, which is never negative.", "a, b", "abs(a - b)"),
    ),
    3: (
        Template("numbers is a list of how many {things} {name} sold on each day. Write solve(numbers), which returns "
                 "their sum.", "numbers", "sum(numbers)", _list),
        Template("numbers lists the prices of {things}. Write solve(numbers), which returns the highest price.",
                 "numbers", "max(numbers)", _list),
        Template("numbers lists the weights of {name}'s {things}. Write solve(numbers), which returns the smallest "
                 "weight.", "numbers", "min(numbers)", _list),
        Template("numbers lists how many {things} each guest took. Write solve(numbers), which returns how many "
                 "guests took more than {k}.", "numbers", "sum(1 for number in numbers if number > {k})", _list),
        Template("numbers lists the days on which {name} saw {things}. Write solve(numbers), which returns the list "
                 "sorted from small to large.", "numbers", "sorted(numbers)", _list),
        Template("Each of the numbers is a count of {things}. Write solve(numbers), which returns a list in which "
                 "every number is {k} larger.", "numbers", "[number + {k} for number in numbers]", _list),
        Template("numbers lists how many {things} each class made. Write solve(numbers), which returns the difference "
                 "between the largest and the smallest number.", "numbers", "max(numbers) - min(numbers)", _list),
        Template("{name} wrote down counts of {things}. Write solve(numbers), which returns how many of the numbers "
                 "are even.", "numbers", "sum(1 for number in numbers if number % 2 == 0)", _list),
        Template("numbers lists the ages of {name}'s {things}. Write solve(numbers), which returns the list in "
                 "reverse order.", "numbers", "numbers[::-1]", _list),
        Template("numbers lists payments for {things}. Write solve(numbers), which returns the first payment plus "
                 "the last one.", "numbers", "numbers[0] + numbers[-1]", _list),
    ),
    4: (
        Template("{name} writes labels for {things}. Write solve(text), which returns the text in capital letters.",
                 "text", "text.upper()", _word),
        Template("A sign for {things} is read from behind. Write solve(text), which returns the letters of the text in "
                 "reverse order.", "text", "text[::-1]", _word),
        Template("{name} pays for letters on {things}. Write solve(text), which returns how many characters the text "
                 "has.", "text", "len(text)", _word),
        Template("{name} looks for the letter s on the labels of {things}. Write solve(text), which returns how often "
                 "it occurs in the text.", "text", "text.count('s')", _word),
        Template("Labels of {things} are shortened. Write solve(text), which returns the first three letters of the "
                 "text.", "text", "text[:3]", _word),
        Template("text is a list of {things}, separated by spaces. Write solve(text), which returns how many words it "
                 "has.", "text", "len(text.split())", _words),
        Template("text names some {things}, separated by spaces. Write solve(text), which returns its longest word, "
                 "the first one if several are equally long.", "text", "max(text.split(), key=len)", _words),
        Template("numbers lists how many {things} {name} found each day. Write solve(numbers), which returns the sum "
                 "of those that are larger than {k}.", "numbers", "sum(n for n in numbers if n > {k})", _list),
        Template("numbers lists counts of {things}. Write solve(numbers), which returns the second largest of the "
                 "different numbers in it, or 0 if all are equal.", "numbers",
                 "sorted({{0, *numbers}})[-2] if len(set(numbers)) > 1 else 0", _list),
        Template("{name} reads a note about {things}. Write solve(text), which returns the last word of the text.",
                 "text", "text.split()[-1]", _words),
    ),
}  # fmt: skip
WORDINGS = tuple(template.words for templates in _BY_LEVEL.values() for template in templates)

INSTRUCTIONS = (
    "You solve programming problems. Each problem is a JSON record. Answer with edits of its fields, in this syntax:\n"
    "<modify_key>field_name</modify_key><modify_value>new_content</modify_value>\n"
    "Put a Python function solve into source_code."
)
EXAMPLE_QUESTION = "Write solve(x), which returns ten more than x.\n\nInput: 1\nOutput: 11\nInput: 30\nOutput: 40"
EXAMPLE_EDIT = "<modify_key>source_code</modify_key><modify_value>\ndef solve(x):\n    return x + 10\n</modify_value>"


@dataclass(frozen=True, slots=True)
class RecordProblem:
    """A problem: its question (with two examples), a solution, and ``tests`` as (input, output) pairs."""

    question: str
    solution: str
    tests: tuple[tuple[str, str], ...]
    level: int
    split: Split


EXAMPLE = RecordProblem(
    "Write solve(x), which returns two more than x.\n\nInput: 1\nOutput: 3\nInput: 5\nOutput: 7",
    "def solve(x):\n    return x + 2",
    (("1", "3"), ("5", "7"), ("10", "12")),
    level=1,
    split="train",
)
"""A problem for demonstrations, which is never a task."""


def prompt(question: str, fields: Mapping[str, int], more: str = "") -> tuple[Message, ...]:
    """The instructions (with ``more``), one worked example, and the record.

    The example edits ``source_code`` and nothing else. ``fields`` are those that both records have besides the question
    and the code. The example is a turn of the chat, since small models seldom use a syntax that is only described.
    """
    texts = (EXAMPLE_QUESTION, question)
    example, asked = (json.dumps({"question": text, "source_code": "", **fields}) for text in texts)
    return (
        message("system", INSTRUCTIONS + more),
        message("user", example),
        message("assistant", EXAMPLE_EDIT),
        message("user", asked),
    )


def record_problem(rng: np.random.Generator) -> RecordProblem:
    """A random problem."""
    split = draw_split(rng)
    level = pick(rng, LEVELS)
    template = pick(rng, of_split(_BY_LEVEL[level], split))
    name, other = (str(name) for name in rng.choice(FIRST_NAMES, size=2, replace=False))
    numbers = {"k": int(rng.integers(2, 30)), "j": int(rng.integers(2, 20))}
    words = template.words.format(name=name, other=other, things=pick(rng, THINGS), **numbers)
    expression = template.expression.format(**numbers)
    tests = _tests(rng, template, expression)
    shown = "\n".join(f"Input: {entered}\nOutput: {returned}" for entered, returned in tests[:2])
    solution = f"def solve({template.parameters}):\n    return {expression}"
    return RecordProblem(f"{words}\n\n{shown}", solution, tests, level, split)


def _tests(rng: np.random.Generator, template: Template, expression: str) -> tuple[tuple[str, str], ...]:
    """Different inputs, as Python literals side by side, with what the program returns for them."""
    names = template.parameters.split(", ")
    tests: dict[str, str] = {}
    while len(tests) < TESTS:
        values = {name: template.draw(rng) for name in names}
        entered = " ".join(repr(value) for value in values.values())
        tests[entered] = str(eval(expression, {}, values))  # one of the expressions above
    return tuple(tests.items())
