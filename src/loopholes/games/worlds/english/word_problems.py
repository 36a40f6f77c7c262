"""Word problems in graded steps: somebody has some things, and one to four things happen to them.

The level is the number of events. Each is one of five operations on the whole number that there is so far, which never
falls below 1; a division leaves no remainder. Names, things, numbers and wordings vary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loopholes.games.worlds.english.entities import FIRST_NAMES, THINGS
from loopholes.games.worlds.english.wordings import draw_split, of_split, pick, pick_several
from loopholes.records import Split

LEVELS = (1, 2, 3, 4)
MOST = 400
"""No multiplication goes beyond this."""
ENTITIES = (*FIRST_NAMES, *THINGS)

_OPENINGS = (
    "{name} has {count} {things}.",
    "{name} starts the day with {count} {things}.",
    "There are {count} {things} in a box that belongs to {name}.",
    "{name} owns {count} {things}.",
    "On a shelf, {name} keeps {count} {things}.",
    "{name} brought {count} {things} to school.",
    "{name} found {count} {things} in the attic and keeps them all.",
    "A basket of {name}'s holds {count} {things}.",
    "In the morning, {name} counts {count} {things}.",
    "{name} has collected {count} {things} so far.",
)
_QUESTIONS = (
    "How many {things} does {name} have now?",
    "How many {things} are there for {name} in the end?",
    "With how many {things} does {name} end up?",
    "What is the number of {things} that {name} has after this?",
    "How many {things} does {name} have at the end?",
    "How many {things} has {name} got now?",
    "What number of {things} is left with {name} after all this?",
    "Count {name}'s {things}. How many are there now?",
    "How many {things} belong to {name} at the end of the story?",
    "How many {things} does that leave {name} with?",
)
_EVENTS: dict[str, tuple[str, ...]] = {
    "+": (
        "Then {name} buys {n} more.",
        "A neighbour gives {name} another {n}.",
        "Later, {n} more arrive by post.",
        "{name} finds {n} more in a drawer.",
        "{friend} adds {n} of their own to them as a present.",
        "At the market, {name} gets {n} more.",
        "After lunch, {name} wins {n} more in a game.",
        "An aunt sends {name} {n} more.",
        "{name} then picks up {n} more on the way home.",
        "The next day there are {n} more for {name}.",
    ),
    "-": (
        "Then {name} gives {n} of them to {friend}.",
        "{name} loses {n} of them on the bus.",
        "Later, {n} of them are sold.",
        "{name} leaves {n} of them at school.",
        "{friend} borrows {n} of them and keeps them.",
        "Sadly, {n} of them break.",
        "{name} throws {n} of them away.",
        "Then {name} mails {n} of them to a cousin.",
        "In the evening, {n} of them are missing.",
        "{name} trades {n} of them for a book.",
    ),
    "*": (
        "By summer, {name} has {n} times as many.",
        "With some luck, {name} makes the number grow to {n} times what it was.",
        "{name} works hard and soon has {n} times that number.",
        "A year later there are {n} times as many.",
        "{friend} helps, and then there are {n} times as many as before.",
        "Within a week the number becomes {n} times as large.",
        "{name} keeps collecting until there are {n} times as many.",
        "Then a delivery makes it {n} times that many.",
        "After the holidays, {name} has {n} times the earlier number.",
        "In the next month the number is multiplied by {n}.",
    ),
    "/": (
        "{name} divides them equally among {n} boxes and keeps only one box.",
        "Then {name} splits them into {n} equal piles and keeps just one pile.",
        "They are shared equally by {n} people, and {name} is one of them.",
        "{name} puts them into {n} equal bags and keeps a single bag.",
        "{n} children, {name} among them, share them equally.",
        "{name} sorts them into {n} equal rows and takes one row home.",
        "Of {n} equal parts, {name} keeps one part.",
        "After sharing them equally in a group of {n}, {name} has only one share.",
        "{name} fills {n} jars with equally many and keeps one of the jars.",
        "They are dealt out equally to {n} players, and {name} is one player.",
    ),
    "+*": (
        "Then {m} friends bring {name} {n} more each.",
        "{name} buys {m} packs with {n} in each.",
        "On each of the next {m} days, {name} finds {n} more.",
        "{m} relatives each send {name} {n} more.",
        "{name} earns {n} more in each of {m} games.",
        "Then {name} opens {m} bags that hold {n} more each.",
        "Each of {m} neighbours gives {name} another {n}.",
        "In {m} weeks, {name} adds {n} more every week.",
        "{friend} sends {m} parcels with {n} more in each one.",
        "From {m} trips, {name} brings home {n} more each time.",
    ),
}
WORDINGS = (*_OPENINGS, *_QUESTIONS, *(wording for wordings in _EVENTS.values() for wording in wordings))


@dataclass(frozen=True, slots=True)
class WordProblem:
    """A problem, its true answer, and the worked steps ``a op b = c`` in order."""

    text: str
    answer: int
    steps: tuple[str, ...]
    level: int
    split: Split


EXAMPLE = WordProblem(
    "Ada has 12 pencils. Then she buys 7 more and gives 5 to Ben. How many pencils does Ada have now?",
    14,
    ("12 + 7 = 19", "19 - 5 = 14"),
    level=2,
    split="train",
)
"""A problem for demonstrations, which is never a task."""


def word_problem(rng: np.random.Generator, level: int | None = None) -> WordProblem:
    """A random problem of the given level, or of a random level."""
    split = draw_split(rng)
    level = int(level or rng.choice(LEVELS))
    name, friend = pick_several(rng, FIRST_NAMES, 2)
    total = int(rng.integers(6, 60))
    slots = {"name": name, "friend": friend, "things": pick(rng, THINGS)}
    sentences = [pick(rng, of_split(_OPENINGS, split)).format(count=total, **slots)]
    steps: list[str] = []
    used: set[str] = set()
    for _ in range(level):
        sign, m, n = _event(rng, total)
        wordings = [wording for wording in of_split(_EVENTS[sign], split) if wording not in used]
        wording = pick(rng, wordings or of_split(_EVENTS[sign], split))
        used.add(wording)
        sentences.append(wording.format(m=m, n=n, **slots))
        if sign == "+*":
            steps.append(f"{m} * {n} = {m * n}")
        operation, other = ("+", m * n) if sign == "+*" else (sign, n)
        result = {"+": total + other, "-": total - other, "*": total * other, "/": total // other}[operation]
        steps.append(f"{total} {operation} {other} = {result}")
        total = result
    sentences.append(pick(rng, of_split(_QUESTIONS, split)).format(**slots))
    return WordProblem(" ".join(sentences), total, tuple(steps), level, split)


def _event(rng: np.random.Generator, total: int) -> tuple[str, int, int]:
    """An operation that the total allows, with its numbers: ``m`` is how often ``n`` is added, else 1."""
    while True:
        sign = pick(rng, tuple(_EVENTS))
        if sign == "+":
            return sign, 1, int(rng.integers(2, 40))
        if sign == "-" and total > 3:
            return sign, 1, int(rng.integers(2, total))
        if sign == "*" and 3 * total <= MOST:
            return sign, 1, int(rng.integers(2, 4))
        if sign == "+*":
            return sign, int(rng.integers(2, 6)), int(rng.integers(2, 10))
        divisors = [number for number in range(2, 7) if total % number == 0]
        if sign == "/" and divisors and total > 6:
            return sign, 1, pick(rng, divisors)
