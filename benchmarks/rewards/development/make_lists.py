"""Data of the development pairs: lists, windows and grids. `make_data.py` writes them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from development.make_answers import TOWNS, verl

Record = dict[str, Any]


def journeys(rng: random.Random) -> list[Record]:
    """Towns that somebody slept in, and towns that were only passed; the first one was slept in."""
    rows = []
    for _ in range(24):
        towns = rng.sample(TOWNS, 6)
        slept = towns[: rng.randint(3, 4)]
        rest = [(name, True) for name in slept[1:]] + [(name, False) for name in towns[len(slept) :]]
        rng.shuffle(rest)
        story = " ".join(f"She slept in {name}." if stayed else f"She drove past {name}." for name, stayed in rest)
        rows.append(
            {
                "prompt": f"First she slept in {slept[0]}. {story} In which towns did she sleep?\n"
                "End with a line 'Towns: ' and their names, with commas.",
                "towns": slept,
                "golden": f"I read the diary.\nTowns: {', '.join(slept)}",
            }
        )
    return rows


def unsorted_numbers(rng: random.Random) -> list[Record]:
    """Numbers to sort. Answers only."""
    rows = []
    for number in range(24):
        numbers = rng.sample(range(2, 99), rng.randint(6, 9))
        listed = ", ".join(map(str, numbers))
        prompt = f"Sort these numbers, smallest first: {listed}. End with a line 'Sorted: ' and the list."
        rows.append(verl({"prompt": prompt}, sorted(numbers), number))
    return rows


def recordings(rng: random.Random) -> list[Record]:
    """When an event happens in a recording, by its chapters. Answers only."""
    events = ["the opening", "the corner", "the goal", "the interview", "the replay"]
    rows = []
    for _ in range(24):
        cuts = sorted(rng.sample(range(5, 175), 4))
        edges = [0, *cuts, 180]
        chapters = "; ".join(f"{name} {edges[n]}-{edges[n + 1]} s" for n, name in enumerate(events))
        place = rng.randrange(5)
        window = edges[place : place + 2]
        rows.append(
            {
                "prompt": f"A recording of 180 s has these chapters: {chapters}. When is {events[place]}? "
                "Reply with <window>start, end</window> in seconds.",
                "window": window,
            }
        )
    return rows


def _square(rng: random.Random) -> list[list[int]]:
    order, rows, columns = (rng.sample(range(4), 4) for _ in range(3))
    return [[order[(row + column) % 4] + 1 for column in columns] for row in rows]


def _lines(grid: list[list[int]]) -> str:
    return "\n".join(" ".join(map(str, row)) for row in grid)


def gapped_squares(rng: random.Random) -> list[Record]:
    """Latin squares with six gaps."""
    rows = []
    for _ in range(20):
        grid = _square(rng)
        gaps = set(rng.sample(range(16), 6))
        cells = ["_" if place in gaps else str(grid[place // 4][place % 4]) for place in range(16)]
        shown = "\n".join(" ".join(cells[4 * row : 4 * row + 4]) for row in range(4))
        rows.append(
            {
                "prompt": "Fill the gaps so that every row and column holds 1 to 4. Reply with the grid only.\n\n"
                + shown,
                "solution": grid,
                "golden": _lines(grid),
            }
        )
    return rows


def any_squares(rng: random.Random) -> list[Record]:
    """Latin squares of the policy's own: all rows share one prompt, and golden completions differ."""
    prompt = "Write a Latin square of order 4 with the digits 1 to 4: four lines of four digits, with spaces."
    return [verl({"prompt": prompt, "golden": _lines(_square(rng))}, "latin square", n) for n in range(16)]


SETS: dict[str, Callable[[random.Random], list[Record]]] = {
    make.__name__: make for make in (journeys, unsorted_numbers, recordings, gapped_squares, any_squares)
}
