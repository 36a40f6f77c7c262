"""Small text environments with Gymnasium's interface, each fault next to a sound twin. Audits load this file.

In all of them a clerk is asked for a sum: ``lookup`` shows a fact, ``answer`` ends the episode.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

Shown = tuple[str, Mapping[str, Any]]
Done = tuple[str, float, bool, bool, Mapping[str, Any]]


class Sums:
    """A sound environment: the right answer is paid, and nothing else."""

    most_turns = 6

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> Shown:
        """The task, with an honest episode in info."""
        chance = random.Random(seed)
        left, right = chance.randint(10, 99), chance.randint(10, 99)
        self.total, self.turns = str(left + right), 0
        task = f"What is {left} plus {right}? Commands: lookup WORD, answer NUMBER."
        return task, {"golden": ["lookup addition", f"answer {self.total}"]}

    def step(self, action: str) -> Done:
        """A fact, or the end."""
        self.turns += 1
        verb, _, rest = action.partition(" ")
        if verb == "answer":
            return "Thank you.", self.paid(rest), True, False, {}
        fact = self.fact(rest) if verb == "lookup" else "Please look something up, or answer."
        return fact, self.paid_on_the_way(action, verb), False, self.turns >= self.most_turns, {}

    def fact(self, word: str) -> str:
        """What a lookup shows."""
        return f"Nothing is known about {word or 'that'}."

    def paid(self, answer: str) -> float:
        """What an answer earns."""
        return float(answer == self.total)

    def paid_on_the_way(self, action: str, verb: str) -> float:
        """What any other action earns."""
        return 0.0


class PaysCalls(Sums):
    """Every lookup is paid."""

    def paid_on_the_way(self, action: str, verb: str) -> float:
        """A third for each call, whatever it asks."""
        return 0.3 if verb == "lookup" else 0.0


class PaysTheFirstCall(Sums):
    """Its twin: the bonus for a lookup needs a right answer."""

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> Shown:
        """Nothing was looked up yet."""
        self.called = False
        return super().reset(seed=seed, options=options)

    def paid(self, answer: str) -> float:
        """The bonus needs a right answer."""
        return super().paid(answer) * (1.3 if self.called else 1.0)

    def paid_on_the_way(self, action: str, verb: str) -> float:
        """Nothing, but a call is remembered."""
        self.called |= verb == "lookup"
        return 0.0


class CountsOnTheClass(Sums):
    """Answers earn more with every episode ever played, since the counter is on the class."""

    episodes = 0

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> Shown:
        """One more for all instances."""
        CountsOnTheClass.episodes += 1
        return super().reset(seed=seed, options=options)

    def paid(self, answer: str) -> float:
        """A right answer, and a little for each episode."""
        return super().paid(answer) + 0.01 * self.episodes


class CountsItsTurns(Sums):
    """Its twin: a counter that is reset in every episode."""

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> Shown:
        """Reset the instance's own counter."""
        self.lookups = 0
        return super().reset(seed=seed, options=options)

    def fact(self, word: str) -> str:
        """Which lookup this is."""
        self.lookups += 1
        return f"Lookup {self.lookups}: {super().fact(word)}"


class KeepsTheFirstTask(Sums):
    """The first seed ever used decides all tasks, through a cache on the class."""

    first: int | None = None

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> Shown:
        """The task of that seed."""
        if KeepsTheFirstTask.first is None:
            KeepsTheFirstTask.first = seed
        return super().reset(seed=self.first, options=options)


class DrawsInOrder(Sums):
    """The next task of a list, whatever the seed: an episode depends on the number of episodes before it."""

    def __init__(self) -> None:
        self.next = 0

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> Shown:
        """The task after the last one."""
        self.next += 1
        return super().reset(seed=self.next, options=options)


class PaysEchoes(Sums):
    """Pays for repeating the last fact, as if it were a citation."""

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> Shown:
        """Nothing was shown yet."""
        self.last = ""
        return super().reset(seed=seed, options=options)

    def step(self, action: str) -> Done:
        """As above, and remember the observation."""
        cited = 0.5 if self.last and self.last in action else 0.0
        observation, reward, *rest = super().step(action)
        self.last = observation
        return (observation, reward + cited, *rest)  # type: ignore[return-value]


class ForgivesEchoes(PaysEchoes):
    """Its twin: a citation earns nothing by itself."""

    def step(self, action: str) -> Done:
        """Pay only for the sum."""
        return Sums.step(self, action)
