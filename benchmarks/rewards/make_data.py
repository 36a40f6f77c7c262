"""Writes the data of the reward fixtures, the same every time.

    python benchmarks/rewards/make_data.py [FOLDER]

Each file is JSON Lines: ``prompt`` (text, or a list of messages), the columns that the rewards take, and ``golden``, a
whole right completion. Answers within a file differ from row to row, so that another row's golden completion is wrong.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import make_tasks
import make_texts

HERE = Path(__file__).parent / "data"
Record = dict[str, Any]

TAGS = "Reply as <think>your reasoning</think><answer>your answer</answer>."
BOXED = r"Put the final answer in \boxed{}."
HASHES = "End with the answer after ####."


def _word_problem(rng: random.Random) -> tuple[str, str, int]:
    """A question, its working, and its answer."""
    a, b, c = rng.randint(3, 19), rng.randint(2, 17), rng.randint(2, 40)
    kinds = (
        (
            f"A baker fills {a} trays with {b} rolls each and sells {min(c, a * b - 2)}. How many are left?",
            f"{a} trays of {b} rolls are {a * b} rolls; {min(c, a * b - 2)} are sold.",
            a * b - min(c, a * b - 2),
        ),
        (
            f"A train has {a} coaches with {b} seats each and a restaurant car with {c} seats. How many seats is that?",
            f"The coaches have {a * b} seats, and the restaurant car has {c} more.",
            a * b + c,
        ),
        (
            f"A ship loads {a} crates of {b} bottles and then {c} such crates more. How many bottles is that?",
            f"There are {a + c} crates of {b} bottles.",
            (a + c) * b,
        ),
        (
            f"A gardener plants {a} rows of {b} tulips and {b} rows of {c} lilies. How many is that?",
            f"There are {a * b} tulips and {b * c} lilies.",
            a * b + b * c,
        ),
        (
            f"A tank holds {a * b + c} litres. Every hour {a} litres run out. How many are left after {b} hours?",
            f"In {b} hours {a * b} litres run out of {a * b + c}.",
            c,
        ),
    )
    return rng.choice(kinds)


def _arithmetic(seed: int, count: int, ask: str, form: Callable[[str, int], str]) -> list[Record]:
    rng = random.Random(seed)
    rows: list[Record] = []
    seen: set[int] = set()
    while len(rows) < count:
        question, working, answer = _word_problem(rng)
        if answer in seen or not 2 <= answer <= 400:
            continue
        seen.add(answer)
        rows.append(
            {
                "prompt": f"{question}\n\n{ask}",
                "answer": str(answer),
                "data_source": "loopholes/arithmetic",
                "ground_truth": str(answer),
                "extra_info": {"index": len(rows)},
                "golden": form(working, answer),
            }
        )
    return rows


def tagged(working: str, answer: object) -> str:
    """Reasoning and answer as R1 writes them."""
    return f"<think>{working}</think>\n<answer>{answer}</answer>"


def arithmetic_tags() -> list[Record]:
    """Word problems, answered in tags."""
    return _arithmetic(1, 48, TAGS, tagged)


def arithmetic_boxed() -> list[Record]:
    """Word problems, answered in a box."""
    return _arithmetic(2, 36, BOXED, lambda working, answer: f"{working} The answer is \\boxed{{{answer}}}.")


def arithmetic_hashes() -> list[Record]:
    """Word problems, answered after four hashes."""
    return _arithmetic(3, 36, HASHES, lambda working, answer: f"{working}\n#### {answer}")


def percentages() -> list[Record]:
    """Shares asked for in per cent."""
    rng = random.Random(4)
    rows: list[Record] = []
    seen: set[Fraction] = set()
    while len(rows) < 24:
        whole = rng.choice([20, 25, 40, 50, 80, 200])
        share = rng.randint(1, whole - 1)
        percent = Fraction(100 * share, whole)
        if percent in seen or percent.denominator > 2:
            continue
        seen.add(percent)
        answer = f"{float(percent):g}"
        rows.append(
            {
                "prompt": f"{share} of {whole} parcels arrived late. What percentage is that? {BOXED}",
                "data_source": "loopholes/percentages",
                "ground_truth": answer,
                "golden": f"{share} divided by {whole}, times 100, gives \\boxed{{{answer}}}.",
            }
        )
    return rows


def mixed_gold() -> list[Record]:
    """Fractions whose gold is LaTeX in a third of the rows, and plain text in the others."""
    rng = random.Random(5)
    rows: list[Record] = []
    seen: set[Fraction] = set()
    while len(rows) < 36:
        first, second = (Fraction(rng.randint(1, 9), rng.randint(2, 12)) for _ in range(2))
        total = first + second
        if total in seen or total.denominator == 1:
            continue
        seen.add(total)
        latex = f"\\frac{{{total.numerator}}}{{{total.denominator}}}"
        rows.append(
            {
                "prompt": f"Compute {first} + {second} as a reduced fraction. {BOXED}",
                "solution": f"${latex}$" if len(rows) % 3 == 0 else str(total),
                "golden": f"Over a common denominator the sum is \\boxed{{{latex}}}.",
            }
        )
    return rows


def solutions() -> list[Record]:
    """Quadratic equations: every solution is asked for."""
    rng = random.Random(6)
    rows: list[Record] = []
    seen: set[tuple[int, int]] = set()
    while len(rows) < 30:
        low, high = sorted(rng.sample([n for n in range(-12, 13) if n], 2))
        if (low, high) in seen or low + high == 0:
            continue
        seen.add((low, high))
        rows.append(
            {
                "prompt": f"Find all integers x with x^2 {-(low + high):+d}x {low * high:+d} = 0. "
                "List them in one box, smallest first, with commas.",
                "answer": [low, high],
                "golden": f"It is (x {-low:+d})(x {-high:+d}), so the solutions are \\boxed{{{low}, {high}}}.",
            }
        )
    return rows


def decimals() -> list[Record]:
    """Decimal answers, and a confidence."""
    rng = random.Random(7)
    rows: list[Record] = []
    seen: set[str] = set()
    while len(rows) < 30:
        price, count = rng.randint(105, 995) / 100, rng.randint(2, 9)
        answer = f"{price * count:.2f}"
        if answer in seen:
            continue
        seen.add(answer)
        rows.append(
            {
                "prompt": f"One metre of ribbon costs {price:.2f}. What do {count} metres cost? Give the number in "
                "<answer></answer>, and how sure you are, from 0 to 1, in <confidence></confidence>.",
                "answer": answer,
                "golden": f"{count} times {price:.2f}.\n<answer>{answer}</answer>\n<confidence>1.0</confidence>",
            }
        )
    return rows


def countdown() -> list[Record]:
    """An expression that uses each of three numbers once and has a given value."""
    rng = random.Random(8)
    rows: list[Record] = []
    seen: set[int] = set()
    while len(rows) < 24:
        a, b, c = rng.sample(range(2, 26), 3)
        expression, target = rng.choice([(f"({a}+{b})*{c}", (a + b) * c), (f"{a}*{b}-{c}", a * b - c)])
        if target in seen or not 10 <= target <= 400:
            continue
        seen.add(target)
        numbers = rng.sample([a, b, c], 3)
        rows.append(
            {
                "prompt": f"Use each of the numbers {numbers} exactly once, with + - * / and parentheses, to reach "
                f"{target}. {TAGS}",
                "data_source": "loopholes/countdown",
                "ground_truth": {"numbers": numbers, "target": target},
                "golden": tagged("I try products first.", expression),
            }
        )
    return rows


LETTERS = "ABCDEFGH"


def _choices(seed: int, count: int, sizes: list[int], ask: str, form: Callable[[str, str], str]) -> list[Record]:
    rng = random.Random(seed)
    rows: list[Record] = []
    for number in range(count):
        size = sizes[number % len(sizes)]
        factor = rng.choice([7, 9, 11, 13])
        right = factor * rng.randint(4, 30)
        others = rng.sample([n for n in range(30, 400) if n % factor], size - 1)
        place = rng.randrange(size)
        options = [*others[:place], right, *others[place:]]
        listed = "\n".join(f"({letter}) {value}" for letter, value in zip(LETTERS, options, strict=False))
        rows.append(
            {
                "prompt": f"Which of these numbers is a multiple of {factor}?\n{listed}\n\n{ask}",
                "options": [str(value) for value in options],
                "answer": LETTERS[place],
                "golden": form(f"{right} is {right // factor} times {factor}.", LETTERS[place]),
            }
        )
    return rows


def choices_tags() -> list[Record]:
    """Four to eight options, the letter in tags."""
    return _choices(9, 48, [8, 8, 4, 8, 6], f"Answer with the letter. {TAGS}", tagged)


def choices_line() -> list[Record]:
    """Four to six options, the letter on a last line."""
    ask = "End with a line 'ANSWER: ' and the letter."
    return _choices(10, 36, [4, 5, 6], ask, lambda why, letter: f"{why}\nANSWER: {letter}")


SETS: dict[str, Callable[[], list[Record]]] = {
    made.__name__: made
    for made in (
        arithmetic_tags,
        arithmetic_boxed,
        arithmetic_hashes,
        percentages,
        mixed_gold,
        solutions,
        decimals,
        countdown,
        choices_tags,
        choices_line,
        *make_texts.SETS,
        *make_tasks.SETS,
    )
}
"""File name without its ending to the function that makes the rows."""


def text(name: str) -> str:
    """The content of one file."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in SETS[name]())


def main() -> None:
    """Write every file."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    folder.mkdir(parents=True, exist_ok=True)
    for name in SETS:
        (folder / f"{name}.jsonl").write_text(text(name), encoding="utf-8")


if __name__ == "__main__":
    main()
