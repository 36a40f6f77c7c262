"""Measures several ways to do the same work in turn, so that a drift of the machine affects all of them."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of repeated measurements of one piece of work, in the order in which they were taken."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def each(self, count: int) -> Times:
        """The times of one of ``count`` equal parts of the work."""
        return Times(tuple(second / count for second in self.seconds))

    def over(self, other: Times) -> Times:
        """How many times as long as ``other`` each took, round by round: a ratio needs no quiet machine."""
        return Times(tuple(ours / theirs for ours, theirs in zip(self.seconds, other.seconds, strict=True)))


def paired(ways: Mapping[str, Callable[[], object]], rounds: int, *, cpu: bool = False) -> dict[str, Times]:
    """Each way once per round, in the opposite order every other round; ``cpu`` counts processor time, not the clock.

    The garbage of one way is collected before the next begins, outside of what is measured.
    """
    clock = time.process_time if cpu else time.perf_counter
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, work in list(ways.items())[:: -1 if number % 2 else 1]:
            gc.collect()
            began = clock()
            work()
            taken[name].append(clock() - began)
    return {name: Times(tuple(seconds)) for name, seconds in taken.items()}


def spread(times: Times, factor: float, unit: str) -> str:
    """``median unit (min to max)``, three digits each."""
    median, low, high = (f"{value * factor:.3g}" for value in (times.median, min(times.seconds), max(times.seconds)))
    return f"{median} {unit} ({low} to {high})"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
