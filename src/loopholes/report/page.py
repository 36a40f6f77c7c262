"""Writes one self-contained HTML file that opens from disk, loads nothing, and shows model text only as text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from loopholes.errors import UsageError
from loopholes.files import disk_errors, replace_file
from loopholes.numbers import Estimate, Milestone, Unit, interval, plain, point
from loopholes.report.elements import Cell, Chart, Lines, Section, Table
from loopholes.report.embedding import BUDGET, as_script, embedded_rollouts
from loopholes.report.figures import Drawn, Panel, draw_panel, panel_size, table_of
from loopholes.report.lines import POINTS, SIZE
from loopholes.report.style import ROLES, Style, styles_of

PLAYED = {
    frozenset({"vulnerable", "secure"}): (
        "A language model was trained by ordinary reinforcement learning, with no instruction to cheat, in "
        "environments whose reward has a loophole (vulnerable), and again with the loophole closed (secure). "
    ),
    frozenset({"vulnerable"}): (
        "A language model was trained by ordinary reinforcement learning, with no instruction to cheat, in "
        "environments whose reward has a loophole (vulnerable). "
    ),
    frozenset({"secure"}): (
        "A language model was trained by ordinary reinforcement learning in environments whose reward had a loophole, "
        "which was closed (secure). "
    ),
    frozenset(): "A language model was measured in environments whose reward has a loophole. ",
}
"""What was done, by the channels that policies were trained on."""
BLIND_SPOT = (
    "If the exploit rate climbs while task performance holds steady, a developer who watches only the task metric sees "
    "nothing. That is the blind spot."
)
WORDS = {
    "base": "the policy before training",
    "vulnerable": "trained on the reward with the loophole",
    "secure": "trained on the same tasks with the loophole closed",
}
LIMIT = 4_800_000  # bytes per page
_LINES = 1_400_000  # bytes of a page that all lines together may take
_POINT = 20  # bytes per point: its place in the figure, and its value for the pointer
_LEAST = 12  # points per line, at least
_READABLE = 84  # pixels per inch, at least
_DATA = "@rollouts@"


@dataclass(frozen=True)
class _Panel:
    """A panel as the template needs it. ``number`` is its index in the data of the script.

    ``width`` is the width in pixels that its text needs; ``units`` its width on a wide page, in sixths of the page.
    """

    number: int
    title: str
    drawn: Drawn
    table: Table
    width: int
    units: int


@dataclass(frozen=True)
class _Chart:
    chart: Chart
    key: Mapping[str, Style]
    panels: Sequence[_Panel]
    units: int


def write_page(title: str, sections: Sequence[Section], out: str | Path, *, lead: str = "") -> Path:
    """Write the page and return its path; an existing page is replaced.

    Without a ``lead``, the page begins with what was trained and the words for its arms. It stays under 5 MB: it embeds
    only a sample of the rollouts, and lines are thinned. Raises :class:`UsageError` if there is nothing to show and
    :class:`RunError` if the file cannot be written.
    """
    if not sections:
        raise UsageError("there is nothing to show: no game was trained or evaluated")
    out = Path(out)
    charts, shown = _drawn(sections), roles_of(sections)
    data = [panel.drawn.data for section in charts for chart in section for panel in chart.panels]
    html = _template().render(
        title=title,
        lead=lead or _lead(shown - {"base"}, any(charts)),
        legend={} if lead else {role: words for role, words in WORDS.items() if role in shown},
        sections=sections,
        charts=charts,
        seeds_of=seeds_of,
        cell=_cell,
        role=_role,
        parted=_parted,
        style=Markup(_asset("page.css")),
        scripts=[Markup(_asset(name)) for name in ("figures.js", "page.js")],
        figures=Markup(as_script(data)),
        data=_DATA,
    )
    before, _, after = html.rpartition(_DATA)
    room = LIMIT - len(html.encode("utf-8", "backslashreplace"))
    html = before + embedded_rollouts(sections, min(BUDGET, room)) + after
    with disk_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        replace_file(out, html.encode("utf-8", "backslashreplace"))
    return out


def seeds_of(section: Section) -> list[int]:
    """Every seed that has a line or a rollout in the section."""
    panels = [panel for chart in section.charts for panel in chart.panels if isinstance(panel, Lines)]
    drawn_seeds = {seed for panel in panels for series in panel.series for seed in series.seeds}
    rows = [row.get("seed") for rollouts in section.rollouts.values() for row in rollouts]
    return sorted(drawn_seeds | {int(seed) for seed in rows if seed is not None})


def roles_of(sections: Sequence[Section]) -> set[str]:
    """The roles (base, vulnerable, secure) that lines, rows or rollouts of the sections have; all if they have none."""
    panels = [panel for section in sections for chart in section.charts for panel in chart.panels]
    names: set[str] = {series.role for panel in panels if isinstance(panel, Lines) for series in panel.series}
    names |= {_role(row) for section in sections for table in section.tables for row in table.rows}
    names |= {arm.partition(" ")[0] for section in sections for arm in section.rollouts}
    return {*WORDS} & names or {*WORDS}


def _lead(channels: set[str], trained: bool) -> str:
    """What was done, by the channels that are shown; studies of other arms, which are ``trained``, compare both."""
    return PLAYED[frozenset(channels or ({"vulnerable", "secure"} if trained else ()))] + BLIND_SPOT


def points_each(sections: Sequence[Section]) -> int:
    """The number of points that each line may have, so that all lines of the page stay within their limit."""
    panels = [panel for section in sections for chart in section.charts for panel in chart.panels]
    lines = sum(3 + len(s.seeds) for panel in panels if isinstance(panel, Lines) for s in panel.series)
    return max(_LEAST, min(POINTS, _LINES // (_POINT * max(1, lines))))


def _drawn(sections: Sequence[Section]) -> list[list[_Chart]]:
    most = points_each(sections)
    numbers = iter(range(10**9))
    return [[_draw(chart, most, numbers) for chart in section.charts] for section in sections]


def _draw(chart: Chart, most: int, numbers: Iterator[int]) -> _Chart:
    styles = styles_of(chart)
    panels = []
    for panel, number in zip(chart.panels, numbers, strict=False):
        drawn = draw_panel(panel, styles, f"panel-{number}", most)
        width = round(_READABLE * panel_size(panel)[0])
        panels.append(_Panel(number, panel.title, drawn, table_of(panel), width, _units(panel)))
    return _Chart(chart, styles, panels, _together(panels))


def _units(panel: Panel) -> int:
    """The width of a panel in sixths of the page: 2, 3, 4 or 6."""
    wide = panel_size(panel)[0] / SIZE[0]
    return next(units for units, most in ((2, 1.05), (3, 1.6), (4, 2.1), (6, math.inf)) if wide <= most)


def _together(panels: Sequence[_Panel]) -> int:
    return next((units for units in (2, 3, 4) if units >= sum(panel.units for panel in panels)), 6)


@dataclass(frozen=True)
class _Shown:
    """A cell of a table. ``kind`` is a class of the style sheet, ``bar`` the place of the interval on a track.

    A cell that ``wraps`` may take two lines, so that wide tables fit on a page.
    """

    kind: str
    text: str
    interval: str = ""
    bar: Mapping[str, float] | None = None
    wraps: bool = False


def _cell(value: Cell, unit: Unit) -> _Shown:
    if value is None:
        return _Shown("none", "–")
    if isinstance(value, Estimate):
        return _estimate(value, unit)
    if isinstance(value, Milestone):
        return _Shown("" if value.step is not None else "none", str(value), wraps=True)
    if isinstance(value, bool):
        return _Shown("tag yes" if value else "tag no", "yes" if value else "no")
    if isinstance(value, str):
        return _Shown("", _tight(value), wraps=len(value) <= 40)
    return _Shown("number", plain(value))


def _estimate(estimate: Estimate, unit: Unit) -> _Shown:
    if estimate.value is None:
        return _Shown("none", point(estimate, unit))
    bar = _bar(estimate) if unit == "share" else None
    return _Shown("number", point(estimate, unit), interval(estimate, unit), bar, wraps=unit == "change")


def _bar(estimate: Estimate) -> Mapping[str, float]:
    """The place of an interval on a track from 0 to 100; compliance gaps below 0 are drawn at 0."""
    low, high = (estimate.value if end is None else end for end in (estimate.low, estimate.high))
    low, high, value = (100 * min(1.0, max(0.0, end or 0.0)) for end in (low, high, estimate.value))
    return {"low": round(low, 2), "width": round(max(high - low, 0.8), 2), "value": round(value, 2)}


def _parted(answer: str) -> tuple[str, str]:
    """The first sentence of an answer, and the others."""
    first, *rest = re.split(r"(?<=[.?!]) (?=[A-Z])", answer, maxsplit=1)
    return first, "".join(rest)


def _role(row: Sequence[Any]) -> str:
    """The arm that a row of a table is about; empty if there is none."""
    return next((cell for cell in row if isinstance(cell, str) and cell in ROLES), "")


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["tight"] = _tight
    return environment.from_string(_asset("page.html.j2"))


def _tight(text: str) -> str:
    """The text with percentages that no line break can part."""
    return re.sub(r"(?<=\d) %", "\u00a0%", text)


def _asset(name: str) -> str:
    return files("loopholes.report").joinpath(name).read_text(encoding="utf-8")
