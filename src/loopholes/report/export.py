"""The figures and tables of a page as files that a paper can take."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from loopholes.files import disk_errors, replace_file
from loopholes.numbers import Estimate, Milestone
from loopholes.report.elements import Cell, Section, Table
from loopholes.report.figures import save_chart


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


Value = str | int | float | None


def table_csv(table: Table) -> str:
    """The table's rows. A column of estimates is three (value, ``low``, ``high``), and one of milestones, too.

    A milestone's are the step, and how many of how many seeds ``reached`` it. Shares stay shares.
    """
    columns = list(zip(*table.rows, strict=True)) if table.rows else [()] * len(table.columns)
    endings = [_endings(column) for column in columns]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(f"{name}{end}" for name, ends in zip(table.columns, endings, strict=True) for end in ("", *ends))
    for row in table.rows:
        writer.writerow(part for cell, ends in zip(row, endings, strict=True) for part in _parts(cell, len(ends)))
    return text.getvalue()


def _endings(column: Sequence[Cell]) -> Sequence[str]:
    """The names, after its own, of the columns that a column becomes."""
    if any(isinstance(cell, Milestone) for cell in column):
        return " reached", " seeds"
    return (" low", " high") if any(isinstance(cell, Estimate) for cell in column) else ()


def _parts(cell: Cell, more: int) -> list[Value]:
    if isinstance(cell, Estimate):
        return [cell.value, cell.low, cell.high]
    if isinstance(cell, Milestone):
        return [cell.step, cell.reached, cell.seeds]
    shown = ("yes" if cell else "no") if isinstance(cell, bool) else cell
    return [shown, *[None] * more]


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
