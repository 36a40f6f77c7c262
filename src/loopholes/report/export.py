"""The figures and tables of a page as files that a paper can take."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from loopholes.files import disk_errors, replace_file
from loopholes.report.elements import Cell, Section, Table
from loopholes.report.figures import save_chart
from loopholes.stats import Estimate


def export(sections: Sequence[Section], folder: str | Path) -> list[Path]:
    """Write every chart as SVG and PNG and every table as CSV into ``folder``; return the paths.

    A file is called as its chart or table, with the section's name before it where that name was taken. Raises
    :class:`RunError` if a file cannot be written.
    """
    folder = Path(folder)
    taken: set[str] = set()
    written = []
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for section in sections:
            for chart in section.charts:
                stem = _stem(section.name, chart.name, taken)
                for suffix in (".svg", ".png"):
                    save_chart(chart, folder / (stem + suffix))
                    written.append(folder / (stem + suffix))
            for table in section.tables:
                path = folder / (_stem(section.name, table.name, taken) + ".csv")
                replace_file(path, table_csv(table).encode("utf-8", "backslashreplace"))
                written.append(path)
    return written


def table_csv(table: Table) -> str:
    """The table's rows; a column that holds estimates is three: value, ``low`` and ``high``. Shares stay shares."""
    columns = list(zip(*table.rows, strict=True)) if table.rows else [()] * len(table.columns)
    estimated = [any(isinstance(cell, Estimate) for cell in column) for column in columns]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_heads(table.columns, estimated))
    for row in table.rows:
        writer.writerow([part for cell, wide in zip(row, estimated, strict=True) for part in _parts(cell, wide)])
    return text.getvalue()


def _heads(columns: Sequence[str], estimated: Sequence[bool]) -> Iterator[str]:
    for name, wide in zip(columns, estimated, strict=True):
        yield from (name, f"{name} low", f"{name} high") if wide else (name,)


def _parts(cell: Cell, wide: bool) -> list[str | int | float | None]:
    if isinstance(cell, Estimate):
        return [cell.value, cell.low, cell.high]
    shown = ("yes" if cell else "no") if isinstance(cell, bool) else cell
    return [shown, None, None] if wide else [shown]


def _stem(section: str, name: str, taken: set[str]) -> str:
    plain = _plain(name)
    long = _plain(f"{section}-{name}")
    stems = [plain, long, *(f"{long}-{number}" for number in range(2, len(taken) + 3))]
    stem = next(stem for stem in stems if stem.lower() not in taken)
    taken.add(stem.lower())
    return stem


def _plain(name: str) -> str:
    """A name without what a file system could take for a path."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "figure"
