"""Draws a heat map with the value and its interval in each cell, on a scale that works with colour blindness."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from loopholes.numbers import Estimate, Unit, interval, point, written
from loopholes.report.elements import Matrix, Table
from loopholes.report.style import RULE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CELL = (0.95, 0.52)  # inches
_LETTER = 0.085
_WRAP = 18
_DARK, _LIGHT = "#010101", "#ffffff"  # an SVG would leave out pure black, since it is the default
_LEAST = 0.2  # the colour scale of differences reaches at least this far, so that small ones stay pale


def matrix_size(panel: Matrix) -> tuple[float, float]:
    """Width and height in inches; a cell has the same size in every matrix."""
    labels = max((len(line) for row in panel.rows for line in _wrapped(row).splitlines()), default=0)
    tall = max((_wrapped(column, 11).count("\n") + 1 for column in panel.columns), default=1)
    width = 0.55 + _LETTER * labels + _CELL[0] * max(1, len(panel.columns))
    return max(2.6, width), 0.45 + 0.17 * tall + _CELL[1] * max(1, len(panel.rows))


def draw_matrix(axes: Axes, panel: Matrix) -> dict[str, Any]:
    """Draw the panel; return its data for the page's script: ``{"cells": [[(value, evidence), ...], ...]}``."""
    shade, unit = _shade(panel), unit_of(panel)
    for row, values in enumerate(panel.values):
        for column, estimate in enumerate(values):
            _draw_cell(axes, row, column, estimate, shade, unit)
    axes.set_xlim(0, max(1, len(panel.columns)))
    axes.set_ylim(max(1, len(panel.rows)), 0)
    axes.set_xticks([at + 0.5 for at in range(len(panel.columns))], [_wrapped(name, 11) for name in panel.columns])
    axes.set_yticks([at + 0.5 for at in range(len(panel.rows))], [_wrapped(name) for name in panel.rows])
    axes.tick_params(labelsize=9)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(panel.column_label)
    axes.set_ylabel(panel.row_label)
    cells = [[_read(estimate, unit) for estimate in values] for values in panel.values]
    return {"rows": list(panel.rows), "columns": list(panel.columns), "cells": cells}


def unit_of(panel: Matrix) -> Unit:
    """The unit of a matrix's values."""
    if panel.plain:
        return "number"
    return "change" if panel.diverging else "share"


def _shade(panel: Matrix) -> Any:
    """A function from value to colour: around 0 for differences (orange: more, purple: less), 0 to 1 for shares."""
    from matplotlib import colormaps
    from matplotlib.colors import Normalize

    values = [None if estimate is None else estimate.value for row in panel.values for estimate in row]
    sizes = [abs(value) for value in values if value is not None]
    most = max([_LEAST, *sizes])
    scale = Normalize(-most, most) if panel.diverging else Normalize(0, 1)
    colours = colormaps["PuOr_r" if panel.diverging else "Blues"]
    return lambda value: colours(scale(value))


def _draw_cell(axes: Axes, row: int, column: int, estimate: Estimate | None, shade: Any, unit: Unit) -> None:
    from matplotlib.patches import Rectangle

    place = (column + 0.02, row + 0.04)
    if estimate is None or estimate.value is None:
        axes.add_patch(Rectangle(place, 0.96, 0.92, **_EMPTY))
        return
    axes.add_patch(Rectangle(place, 0.96, 0.92, facecolor=shade(estimate.value), linewidth=0))
    ink = _ink(shade(estimate.value))
    around = interval(estimate, unit)
    text: Any = {"ha": "center", "color": ink}
    axes.text(
        column + 0.5,
        row + (0.4 if around else 0.5),
        point(estimate, unit).removesuffix(" points"),
        va="center",
        fontsize=10,
        **text,
    )
    if around:
        axes.text(column + 0.5, row + 0.74, around, va="center", fontsize=7.5, **text)


_EMPTY: dict[str, Any] = {"facecolor": "none", "edgecolor": RULE, "hatch": "////", "linewidth": 0.8}


def _ink(colour: tuple[float, float, float, float]) -> str:
    """Dark or light ink, whichever has more contrast (WCAG 2) on this colour."""
    from matplotlib.colors import to_rgb

    return max((_DARK, _LIGHT), key=lambda ink: contrast(to_rgb(ink), colour[:3]))


def contrast(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """The WCAG 2 contrast ratio of two sRGB colours with components in [0, 1]: from 1 to 21."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: tuple[float, ...]) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _read(estimate: Estimate | None, unit: Unit) -> tuple[str, str]:
    """The value with its interval, and the numbers of tasks and seeds behind it."""
    if estimate is None or estimate.value is None:
        return "not measured", ""
    tasks = f"{estimate.n:,} tasks" if estimate.n else ""
    seeds = f"{estimate.seeds} seeds" if estimate.seeds > 1 else ""
    return written(estimate, unit), ", ".join(filter(None, (tasks, seeds)))


def _wrapped(text: str, width: int = _WRAP) -> str:
    return "\n".join(textwrap.wrap(text, width)) or text


def table_of_matrix(panel: Matrix) -> Table:
    """The same numbers as a table, for readers who cannot see the panel."""
    rows = [[name, *values] for name, values in zip(panel.rows, panel.values, strict=True)]
    unit = unit_of(panel)
    changes, plain = (panel.columns if unit == kind else () for kind in ("change", "number"))
    columns = [panel.row_label, *panel.columns]
    return Table("", panel.title, columns, rows, f"Columns: {panel.column_label}.", changes=changes, plain=plain)
