"""Runs and studies as one page with figures: takes plain records, recomputes nothing."""

from __future__ import annotations

from loopholes.report.export import export
from loopholes.report.figures import save_chart
from loopholes.report.games import game_section
from loopholes.report.page import write_page
from loopholes.report.records import Arm, Chart, Curve, GameSection, Lines, Matrix, Section, Series, Table

__all__ = [
    "Arm",
    "Chart",
    "Curve",
    "GameSection",
    "Lines",
    "Matrix",
    "Section",
    "Series",
    "Table",
    "export",
    "game_section",
    "save_chart",
    "write_page",
]
