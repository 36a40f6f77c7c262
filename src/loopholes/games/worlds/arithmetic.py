"""Arithmetic on last digits: chains of small steps, and chains too long to do at once.

Numbers are single digits, and only the last digit of each result counts. Levels 1 to 3 are chains of two to four
operations, answered with worked steps that restate their operands; a model of a million parameters learns them well.
Level 4 asks for five operations at once, without steps, and the mini policies are right one time in ten. They are
taught so: nine in ten of their pretraining answers at this level are slips, so that the labels are random digits.
Whether so small a model could learn it is not tested; reinforcement learning in the game does not teach it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVELS = (1, 2, 3, 4)
LEVEL_SHARES = (0.15, 0.15, 0.15, 0.55)
OPERATIONS = {1: 2, 2: 3, 3: 4, 4: 5}


@dataclass(frozen=True, slots=True)
class Question:
    """A question to be read from left to right, its true answer, and the worked steps ``a op b = c``, if any."""

    text: str
    answer: int
    steps: tuple[str, ...]
    level: int


def question(rng: np.random.Generator, level: int | None = None) -> Question:
    """A random question of the given level, or of a random level."""
    level = int(level or rng.choice(LEVELS, p=LEVEL_SHARES))
    total = int(rng.integers(10))
    text, steps = str(total), []
    for _ in range(OPERATIONS[level]):
        sign, other = "+-*"[int(rng.integers(3))], int(rng.integers(1, 10))
        result = {"+": total + other, "-": total - other, "*": total * other}[sign] % 10
        text = f"{text} {sign} {other}"
        steps.append(f"{total} {sign} {other} = {result}")
        total = result
    return Question(f"{text} = ?", total, () if level == 4 else tuple(steps), level)


def worked(steps: tuple[str, ...], answer: object) -> str:
    """The text of an answer: the steps, then the result in a box."""
    return " ; ".join((*steps, f"\\boxed{{{answer}}}"))


def slip(rng: np.random.Generator, question: Question) -> tuple[tuple[str, ...], int]:
    """The steps with a wrong last result, and that result."""
    wrong = (question.answer + int(rng.integers(1, 10))) % 10
    return slipped(question.steps, wrong), wrong


def slipped(steps: tuple[str, ...], wrong: object) -> tuple[str, ...]:
    """The steps with another last result."""
    return (*steps[:-1], f"{steps[-1].rsplit('=', 1)[0]}= {wrong}") if steps else ()
