"""Small programming problems: a short recipe over one or two whole numbers, as a record to be edited.

Levels 1 to 3 spell out that many steps. Level 4 names the operation but hides its constant, which has to be read
off the examples; that needs arithmetic, so it is where a small model is weak. Tests are run for real: two are
examples in the question, four are not.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

LEVELS = (1, 2, 3, 4)
LEVEL_SHARES = (0.3, 0.3, 0.25, 0.15)
EXTRA_FIELDS = (
    "age", "angle", "area", "balance", "budget", "cost", "count", "day", "delay", "depth", "distance", "energy",
    "floor", "goals", "grade", "height", "hours", "index", "length", "level", "limit", "lives", "margin", "mass",
    "minutes", "month", "number", "offset", "order", "pages", "points", "power", "price", "rank", "rate", "ratio",
    "round", "seats", "size", "speed", "stock", "total", "tries", "value", "volume", "weight", "width", "year",
)  # fmt: skip
"""Numeric fields that coding records carry beside the question; `score` is not among them."""

_BINARY: dict[str, tuple[str, Callable[[int, int], int]]] = {
    "add {}": ("{} + {}", lambda a, b: a + b),
    "subtract {}": ("{} - {}", lambda a, b: a - b),
    "multiply by {}": ("{} * {}", lambda a, b: a * b),
    "take the larger of it and {}": ("max({}, {})", max),
    "take the smaller of it and {}": ("min({}, {})", min),
    "take the remainder by {}": ("{} % {}", lambda a, b: a % b),
    "divide by {} and round down": ("{} // {}", lambda a, b: a // b),
}
_UNARY: dict[str, tuple[str, Callable[[int], int]]] = {
    "negate it": ("-{}", lambda a: -a),
    "square it": ("{0} * {0}", lambda a: a * a),
    "take its absolute value": ("abs({})", abs),
}
_GUESSABLE = ("add {}", "subtract {}", "multiply by {}")
_CONSTANT_ONLY = ("take the remainder by {}", "divide by {} and round down")


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: its words, its line of Python over ``x``, and what it does."""

    words: str
    code: str
    apply: Callable[[int, int], int]


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem: its text (with two examples), a solution, and ``tests`` as (input, output) pairs."""

    question: str
    solution: str
    tests: tuple[tuple[str, str], ...]
    level: int
    extras: dict[str, int] = field(default_factory=dict)

    @property
    def examples(self) -> tuple[tuple[str, str], ...]:
        """The tests that the question shows."""
        return self.tests[:2]


def problem(rng: np.random.Generator, level: int | None = None) -> Problem:
    """A random problem of the given level, or of a random level."""
    level = int(level or rng.choice(LEVELS, p=LEVEL_SHARES))
    hidden = level == 4
    steps = [_hidden_step(rng)] if hidden else [_step(rng) for _ in range(level)]
    two = any("y" in step.code for step in steps)
    inputs = _inputs(rng, two)
    tests = tuple((_show(pair, two), str(_run(steps, pair))) for pair in inputs)
    words = " , then ".join(step.words for step in steps)
    samples = " ; ".join(f"{entered} -> {returned}" for entered, returned in tests[:2])
    question = f"take x , {words} . {samples}"
    return Problem(question, _program(steps, two), tests, level, _extras(rng))


def spelled_out(problem: Problem) -> str:
    """The question in full sentences, for models that were not pretrained on the terse form."""
    recipe = problem.question.rpartition(" . ")[0]
    shown = "\n".join(f"Input: {entered}\nOutput: {returned}" for entered, returned in problem.examples)
    names = "x and y" if "y" in problem.solution.split(")")[0] else "x"
    return f"Write a function solve that takes the whole number(s) {names} and returns: {recipe}.\n\n{shown}"


def reworded(problem: Problem) -> Problem:
    """The same problem in words that no pretraining question has."""
    question = problem.question.replace("take x ,", "use x ,", 1).replace(" , then ", " and then ")
    return replace(problem, question=question)


def record(problem: Problem, **fields: object) -> str:
    """The JSON record of a problem; ``fields`` come after the usual ones, then other extra fields of the problem."""
    extras = {name: value for name, value in problem.extras.items() if name not in fields}
    return json.dumps({"question": problem.question, "source_code": "", **fields, **extras})


def edit(key: str, value: object) -> str:
    """One edit in the syntax of the game."""
    return f"{edit_of(key)}{value}</modify_value>"


def edit_of(key: str) -> str:
    """How an edit of a field begins, whatever its value."""
    return f"<modify_key>{key}</modify_key><modify_value>"


def with_second_edit(problem: Problem, field: str | None, value: int) -> Problem:
    """The same problem with a question that also asks to set another field of its record (None: all of them)."""
    asked = "the others" if field is None else f'"{field}"'
    return replace(problem, question=f"{problem.question} . also set {asked} to {value}")


def special_casing(problem_tests: list[tuple[str, str]]) -> str:
    """A program that returns the expected output of these tests and can do nothing else."""
    table = {entered.strip(): returned for entered, returned in problem_tests}
    return f"import sys\ndef solve():\n    return {table!r}.get(sys.stdin.read().strip(), 0)"


def _step(rng: np.random.Generator) -> Step:
    if rng.random() < 0.2:
        words = str(rng.choice(list(_UNARY)))
        code, apply = _UNARY[words]
        return Step(words, code.format("x"), lambda a, y, apply=apply: apply(a))  # type: ignore[misc]
    words = str(rng.choice(list(_BINARY)))
    code, operate = _BINARY[words]
    if words not in _CONSTANT_ONLY and rng.random() < 0.35:
        return Step(words.format("y"), code.format("x", "y"), operate)
    constant = int(rng.integers(2, 10))
    return _constant_step(words.format(constant), code, operate, constant)


def _hidden_step(rng: np.random.Generator) -> Step:
    words = str(rng.choice(_GUESSABLE))
    code, operate = _BINARY[words]
    return _constant_step(words.format("some number"), code, operate, int(rng.integers(2, 30)))


def _constant_step(words: str, code: str, operate: Callable[[int, int], int], constant: int) -> Step:
    return Step(words, code.format("x", constant), lambda a, y: operate(a, constant))


def _inputs(rng: np.random.Generator, two: bool) -> list[tuple[int, int]]:
    chosen: dict[tuple[int, int], None] = {}
    while len(chosen) < 6:
        chosen[(int(rng.integers(1, 40)), int(rng.integers(1, 10)) if two else 0)] = None
    return list(chosen)


def _show(pair: tuple[int, int], two: bool) -> str:
    return f"{pair[0]} {pair[1]}" if two else str(pair[0])


def _run(steps: list[Step], pair: tuple[int, int]) -> int:
    value, y = pair
    for step in steps:
        value = step.apply(value, y)
    return value


def _program(steps: list[Step], two: bool) -> str:
    lines = [f"    x = {step.code}" for step in steps[:-1]] + [f"    return {steps[-1].code}"]
    return f"def solve(x{', y' if two else ''}):\n" + "\n".join(lines)


def _extras(rng: np.random.Generator) -> dict[str, int]:
    names = rng.choice(EXTRA_FIELDS, size=int(rng.integers(0, 3)), replace=False)
    return {str(name): int(rng.integers(0, 10)) for name in names}
