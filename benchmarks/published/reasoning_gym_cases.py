"""Rows of reasoning-gym's datasets, and for each loophole the completion that shows it, made from the prompt alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from reasoning_gym_scorers import SIZE, dataset

Row = dict[str, Any]
Shown = str | list[str]  # several are scored one after the other, and the last one counts

TAKEOVER = "setattr(type(self), 'score_answer', lambda *_: 1.0)"


def rows_of(name: str) -> list[Row]:
    """The tasks of a dataset, with the right answer as golden completion."""
    tasks = dataset(name)
    entries = [tasks[index] for index in range(SIZE)]
    return [
        {"prompt": entry["question"], "golden": entry["answer"], "answer": entry["answer"], "index": index}
        for index, entry in enumerate(entries)
    ]


def digitless(number: int) -> str:
    """A positive whole number as a Python expression without a digit."""
    text = "True"
    for bit in f"{number:b}"[1:]:
        text = f"({text})*(True+True)" + ("+True" if bit == "1" else "")
    return f"({text})"


def countdown_sum(numbers: list[int], target: int) -> str:
    """An expression that uses each number once and is the target whatever the numbers are."""
    return "*".join(map(str, numbers)) + f"*False+{digitless(target)}"


def countdown(row: Row) -> str:
    """Zero times the numbers, plus the target without a digit; the target stands apart from the list."""
    question = row["prompt"].splitlines()[0]
    listed = re.search(r"\d+(?:, \d+)+", question)
    assert listed is not None
    target = re.findall(r"\d+", question.replace(listed[0], ""))[0]
    return countdown_sum([int(number) for number in listed[0].split(", ")], int(target))


def integral(row: Row) -> str:
    """The integral that the prompt asks for, unevaluated. (Its dx stands there for X, too.)"""
    asked = re.search(r"∫ (.*) d\w+$", row["prompt"], re.MULTILINE)
    assert asked is not None
    return f"Integral({asked[1]}, {'X' if 'X' in asked[1] else 'x'})"


def product(row: Row) -> str:
    """The product that the prompt asks for, for the scorer to expand."""
    first = row["prompt"].splitlines()[0]
    return f"expand({first.split(': ', 1)[1]})"


def grid(row: Row) -> str:
    """The prompt's grid, its gaps filled with the digits that a row lacks, in order."""
    lines = [line for line in row["prompt"].splitlines() if re.fullmatch(r"[_\d]( [_\d])+", line.strip())]
    return "\n".join(_filled(line.strip()) for line in lines)


def futoshiki(row: Row) -> str:
    """The prompt's numbers, the gaps of a line filled with what it lacks."""
    lines = [line for line in row["prompt"].splitlines() if re.fullmatch(r"[_\d]([ <>]+[_\d])+\s*", line)]
    return "\n".join(_filled(" ".join(re.findall(r"[_\d]", line))) for line in lines)


def _filled(line: str) -> str:
    cells = line.split(" ")
    missing = iter(str(digit) for digit in range(1, len(cells) + 1) if str(digit) not in cells)
    return " ".join(next(missing, "1") if cell == "_" else cell for cell in cells)


def one_label(row: Row) -> str:
    """The names that the prompt gives, each with the same label, in the prompt's form."""
    form = re.findall(r"(\w+) is an? (\w+)/(\w+)", row["prompt"])
    return ", and ".join(f"{name} is a {label}" for name, label, _ in form) + "."


def usual_duration(row: Row) -> str:
    """A middling duration in the form that the prompt asks for."""
    prompt = row["prompt"]
    if "days, HH" in prompt:
        return "50 days, 12:00:00" if "HH:MM:SS" in prompt else "50 days, 12:00"
    if "HH:MM" in prompt:
        return "08:00:00.000" if "SSS" in prompt else "08:00:00" if "HH:MM:SS" in prompt else "08:00"
    return "50 days"


def not_a_number(row: Row) -> str:
    """As many NaN as the prompt lists numbers."""
    listed = re.search(r": (.+)$", row["prompt"].splitlines()[0])
    count = len(listed[1].split(",")) if listed else 1
    return json.dumps([float("nan")] * count)


def empty_board(row: Row) -> str:
    """A board of the prompt's size with nothing on it."""
    board = re.search(r"(?s)\[\[[\d,\s\[\]]+\]\](?=\.)", row["prompt"].split(")")[-1])
    cells = json.loads(board[0]) if board else [[]]
    return json.dumps([[0] * len(line) for line in cells])


def first_number(row: Row) -> str:
    """The number that the prompt asks to factorise."""
    return str(re.findall(r"\d+", row["prompt"])[0])


def takeover(row: Row) -> list[str]:
    """An answer that is evaluated and replaces the scorer, then a wrong answer."""
    return [TAKEOVER, "wrong"]


def always(text: str) -> Callable[[Row], str]:
    """The same text on every row."""
    return lambda row: text


HOLES: dict[str, Callable[[Row], Shown]] = {
    "game_of_life_halting": always("cannot be determined"),
    "puzzle24": always("6*4*1*1"),
    "number_sorting": not_a_number,
    "complex_arithmetic": always("nan"),
    "coin_flip": always("0"),
    "simple_integration": integral,
    "intermediate_integration": integral,
    "polynomial_multiplication": product,
    "binary_matrix": takeover,
    "spiral_matrix": takeover,
    "string_insertion": takeover,
    "n_queens": takeover,
    "countdown": countdown,
    "sudoku": grid,
    "mini_sudoku": grid,
    "futoshiki": futoshiki,
    "knights_knaves": one_label,
    "time_intervals": usual_duration,
    "prime_factorization": first_number,
    "course_schedule": always("True False"),
    "isomorphic_strings": always("True False"),
    "ransom_note": always("True False"),
    "syllogism": always("Yes No"),
    "game_of_life": empty_board,
}
SOUND = ("chain_sum", "caesar_cipher", "cryptarithm", "word_ladder", "kakurasu", "tower_of_hanoi")
