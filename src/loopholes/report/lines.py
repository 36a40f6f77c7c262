"""A panel of lines: each seed thin, the mean strong, its band behind; and what a pointer over it may read."""

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

POINTS = 200  # a line in a panel 300 pixels wide shows no more
SIZE = (4.3, 2.9)
_FEW = range(3, 13)  # so many points are marked one by one; two are a level
_ROWS = 9  # of the values told as a table
_WORD = 0.017  # the width of a letter of a mark, as a share of the panel


@dataclass(frozen=True)
class _Line:
    """The points of a line that are shown; ``seed`` None: the line over seeds."""

    series: Series
    seed: int | None
    x: list[float]
    y: list[float]
    low: list[float | None]
    high: list[float | None]


def lines_of(panel: Lines, most: int) -> Iterator[_Line]:
    """Each series' own line, then its seeds', without what is not known and thinned to ``most`` points."""
    for series in panel.series:
        yield _line(series, None, series.y, most)
        for seed, values in series.seeds.items():
            yield _line(series, seed, values, most)


def _line(series: Series, seed: int | None, values: Sequence[float | None], most: int) -> _Line:
    known = [(at, value) for at, value in enumerate(values) if value is not None and math.isfinite(value)]
    shown = evenly_of(known, most)

    def ends(band: Sequence[float | None]) -> list[float | None]:
        return [band[at] for at, _ in shown] if seed is None and band else []

    x, y = [series.x[at] for at, _ in shown], [value for _, value in shown]
    return _Line(series, seed, x, y, ends(series.low), ends(series.high))


def draw_lines(axes: Axes, panel: Lines, styles: Mapping[str, Style], most: int) -> dict[str, Any]:
    """Draw the panel; return what it shows, for the page's script: ``{"x": [...], "lines": [...]}``."""
    lines = list(lines_of(panel, most))
    for line in lines:
        _draw_line(axes, line, styles[line.series.name], panel.stairs)
    _scale(axes, panel, lines)
    return _told(panel, lines, styles) | {"marks": _mark(axes, panel.marks)}


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
    """Vertical lines, labelled above the plot, where no curve runs; labels that would meet go one above the other.

    Returns how many rows of labels there are.
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


def _told(panel: Lines, lines: Sequence[_Line], styles: Mapping[str, Style]) -> dict[str, Any]:
    """Values as they are drawn; equal lists of x are told once."""
    xs: dict[tuple[float, ...], int] = {}
    told = []
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
        told.append(entry)
    return {"x": [_short(x) for x in xs], "lines": told, "percent": panel.percent, "label": panel.x_label}


def _short(values: Sequence[float | None]) -> list[float | None]:
    return [None if value is None else _four(value) for value in values]


def _four(value: float) -> float:
    """Four digits after the point, or four in all; whole numbers without a point, since they are many."""
    short = round(value, 4) if abs(value) >= 0.01 else float(f"{value:.4g}")
    return int(short) if float(short).is_integer() else short


def table_of_lines(panel: Lines) -> Table:
    """The lines over seeds at a few places: what the panel shows, for those who do not see it."""
    places = sorted({x for series in panel.series for x in series.x})
    shown = [places[at] for at in evenly(len(places), _ROWS)]
    names = [series.name for series in panel.series]
    at = [dict(zip(series.x, _estimates(series), strict=False)) for series in panel.series]
    rows = [[_four(x), *(known.get(x) for known in at)] for x in shown]
    columns = [panel.x_label, *names]
    return Table("", panel.title, columns, rows, plain=() if panel.percent else columns)


def _estimates(series: Series) -> list[Estimate | None]:
    lows, highs = series.low or [None] * len(series.x), series.high or [None] * len(series.x)
    ends = zip(series.y, lows, highs, strict=False)
    return [None if y is None else Estimate(y, low, high, 0, len(series.seeds)) for y, low, high in ends]
