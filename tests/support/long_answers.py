"""Right answers of several sentences, with the keywords of each, and ways to compare words."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise
from typing import Any

EXPLAINED = {
    "osmosis": (
        "Osmosis is the movement of water through a membrane that holds back what is dissolved in it. The water moves "
        "from the side with less solute to the side with more of it until both are in equilibrium.",
        ["membrane", "solute", "equilibrium"],
    ),
    "respiration": (
        "It is how cells release the energy that is stored in glucose. In the mitochondria, glucose is broken down by "
        "means of oxygen, and the energy that is set free is kept in molecules of ATP for later use.",
        ["mitochondria", "ATP", "oxygen"],
    ),
    "inflation": (
        "It is a general rise in prices, so that a unit of currency buys less than it did before. A central bank tries "
        "to keep it low by higher interest rates, which make it dear to borrow and so weaken demand.",
        ["prices", "interest rates", "demand"],
    ),
    "vaccination": (
        "A vaccine shows the immune system a harmless part of a pathogen, so that it learns to make antibodies. If the "
        "pathogen comes later, memory cells know it at once, and the body can fight it before it makes us ill.",
        ["immune system", "antibodies", "memory cells"],
    ),
    "magnetism": (
        "A magnet has two poles, and around it there is a field that acts on iron and on charges that move. Unlike "
        "poles attract and like poles repel each other, because of the spins of the electrons that are in it.",
        ["poles", "field", "electrons"],
    ),
    "evaporation": (
        "The sun heats the oceans so that water rises into the air as vapour. There it cools and turns into clouds by "
        "condensation, and then it falls as rain or snow and runs back to the sea in the rivers.",
        ["oceans", "clouds", "condensation"],
    ),
    "selection": (
        "The individuals of a species differ, and some of this variation is inherited. Those whose traits fit where "
        "they live leave more offspring, so that these traits are then more common in the population.",
        ["variation", "traits", "offspring"],
    ),
    "democracy": (
        "The power of the state comes from the people, who choose those who govern in free elections. A constitution "
        "protects the rights of minorities, and courts make sure that the government obeys the law like all others.",
        ["elections", "constitution", "courts"],
    ),
}
"""Texts, and keywords of each, by their topic."""
ESSAYS: list[dict[str, Any]] = [
    {"prompt": f"Explain {topic} in two sentences.", "golden": text, "keywords": keywords}
    for topic, (text, keywords) in EXPLAINED.items()
]


def words(text: str) -> Counter[str]:
    """The words of a text with their numbers."""
    return Counter(re.findall(r"\w+", text.lower()))


def pairs(text: str) -> Counter[tuple[str, str]]:
    """The pairs of neighbouring words of a text."""
    sequence = re.findall(r"\w+", text.lower())
    return Counter(pairwise(sequence))


def f1(first: Counter[Any], second: Counter[Any]) -> float:
    """The F1 score of two multisets."""
    return 2 * (first & second).total() / max(1, first.total() + second.total())


def cosine(first: Counter[Any], second: Counter[Any]) -> float:
    """The cosine of two multisets."""
    norms = math.prod(sum(count**2 for count in each.values()) for each in (first, second))
    return sum(count * second[word] for word, count in first.items()) / math.sqrt(norms or 1)
