"""Pages and files with figures, from finished sections; nothing is computed here."""

from __future__ import annotations

from loopholes.report.elements import Chart, Lines, Matrix, Section, Series, Table
from loopholes.report.export import export
from loopholes.report.figures import save_chart
from loopholes.report.page import write_page

__all__ = [
    "Chart",
    "Lines",
    "Matrix",
    "Section",
    "Series",
    "Table",
    "export",
    "save_chart",
    "write_page",
]
