"""``loopholes study``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import TaskID
from rich.table import Table

from loopholes.cli.console import Steps, as_lines, print_line, say, stderr, stdout
from loopholes.cli.options import Json, Sandbox, pairs
from loopholes.cli.tables import table_shown
from loopholes.errors import UsageError

if TYPE_CHECKING:
    from loopholes.studies.base import Summary
    from loopholes.studies.engine import Event
    from loopholes.studies.timing import TimeLeft

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="discovery, audit-grid, transfer, catalysis, distillation, persistence, audit-validity, or all.",
        show_default=False,
    ),
]
Files = Annotated[list[str] | None, typer.Option(metavar="GAME=FILE", help="A game's file of tasks, for training.")]
TestFiles = Annotated[list[str] | None, typer.Option(metavar="GAME=FILE", help="The same, for evaluation.")]


def study(
    name: Name,
    seeds: Annotated[int, typer.Option(help="Seeds a cell.")] = 5,
    out: Annotated[Path, typer.Option(help="Where runs, summaries and the page go.")] = Path("runs/study"),
    workers: Annotated[int | None, typer.Option(min=1, help="Runs at once; default: one a core.")] = None,
    cluster: Annotated[str | None, typer.Option(metavar="ADDRESS", help="A Ray cluster; auto finds one.")] = None,
    gpus: Annotated[float, typer.Option(min=0, help="GPUs a run on the cluster.")] = 0.0,
    policy: Annotated[
        list[str] | None, typer.Option(help="May be given several times; default: mini and mini-llama.")
    ] = None,
    game: Annotated[list[str] | None, typer.Option(help="May be given several times; default: all four.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Every cell of every grid.")] = False,
    steps: Annotated[int | None, typer.Option(help="Steps of each training; default: each game's own.")] = None,
    count: Annotated[int | None, typer.Option(help="Held-out tasks of an evaluation.")] = None,
    samples: Annotated[int | None, typer.Option(help="Answers a task.")] = None,
    answers: Annotated[int | None, typer.Option(help="Answers that a student learns from; few are an eighth.")] = None,
    tasks: Files = None,
    test_tasks: TestFiles = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="appears, dominates, window, sustain or tolerance."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan, what is done, and the time left.")
    ] = False,
    sandbox: Sandbox = None,
    json_: Json = False,
) -> None:
    """Run an experiment of the paper with seeds and intervals. Interrupted, the same command goes on where it was."""
    from loopholes.cores import cores
    from loopholes.studies import StudyConfig, studies_called
    from loopholes.studies.runner import check_policies, opened, run_studies, sections_of
    from loopholes.studies.timing import time_left

    given: dict[str, Any] = {"policies": policy, "games": game, "steps": steps, "count": count, "samples": samples}
    given["answers"] = answers
    config = StudyConfig.of(
        seeds=seeds,
        full=full,
        train_tasks=pairs(tasks, "--tasks"),
        test_tasks=pairs(test_tasks, "--test-tasks"),
        thresholds=pairs(threshold, "--threshold"),
        **{key: value for key, value in given.items() if value not in (None, [])},
    )
    chosen = studies_called(name)
    if workers is not None and cluster is not None:
        raise UsageError("--workers is for this machine and --cluster for others: give one of them")
    places = workers or cores()
    if dry_run:
        _show_plan(time_left(chosen, config, out), places, json_)
        return
    check_policies(config)
    with opened(out), _View(as_lines(json_)) as view:
        with _backend(out, places, cluster, gpus) as backend:
            view.expect(time_left(chosen, config, out))
            found = run_studies(chosen, config, out, backend, view.tell)
        page = _page(out, sections_of(out))
    _end(found, page, json_)


def _backend(out: Path, places: int, cluster: str | None, gpus: float) -> AbstractContextManager[Any]:
    if cluster is not None:
        from loopholes.studies.cluster import RayCluster

        return RayCluster(out, cluster, gpus)
    from loopholes.studies.workers import LocalWorkers

    return LocalWorkers(out, places)


def _page(out: Path, sections: Sequence[Any]) -> Path:
    from loopholes.report import write_page

    return write_page("Loopholes: what was found", sections, out / "report.html")


def _end(found: dict[str, Summary], page: Path, json_: bool) -> None:
    for name, summary in found.items():
        if as_lines(json_):
            print_line({"study": name, "answer": summary.section.answer, "cells": list(summary.cells)})
        else:
            stdout.print(name, style="bold", markup=False)
            stdout.print(summary.section.answer, markup=False)
            stdout.print(table_shown(summary.section.tables[0]))
    if not as_lines(json_):
        say(f"\nThe page: {page}   The numbers: {page.parent}/NAME.json")


def _show_plan(times: Sequence[TimeLeft], places: int, json_: bool) -> None:
    if as_lines(json_):
        for one in times:
            left = {"core_seconds_left": one.seconds, "by_published_speeds": one.elsewhere}
            print_line({"study": one.study, "runs": one.jobs, "done": one.done, **left})
        return
    table = Table(box=None, pad_edge=False)
    for column in ("study", "runs", "done", "left"):
        table.add_column(column, justify="left" if column == "study" else "right")
    for one in times:
        table.add_row(one.study, f"{one.jobs:,}", f"{one.done:,}", _time(one.seconds, places))
    stdout.print(table)
    known = [one.seconds for one in times if one.seconds is not None]
    if len(known) < len(times):
        say("No time can be said until a run of each kind is finished here; runs that studies share count once.")
        return
    told_by = "the machine that made the published results" if any(one.elsewhere for one in times) else "runs here"
    say(f"About {_time(sum(known), places)} for what is left, {places} at once, by the speed of {told_by}.")


def _time(seconds: float | None, places: int) -> str:
    if seconds is None:
        return "unknown"
    minutes = seconds / places / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


class _View(Steps):
    """One bar for all runs, one for each that is under way; or a line an event."""

    def __init__(self, lines: bool) -> None:
        super().__init__("runs", None, lines=lines)
        self._as_lines = lines
        self._done = 0
        self._total = 0
        self._bars: dict[str, TaskID] = {}

    def expect(self, times: Sequence[TimeLeft]) -> None:
        """Say how much there is to do."""
        self._done = sum(one.done for one in times)
        self._total = sum(one.jobs for one in times)
        if not self._as_lines:
            self.step({}, self._done, self._total)

    def tell(self, event: Event) -> None:
        """Show one event."""
        if event.kind == "done":
            self._done += 1
        if self._as_lines:
            if event.kind != "step":
                about = {"run": event.job.label, "event": event.kind, "done": self._done, "of": self._total}
                print_line({**about, **({"error": event.error} if event.error else {})})
            return
        self._show(event)

    def _show(self, event: Event) -> None:
        label = event.job.label
        if event.kind == "started":
            self._bars[label] = self.add(label, event.job.steps)
        elif event.kind == "step" and event.metrics and label in self._bars:
            self.step(event.metrics, event.metrics["step"], event.metrics.get("steps"), bar=self._bars[label])
        elif event.kind in ("done", "failed", "lost"):
            self.drop(self._bars.pop(label, None))
            self.step({}, self._done, self._total)
        if event.kind in ("failed", "lost"):
            stderr.print(f"{label}: {event.error or 'its worker died; another goes on'}", style="yellow", markup=False)
