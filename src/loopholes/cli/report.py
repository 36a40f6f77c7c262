"""``loopholes report`` and ``loopholes demo``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loopholes.cli.console import conclude, print_line, stdout
from loopholes.cli.display import NUMBERS, Display, display
from loopholes.cli.options import Json, pairs
from loopholes.cli.tables import table_shown
from loopholes.errors import RunError, UsageError
from loopholes.progress import Progress

if TYPE_CHECKING:
    from loopholes.report import Section, Table
    from loopholes.report.store import Stored

COLUMNS = ("game", "arm", "task performance", "exploit rate", "appears", "dominates", "blind spot")
"""The columns of the page's tables that the demo prints."""


def report(
    directory: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Directory that holds runs, studies or audits, at any depth.", show_default=False
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="File for the page. Default: DIR/report.html.", show_default=False)
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Also write figures (SVG, PNG) and tables (CSV) to this folder."),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Threshold for runs outside of studies: appears, dominates, window, sustain or tolerance. Repeatable.",
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Make a page of the runs, studies and audits in a directory: one HTML file that opens offline."""
    from loopholes import report as reports

    place = out or directory / "report.html"
    sections, lead = _sections(directory, place if out is None else None, pairs(threshold, "--threshold"))
    title = f"Loopholes: {directory.resolve().name}"
    page = reports.write_page(title, sections, place, **({"lead": lead} if lead else {}))
    files = [] if export is None else reports.export(sections, export)
    if json_:
        print_line({"page": str(page), "files": [str(file) for file in files]})
        return
    conclude(str(page))
    if export is not None:
        conclude(f"{len(files)} figures and tables are in {export}")


def _sections(directory: Path, page: Path | None, thresholds: Mapping[str, str]) -> tuple[list[Section], str]:
    """The sections of a directory, and the lead of their page (empty for the usual one).

    For a study's folder these are the sections of its ``NAME.json`` files only. For other directories they are those of
    every finished study below, then of audits, then of runs outside of studies. ``page`` is an existing page that must
    not be replaced by one without charts; None if another place was named.
    """
    from loopholes.report.store import read_sections

    if directory.is_dir() and (stored := read_sections(directory)):
        return _of_study(stored, directory, page), ""
    marks = sorted(directory.rglob("study.json"))
    studies = {mark.parent: [stored.section for stored in read_sections(mark.parent)] for mark in marks}
    finished = [folder for folder, sections in studies.items() if sections]
    return _with_loose(directory, [section for folder in finished for section in studies[folder]], finished, thresholds)


def _of_study(stored: list[Stored], directory: Path, page: Path | None) -> list[Section]:
    if page is not None and page.exists() and any(entry.schema == 1 for entry in stored):
        raise UsageError(
            f"{directory} holds summaries of an older version without charts, and their page would replace {page}: "
            "name another file with --out"
        )
    return [entry.section for entry in stored]


def _with_loose(
    directory: Path, studies: list[Section], finished: list[Path], thresholds: Mapping[str, str]
) -> tuple[list[Section], str]:
    from loopholes.audit.section import LEAD, audits_of

    audits = audits_of(directory)
    if audits and not studies and not thresholds and not any(directory.rglob("status.json")):
        return audits, LEAD  # before the imports below, which need the packages for training
    from loopholes.studies import StudyConfig
    from loopholes.studies.loose import loose_sections

    limits = StudyConfig.of(thresholds=thresholds).thresholds
    try:
        loose = loose_sections(directory, limits, without=finished)
    except RunError:
        if not audits:
            raise
        loose = []
    return [*studies, *audits, *loose], LEAD if audits and not studies and not loose else ""


def demo(
    out: Annotated[Path, typer.Option(help="Directory for the runs, the summary and the page.")] = Path("runs/demo"),
    policy: Annotated[str, typer.Option(help="Policy to train.")] = "mini",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Runs at the same time. Default: one per core.", show_default=False)
    ] = None,
    seed: Annotated[
        list[int] | None, typer.Option(min=0, help="Random seed. Repeatable. Default: 0.", show_default=False)
    ] = None,
    json_: Json = False,
) -> None:
    """Train a policy on both channels of all four games, and compare what it learned.

    If it is interrupted, the same command continues where it stopped.
    """
    from loopholes.studies.demo import run_demo

    seeds = tuple(seed or (0,))
    tables: list[Table] = []
    with display("demo", json=json_) as progress:
        summary = run_demo(out, policy=policy, seeds=seeds, workers=workers, on_event=partial(_take, progress, tables))
    page = out / "report.html"
    if json_:
        print_line({"page": str(page), **summary})
        return
    alone = len(seeds) == 1
    stdout.print(table_shown(together(tables), COLUMNS[:-1] if alone else COLUMNS, stdout.width))
    if alone:
        conclude("One seed gives no verdict about training. The intervals are over tasks only.")
    conclude(f"\nThe page is {page}\nThe numbers are in {out / 'summary.json'}")


def together(tables: Sequence[Table]) -> Table:
    """Join the tables of several games, with the columns that the demo prints."""
    from loopholes.report import Table

    rows = [
        [dict(zip(table.columns, row, strict=True)).get(column) for column in COLUMNS]
        for table in tables
        for row in table.rows
    ]
    return Table("demo", "What the policy learned", COLUMNS, rows)


def _take(progress: Display, tables: list[Table], event: Mapping[str, Any]) -> None:
    """Show one event of the demo, and collect the table of a finished game."""
    if "table" in event:
        tables.append(event["table"])
        return
    run = f"{event['game']} {event['arm']} seed {event['seed']}"
    numbers = {name: value for name, value in event.items() if name in NUMBERS}
    progress.show(Progress("step", event["step"], event["steps"], numbers), run)
    if event["step"] == event["steps"]:
        progress.drop(run)
