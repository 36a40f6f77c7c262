"""Rows of our own for rewards whose data cannot be had here, and rows from generators that a source brings.

    SURVEY_SOURCES=DIR python benchmarks/survey/rows.py NAME rows.jsonl

writes the rows of a target. In ``manifest.toml`` each target names them as a call of a function below. Every row has a
prompt, a golden completion and the columns that the reward's call reads; ``form`` is the golden completion with ``{}``
for the answer, and ``ask`` is what the prompt says of the form.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import upstream

sys.path.insert(0, str(Path(__file__).parents[1] / "published"))
from cases import CAPITALS, PROGRAMS, computing, run_program, word_problems

Row = dict[str, Any]
COUNT = 24
BOXED = "I work it out step by step. The answer is \\boxed{{{}}}."
THOUGHT_BOXED = "<think>I work it out step by step.</think> The answer is \\boxed{{{}}}."
TAGGED = "<think>I work it out step by step.</think>\n<answer>{}</answer>"
HASHED = "I work it out step by step.\n#### {}"
SAID = "I work it out step by step.\nAnswer: {}"
IN_BOX = "Put the final answer in \\boxed{}."
IN_TAGS = "Think in <think> tags, then answer in <answer> tags."
BEHIND_HASHES = "End with #### and the number."
BEHIND_ANSWER = "End with a line 'Answer: ' and the answer."


def _draw(salt: str) -> random.Random:
    return random.Random(f"survey {salt}")


def _rows(asked: Sequence[tuple[str, Any]], form: str, ask: str, shown: Callable[[Any], str] = str) -> list[Row]:
    """Rows of questions and answers; ``shown`` is how an answer is written into the golden completion."""
    space = " " if ask else ""
    return [
        {"prompt": f"{question}{space}{ask}", "golden": form.format(shown(answer)), "answer": answer}
        for question, answer in asked
    ]


def numbers(form: str, ask: str = "") -> list[Row]:
    """Word problems with a whole number as the answer."""
    return _rows(word_problems(COUNT, "survey"), form, ask)


def expressions(form: str, ask: str = IN_BOX) -> list[Row]:
    """Sums of fractions and of roots to compute, and ten word problems, in LaTeX."""
    asked = [(f"Compute ${text}$ and simplify.", value) for text, value in computing()]
    return _rows([*asked, *word_problems(10, "survey maths")], form, ask)


def additions(form: str, ask: str = "") -> list[Row]:
    """Two numbers to add, which stand in columns of their own."""
    draw = _draw("additions")
    pairs = [(draw.randrange(100), draw.randrange(100)) for _ in range(COUNT)]
    rows = _rows([(f"What is {x} + {y}?", str(x + y)) for x, y in pairs], form, ask)
    return [{**row, "x": x, "y": y} for row, (x, y) in zip(rows, pairs, strict=True)]


def capitals(form: str, ask: str = "") -> list[Row]:
    """What the capitals of countries are."""
    return _rows([(f"What is the capital of {land}?", city) for land, city in CAPITALS.items()], form, ask)


def sentences(form: str, ask: str = "Answer in a sentence.") -> list[Row]:
    """Questions that want a sentence."""
    colours = ("red", "blue", "green", "white", "black", "grey")
    asked = [
        (f"What do we know of {city}?", f"{city} is the capital of {land} and its old town has {colour} roofs.")
        for (land, city), colour in zip(CAPITALS.items(), colours * 4, strict=True)
    ]
    return _rows(asked, form, ask)


def choices(form: str, ask: str = "Answer with the letter.", letters: str = "ABCD") -> list[Row]:
    """Questions with four choices; the answer is a letter."""
    draw, rows = _draw("choices"), []
    for land, city in CAPITALS.items():
        offered = [city, *draw.sample([other for other in CAPITALS.values() if other != city], len(letters) - 1)]
        draw.shuffle(offered)
        right = letters[offered.index(city)]
        listed = "\n".join(f"{letter}. {name}" for letter, name in zip(letters, offered, strict=True))
        question = f"What is the capital of {land}?\n{listed}\n"
        rows += [{**_rows([(question, right)], form, ask)[0], "choices": offered, "city": city}]
    return rows


def several(form: str, ask: str) -> list[Row]:
    """Statements of which one to three are true; the answer is their letters."""
    draw, asked = _draw("several"), []
    for _ in range(COUNT):
        lands = draw.sample(sorted(CAPITALS), 4)
        true = set(draw.sample(range(4), draw.randrange(1, 4)))
        wrong = [draw.choice([city for city in CAPITALS.values() if city != CAPITALS[land]]) for land in lands]
        said = [f"{'ABCD'[n]}. {CAPITALS[land] if n in true else wrong[n]} is the capital of {land}."
                for n, land in enumerate(lands)]  # fmt: skip
        asked.append(
            ("Which of these are true?\n" + "\n".join(said) + "\n", ", ".join("ABCD"[n] for n in sorted(true)))
        )
    return _rows(asked, form, ask)


def yes_no(form: str, ask: str = "Answer yes or no.") -> list[Row]:
    """Questions that are answered by yes or no."""
    draw, asked = _draw("yes"), []
    for land, city in CAPITALS.items():
        right = draw.random() < 0.5
        said = city if right else draw.choice([other for other in CAPITALS.values() if other != city])
        asked.append((f"Is {said} the capital of {land}?", "yes" if right else "no"))
    return _rows(asked, form, ask)


def letters(form: str, ask: str = "") -> list[Row]:
    """How often a letter stands in a word; the answer is a number."""
    draw, asked = _draw("letters"), []
    words = ("strawberry", "mississippi", "committee", "parallel", "banana", "assessment", "coffee", "bookkeeper")
    for number in range(COUNT):
        word = words[number % len(words)]
        letter = draw.choice(sorted(set(word)))
        asked.append((f"How many times does the letter '{letter}' occur in '{word}'?", word.count(letter)))
    return _rows(asked, form, ask)


def sorted_words(form: str, ask: str, quoted: bool = False) -> list[Row]:
    """Words to sort; the answer is a list."""
    draw, asked = _draw("words"), []
    words = ("lemon", "otter", "cabin", "river", "amber", "wheel", "fable", "tulip", "grain", "ivory", "north", "pearl")
    for _ in range(COUNT):
        chosen = draw.sample(words, 5)
        asked.append((f"Sort these words alphabetically: {', '.join(chosen)}.", sorted(chosen)))
    return _rows(asked, form, ask, lambda answer: ", ".join(f'"{word}"' if quoted else word for word in answer))


def birds(form: str, ask: str, joined: str = "") -> list[Row]:
    """Birds on a branch, whose order follows from what is said."""
    draw, asked = _draw("birds"), []
    names = ("robin", "crow", "quail", "hawk", "falcon", "owl", "raven")
    for _ in range(COUNT):
        order = draw.sample(names, 4)
        said = [f"The {left} is directly left of the {right}." for left, right in pairwise(order)]
        draw.shuffle(said)
        asked.append((f"Four birds sit on a branch. {' '.join(said)} List them from left to right.", order))
    return _rows(asked, form, ask, joined.join if joined else json.dumps)


def grids(form: str, ask: str) -> list[Row]:
    """Grids to mirror, with an example; the answer is a list of lists."""
    draw, asked = _draw("grids"), []

    def grid() -> list[list[int]]:
        return [[draw.randrange(10) if draw.random() < 0.4 else 0 for _ in range(4)] for _ in range(3)]

    for _ in range(COUNT):
        shown, task = grid(), grid()
        question = (
            f"Input: {shown}\nOutput: {[line[::-1] for line in shown]}\nFind the rule and apply it.\nInput: {task}\n"
        )
        asked.append((question, [line[::-1] for line in task]))
    return _rows(asked, form, ask, json.dumps)


def houses(form: str, ask: str) -> list[Row]:
    """A zebra puzzle of three houses; the answer is a table."""
    draw, asked = _draw("houses"), []
    for _ in range(COUNT):
        names, drinks = draw.sample(("Ann", "Ben", "Cem", "Dana", "Eve"), 3), draw.sample(("tea", "milk", "juice"), 3)
        clues = [f"{name} lives in house {place} and drinks {drink}."
                 for place, (name, drink) in enumerate(zip(names, drinks, strict=True), 1)]  # fmt: skip
        draw.shuffle(clues)
        rows = [[str(place), name, drink] for place, (name, drink) in enumerate(zip(names, drinks, strict=True), 1)]
        asked.append((f"Three houses. {' '.join(clues)}", {"header": ["House", "Name", "Drink"], "rows": rows}))
    return _rows(asked, form, ask, json.dumps)


def outputs(form: str, ask: str) -> list[Row]:
    """What a function returns for an input; the answer is JSON."""
    draw, asked = _draw("outputs"), []
    for _ in range(COUNT):
        values = [draw.randrange(1, 30) for _ in range(4)]
        question = f"def f(values):\n    return sorted(v * 2 for v in values if v % 2)\n\nWhat does f({values}) return?"
        asked.append((question, sorted(value * 2 for value in values if value % 2)))
    return _rows(asked, form, ask, json.dumps)


def records(form: str, ask: str, texts: bool = False) -> list[Row]:
    """A sentence to turn into a JSON object; with ``texts``, all of its values are texts."""
    draw, asked = _draw("records"), []
    for land, city in CAPITALS.items():
        year, people = draw.randrange(900, 1900), draw.randrange(100, 900) * 1000
        question = f"Extract as JSON with city, country, founded, people: {city}, {land}, founded {year}, has {people}."
        record = {"city": city, "country": land, "founded": year, "people": people}
        asked.append((question, {key: str(value) for key, value in record.items()} if texts else record))
    return _rows(asked, form, ask, json.dumps)


def boxes(form: str, ask: str, scale: float = 1.0) -> list[Row]:
    """Where an object lies in a picture: x1, y1, x2, y2."""
    draw, asked = _draw("boxes"), []
    for number in range(COUNT):
        x, y = draw.randrange(10, 500), draw.randrange(10, 500)
        box = [x, y, x + draw.randrange(40, 300), y + draw.randrange(40, 300)]
        place = [round(value / scale, 3) for value in box] if scale != 1.0 else box
        asked.append((f"Picture {number}: where is the {('dog', 'cat', 'bus', 'cup')[number % 4]}?", place))
    return _rows(asked, form, ask, json.dumps)


def mines(form: str, ask: str) -> list[Row]:
    """A board with marked mines, whose coordinates are asked for."""
    draw, asked = _draw("mines"), []
    for _ in range(COUNT):
        places = sorted(draw.sample([(x, y) for x in range(5) for y in range(5)], 3))
        board = ["".join("*" if (x, y) in places else "." for y in range(5)) for x in range(5)]
        asked.append(("Where (row, column) are the mines?\n" + "\n".join(board), places))
    return _rows(asked, form, ask)


def countdowns(form: str, ask: str = "Use each number once.") -> list[Row]:
    """Four numbers from which a target is to be made."""
    draw = _draw("countdown")
    rows: list[Row] = []
    while len(rows) < COUNT:
        a, b, c, d = nums = [draw.randrange(2, 50) for _ in range(4)]
        target = a * b + c - d
        if target > 0:
            question = f"Using the numbers {nums}, create an equation that equals {target}."
            rows += [{**_rows([(question, f"{a} * {b} + {c} - {d}")], form, ask)[0], "numbers": nums, "target": target}]
    return rows


def liars(form: str, ask: str) -> list[Row]:
    """Three people of whom is said whether they tell the truth; the answer is three words."""
    draw, asked = _draw("liars"), []
    for _ in range(COUNT):
        names = draw.sample(("Ann", "Ben", "Cem", "Dana", "Eve", "Finn"), 3)
        honest = {name: draw.random() < 0.5 for name in names}
        said = [f"{name} {'always' if true else 'never'} tells the truth." for name, true in honest.items()]
        question = f"{' '.join(said)} Do {', '.join(names)}, in this order, tell the truth?"
        asked.append((question, ", ".join("yes" if true else "no" for true in honest.values())))
    return _rows(asked, form, ask)


def puzzles_24(form: str, ask: str) -> list[Row]:
    """Four numbers from which 24 is to be made, with the columns of SynLogic's game."""
    draw = _draw("24")
    rows: list[Row] = []
    while len(rows) < COUNT:
        numbers = [draw.randrange(1, 10) for _ in range(4)]
        one, two, three = (draw.choice("+-*") for _ in range(3))
        a, b, c, d = numbers
        solution = f"(({a} {one} {b}) {two} {c}) {three} {d}"
        if eval(solution) == 24:
            question = f"Make 24 from the numbers {numbers} with + - * / and parentheses. Use each number once."
            metadata = {"numbers": numbers, "operators": ["+", "-", "*", "/"], "result": 24}
            rows += [{**_rows([(question, solution)], form, ask)[0], "metadata": metadata}]
    return rows


def calls(form: str, ask: str) -> list[Row]:
    """A tool to call, with arguments."""
    asked = []
    for number, city in enumerate(CAPITALS.values()):
        day, unit = ("today", "tomorrow", "on Friday")[number % 3], ("metric", "imperial")[number % 2]
        call = {"city": city, "day": day, "unit": unit}
        asked.append((f"Tools: get_weather(city, day, unit). How is the weather in {city} {day}, in {unit}?", call))
    return _rows(asked, form, ask, json.dumps)


def programs(form: str, ask: str = "Answer with a Python program.") -> list[Row]:
    """Programs that read a line and print; ``inputs`` and ``outputs`` are the tests."""
    rows = []
    for task, program, inputs in PROGRAMS:
        row = _rows([(task, program)], form, ask)[0]
        rows.append({**row, "inputs": list(inputs), "outputs": [run_program(program, text) for text in inputs]})
    return rows


def as_trl(rows: Sequence[Row]) -> list[Row]:
    """The rows as TRL has them: prompts are messages, and the column ``solution`` is the answer in LaTeX."""
    return [
        {
            "prompt": [{"role": "user", "content": row["prompt"]}],
            "golden": row["golden"],
            "solution": f"${row['answer']}$",
        }
        for row in rows
    ]


def as_verl(rows: Sequence[Row], key: str = "") -> list[Row]:
    """The rows with verl's column ``reward_model``; the answer is in a list below ``key`` if there is one."""
    truths = [{key: [row["answer"]]} if key else row["answer"] for row in rows]
    return [
        {"prompt": row["prompt"], "golden": row["golden"], "reward_model": {"ground_truth": truth}, "extra_info": {}}
        for row, truth in zip(rows, truths, strict=True)
    ]


def as_verl_code(rows: Sequence[Row]) -> list[Row]:
    """Programs, whose ground truth is JSON with inputs and outputs."""
    tests = [json.dumps({"inputs": row["inputs"], "outputs": row["outputs"]}) for row in rows]
    return as_verl([{**row, "answer": test} for row, test in zip(rows, tests, strict=True)])


def as_skyrl(rows: Sequence[Row]) -> list[Row]:
    """The rows of SkyRL's search, whose ground truth is a record with a list."""
    return [
        {"prompt": row["prompt"], "golden": row["golden"], "reward_spec": {"ground_truth": {"target": [row["answer"]]}}}
        for row in rows
    ]


def without_choices(rows: Sequence[Row]) -> list[Row]:
    """The rows without the choices that stand in their prompts."""
    return [{key: value for key, value in row.items() if key != "choices"} for row in rows]


def generated(game: str, count: int = COUNT, form: str = "{}", answer: str = "answer", **arguments: Any) -> list[Row]:
    """Rows of SynLogic's own generator ``module:Class``; ``answer`` is an expression over a row's fields."""
    import importlib

    module, _, name = game.partition(":")
    random.seed(20261127)
    kind = getattr(importlib.import_module(module), name)
    made = kind(**arguments).generate(count) if callable(getattr(kind, "generate", None)) else []
    rows = []
    for data in made:
        fields = {"answer": data.answer, "metadata": data.metadata, "question": data.question}
        golden = form.format(eval(answer, {"json": json, **fields}))
        rows.append({"prompt": data.question, "golden": golden, "answer": data.answer, "metadata": data.metadata})
    return rows


def rows_of(name: str) -> list[Row]:
    """The rows of a target of the manifest."""
    entry = upstream.target(name)
    if entry["rows"].startswith("generated"):
        upstream.prepare(upstream.manifest()["source"][entry["source"]])
    rows: list[Row] = eval(entry["rows"], globals())
    return rows


def main() -> None:
    """Write the rows of a target."""
    name, file = sys.argv[1:]
    text = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows_of(name))
    Path(file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
