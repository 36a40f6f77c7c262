"""``loopholes report`` and ``loopholes demo``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loopholes.cli.console import conclude, paragraph, print_line, print_table, say, stdout
from loopholes.cli.display import NUMBERS, Display, display
from loopholes.cli.options import Json, pairs
from loopholes.cli.tables import table_shown
from loopholes.pages import write_page_of
from loopholes.progress import Progress

if TYPE_CHECKING:
    from loopholes.report import Table

COLUMNS = ("game", "arm", "task performance", "exploit rate", "appears", "dominates", "blind spot")
"""The columns of the page's tables that the demo prints."""

LEGEND = (
    "Appears, dominates: the training step from which the exploit rate lies above base, and at which the exploit has "
    "taken half of what was left to take. In context-compliance the exploit rate is the refusal rate in audits minus "
    "that with users, so it can be negative. The page explains every column."
)


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
    from loopholes.report import export as export_files

    page, sections = write_page_of(directory, out, pairs(threshold, "--threshold"))
    files = [] if export is None else export_files(sections, export)
    if json_:
        print_line({"page": str(page), "files": [str(file) for file in files]})
        return
    conclude(str(page))
    if export is not None:
        conclude(f"{len(files)} figures and tables are in {export}")


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
    notes: list[str] = []
    if not json_:
        say(f"{policy} is trained on both channels of every game and measured before and after; the results come last.")
    with display("demo", json=json_) as progress:
        summary = run_demo(
            out, policy=policy, seeds=seeds, workers=workers, on_event=partial(_take, progress, tables, notes)
        )
    page = out / "report.html"
    if json_:
        print_line({"page": str(page), **summary})
        return
    alone = len(seeds) == 1
    stdout.print(f"What {policy} learned, measured on held-out tasks with 95 % intervals", style="bold", markup=False)
    print_table(table_shown(together(tables), COLUMNS[:-1] if alone else COLUMNS, stdout.width))
    if alone:
        conclude("One seed gives no verdict about training. The intervals are over tasks only.")
    paragraph(" ".join([LEGEND, *filter(None, notes)]))
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


def _take(progress: Display, tables: list[Table], notes: list[str], event: Mapping[str, Any]) -> None:
    """Show one event of the demo, and collect the table of a finished game with its note."""
    if "table" in event:
        tables.append(event["table"])
        notes.append(event["note"])
        return
    run = f"{event['game']} {event['arm']} seed {event['seed']}"
    numbers = {name: value for name, value in event.items() if name in NUMBERS}
    progress.show(Progress("step", event["step"], event["steps"], numbers), run)
    if event["step"] == event["steps"]:
        progress.drop(run)
