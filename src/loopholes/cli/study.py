"""``loopholes study``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from loopholes.cli.console import complain, conclude, paragraph, print_line, print_table, stdout
from loopholes.cli.display import Display, display
from loopholes.cli.options import Json, Sandbox, pairs
from loopholes.cli.tables import table_shown
from loopholes.errors import UsageError
from loopholes.games import named
from loopholes.progress import Progress

if TYPE_CHECKING:
    from loopholes.studies.base import Summary
    from loopholes.studies.engine import Event
    from loopholes.studies.timing import TimeLeft

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="discovery, audit-grid, deterrence, transfer, catalysis, distillation, persistence, audit-validity, "
        "survival, charge, best-of-n, real-model, or all.",
        show_default=False,
    ),
]
Files = Annotated[
    list[str] | None, typer.Option(metavar="GAME=FILE", help="File of training tasks for a game. Repeatable.")
]
TestFiles = Annotated[
    list[str] | None, typer.Option(metavar="GAME=FILE", help="File of evaluation tasks for a game. Repeatable.")
]


def study(
    name: Name,
    seeds: Annotated[int, typer.Option(help="Seeds per cell.")] = 5,
    out: Annotated[Path, typer.Option(help="Directory for runs, summaries and the page.")] = Path("runs/study"),
    workers: Annotated[
        int | None, typer.Option(min=1, help="Runs at the same time. Default: one per core.", show_default=False)
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Run on a Ray cluster: HOST:PORT, or auto.")
    ] = None,
    gpus: Annotated[float, typer.Option(min=0, help="GPUs per run on the cluster.")] = 0.0,
    policy: Annotated[
        list[str] | None,
        typer.Option(help="Policy to study. Repeatable. Default: mini and mini-llama.", show_default=False),
    ] = None,
    game: Annotated[
        list[str] | None, typer.Option(help="Game to study. Repeatable. Default: all four.", show_default=False)
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Run every cell of every grid.")] = False,
    steps: Annotated[
        int | None, typer.Option(help="Steps per training run. Default: each game's own.", show_default=False)
    ] = None,
    count: Annotated[int | None, typer.Option(help="Held-out tasks per evaluation.", show_default=False)] = None,
    samples: Annotated[int | None, typer.Option(help="Answers per task.", show_default=False)] = None,
    answers: Annotated[
        int | None,
        typer.Option(
            help="Teacher answers that a student learns from; the low setting uses an eighth of them.",
            show_default=False,
        ),
    ] = None,
    tasks: Files = None,
    test_tasks: TestFiles = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Set appears, dominates, window, sustain or tolerance. Repeatable."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print the planned runs, the finished runs and the time left; run nothing."),
    ] = False,
    summarize: Annotated[
        bool,
        typer.Option("--summarize", help="Run nothing; summarize the finished runs. Also works while the study runs."),
    ] = False,
    sandbox: Sandbox = None,
    json_: Json = False,
) -> None:
    """Run an experiment: its training runs, evaluations and tests, with seeds and intervals.

    If it is interrupted, the same command continues where it stopped.
    """
    from loopholes.cores import cores
    from loopholes.studies import StudyConfig, studies_called
    from loopholes.studies.runner import check_policies, opened, run_studies, sections_of, summarize_finished
    from loopholes.studies.timing import time_left

    choices: dict[str, Any] = {"policies": policy, "games": game, "steps": steps, "count": count, "samples": samples}
    choices["answers"] = answers
    config = StudyConfig.of(
        seeds=seeds,
        full=full,
        train_tasks=pairs(tasks, "--tasks"),
        test_tasks=pairs(test_tasks, "--test-tasks"),
        thresholds=pairs(threshold, "--threshold"),
        **{key: value for key, value in choices.items() if value not in (None, [])},
    )
    for game_of_file in (*config.train_tasks, *config.test_tasks):
        named(game_of_file)
    chosen = studies_called(name, config)
    if workers is not None and cluster is not None:
        raise UsageError("--workers is for this machine and --cluster for other machines: give only one of them")
    places = workers or cores()
    if dry_run:
        _show_plan(time_left(chosen, config, out), places, json_)
        return
    check_policies(config)
    if summarize:
        _end(summarize_finished(chosen, config, out), _page(out, sections_of(out)), json_)
        return
    with opened(out), display(name, json=json_) as progress:
        with _backend(out, places, cluster, gpus) as backend:
            watch = _Watch(progress, time_left(chosen, config, out), json_)
            summaries = run_studies(chosen, config, out, backend, watch.take)
        page = _page(out, sections_of(out))
    _end(summaries, page, json_)


def _backend(out: Path, places: int, cluster: str | None, gpus: float) -> AbstractContextManager[Any]:
    if cluster is not None:
        from loopholes.studies.cluster import RayCluster

        return RayCluster(out, cluster, gpus)
    from loopholes.studies.workers import LocalWorkers

    return LocalWorkers(out, places)


def _page(out: Path, sections: Sequence[Any]) -> Path:
    from loopholes.report import write_page

    return write_page("Loopholes: results of the studies", sections, out / "report.html")


def _end(summaries: dict[str, Summary], page: Path, json_: bool) -> None:
    for name, summary in summaries.items():
        if json_:
            print_line({"study": name, "answer": summary.section.answer, "cells": list(summary.cells)})
        else:
            stdout.print(name, style="bold", markup=False)
            paragraph(summary.section.answer)
            print_table(table_shown(summary.section.tables[0], width=stdout.width))
    if not json_:
        files = [str(page.parent / f"{name}.json") for name in summaries]
        conclude("\n".join(["", f"The page is {page}", *(f"The numbers are in {file}" for file in files)]))


def _show_plan(times: Sequence[TimeLeft], places: int, json_: bool) -> None:
    if json_:
        for plan in times:
            left = {"core_seconds_left": plan.seconds, "by_published_speeds": plan.elsewhere}
            print_line({"study": plan.study, "runs": plan.jobs, "done": plan.done, **left})
        return
    table = Table(box=None, pad_edge=False)
    for column in ("study", "runs", "done", "left"):
        table.add_column(column, justify="left" if column == "study" else "right")
    for plan in times:
        table.add_row(plan.study, f"{plan.jobs:,}", f"{plan.done:,}", _time(plan.seconds, places))
    print_table(table)
    seconds = [plan.seconds for plan in times if plan.seconds is not None]
    if len(seconds) < len(times):
        conclude("The time is unknown until one run of each kind is finished in this folder. Shared runs count once.")
        return
    elsewhere = any(plan.elsewhere for plan in times)
    source = "the machine that made the published results" if elsewhere else "the finished runs in this folder"
    conclude(f"About {_time(sum(seconds), places)} left with {places} at a time, at the speed of {source}.")


def _time(seconds: float | None, places: int) -> str:
    if seconds is None:
        return "unknown"
    minutes = seconds / places / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


class _Watch:
    """Turns the events of a study's jobs into progress, of the whole study and of each active run."""

    def __init__(self, progress: Display, times: Sequence[TimeLeft], json_: bool) -> None:
        self._display = progress
        self._json = json_
        self._done = sum(plan.done for plan in times)
        self._total = sum(plan.jobs for plan in times)
        if not json_:
            self._show_whole()

    def _show_whole(self) -> None:
        self._display.show(Progress("runs done", self._done, self._total))

    def take(self, event: Event) -> None:
        """Show one event."""
        label = event.job.label
        self._done += event.kind == "done"
        if event.progress is not None:
            self._display.show(event.progress, label)
        elif self._json:
            about = {"run": label, "event": event.kind, "done": self._done, "total": self._total}
            print_line({**about, **({"error": event.error} if event.error else {})})
        elif event.kind == "started":
            self._display.show(Progress("step", 0, event.job.steps), label)
        else:
            self._display.drop(label)
            self._show_whole()
            if event.kind != "done":
                complain(f"{label}: {event.error or 'its worker died; the run starts again'}")
