"""Draws charts as SVG for the page (text stays text, colours follow the theme) or as files for a paper."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup, escape

from loopholes.report.elements import Chart, Lines, Matrix, Table
from loopholes.report.lines import POINTS, SIZE, draw_lines, table_of_lines
from loopholes.report.matrix import draw_matrix, matrix_size, table_of_matrix
from loopholes.report.style import RC, THEMED, Style, styles_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Panel = Lines | Matrix
_ACROSS = 3  # panels per row in a file
_DPI = 72  # so that an SVG unit is a point, which the script of the page relies on


@dataclass(frozen=True)
class Drawn:
    """A panel for the page: the ``<svg>`` element, and the data and places that it shows, for the script."""

    svg: Markup
    data: dict[str, Any]


def draw_panel(panel: Panel, styles: Mapping[str, Style], salt: str, most: int = POINTS) -> Drawn:
    """Draw one panel as an HTML element. ``salt`` must be unique in the page, since ids are derived from it."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({**RC, "svg.hashsalt": salt}):
        figure = Figure(figsize=panel_size(panel), layout="constrained", dpi=_DPI)
        axes = figure.subplots()
        data = _draw(axes, panel, styles, most)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        data |= _place(axes, figure)
    return Drawn(Markup(_inline(buffer.getvalue(), panel.title)), data)


def save_chart(chart: Chart, path: str | Path) -> None:
    """Save all panels of a chart on white, in the format of the path's suffix (``.svg``, ``.png``, ``.pdf``)."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    styles = styles_of(chart)
    across, down = min(len(chart.panels), _ACROSS), -(-len(chart.panels) // _ACROSS)
    width, height = np.max([panel_size(panel) for panel in chart.panels], axis=0)
    with rc_context({**RC, "svg.hashsalt": chart.name}):
        figure = Figure(figsize=(width * across, (height + 0.35) * down + 0.6), layout="constrained", facecolor="white")
        places = np.ravel(figure.subplots(down, across, squeeze=False))
        data = [_draw(axes, panel, styles, POINTS) for axes, panel in zip(places, chart.panels, strict=False)]
        room = 6 + 13 * max((panel.get("marks", 0) for panel in data), default=0)  # space for the labels of marks
        for axes, panel in zip(places, chart.panels, strict=False):
            if panel.title != chart.title:
                axes.set_title(panel.title, loc="left", fontsize=10, pad=room)
        for axes in places[len(chart.panels) :]:
            axes.remove()
        _entitle(figure, chart)
        undated = {"Date": None} if Path(path).suffix == ".svg" else None
        figure.savefig(path, dpi=200, metadata=undated)


def panel_size(panel: Panel) -> tuple[float, float]:
    """Width and height of a panel in inches."""
    return SIZE if isinstance(panel, Lines) else matrix_size(panel)


def table_of(panel: Panel) -> Table:
    """The values of a panel as a table."""
    return table_of_lines(panel) if isinstance(panel, Lines) else table_of_matrix(panel)


def _draw(axes: Axes, panel: Panel, styles: Mapping[str, Style], most: int) -> dict[str, Any]:
    return draw_lines(axes, panel, styles, most) if isinstance(panel, Lines) else draw_matrix(axes, panel)


def _entitle(figure: Figure, chart: Chart) -> None:
    for tagged in figure.findobj(lambda artist: artist.get_gid() is not None):
        tagged.set_gid(None)  # only the page uses these ids, and they are not unique
    handles = {line.get_label(): line for axes in figure.axes for line in axes.get_lines()}
    named = {str(label): line for label, line in handles.items() if not str(label).startswith("_")}
    figure.suptitle(chart.title, x=0.01, ha="left", fontweight="bold", fontsize=12)
    if named:
        figure.legend(named.values(), list(named), loc="outside lower left", ncols=min(len(named), 4))


def _place(axes: Axes, figure: Figure) -> dict[str, Any]:
    """Where the limits of the data lie in the SVG: two opposite corners, each as x, y."""
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    corners = axes.transData.transform([(x0, y0), (x1, y1)])
    tall = figure.bbox.height
    box = [round(float(part), 2) for x, y in corners for part in (x, tall - y)]
    return {"box": box, "limits": [float(f"{end:.6g}") for end in (x0, y0, x1, y1)]}


def _inline(svg: str, label: str) -> str:
    """Only the ``<svg>`` element, shortened: without matplotlib's ids, and rounded to a tenth of a point."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.S)
    svg = re.sub(r' id="seed-(-?\d+)"', r' class="seed" data-seed="\1"', svg)
    svg = re.sub(r' id="[a-z][\w.]*_\d+"', "", svg)
    svg = re.sub(r"font-family: [^;]+; ", "", svg)
    svg = re.sub(r' transform="rotate\(-0 [^"]+"', "", svg)
    svg = re.sub(r' (?:d|x|y|transform|width|height)="[^"]+"', _shorter, svg)
    svg = re.sub(r">\s+<", "><", svg)
    svg = re.sub(r'^<svg [^>]*?viewBox="([^"]+)"[^>]*>', r'<svg viewBox="\1" role="img">', svg)
    for colour, variable in THEMED.items():
        svg = svg.replace(colour, variable)
    return svg.replace('role="img">', f'role="img"><title>{escape(label)}</title>', 1)


def _shorter(match: re.Match[str]) -> str:
    numbers = re.sub(r"-?\d+\.\d+", lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), match[0])
    return re.sub(r"\s*([MLQCz])\s*", r"\1", numbers) if numbers.startswith(" d=") else numbers
