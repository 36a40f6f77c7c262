"""Rows of ours for published rewards that read an answer: computing, counting, choosing and reading."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any

Row = dict[str, Any]
COUNT = 24
NAMES = "Ada Bruno Carla Dmitri Elena Farid Greta Hugo Irina Jonas Kamala Lars Mina Nadia Oskar Priya".split()
TOWNS = "Aldern Brask Corvane Dunhall Estrel Forvik Grenloch Hartmoor Islen Jorvale Kestrin Lomberg".split()
TRADES = "glassblowing shipbuilding papermaking beekeeping clockmaking weaving fishing brewing".split()

QUESTIONS = [
    ("Which gas do plants take in for photosynthesis?", ["oxygen", "carbon dioxide", "nitrogen", "helium"], 1),
    ("Which planet is closest to the sun?", ["Mercury", "Venus", "Mars", "Jupiter"], 0),
    ("What is the chemical symbol of sodium?", ["So", "Sd", "S", "Na"], 3),
    ("Which acid is found in vinegar?", ["citric acid", "formic acid", "acetic acid", "lactic acid"], 2),
    ("What is the pH of pure water at room temperature?", ["zero", "seven", "ten", "fourteen"], 1),
    ("Which metal is liquid at room temperature?", ["iron", "copper", "mercury", "zinc"], 2),
    ("Which particle carries a negative charge?", ["proton", "neutron", "photon", "electron"], 3),
    ("Which organ filters the blood?", ["kidney", "lung", "stomach", "skin"], 0),
    ("What is the hardest natural substance?", ["quartz", "diamond", "topaz", "granite"], 1),
    ("Which element has atomic number 1?", ["helium", "lithium", "hydrogen", "carbon"], 2),
    ("Which bond shares electrons?", ["covalent", "ionic", "metallic", "hydrogen"], 0),
    ("Which instrument measures pressure?", ["hygrometer", "anemometer", "thermometer", "barometer"], 3),
    ("Which ocean is the largest?", ["Pacific", "Atlantic", "Indian", "Arctic"], 0),
    ("Which layer of the earth is liquid?", ["crust", "mantle", "outer core", "inner core"], 2),
    ("Which vitamin does sunlight help to make?", ["vitamin B", "vitamin D", "vitamin K", "vitamin E"], 1),
    ("What does a catalyst lower?", ["mass", "volume", "entropy", "activation energy"], 3),
    ("Which gas makes up most of the air?", ["nitrogen", "oxygen", "argon", "neon"], 0),
    ("Which unit measures electric current?", ["volt", "ampere", "ohm", "watt"], 1),
    ("Which sugar is found in milk?", ["fructose", "maltose", "lactose", "ribose"], 2),
    ("Which force keeps planets in orbit?", ["friction", "magnetism", "tension", "gravity"], 3),
    ("Which blood cells fight infection?", ["white cells", "red cells", "platelets", "plasma"], 0),
    ("Which rock forms from cooled lava?", ["slate", "basalt", "marble", "chalk"], 1),
    ("Which ion gives acids their sourness?", ["hydroxide", "chloride", "hydronium", "sodium"], 2),
    ("What is table salt?", ["potassium iodide", "calcium oxide", "sodium nitrate", "sodium chloride"], 3),
]


def made(make: Callable[[Random, int], Row], seed: int) -> list[Row]:
    return [make(Random(seed * 1000 + place), place) for place in range(COUNT)]


def _latex(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value)
    return f"{'-' if value < 0 else ''}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def _problem(random: Random, place: int, whole: bool) -> tuple[str, str]:
    """An expression in LaTeX and its value; unless whole numbers are asked for, two thirds have another one."""
    a, b, c = (random.randint(3, 29) for _ in range(3))
    if whole or place % 3 == 0:
        return f"{a} \\cdot {b} + {c}", str(a * b + c)
    if place % 3 == 1:
        first, second = Fraction(a, b + 30), Fraction(c, random.choice((7, 11, 13)))
        return f"{_latex(first)} + {_latex(second)}", _latex(first + second)
    root = random.choice((2, 3, 5, 7))
    return f"{a}\\sqrt{{{root}}} + {b}\\sqrt{{{root}}}", f"{a + b}\\sqrt{{{root}}}"


def computing(column: str, golden: str, whole: bool = False) -> list[Row]:
    """Expressions to compute; ``golden`` holds VALUE where the value goes."""

    def make(random: Random, place: int) -> Row:
        expression, value = _problem(random, place, whole)
        prompt = f"Compute ${expression}$ and give the simplified result."
        return {"prompt": prompt, "expression": expression, column: value, "golden": golden.replace("VALUE", value)}

    return made(make, 1)


def _story(random: Random) -> tuple[str, int]:
    name, each, boxes, gone = random.choice(NAMES), random.randint(6, 19), random.randint(4, 16), random.randint(5, 23)
    text = f"{name} has {boxes} boxes with {each} apples each and gives {gone} apples away. How many apples are left?"
    return text, boxes * each - gone


def mgsm() -> list[Row]:
    """Word problems, answered in mgsm's English sentence."""

    def make(random: Random, _: int) -> Row:
        text, value = _story(random)
        return {"prompt": f"Question: {text}", "answer_number": value, "golden": f"The answer is {value}"}

    return made(make, 2)


def gsm8k() -> list[Row]:
    """Word problems, answered behind ####."""

    def make(random: Random, _: int) -> Row:
        text, value = _story(random)
        return {
            "prompt": f"Question: {text}\nAnswer:",
            "answer": f"It takes two steps.\n#### {value}",
            "golden": f"It takes two steps.\n#### {value}",
        }

    return made(make, 3)


def counting() -> list[Row]:
    """How many objects there are, in square brackets."""

    def make(random: Random, _: int) -> Row:
        cubes, spheres = random.randint(1, 6), random.randint(1, 6)
        prompt = f"A picture shows {cubes} cubes and {spheres} spheres. How many objects? Answer like [1]."
        return {"prompt": prompt, "answer": str(cubes + spheres), "golden": f"[{cubes + spheres}]"}

    return made(make, 4)


def amounts() -> list[Row]:
    """Chemical amounts with a tolerance, in ChemBench's [ANSWER] tags."""

    def make(random: Random, place: int) -> Row:
        moles, mass = random.randint(2, 30), random.choice((18.02, 44.01, 58.44, 180.16))
        value, relative = round(moles * mass, 2), place % 2 == 0
        prompt = f"What is the mass in g of {moles} mol at {mass} g/mol? Answer as [ANSWER]number[/ANSWER]."
        metadata = {"tolerance": 0.01 if relative else 0.5, "relative": relative}
        return {"prompt": prompt, "target": str(value), "metadata": metadata, "golden": f"[ANSWER]{value}[/ANSWER]"}

    return made(make, 5)


def choices(golden: str, column: str) -> list[Row]:
    """Questions with four options; ``golden`` holds LETTER and OPTION where the right ones go."""

    def listed() -> Iterator[Row]:
        for question, options, right in QUESTIONS:
            letter = "ABCD"[right]
            lines = "\n".join(f"{mark}) {option}" for mark, option in zip("ABCD", options, strict=True))
            text = golden.replace("LETTER", letter).replace("OPTION", options[right])
            yield {"prompt": f"{question}\n{lines}", "choices": options, column: letter, "golden": text}

    return list(listed())


def bunsen() -> list[Row]:
    """The questions in the columns of bunsenbench_chemistry_mcq."""
    rows = choices("<choice>OPTION</choice>", "expected_answer")
    for row in rows:
        marked = zip("ABCD", row.pop("choices"), strict=True)
        row.update(options=[{mark: option} for mark, option in marked], uuid=row["prompt"][:20])
    return rows


def town_text(random: Random) -> tuple[str, list[tuple[str, str]]]:
    """A short text about a town, and questions with the answers that stand in it."""
    town, founder, mayor = random.choice(TOWNS), random.choice(NAMES), random.choice(NAMES)
    trade, year, people, bridges = random.choice(TRADES), random.randint(1611, 1909), random.randint(2100, 9800), 3
    text = (
        f"{town} was founded in {year} by {founder} Vestergaard. The town has {people} inhabitants and {bridges} "
        f"bridges over the river Selme. For a long time it was known for its {trade}. "
        f"Its mayor today is {mayor} Okonjo."
    )
    return text, [
        (f"Who founded {town}?", f"{founder} Vestergaard"),
        (f"In which year was {town} founded?", str(year)),
        (f"What was {town} known for?", trade),
        (f"How many inhabitants does {town} have?", str(people)),
    ]


def reading(column: str, wrap: Callable[[str], Any], golden: str) -> list[Row]:
    """Questions about a text; ``wrap`` makes the column's value of the answer, ``golden`` holds ANSWER."""

    def make(random: Random, place: int) -> Row:
        text, questions = town_text(random)
        question, answer = questions[place % 4]
        return {"prompt": f"{text}\n\n{question}", column: wrap(answer), "golden": golden.replace("ANSWER", answer)}

    return made(make, 6)


def drop_answer(answer: str) -> Row:
    """A DROP answer: a number, or a span."""
    number = answer.isdigit()
    date = {"day": "", "month": "", "year": ""}
    return {"number": answer if number else "", "spans": [] if number else [answer], "date": date}


def short_answers() -> list[Row]:
    """Short answers about pictures, a third of them with a sign or a decimal point."""

    def make(random: Random, place: int) -> Row:
        if place % 3 == 0:
            answer, what = str(-random.randint(3, 38)), "temperature at the coldest point of the curve"
        elif place % 3 == 1:
            answer, what = f"{random.randint(2, 19)}.{random.randint(1, 9)}", "height of the second bar"
        else:
            answer, what = random.choice(TRADES), "trade that the sign advertises"
        prompt = f"Picture {place}: what is the {what}? Answer in <answer></answer>."
        return {"prompt": prompt, "ground_truth": answer, "golden": f"<think>Looking.</think><answer>{answer}</answer>"}

    return made(make, 7)


def worlds() -> list[Row]:
    """Questions about a small world, answered by TRUE, FALSE, 1, 2 or 3."""

    def make(random: Random, place: int) -> Row:
        first, second, third = random.sample(NAMES, 3)
        story = f"{first} stands left of {second}, and {second} left of {third}."
        if place % 2:
            left, right = random.sample((first, second, third), 2)
            order = (first, second, third)
            target = "TRUE" if order.index(left) < order.index(right) else "FALSE"
            return {"prompt": f"{story} Is {left} left of {right}? TRUE or FALSE?", "target": target, "golden": target}
        options = random.sample((first, second, third), 3)
        target = str(options.index(second) + 1)
        listed = " ".join(f"({number}) {name}" for number, name in enumerate(options, 1))
        return {"prompt": f"{story} Who is in the middle? {listed}", "target": target, "golden": target}

    return made(make, 8)


def houses() -> list[Row]:
    """In which order houses are passed: names in bold, separated by commas."""

    def make(random: Random, _: int) -> Row:
        order = random.sample(NAMES, 4)
        clues = [f"{a} is visited right before {b}." for a, b in pairwise(order)]
        random.shuffle(clues)
        prompt = "Four houses are visited. " + " ".join(clues) + " List the owners in order, in bold: **A, B, C, D**."
        return {"prompt": prompt, "ground_truth": " ".join(order), "golden": f"**{', '.join(order)}**"}

    return made(make, 9)


def countdown() -> list[Row]:
    """Four numbers and a target that they make."""

    def make(random: Random, _: int) -> Row:
        a, b, c, d = (random.randint(2, 40) for _ in range(4))
        target = a * b - c + d
        prompt = f"Using each of {[a, b, c, d]} once, make {target}. Give the equation in <answer></answer>."
        golden = f"<answer>{a} * {b} - {c} + {d}</answer>"
        return {"prompt": prompt, "target": target, "numbers": [a, b, c, d], "golden": golden}

    return made(make, 10)


def multiplying() -> list[Row]:
    """Products of two numbers, boxed."""

    def make(random: Random, _: int) -> Row:
        a, b = random.randint(11, 99), random.randint(11, 99)
        return {"prompt": f"{a} * {b}", "ground_truth": str(a * b), "golden": f"\\boxed{{{a * b}}}"}

    return made(make, 11)


CONSTRAINTS = [
    ({"func_name": "validate_no_commas"}, "Do not use any commas.", "The sea was calm and the boat went home."),
    ({"func_name": "validate_lowercase"}, "Write in lower case only.", "the sea was calm, and the boat went home."),
    ({"func_name": "validate_uppercase"}, "Write in capitals only.", "THE SEA WAS CALM, AND THE BOAT WENT HOME."),
    (
        {"func_name": "validate_forbidden_words", "forbidden_words": ["storm", "wave"]},
        "Do not use the words storm or wave.",
        "The sea was calm, and the boat went home.",
    ),
    (
        {"func_name": "verify_keywords", "keyword_list": ["harbour", "lamp"]},
        "Use the words harbour and lamp.",
        "The boat found the harbour by the lamp.",
    ),
    ({"func_name": "validate_title"}, "Give a title in << >>.", "<<The way home>>\nThe sea was calm."),
    (
        {"func_name": "verify_keyword_frequency", "word": "boat", "N": 3},
        "Use the word boat exactly 3 times.",
        "boat boat boat",
    ),
    (
        {"func_name": "validate_choice", "options": ["My answer is yes.", "My answer is no."]},
        "Answer with one of: My answer is yes. / My answer is no.",
        "My answer is no.",
    ),
    ({"func_name": "verify_bullet_points", "N": 3}, "Use exactly 3 bullet points.", "* calm sea\n* boat\n* home"),
    ({"func_name": "validate_end", "end_phrase": "The end."}, "End with: The end.", "The boat went home. The end."),
    ({"func_name": "validate_quotation"}, "Put the whole reply in double quotes.", '"The boat went home."'),
    (
        {"func_name": "validate_word_constraint", "N": 12, "quantifier": "at most"},
        "Use at most 12 words.",
        "The sea was calm, and the boat went home.",
    ),
]


def constraints() -> list[Row]:
    """A request with one constraint of ROLL's, twelve kinds of them twice."""

    def make(random: Random, place: int) -> Row:
        constraint, words, golden = CONSTRAINTS[place % len(CONSTRAINTS)]
        topic = random.choice(("a boat at sea", "a sailor's way home", "an evening at the coast"))
        return {"prompt": f"Write about {topic}. {words}", "constraint": json.dumps(constraint), "golden": golden}

    return made(make, 12)
