"""``loopholes report`` and ``loopholes demo``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import TaskID
from rich.table import Table

from loopholes.cli.console import Steps, as_lines, print_line, say, stderr, stdout
from loopholes.cli.options import Json
from loopholes.errors import RunError

if TYPE_CHECKING:
    from loopholes.report import Section
    from loopholes.studies.loose_page import Arm, GameSection

COLUMNS = ("game", "arm", "task performance", "exploit rate", "appears", "dominates", "blind spot")


def report(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A directory with runs or studies in it.", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option(help="The page; default: DIR/report.html.")] = None,
    export: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Also write figures (SVG, PNG) and tables (CSV) there.")
    ] = None,
) -> None:
    """Make the page of the runs, studies and audits in a directory: one HTML file that opens offline."""
    from loopholes import report as reports
    from loopholes.audit.section import LEAD as AUDITED
    from loopholes.audit.section import QUESTION as AUDITS

    sections = _sections(directory)
    audits_alone = all(section.question == AUDITS for section in sections)
    title, place = f"Loopholes: {directory.resolve().name}", out or directory / "report.html"
    page = reports.write_page(title, sections, place, **({"lead": AUDITED} if audits_alone else {}))
    typer.echo(str(page))
    if export is not None:
        written = reports.export(sections, export)
        say(f"{len(written)} files for a paper: {export}")


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
    stdout.print(results_table(view.sections))
    say(f"\nThe page: {out / 'report.html'}   The numbers: {out / 'summary.json'}")


def _print_event(event: Mapping[str, Any]) -> None:
    print_line({key: value for key, value in event.items() if key != "section"})


class _DemoView(Steps):
    """One bar a training run; a table as each game ends."""

    def __init__(self) -> None:
        super().__init__("all games", None, lines=False)
        self._bars: dict[tuple[Any, ...], TaskID] = {}
        self.sections: list[GameSection] = []

    def tell(self, event: Mapping[str, Any]) -> None:
        """Show one event of the demo."""
        if "section" in event:
            self.sections.append(event["section"])
            stderr.print(results_table(self.sections[-1:]))
            return
        key = (event["game"], event["arm"], event["seed"])
        if key not in self._bars:
            self._bars[key] = self.add(f"{event['game']} {event['arm']}", event["steps"])
        self.step(event, event["step"], bar=self._bars[key])


def results_table(sections: Sequence[GameSection]) -> Table:
    """Games and arms with their intervals, and when the exploit came."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in ("game", "arm") else "right")
    for section in sections:
        for arm in section.arms:
            table.add_row(section.name if arm is section.arms[0] else "", arm.name, *_cells(arm))
    return table


def _cells(arm: Arm) -> list[str]:
    rates = [str(arm.estimates.get(name, "-")) for name in ("task_performance", "exploit_rate")]
    steps = [_step(step, bool(arm.curves)) for step in (arm.first_appearance, arm.domination)]
    return [*rates, *steps, "" if arm.blind_spot is None else "yes" if arm.blind_spot else "no"]


def _step(step: int | None, trained: bool) -> str:
    return "" if not trained else "never" if step is None else f"step {step}"
