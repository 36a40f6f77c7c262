"""Arithmetic questions with worked steps that restate their operands.

Levels 1 and 2 are chains of two and three small steps, level 3 adds and subtracts two-digit numbers, level 4
multiplies two of them in one step. A model of a million parameters learns the first two well, the third in part and
the last hardly at all: its errors are limits of capability, which reinforcement learning cannot simply remove.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVELS = (1, 2, 3, 4)
LEVEL_SHARES = (0.2, 0.2, 0.25, 0.35)
STEPS = {1: 2, 2: 3, 3: 2, 4: 1}
SMALL = 40


@dataclass(frozen=True, slots=True)
class Question:
    """A question (to be read from left to right), its true answer, and the worked steps ``a op b = c`` that lead there."""

    text: str
    answer: int
    steps: tuple[str, ...]
    level: int


def question(rng: np.random.Generator, level: int | None = None) -> Question:
    """A random question of the given level, or of a random one."""
    level = int(level or rng.choice(LEVELS, p=LEVEL_SHARES))
    total = int(rng.integers(2, 10)) if level < 3 else int(rng.integers(12, 100))
    text, steps = str(total), []
    for _ in range(STEPS[level]):
        sign, other = _operand(rng, total, level)
        result = {"+": total + other, "-": total - other, "*": total * other}[sign]
        text = f"{text} {sign} {other}"
        steps.append(f"{total} {sign} {other} = {result}")
        total = result
    return Question(f"{text} = ?", total, tuple(steps), level)


def worked(steps: tuple[str, ...], answer: object) -> str:
    """The text of an answer: the steps, then the result in a box."""
    return " ; ".join((*steps, f"\\boxed{{{answer}}}"))


def slip(rng: np.random.Generator, question: Question) -> tuple[tuple[str, ...], int]:
    """The steps with one digit wrong in the last result, and that result."""
    digits = list(str(question.answer))
    place = int(rng.integers(len(digits)))
    digits[place] = str((int(digits[place]) + int(rng.integers(1, 10))) % 10)
    wrong = int("".join(digits))
    head = question.steps[-1].rsplit("=", 1)[0]
    return (*question.steps[:-1], f"{head}= {wrong}"), wrong


def _operand(rng: np.random.Generator, total: int, level: int) -> tuple[str, int]:
    """A sign and a number; small chains stay between 0 and 40, and nothing falls below zero."""
    if level == 4:
        return "*", int(rng.integers(12, 100))
    low, high = (2, 10) if level < 3 else (10, 100)
    while True:
        sign, other = "+-*"[int(rng.integers(3 if level < 3 else 2))], int(rng.integers(low, high))
        result = {"+": total + other, "-": total - other, "*": total * other}[sign]
        if 0 <= result <= (SMALL if level < 3 else 999):
            return sign, other
