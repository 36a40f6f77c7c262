"""Runs as one page with figures: takes plain records, recomputes nothing."""

from __future__ import annotations

from loopholes.report.figures import save_figure
from loopholes.report.page import write_page
from loopholes.report.records import Arm, Curve, GameSection

__all__ = ["Arm", "Curve", "GameSection", "save_figure", "write_page"]
