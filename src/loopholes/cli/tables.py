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


def table_shown(table: Table, columns: Sequence[str] | None = None, width: int = 100) -> Shown:
    """The table for a terminal: the named ``columns``, or all, but for those that are empty.

    Where names in the first column repeat, each stands above its rows. Numbers stay in one piece: on a
    console of under 100 columns their intervals stand below them, and how many seeds there were always does.
    """
    wanted = table.columns if columns is None else columns
    kept = [
        at for at, name in enumerate(table.columns) if name in wanted and any(row[at] is not None for row in table.rows)
    ]
    first, *others = kept
    grouped = len({row[first] for row in table.rows}) < len(table.rows)
    shown = Shown(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, at in enumerate(others if grouped else kept):
        words = all(isinstance(row[at], str | Milestone | None) for row in table.rows)
        whole = place == 0 or any(isinstance(row[at], Estimate | Milestone) for row in table.rows)
        shown.add_column(table.columns[at], justify="left" if words else "right", no_wrap=whole)
    before: Cell = None
    for row in table.rows:
        if grouped and row[first] != before:
            shown.add_row(Text(text_of(row[first]), style="bold"))
            before = row[first]
        texts = [_broken(row[at], table.unit(table.columns[at]), width) for at in (others if grouped else kept)]
        shown.add_row(*(Text(f"  {text}" if grouped and place == 0 else text) for place, text in enumerate(texts)))
    return shown


def _broken(cell: Cell, unit: Unit, width: int) -> str:
    """A cell in words, in lines that are short enough."""
    text = text_of(cell, unit)
    if isinstance(cell, Milestone):
        return text.replace(" (", "\n(").replace(" by ", "\nby ")
    return text.replace(" [", "\n[") if width < FULL_WIDTH else text


def text_of(cell: Cell, unit: Unit = "share") -> str:
    """A cell in words; nothing for None."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, Estimate):
        return written(cell, unit)
    return plain(cell) if isinstance(cell, int | float) else str(cell)
