"""Draws a panel of lines (seeds thin, the mean strong, its band behind), and collects the values for the pointer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loopholes.numbers import Estimate
from loopholes.report.elements import Lines, Series, Table
from loopholes.report.style import INK, SOFT, Style
from loopholes.report.thinning import evenly, evenly_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 200  # more points would not be visible in a panel 300 pixels wide
SIZE = (4.3, 2.9)
_FEW = range(3, 13)  # a line with so many points gets markers; two points are a level line
_ROWS = 9  # rows in the table of values
_WORD = 0.017  # the width of a letter in a mark's label, as a share of the panel


@dataclass(frozen=True)
class _Line:
    """The points of a line that are drawn; ``seed`` is None for the line over all seeds."""

    series: Series
    seed: int | None
    x: list[float]
    y: list[float]
    low: list[float | None]
    high: list[float | None]


def lines_of(panel: Lines, most: int) -> Iterator[_Line]:
    """The line of each series, then those of its seeds, without unknown points and thinned to ``most`` points."""
    for series in panel.series:
        yield _line(series, None, series.y, most)
        for seed, values in series.seeds.items():
            yield _line(series, seed, values, most)


def _line(series: Series, seed: int | None, values: Sequence[float | None], most: int) -> _Line:
    present = [(at, value) for at, value in enumerate(values) if value is not None and math.isfinite(value)]
    chosen = evenly_of(present, most)

    def ends(band: Sequence[float | None]) -> list[float | None]:
        return [band[at] for at, _ in chosen] if seed is None and band else []

    x, y = [series.x[at] for at, _ in chosen], [value for _, value in chosen]
    return _Line(series, seed, x, y, ends(series.low), ends(series.high))


def draw_lines(axes: Axes, panel: Lines, styles: Mapping[str, Style], most: int) -> dict[str, Any]:
    """Draw the panel; return its data for the page's script: ``{"x": [...], "lines": [...]}``."""
    lines = list(lines_of(panel, most))
    for line in lines:
        _draw_line(axes, line, styles[line.series.name], panel.stairs)
    _scale(axes, panel, lines)
    return _data(panel, lines, styles) | {"marks": _mark(axes, panel.marks)}


def _draw_line(axes: Axes, line: _Line, style: Style, stairs: bool) -> None:
    where: Any = {"drawstyle": "steps-post" if stairs else "default"}
    if line.seed is not None:
        where |= {"gid": f"seed-{line.seed}", "alpha": 0.32, "linewidth": 0.9, "label": f"_{line.series.name}"}
        axes.plot(line.x, line.y, color=style.colour, zorder=2, **where)
        return
    if line.low:
        _draw_band(axes, line, style, stairs)
    dash: Any = (0, style.dash) if style.dash else "solid"
    marker = style.marker if len(line.x) in _FEW else ""
    where |= {"linewidth": 1.9, "marker": marker, "markersize": 4, "markeredgewidth": 0, "zorder": 4}
    axes.plot(line.x, line.y, color=style.colour, linestyle=dash, label=line.series.name, **where)


def _draw_band(axes: Axes, line: _Line, style: Style, stairs: bool) -> None:
    low = [math.nan if end is None else end for end in line.low]
    high = [math.nan if end is None else end for end in line.high]
    step: Any = "post" if stairs else None
    axes.fill_between(line.x, low, high, step=step, color=style.colour, alpha=0.16, linewidth=0, zorder=1)


def _scale(axes: Axes, panel: Lines, lines: Sequence[_Line]) -> None:
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    values = [value for line in lines for value in (*line.y, *line.low, *line.high) if value is not None]
    if panel.percent:
        low, high = min([0.0, *values]), max([1.0, *values])
        axes.set_ylim(low - 0.03 * (high - low), high + 0.03 * (high - low))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    whole = all(float(x).is_integer() for line in lines for x in line.x)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=whole))
    axes.set_xlabel(panel.x_label)


def _mark(axes: Axes, marks: Sequence[tuple[float, str]]) -> int:
    """Draw vertical lines with labels above the plot; labels that would overlap are stacked.

    Returns the number of rows of labels.
    """
    first, last = axes.get_xlim()
    ends: list[float] = []  # how far each row of labels is filled
    for x, label in sorted(marks):
        axes.axvline(x, color=SOFT, linewidth=1, linestyle=":", zorder=3)
        at, width = (x - first) / ((last - first) or 1.0), _WORD * len(label)
        left = min(max(0.0, at - width / 2), max(0.0, 1 - width))
        row = next((row for row, end in enumerate(ends) if end + 0.02 < left), len(ends))
        ends[row : row + 1] = [left + width]
        place: Any = {"transform": axes.transAxes, "ha": "left", "va": "bottom", "fontsize": 9}
        axes.text(left, 1.01 + 0.075 * row, label, color=INK, **place)
    return len(ends)


def _data(panel: Lines, lines: Sequence[_Line], styles: Mapping[str, Style]) -> dict[str, Any]:
    """The values as they are drawn; equal lists of x are stored once."""
    xs: dict[tuple[float, ...], int] = {}
    entries = []
    for line in lines:
        entry: dict[str, Any] = {
            "name": line.series.name,
            "x": xs.setdefault(tuple(line.x), len(xs)),
            "y": _short(line.y),
        }
        if line.seed is None:
            entry |= {"colour": styles[line.series.name].themed}
            entry |= {"low": _short(line.low), "high": _short(line.high)} if line.low else {}
        else:
            entry["seed"] = line.seed
        entries.append(entry)
    return {"x": [_short(x) for x in xs], "lines": entries, "percent": panel.percent, "label": panel.x_label}


def _short(values: Sequence[float | None]) -> list[float | None]:
    return [None if value is None else _four(value) for value in values]


def _four(value: float) -> float:
    """The value with four decimals, or four digits if it is small; whole numbers without a point, to save space."""
    short = round(value, 4) if abs(value) >= 0.01 else float(f"{value:.4g}")
    return int(short) if float(short).is_integer() else short


def table_of_lines(panel: Lines) -> Table:
    """The lines over all seeds at a few places, for readers who cannot see the panel."""
    places = sorted({x for series in panel.series for x in series.x})
    chosen = [places[at] for at in evenly(len(places), _ROWS)]
    names = [series.name for series in panel.series]
    at = [dict(zip(series.x, _estimates(series), strict=False)) for series in panel.series]
    rows = [[_four(x), *(estimates.get(x) for estimates in at)] for x in chosen]
    columns = [panel.x_label, *names]
    return Table("", panel.title, columns, rows, plain=() if panel.percent else columns)


def _estimates(series: Series) -> list[Estimate | None]:
    lows, highs = series.low or [None] * len(series.x), series.high or [None] * len(series.x)
    ends = zip(series.y, lows, highs, strict=False)
    return [None if y is None else Estimate(y, low, high, 0, len(series.seeds)) for y, low, high in ends]
