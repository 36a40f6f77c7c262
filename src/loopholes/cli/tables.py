"""Prints a table of a page on a terminal, with the same rows, columns and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table as Shown
from rich.text import Text

from loopholes.numbers import Estimate, Milestone, Unit, plain, written

if TYPE_CHECKING:
    from loopholes.games.base import Game
    from loopholes.report.elements import Cell, Table  # imports matplotlib, which most commands do not need

FULL_WIDTH = 100


def table_shown(table: Table, columns: Sequence[str] | None = None, width: int = FULL_WIDTH) -> Shown:
    """The table for a terminal, with the named ``columns`` or all; empty columns are left out.

    If names in the first column repeat, each becomes a heading above its rows. Numbers are never broken: if they do not
    fit, intervals go below their values, and columns that still do not fit are only named below the table.
    """
    wanted = table.columns if columns is None else columns
    nonempty = [
        at for at, name in enumerate(table.columns) if name in wanted and any(row[at] is not None for row in table.rows)
    ]
    first, *rest = nonempty
    grouped = len({row[first] for row in table.rows}) < len(table.rows)
    below = width < FULL_WIDTH or sum(_space(table, at, False) for at in nonempty[grouped:]) > width
    titles = max(len(text_of(row[first])) for row in table.rows) if grouped else 0
    places, left_out = _fitting(table, rest if grouped else nonempty, width, below, titles)
    caption = f"Also on the page: {', '.join(table.columns[at] for at in left_out)}." if left_out else None
    printed = Shown(box=None, pad_edge=False, padding=(0, 2, 0, 0), caption=caption, caption_justify="left")
    for place, at in enumerate(places):
        words = all(isinstance(row[at], str | Milestone | None) for row in table.rows)
        whole = place == 0 or any(isinstance(row[at], Estimate | Milestone) for row in table.rows)
        printed.add_column(table.columns[at], justify="left" if words else "right", no_wrap=whole)
    before: Cell = None
    for row in table.rows:
        if grouped and row[first] != before:
            printed.add_row(Text(text_of(row[first]), style="bold"))
            before = row[first]
        texts = [_broken(row[at], table.unit(table.columns[at]), below) for at in places]
        printed.add_row(*(Text(f"  {text}" if grouped and place == 0 else text) for place, text in enumerate(texts)))
    return printed


def _fitting(table: Table, places: Sequence[int], width: int, below: bool, titles: int) -> tuple[list[int], list[int]]:
    """The columns that fit, and those that do not: first numbers after the first two are dropped, from the right.

    ``titles`` is the width of the headings above rows, which share the first column.
    """
    names = max(titles, _space(table, places[0], below)) + 2
    numbers = [at for at in places if any(isinstance(row[at], Estimate) for row in table.rows)]
    rest = [at for at in places[1:] if at not in numbers[2:]]
    order = [*reversed(numbers[2:]), *reversed(rest)]
    fitting, left_out = list(places), []
    while order and names + sum(_space(table, at, below) for at in fitting[1:]) > width:
        fitting.remove(order[0])
        left_out.append(order.pop(0))
    return fitting, sorted(left_out)


def _space(table: Table, at: int, below: bool) -> int:
    """The characters that a column needs, including the space after it."""
    unit = table.unit(table.columns[at])
    lines = [line for row in table.rows for line in _broken(row[at], unit, below).splitlines()]
    return 2 + max(map(len, [*lines, table.columns[at]]))


def _broken(cell: Cell, unit: Unit, below: bool) -> str:
    """The text of a cell with line breaks; ``below``: an interval has a line of its own."""
    text = text_of(cell, unit)
    if isinstance(cell, Milestone):
        return text.replace(" (", "\n(").replace(" by ", "\nby ")
    return text.replace(" [", "\n[") if below else text


def text_of(cell: Cell, unit: Unit = "share") -> str:
    """The text of a cell; empty for None."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, Estimate):
        return written(cell, unit)
    return plain(cell) if isinstance(cell, int | float) else str(cell)


def metrics_in_words(game: Game) -> str:
    """What the metrics of an evaluation in this game are."""
    helps = [f"{name.replace('_', ' ')}: {metric.help}" for name, metric in game.metrics.items()]
    return "; ".join([*helps, f"reward {', reward '.join(game.channels)}: what the channel pays on average"])
