"""The parts of a page, which NAME.json stores, too. All numbers are computed before; a page only shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from loopholes.numbers import Estimate, Milestone, Unit

Quantity = Literal["reward", "task_performance", "exploit_rate"]
Role = Literal["base", "vulnerable", "secure", ""]
Cell = str | int | float | bool | Estimate | Milestone | None


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a figure. All sequences have one entry per point of ``x``, None where the value is not known.

    ``low`` and ``high`` are a 95 % band, or empty. ``seeds`` maps a seed to its own line. ``role`` decides the colour;
    a series without a role gets a colour of its own.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    role: Role = ""
    seeds: Mapping[int, Sequence[float | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lines:
    """A panel of lines, such as learning curves or survival curves.

    ``percent``: values are shares. ``stairs``: values are constant from one point to the next. ``marks`` are vertical
    lines, each with its place and its label.
    """

    title: str
    x_label: str
    series: Sequence[Series]
    percent: bool = True
    stairs: bool = False
    marks: Sequence[tuple[float, str]] = ()


@dataclass(frozen=True, slots=True)
class Matrix:
    """A heat map of shares, ``values[row][column]``.

    ``diverging``: the values are differences around 0. ``plain``: they are not differences of shares, but numbers in
    the unit that the title names.
    """

    title: str
    row_label: str
    column_label: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[Estimate | None]]
    diverging: bool = False
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Panels that belong together. ``name`` is the stem of the file that the chart is saved as."""

    name: str
    title: str
    panels: Sequence[Lines | Matrix]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of numbers with their intervals.

    Estimates are shares, except in the columns listed in ``changes`` (differences of shares, shown in points) and in
    ``plain`` (numbers).
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    changes: Sequence[str] = ()
    plain: Sequence[str] = ()

    def unit(self, column: str) -> Unit:
        """The unit of the estimates in a column."""
        return "change" if column in self.changes else "number" if column in self.plain else "share"


@dataclass(frozen=True, slots=True)
class Section:
    """One question of a page, with its answer, figures, tables, rollouts, and the command that made it.

    ``facts`` maps terms to explanations; ``notes`` are whole sentences. ``rollouts`` maps each arm to rows of
    :meth:`loopholes.runs.Run.rollouts` with the ``seed`` of the run added. They are a sample of ``rollouts_total``
    rollouts, or all of them if that is 0.
    """

    name: str
    question: str
    answer: str
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    command: str = ""
    rollouts: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    rollouts_total: int = 0
