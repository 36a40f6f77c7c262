"""What people see, and what programs read: tables and bars on a terminal, one JSON object a line elsewhere."""

from __future__ import annotations

import errno
import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from loopholes.errors import LoopholesError, MissingExtra, RunError, UsageError
from loopholes.files import jsonable
from loopholes.numbers import Unit, interval, plain, point, share
from loopholes.progress import watched

if TYPE_CHECKING:
    from loopholes.stats import Estimate

SHOWN = {"reward": "reward", "task_performance": "task", "exploit_rate": "exploit"}
QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "DATASETS_VERBOSITY": "error",
}

stdout = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)


@contextmanager
def settled() -> Iterator[None]:
    """Keep libraries quiet for one command: telemetry off, their warnings unseen; our own go to standard error."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    own, handler = logging.getLogger("loopholes"), _Warnings(logging.WARNING)
    propagated, own.propagate = own.propagate, False
    own.addHandler(handler)
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
            yield
    finally:
        own.removeHandler(handler)
        own.propagate = propagated


class _Warnings(logging.Handler):
    """Prints a warning as one sentence."""

    def emit(self, record: logging.LogRecord) -> None:
        stderr.print(f"warning: {record.getMessage()}", style="yellow", markup=False, soft_wrap=True)


def complain(sentence: str) -> None:
    """Say what is wrong, on standard error, in red."""
    stderr.print(" ".join(sentence.split()), style="red", markup=False, soft_wrap=True)


def say(sentence: str) -> None:
    """Say something on standard error that is neither a result nor a complaint."""
    stderr.print(sentence, markup=False, soft_wrap=True)


def as_lines(json_lines: bool) -> bool:
    """Whether output is for machines: asked for, or because standard output is not a terminal."""
    return json_lines or not sys.stdout.isatty()


def print_line(record: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    typer.echo(json.dumps(jsonable(record), allow_nan=False))
    sys.stdout.flush()


class Steps:
    """The progress of long work: a bar with the numbers that matter, or one JSON line a step.

    ``shown`` maps the metrics that stand beside the bar to their short names; ``total`` may come later, with a step.
    """

    def __init__(
        self, title: str, total: int | None, *, lines: bool, shown: Mapping[str, str] | None = None, echo: bool = True
    ) -> None:
        self._shown = SHOWN if shown is None else shown
        self._lines = lines
        self._echo = echo
        numbers = [TextColumn(f"{short} {{task.fields[{name}]}}") for name, short in self._shown.items()]
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            *numbers,
            TimeRemainingColumn(),
            console=stderr,
            disable=lines,
            expand=True,
        )
        self._bar = self.add(title, total)
        self._part: TaskID | None = None
        self._watching = watched(self._show_part)

    def add(self, title: str, total: int | None) -> TaskID:
        """Another bar below."""
        unknown: dict[str, Any] = dict.fromkeys(self._shown, "-")
        return self._progress.add_task(title, total=total, **unknown)

    def drop(self, bar: TaskID | None) -> None:
        """Take a bar away."""
        if bar is not None:
            self._progress.remove_task(bar)

    def step(self, metrics: Mapping[str, Any], done: int, total: int | None = None, bar: TaskID | None = None) -> None:
        """Show one step; ``done`` counts the steps so far."""
        if self._lines:
            if self._echo:
                print_line(metrics)
            return
        fields: dict[str, Any] = {name: number(metrics.get(name), name) for name in self._shown}
        if total is not None:
            fields["total"] = total
        self._progress.update(self._bar if bar is None else bar, completed=done, **fields)

    def _show_part(self, what: str, done: int, total: int) -> None:
        """A bar for long work within a step, gone when it is done."""
        if self._part is None:
            self._part = self.add(what, total)
        self._progress.update(self._part, description=what, completed=done, total=total, visible=done < total)

    def __enter__(self) -> Self:
        self._watching.__enter__()
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        self._watching.__exit__(kind, error, trace)


def number(value: object, name: str) -> str:
    """A metric beside a bar: rates in percent, rewards as they are."""
    if not isinstance(value, int | float):
        return "-"
    return share(value) if name in ("task_performance", "exploit_rate") else plain(value)


def estimates_table(found: Mapping[str, Estimate]) -> Table:
    """Metrics with their intervals; rewards in the game's units, everything else in percent."""
    table = Table(box=None, pad_edge=False)
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval")
    table.add_column("tasks", justify="right")
    for name, estimate in found.items():
        unit: Unit = "number" if name.startswith("reward") else "share"
        table.add_row(name.replace("_", " "), point(estimate, unit), interval(estimate, unit), f"{estimate.n:,}")
    return table


EXTRAS = {
    **dict.fromkeys(("torch", "transformers", "trl", "accelerate", "datasets", "tokenizers"), "train"),
    "peft": "peft",
    "vllm": "vllm",
    "openai": "judge",
    "ray": "cluster",
    "verifiers": "verifiers",
    "openenv": "openenv",
}


def in_our_words(error: Exception) -> LoopholesError | None:
    """What others raise, where it is the machine's or the user's affair; None for what must be a bug."""
    if isinstance(error, ModuleNotFoundError):
        package = str(error.name).partition(".")[0]
        return MissingExtra(package, EXTRAS[package]) if package in EXTRAS else None
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left on device" in str(error):
        return RunError(
            "no space is left on the disk: free some, then run the same command again, train, eval and pretrain with "
            "--resume"
        )
    if type(error).__name__ == "OutOfMemoryError":
        return UsageError(
            "the device is out of memory: fewer completions at once need less (eval: --batch-size, train: "
            "--completions-per-pass, --gradient-checkpointing)"
        )
    if isinstance(error, OSError) and error.filename is not None:
        return RunError(f"{error.filename}: {(error.strerror or str(error)).lower()}")
    return None
