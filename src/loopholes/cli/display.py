"""The progress of a command: bars on a terminal, a few plain lines per minute elsewhere, JSON with ``--json``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from loopholes.cli.console import is_live, print_line, stderr
from loopholes.progress import Progress, watched

NUMBERS = {"reward": "reward", "task_performance": "task", "exploit_rate": "exploit"}
"""The metrics beside the progress, with their short names. If the line is too long, the first are left out first."""
SOON = 2.0
"""Seconds before the first plain line; shorter work prints none."""
INTERVAL = 20.0
"""Seconds between plain lines."""


class Display:
    """Shows the progress of a command inside a ``with`` block; this base class shows nothing.

    Work inside a scorer (:func:`loopholes.progress.report`) is shown as a part of the current step.
    """

    def __init__(self) -> None:
        self._watching = watched(self._show_part)

    def show(self, progress: Progress, run: str = "") -> None:
        """Show the progress of the whole, or with ``run`` that of one of several simultaneous runs."""

    def drop(self, run: str) -> None:
        """Stop showing a run that is done or lost."""

    def _show_part(self, progress: Progress) -> None:
        """Show long work within a step, until it is done."""

    def __enter__(self) -> Self:
        self._watching.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watching.__exit__(kind, error, trace)


def display(title: str, *, json: bool, numbers: Mapping[str, str] = NUMBERS, mute: bool = False) -> Display:
    """The display that fits standard error; JSON on standard output if ``json``; none if ``mute``."""
    if mute:
        return Display()
    if json:
        return JsonLines()
    return LiveBars(title, numbers) if is_live(stderr) else PlainLines(title, numbers)


class JsonLines(Display):
    """A JSON object per step on standard output: ``what``, ``done``, ``total`` and the numbers; ``run`` if several."""

    def show(self, progress: Progress, run: str = "") -> None:
        about = {"what": progress.what, "done": progress.done, "total": progress.total}
        print_line({**({"run": run} if run else {}), **about, **progress.numbers})


class PlainLines(Display):
    """A line soon after the start, one every :data:`INTERVAL` seconds, and the last one, without control codes."""

    def __init__(self, title: str, numbers: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._title = title
        self._numbers = numbers
        self._clock = clock
        self._due = clock() + SOON
        self._printed = ""
        self._whole: Progress | None = None
        self._part: Progress | None = None
        self._runs: dict[str, Progress] = {}

    def show(self, progress: Progress, run: str = "") -> None:
        if run:
            self._runs.pop(run, None)
            self._runs[run] = progress  # the newest is last
        else:
            self._whole, self._part = progress, None
        self._print_if_due()

    def drop(self, run: str) -> None:
        self._runs.pop(run, None)

    def _show_part(self, progress: Progress) -> None:
        self._part = None if progress.done == progress.total else progress
        self._print_if_due()

    def _print_if_due(self) -> None:
        if self._clock() >= self._due:
            self._print()
            self._due = self._clock() + INTERVAL

    def _print(self) -> None:
        line = self._line()
        if line and line != self._printed:
            stderr.print(line, markup=False, soft_wrap=True)
            self._printed = line

    def _line(self) -> str:
        """Counts, then numbers; numbers that do not fit into the width of the console are left out."""
        run, latest = next(reversed(self._runs.items()), ("", self._whole))
        counts = [words(self._whole)] if self._whole is not None else []
        counts += [f"{run}: {words(latest)}"] if run and latest is not None else []
        counts += [words(self._part)] if self._part is not None else []
        if not counts:
            return ""
        head, values = f"{self._title}: {'; '.join(counts)}", latest.numbers if latest is not None else {}
        parts = [f"{short} {number(values[name], name)}" for name, short in self._numbers.items() if name in values]
        while parts and len("  ".join([head, *parts])) > stderr.width:
            parts.pop(0)
        return "  ".join([head, *parts])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if self._printed or self._clock() >= self._due:
            self._print()


class LiveBars(Display):
    """A bar for the whole and one for each active run, with the numbers beside them."""

    def __init__(self, title: str, numbers: Mapping[str, str]) -> None:
        super().__init__()
        self._numbers = numbers
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            *(TextColumn(f"{short} {{task.fields[{name}]}}") for name, short in numbers.items()),
            TimeRemainingColumn(),
            console=stderr,
            expand=True,
        )
        self._whole = self._add(title, None)
        self._part: TaskID | None = None
        self._runs: dict[str, TaskID] = {}

    def show(self, progress: Progress, run: str = "") -> None:
        if run and run not in self._runs:
            self._runs[run] = self._add(run, progress.total)
        values: dict[str, Any] = {name: number(progress.numbers.get(name), name) for name in self._numbers}
        bar = self._runs[run] if run else self._whole
        self._bars.update(bar, completed=progress.done, total=progress.total, **values)

    def drop(self, run: str) -> None:
        if run in self._runs:
            self._bars.remove_task(self._runs.pop(run))

    def _add(self, title: str, total: int | None) -> TaskID:
        unknown: dict[str, Any] = dict.fromkeys(self._numbers, "-")
        return self._bars.add_task(title, total=total, **unknown)

    def _show_part(self, progress: Progress) -> None:
        if self._part is None:
            self._part = self._add(progress.what, progress.total)
        self._bars.update(
            self._part,
            description=progress.what,
            completed=progress.done,
            total=progress.total,
            visible=progress.done != progress.total,
        )

    def __enter__(self) -> Self:
        super().__enter__()
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
        super().__exit__(kind, error, trace)


def words(progress: Progress) -> str:
    """``step 40 of 100``; only the name if the work is not counted."""
    if progress.total is None:
        return f"{progress.what} {progress.done:,}" if progress.done else progress.what
    return progress.what if progress.total == 1 else f"{progress.what} {progress.done:,} of {progress.total:,}"


def number(value: float | None, name: str) -> str:
    """A metric beside the progress: rates in percent, rewards unchanged."""
    if value is None:
        return "-"
    if name in ("task_performance", "exploit_rate"):
        return f"{100 * value:.0f} %"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
