"""A table of a page on a terminal: the same rows, columns and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table as Shown
from rich.text import Text

from loopholes.numbers import Estimate, Milestone, Unit, plain, written

if TYPE_CHECKING:
    from loopholes.report.elements import Cell, Table  # with matplotlib, which most commands have no use for

FULL_WIDTH = 100


def table_shown(table: Table, columns: Sequence[str] | None = None, width: int = FULL_WIDTH) -> Shown:
    """The table for a terminal: the named ``columns``, or all, but for those that are empty.

    Where names in the first column repeat, each stands above its rows. Numbers stay in one piece: where they would not
    fit, intervals stand below their values, and columns that fit even so not are named below the table.
    """
    wanted = table.columns if columns is None else columns
    kept = [
        at for at, name in enumerate(table.columns) if name in wanted and any(row[at] is not None for row in table.rows)
    ]
    first, *others = kept
    grouped = len({row[first] for row in table.rows}) < len(table.rows)
    below = width < FULL_WIDTH or sum(_space(table, at, False) for at in kept[grouped:]) > width
    titles = max(len(text_of(row[first])) for row in table.rows) if grouped else 0
    places, left_out = _fitting(table, others if grouped else kept, width, below, titles)
    caption = f"Also on the page: {', '.join(table.columns[at] for at in left_out)}." if left_out else None
    shown = Shown(box=None, pad_edge=False, padding=(0, 2, 0, 0), caption=caption, caption_justify="left")
    for place, at in enumerate(places):
        words = all(isinstance(row[at], str | Milestone | None) for row in table.rows)
        whole = place == 0 or any(isinstance(row[at], Estimate | Milestone) for row in table.rows)
        shown.add_column(table.columns[at], justify="left" if words else "right", no_wrap=whole)
    before: Cell = None
    for row in table.rows:
        if grouped and row[first] != before:
            shown.add_row(Text(text_of(row[first]), style="bold"))
            before = row[first]
        texts = [_broken(row[at], table.unit(table.columns[at]), below) for at in places]
        shown.add_row(*(Text(f"  {text}" if grouped and place == 0 else text) for place, text in enumerate(texts)))
    return shown


def _fitting(table: Table, places: Sequence[int], width: int, below: bool, titles: int) -> tuple[list[int], list[int]]:
    """The columns that fit, and those that do not: the first to go are numbers beside the first two, from the right.

    ``titles`` is the width of the names that stand above rows, in the first column.
    """
    names = max(titles, _space(table, places[0], below)) + 2
    numbers = [at for at in places if any(isinstance(row[at], Estimate) for row in table.rows)]
    others = [at for at in places[1:] if at not in numbers[2:]]
    order = [*reversed(numbers[2:]), *reversed(others)]
    kept, left_out = list(places), []
    while order and names + sum(_space(table, at, below) for at in kept[1:]) > width:
        kept.remove(order[0])
        left_out.append(order.pop(0))
    return kept, sorted(left_out)


def _space(table: Table, at: int, below: bool) -> int:
    """Characters that a column needs, with the space after it."""
    unit = table.unit(table.columns[at])
    lines = [line for row in table.rows for line in _broken(row[at], unit, below).splitlines()]
    return 2 + max(map(len, [*lines, table.columns[at]]))


def _broken(cell: Cell, unit: Unit, below: bool) -> str:
    """A cell in words, in lines; ``below``: an interval has a line of its own."""
    text = text_of(cell, unit)
    if isinstance(cell, Milestone):
        return text.replace(" (", "\n(").replace(" by ", "\nby ")
    return text.replace(" [", "\n[") if below else text


def text_of(cell: Cell, unit: Unit = "share") -> str:
    """A cell in words; nothing for None."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, Estimate):
        return written(cell, unit)
    return plain(cell) if isinstance(cell, int | float) else str(cell)
