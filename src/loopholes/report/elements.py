"""What a page is made of, and what NAME.json stores. Every number comes in ready; a page only shows it."""

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
    """One line of a figure. All sequences have one entry a point of ``x``; None: not known there.

    ``low`` and ``high`` are a 95 % band, or empty. ``seeds`` holds each seed's own line by the seed's number. ``role``
    fixes the colour; a series without one gets a colour of its own.
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
    """A panel of lines: learning curves, decay, survival (``stairs``: constant from one point to the next), dose.

    ``percent``: values are shares. ``marks`` are vertical lines: where, and what to call it.
    """

    title: str
    x_label: str
    series: Sequence[Series]
    percent: bool = True
    stairs: bool = False
    marks: Sequence[tuple[float, str]] = ()


@dataclass(frozen=True, slots=True)
class Matrix:
    """A heat map. ``values[row][column]`` are shares; ``diverging`` where they are differences around 0.

    ``plain``: the differences are not of shares but numbers in a unit of their own, which the title names.
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
    """Panels that belong together. ``name`` is the stem of the file that it is saved as."""

    name: str
    title: str
    panels: Sequence[Lines | Matrix]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of numbers with their intervals.

    Estimates are shares, but in columns named in ``changes`` (differences of shares, shown in points) and in ``plain``.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    changes: Sequence[str] = ()
    plain: Sequence[str] = ()

    def unit(self, column: str) -> Unit:
        """What the estimates of a column are."""
        return "change" if column in self.changes else "number" if column in self.plain else "share"


@dataclass(frozen=True, slots=True)
class Section:
    """One question of a page: its answer in a sentence, figures, tables, rollouts, and the command that made it all.

    ``facts`` are terms and their explanations, ``notes`` whole sentences. ``rollouts`` holds, by arm, rows as
    :meth:`loopholes.runs.Run.rollouts` gives them, with the ``seed`` of the run added: a sample of ``rollouts_total``
    (0: the rows are all there are).
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
