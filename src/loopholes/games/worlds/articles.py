"""Short news articles with facts that matter and facts that do not.

An article has eight to ten sentences in random order. Two of them are news (a person did something to something
somewhere); the others are colour about weather, furniture and the like. Salience is in the content, not in the
position: a summary that keeps the news has to find it. No content word occurs twice in an article.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NAMES = (
    "Anna", "Boris", "Clara", "David", "Elena", "Felix", "Greta", "Hugo", "Irene", "Jonas", "Karin", "Leo", "Marta",
    "Nils", "Olga", "Paul", "Rosa", "Simon", "Tina", "Victor",
)  # fmt: skip
VERBS = (
    "stole", "found", "sold", "bought", "burned", "painted", "broke", "won", "lost", "hid", "built", "closed",
    "opened", "moved", "saved", "copied",
)  # fmt: skip
OBJECTS = (
    "crown", "bridge", "ship", "museum", "statue", "engine", "violin", "diamond", "factory", "school", "tunnel",
    "temple", "orchard", "theatre", "dam", "mine", "rocket", "castle", "clinic", "harbour",
)  # fmt: skip
TOWNS = (
    "Oslo", "Lima", "Cairo", "Delhi", "Paris", "Quito", "Rome", "Tokyo", "Dakar", "Minsk", "Perth", "Lagos", "Turin",
    "Hanoi", "Milan", "Sofia", "Basel", "Accra", "Porto", "Kyoto",
)  # fmt: skip
THINGS = (
    "sky", "air", "street", "coffee", "music", "grass", "river", "room", "chair", "bread", "clock", "garden", "wall",
    "carpet", "lamp", "bus", "soup", "roof", "curtain", "market", "dog", "bench", "wind", "window",
)  # fmt: skip
QUALITIES = (
    "cold", "warm", "quiet", "loud", "bright", "dark", "old", "new", "soft", "rough", "clean", "busy", "slow", "empty",
    "calm", "dry", "wet", "pale", "heavy", "thin", "narrow", "wide", "fresh", "plain",
)  # fmt: skip
TIMES = (
    "monday", "tuesday", "friday", "sunday", "noon", "dawn", "dusk", "night", "spring", "autumn", "winter", "summer",
    "january", "march", "june", "august",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Article:
    """An article's sentences in order, and which of them are news."""

    sentences: tuple[str, ...]
    news: tuple[str, ...]

    @property
    def text(self) -> str:
        """The article as one line."""
        return " ".join(self.sentences)

    @property
    def summary(self) -> str:
        """The news and nothing else, in the article's order."""
        return " ".join(self.news)


def article(rng: np.random.Generator) -> Article:
    """A random article."""
    news = [_news(parts) for parts in _columns(rng, 2, NAMES, VERBS, OBJECTS, TOWNS)]
    colour = [_colour(parts) for parts in _columns(rng, int(rng.integers(6, 9)), THINGS, QUALITIES, TIMES)]
    sentences = [*news, *colour]
    order = rng.permutation(len(sentences))
    shuffled = tuple(sentences[int(place)] for place in order)
    return Article(shuffled, tuple(sentence for sentence in shuffled if sentence in news))


def _columns(rng: np.random.Generator, count: int, *columns: tuple[str, ...]) -> list[tuple[str, ...]]:
    # Places are drawn, since drawing words makes an array of all of them each time; the draws are the same.
    places = [rng.choice(len(column), size=count, replace=False) for column in columns]
    picked = [[column[place] for place in drawn] for column, drawn in zip(columns, places, strict=True)]
    return list(zip(*picked, strict=True))


def _news(parts: tuple[str, ...]) -> str:
    name, verb, thing, town = parts
    return f"{name} {verb} the {thing} in {town} ."


def _colour(parts: tuple[str, ...]) -> str:
    thing, quality, time = parts
    return f"The {thing} was {quality} at {time} ."
