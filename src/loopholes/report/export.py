"""The figures and tables of a page as files for a paper."""

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

    A file is named after its chart or table; if that name is taken, the name of the section comes before it. Raises
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
    """The rows of a table as CSV. Shares are written as shares, not as percentages.

    A column of estimates becomes three columns: value, ``low`` and ``high``. A column of milestones becomes the step,
    the number of seeds that ``reached`` it, and the number of ``seeds``.
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
    """The endings of the further columns that a column needs."""
    if any(isinstance(cell, Milestone) for cell in column):
        return " reached", " seeds"
    return (" low", " high") if any(isinstance(cell, Estimate) for cell in column) else ()


def _parts(cell: Cell, more: int) -> list[Value]:
    if isinstance(cell, Estimate):
        return [cell.value, cell.low, cell.high]
    if isinstance(cell, Milestone):
        return [cell.step, cell.reached, cell.seeds]
    value = ("yes" if cell else "no") if isinstance(cell, bool) else cell
    return [value, *[None] * more]


def _stem(section: str, name: str, taken: set[str]) -> str:
    plain = _plain(name)
    long = _plain(f"{section}-{name}")
    stems = [plain, long, *(f"{long}-{number}" for number in range(2, len(taken) + 3))]
    stem = next(stem for stem in stems if stem.lower() not in taken)
    taken.add(stem.lower())
    return stem


def _plain(name: str) -> str:
    """A name with only characters that are safe in file names."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "figure"
