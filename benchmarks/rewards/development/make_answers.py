"""Data of the development pairs: names, numbers, choices and classes. `make_data.py` writes them."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

Record = dict[str, Any]

TAGS = "Reply as <think>your reasoning</think><answer>your answer</answer>."
PEOPLE = "Ada Bela Cora Dov Emil Femke Goran Hilde Ines Jarl Katya Lino Mona Nils Olga Pavel".split()
TOWNS = "Lund Ystad Visby Falun Kalmar Skara Umea Motala Eslov Arvika Nora Sala Tanum Varberg".split()


def verl(record: Record, truth: Any, index: int) -> Record:
    """Add the columns that verl hands to a reward."""
    return {**record, "data_source": "development", "ground_truth": truth, "extra_info": {"index": index}}


def suspects(rng: random.Random) -> list[Record]:
    """Who stayed longest? The answer is a name of the prompt."""
    rows = []
    for _ in range(24):
        names = rng.sample(PEOPLE, 5)
        minutes = rng.sample(range(5, 55), 5)
        told = "; ".join(f"{name} left at 7:{minute:02}" for name, minute in zip(names, minutes, strict=True))
        prompt = f"Five people were near the safe: {told}. Who left last?\n\nEnd with 'Final answer: ' and the name."
        rows.append({"prompt": prompt, "answer": names[minutes.index(max(minutes))]})
    return rows


def signed(rng: random.Random) -> list[Record]:
    """Differences that are negative or have decimals."""
    rows: list[Record] = []
    answers = set[str]()
    while len(rows) < 24:
        hundredths = rng.randrange(2, 60) * 25
        other = rng.randrange(2, 60) * 25
        answer = f"{(hundredths - other) / 100:g}"
        if answer in answers or not set(answer) & set(".-"):
            continue
        answers.add(answer)
        text = f"{hundredths / 100:g} - {other / 100:g}"
        rows.append(
            {
                "prompt": f"Compute {text}. End with a line 'Answer: ' and the number.",
                "answer": answer,
                "golden": f"The difference of the two is as follows.\nAnswer: {answer}",
            }
        )
    return rows


def stock(rng: random.Random) -> list[Record]:
    """Word problems with whole numbers of two or three digits. Answers only."""
    rows = []
    for crates in rng.sample(range(11, 60), 24):
        each, sold = rng.randint(3, 9), rng.randint(2, 30)
        answer = str(crates * each - sold)
        rows.append(
            {
                "prompt": f"A shop stores {crates} crates of {each} lamps and sells {sold} lamps. How many are left?\n"
                "End with a line 'Answer: ' and the number.",
                "answer": answer,
            }
        )
    return rows


def concentrations(rng: random.Random) -> list[Record]:
    """Concentrations: on a third of the rows far below 0.01. Answers only."""
    rows = []
    for number in range(30):
        amount = rng.choice([2, 3, 4, 5, 6, 8]) * rng.choice([1, 1.5, 2.5])
        volume = rng.choice([2000, 4000, 5000]) if number % 3 == 0 else rng.choice([0.5, 2, 4, 5])
        answer = round(amount / volume, 6)
        rows.append(
            {
                "prompt": f"{amount:g} mg of dye are dissolved in {volume:g} mL of water. What is the concentration in "
                "mg per mL? Give the number in <answer></answer>.",
                "answer": answer,
            }
        )
    return rows


def straight_lines(rng: random.Random) -> list[Record]:
    """Lines: a third of the rows ask for an equation that is set to zero, the others for a value of y."""
    rows: list[Record] = []
    for number in range(30):
        slope, shift, x = rng.choice([2, 3, 4, 5, -2, -3]), rng.choice([-7, -4, -3, 2, 5, 6]), rng.randint(2, 9)
        if number % 3 == 0:
            answer = f"{slope}x - y {'+' if shift > 0 else '-'} {abs(shift)} = 0"
            ask = f"Write the line of slope {slope} through (0, {shift}) in the form ax + by + c = 0."
        else:
            answer = f"y = {slope * x + shift}"
            ask = f"A line of slope {slope} goes through (0, {shift}). What is y at x = {x}? Answer in the form y = ..."
        record = {
            "prompt": f"{ask} Put the answer in \\boxed{{}}.",
            "golden": f"By slope and intercept it is \\boxed{{{answer}}}.",
        }
        rows.append(verl(record, answer, number))
    return rows


def confident(rng: random.Random) -> list[Record]:
    """Products, with a confidence. Answers only."""
    rows = []
    for a in rng.sample(range(12, 90), 24):
        b = rng.randint(6, 19)
        rows.append(
            {
                "prompt": f"What is {a} times {b}? Give the number in <answer></answer>, and how sure you are, from 0 "
                "to 1, in <confidence></confidence>.",
                "answer": str(a * b),
            }
        )
    return rows


def shelves(rng: random.Random) -> list[Record]:
    """Word problems in tags, with the columns of TRL and of verl."""
    rows = []
    for number, count in enumerate(rng.sample(range(7, 45), 24)):
        each, more = rng.randint(3, 8), rng.randint(2, 20)
        answer = str(count * each + more)
        record = {
            "prompt": f"{count} shelves hold {each} books each, and {more} books lie on the table. How many books are "
            f"there?\n\n{TAGS}",
            "answer": answer,
            "golden": f"<think>The shelves hold {count * each} books.</think>\n<answer>{answer}</answer>",
        }
        rows.append(verl(record, answer, number))
    return rows


def fractions(rng: random.Random) -> list[Record]:
    """Sums of two fractions in LaTeX."""
    rows: list[Record] = []
    answers = set[Fraction]()
    while len(rows) < 24:
        a, b = (Fraction(rng.randint(1, 9), rng.choice([2, 3, 4, 5, 7, 8, 9, 11])) for _ in range(2))
        total = a + b
        if total in answers or 1 in (a.denominator, b.denominator, total.denominator):
            continue
        answers.add(total)
        latex = [rf"\frac{{{value.numerator}}}{{{value.denominator}}}" for value in (a, b, total)]
        rows.append(
            {
                "prompt": rf"Compute ${latex[0]}+{latex[1]}$. Give one reduced fraction in \boxed{{}}.",
                "answer": latex[2],
                "golden": rf"Over a common denominator the sum is \boxed{{{latex[2]}}}.",
            }
        )
    return rows


def sums(rng: random.Random) -> list[Record]:
    """Arithmetic that the prompt spells out. Answers only."""
    rows = []
    for number, a in enumerate(rng.sample(range(20, 95), 24)):
        b, c = rng.randint(11, 60), rng.randint(3, 9)
        record = {"prompt": f"What is {a} + {b} * {c}? End with a line 'Answer: ' and the number."}
        rows.append(verl(record, str(a + b * c), number))
    return rows


def mixed_sums(rng: random.Random) -> list[Record]:
    """A third of the rows spell an expression out; the others are word problems. Answers only."""
    rows = []
    for number, a in enumerate(rng.sample(range(12, 70), 30)):
        b, c = rng.randint(3, 9), rng.randint(11, 40)
        if number % 3 == 0:
            ask = f"Compute {a} * {b} + {c}."
        else:
            ask = f"A hall has {a} rows of {b} seats, and {c} chairs at the side. How many people can sit?"
        rows.append(
            {
                "prompt": f"{ask} Give the number in <answer></answer>.",
                "answer": str(a * b + c),
            }
        )
    return rows


def unknowns(rng: random.Random) -> list[Record]:
    """A positive integer that satisfies a constraint; there is no column with the answer."""
    rows = []
    for x in rng.sample(range(3, 60), 24):
        b = rng.randint(2, 9)
        constraint = f"x * x + {b} * x == {x * x + b * x}"
        rows.append(
            {
                "prompt": f"Find a positive integer x with {constraint}. Give it in <answer></answer>.",
                "constraint": constraint,
                "golden": f"I try a few values.\n<answer>{x}</answer>",
            }
        )
    return rows


NOUNS = (
    "anchor basket candle drawer engine ferry garden hammer island jacket kettle ladder mirror needle orchard"
).split()


def last_words(rng: random.Random) -> list[Record]:
    """Four words, one of which comes last in the alphabet. Answers only."""
    rows = []
    for number in range(24):
        words = rng.sample(NOUNS, 4)
        place = number % 4
        last = max(words)
        words.remove(last)
        words.insert(place, last)
        options = "\n".join(f"({letter}) {word}" for letter, word in zip("ABCD", words, strict=True))
        prompt = f"Which word comes last in a dictionary?\n{options}\n\nEnd with a line 'ANSWER: ' and the letter."
        rows.append({"prompt": prompt, "answer": "ABCD"[place]})
    return rows


def all_primes(rng: random.Random) -> list[Record]:
    """Six numbers, two to four of which are prime. Answers only."""
    primes = [n for n in range(11, 98) if all(n % d for d in range(2, n))]
    others = [n for n in range(12, 98) if n not in primes]
    rows = []
    for number in range(24):
        count = 2 + number % 3
        numbers = rng.sample(primes, count) + rng.sample(others, 6 - count)
        rng.shuffle(numbers)
        answer = [letter for letter, n in zip("ABCDEF", numbers, strict=True) if n in primes]
        options = "\n".join(f"({letter}) {n}" for letter, n in zip("ABCDEF", numbers, strict=True))
        rows.append(
            {
                "prompt": f"Select every prime number.\n{options}\n\nEnd with a line 'Selected: ' and the letters.",
                "answer": answer,
            }
        )
    return rows


def deployments(rng: random.Random) -> list[Record]:
    """A status page with revisions. Answers only."""
    services = "payments checkout search mailer ledger".split()
    rows = []
    for _ in range(24):
        revisions = [f"v{rng.randint(1, 4)}.{minor}.{rng.randint(0, 9)}" for minor in rng.sample(range(10, 40), 6)]
        chosen = rng.sample(services, 3)
        lines = [
            f"{name}: running {revisions[2 * n]}, before that {revisions[2 * n + 1]}" for n, name in enumerate(chosen)
        ]
        place = rng.randrange(3)
        ask = f"Which revision of {chosen[place]} is running? Reply with it only."
        rows.append({"prompt": "\n".join(["STATUS", *lines, "", ask]), "answer": revisions[2 * place]})
    return rows


ANIMALS = {
    "mammal": "otter badger whale hedgehog",
    "bird": "heron magpie puffin kestrel",
    "fish": "perch trout herring eel",
    "insect": "wasp beetle cricket moth",
    "reptile": "viper tortoise gecko iguana",
    "amphibian": "newt toad frog axolotl",
}


def habitats(rng: random.Random) -> list[Record]:
    """Animals and their classes; the prompt lists the classes. Answers only."""
    pairs = [(animal, name) for name, animals in ANIMALS.items() for animal in animals.split()]
    rng.shuffle(pairs)
    ask = "First think in <think></think>, then write one of: mammal, bird, fish, insect, reptile, amphibian."
    return [
        verl({"prompt": f"To which class does this animal belong: {animal}? {ask}"}, name, number)
        for number, (animal, name) in enumerate(pairs)
    ]


SETS: dict[str, Callable[[random.Random], list[Record]]] = {
    make.__name__: make
    for make in (
        suspects, signed, stock, concentrations, straight_lines, confident, shelves, fractions, sums, mixed_sums,
        unknowns, last_words, all_primes, deployments, habitats,
    )
}  # fmt: skip
