"""``loopholes report`` and ``loopholes demo``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import TaskID

from loopholes.cli.console import Steps, as_lines, print_line, say, stderr, stdout
from loopholes.cli.options import Json, pairs
from loopholes.cli.tables import table_shown
from loopholes.errors import RunError, UsageError

if TYPE_CHECKING:
    from loopholes.report import Section, Table
    from loopholes.report.store import Stored

HIDDEN = ("policy",)
"""Columns of the page's table that say the same in every row of the demo."""


def report(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A directory with runs or studies in it.", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option(help="The page; default: DIR/report.html.")] = None,
    export: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Also write figures (SVG, PNG) and tables (CSV) there.")
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE", help="For runs of no study: appears, dominates, window, sustain or tolerance."
        ),
    ] = None,
) -> None:
    """Make the page of the runs, studies and audits in a directory: one HTML file that opens offline."""
    from loopholes import report as reports

    place = out or directory / "report.html"
    sections, lead = _sections(directory, place if out is None else None, pairs(threshold, "--threshold"))
    title = f"Loopholes: {directory.resolve().name}"
    page = reports.write_page(title, sections, place, **({"lead": lead} if lead else {}))
    typer.echo(str(page))
    if export is not None:
        written = reports.export(sections, export)
        say(f"{len(written)} files for a paper: {export}")


def _sections(directory: Path, page: Path | None, thresholds: Mapping[str, str]) -> tuple[list[Section], str]:
    """What a directory holds, and how the page begins if not as usual.

    A study's folder is read from its ``NAME.json`` alone. Elsewhere: those of every finished study below the directory,
    then audits, then the runs that belong to none. ``page`` is the page that may be replaced by one without charts.
    """
    from loopholes.report.store import read_sections

    if directory.is_dir() and (stored := read_sections(directory)):
        return _of_study(stored, directory, page), ""
    marks = sorted(directory.rglob("study.json"))
    studies = {mark.parent: [stored.section for stored in read_sections(mark.parent)] for mark in marks}
    finished = [folder for folder, sections in studies.items() if sections]
    return _with_loose(directory, [section for folder in finished for section in studies[folder]], finished, thresholds)


def _of_study(stored: list[Stored], directory: Path, page: Path | None) -> list[Section]:
    if page is not None and page.exists() and any(one.schema == 1 for one in stored):
        raise UsageError(
            f"{directory} holds summaries of an older version, without charts: a page of them would replace {page}, so "
            "name another with --out"
        )
    return [one.section for one in stored]


def _with_loose(
    directory: Path, found: list[Section], finished: list[Path], thresholds: Mapping[str, str]
) -> tuple[list[Section], str]:
    from loopholes.audit.section import LEAD, audits_of
    from loopholes.studies import StudyConfig
    from loopholes.studies.loose import loose_sections

    limits = StudyConfig.of(thresholds=thresholds).thresholds
    audits = audits_of(directory)
    try:
        loose = loose_sections(directory, limits, without=finished)
    except RunError:
        if not audits:
            raise
        loose = []
    return [*found, *audits, *loose], LEAD if audits and not found and not loose else ""


def demo(
    out: Annotated[Path, typer.Option(help="Where the runs, the summary and the page go.")] = Path("runs/demo"),
    policy: Annotated[str, typer.Option(help="The policy to begin with.")] = "mini",
    workers: Annotated[int | None, typer.Option(min=1, help="Runs at once; default: one a core.")] = None,
    seed: Annotated[list[int] | None, typer.Option(min=0, help="May be given several times; default: 0.")] = None,
    json_: Json = False,
) -> None:
    """The first look: all four games, vulnerable beside secure. Interrupted, it goes on where it was."""
    from loopholes.studies.demo import run_demo

    seeds = tuple(seed or (0,))
    if as_lines(json_):
        summary = run_demo(out, policy=policy, seeds=seeds, workers=workers, on_event=_print_event)
        print_line({"page": str(out / "report.html"), **summary})
        return
    with _DemoView() as view:
        run_demo(out, policy=policy, seeds=seeds, workers=workers, on_event=view.tell)
    for table in view.tables:
        stdout.print(table_shown(table, without=HIDDEN))
    if len(seeds) == 1:
        stdout.print("One seed: no verdict about training; intervals are over tasks alone.", markup=False)
    say(f"\nThe page: {out / 'report.html'}   The numbers: {out / 'summary.json'}")


def _print_event(event: Mapping[str, Any]) -> None:
    print_line({key: value for key, value in event.items() if key != "table"})


class _DemoView(Steps):
    """One bar a training run; a table as each game ends."""

    def __init__(self) -> None:
        super().__init__("all games", None, lines=False)
        self._bars: dict[tuple[Any, ...], TaskID] = {}
        self.tables: list[Table] = []

    def tell(self, event: Mapping[str, Any]) -> None:
        """Show one event of the demo."""
        if "table" in event:
            self.tables.append(event["table"])
            stderr.print(table_shown(event["table"], without=HIDDEN))
            return
        key = (event["game"], event["arm"], event["seed"])
        if key not in self._bars:
            self._bars[key] = self.add(f"{event['game']} {event['arm']}", event["steps"])
        self.step(event, event["step"], bar=self._bars[key])
