"""``loopholes report`` and ``loopholes demo``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from loopholes.cli.console import conclude, print_line, say, stdout
from loopholes.cli.display import NUMBERS, Display, display
from loopholes.cli.options import Json
from loopholes.errors import RunError
from loopholes.progress import Progress

if TYPE_CHECKING:
    from loopholes.report import Section
    from loopholes.studies.loose_page import Arm, GameSection

COLUMNS = ("game and arm", "task performance", "exploit rate", "appears", "dominates", "blind spot")


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
    json_: Json = False,
) -> None:
    """Make the page of the runs, studies and audits in a directory: one HTML file that opens offline."""
    from loopholes import report as reports
    from loopholes.audit.section import LEAD as AUDITED
    from loopholes.audit.section import QUESTION as AUDITS

    sections = _sections(directory)
    audits_alone = all(section.question == AUDITS for section in sections)
    title, place = f"Loopholes: {directory.resolve().name}", out or directory / "report.html"
    page = reports.write_page(title, sections, place, **({"lead": AUDITED} if audits_alone else {}))
    files = [] if export is None else reports.export(sections, export)
    if json_:
        print_line({"page": str(page), "files": [str(file) for file in files]})
        return
    conclude(str(page))
    if export is not None:
        say(f"{len(files)} figures and tables are in {export}")


def _sections(directory: Path) -> list[Section]:
    """Those of every finished study in a directory or below it, then those of the runs that belong to none."""
    from loopholes.audit.section import audits_of
    from loopholes.studies.loose import read_sections
    from loopholes.studies.loose_page import game_section
    from loopholes.studies.runner import MARK, sections_of

    studies = {mark.parent: sections_of(mark.parent) for mark in sorted(directory.rglob(MARK))}
    finished = [folder for folder, sections in studies.items() if sections]
    found = [section for folder in finished for section in studies[folder]]
    if directory in finished:
        return found
    audits = audits_of(directory)
    try:
        loose = read_sections(directory, without=finished)
    except RunError:
        if not audits:
            raise
        loose = []
    return [*found, *audits, *(game_section(section) for section in loose)]


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
    """Train a policy on all four games, on the vulnerable and on the secure channel, and compare what it learned.

    If it is interrupted, the same command continues where it stopped.
    """
    from loopholes.studies.demo import run_demo

    sections: list[GameSection] = []
    with display("demo", json=json_) as shown:
        summary = run_demo(
            out, policy=policy, seeds=tuple(seed or (0,)), workers=workers, on_event=partial(_take, shown, sections)
        )
    page = out / "report.html"
    if json_:
        print_line({"page": str(page), **summary})
        return
    stdout.print(results_table(sections))
    conclude(f"\nThe page is {page}\nThe numbers are in {out / 'summary.json'}")


def _take(shown: Display, sections: list[GameSection], event: Mapping[str, Any]) -> None:
    """Show one event of the demo, and keep the section of a game that is done."""
    if "section" in event:
        sections.append(event["section"])
        return
    run = f"{event['game']} {event['arm']} seed {event['seed']}"
    numbers = {name: value for name, value in event.items() if name in NUMBERS}
    shown.show(Progress("step", event["step"], event["steps"], numbers), run)
    if event["step"] == event["steps"]:
        shown.drop(run)


def results_table(sections: Sequence[GameSection]) -> Table:
    """Games and their arms with intervals, and the steps at which the exploit appeared and dominated."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in COLUMNS:
        first = column == COLUMNS[0]
        table.add_column(column, justify="left" if first else "right", no_wrap=first)
    for section in sections:
        table.add_row(section.name, style="bold")
        for arm in section.arms:
            table.add_row(f"  {arm.name}", *_cells(arm))
    return table


def _cells(arm: Arm) -> list[str]:
    rates = [str(arm.estimates.get(name, "-")) for name in ("task_performance", "exploit_rate")]
    steps = [_step(step, bool(arm.curves)) for step in (arm.first_appearance, arm.domination)]
    return [*rates, *steps, "" if arm.blind_spot is None else "yes" if arm.blind_spot else "no"]


def _step(step: int | None, trained: bool) -> str:
    return "" if not trained else "never" if step is None else f"step {step}"
