"""A table of a page on a terminal: the same rows, columns and numbers."""

from __future__ import annotations

from rich.table import Table as Shown
from rich.text import Text

from loopholes.numbers import Estimate, Unit, plain, written
from loopholes.report.elements import Cell, Table


def table_shown(table: Table) -> Shown:
    """The table for a terminal, without empty columns; a name that is repeated in the next row is written once."""
    shown = Shown(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    filled = [any(row[at] is not None for row in table.rows) for at in range(len(table.columns))]
    kept = [at for at in range(len(table.columns)) if filled[at]]
    for at in kept:
        words = all(isinstance(row[at], str | None) for row in table.rows)
        shown.add_column(table.columns[at], justify="left" if words else "right")
    before: list[str] = []
    for row in table.rows:
        texts = [text_of(row[at], table.unit(table.columns[at])) for at in kept]
        same = before[:1] == texts[:1]
        shown.add_row(*(Text("" if same and place == 0 else text) for place, text in enumerate(texts)))
        before = texts
    return shown


def text_of(cell: Cell, unit: Unit = "share") -> str:
    """A cell in words; nothing for None."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, Estimate):
        return written(cell, unit)
    return plain(cell) if isinstance(cell, int | float) else str(cell)
