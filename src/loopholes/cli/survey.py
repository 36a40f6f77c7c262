"""``loopholes survey``, and ``loopholes audit`` of a folder: all targets, one after another, in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loopholes.cli.console import conclude, paragraph, print_line, say, stdout
from loopholes.cli.options import Json, Seed, pairs
from loopholes.errors import LoopholesError, UnknownName, UsageError
from loopholes.files import check_folder

if TYPE_CHECKING:
    from loopholes.audit.discovery import Candidate
    from loopholes.audit.engine import AuditConfig
    from loopholes.audit.process import RewardProcess
    from loopholes.audit.results import Target
    from loopholes.audit.survey import Line, RowsOf
    from loopholes.audit.targets import Runtime

ROWS = 24
"""Rows per target: enough to be certain of an exploit, and few enough for a hundred targets."""


def survey(
    package: Annotated[
        str,
        typer.Argument(
            metavar="PACKAGE", help="Package or folder of rewards, scorers or environments.", show_default=False
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(help="Rows for targets without rows of their own: JSON Lines, parquet or a datasets folder."),
    ] = None,
    golden: Annotated[
        str | None,
        typer.Option(metavar="TEMPLATE", help="Template of a right completion, such as '\\<a>{answer}\\</a>'."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Audit only this target of the package. Repeatable.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Set an option of the framework (listed by loopholes audit --help). Repeatable.",
        ),
    ] = None,
    python: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Python interpreter, or folder of an environment, that has the package."),
    ] = None,
    with_: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="REQUIREMENT",
            help="Package, as pip names it, to install into an environment for the targets. Repeatable.",
        ),
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="Rows per target.")] = ROWS,
    budget_seconds: Annotated[float, typer.Option(min=1, help="Time per target, in seconds.")] = 60.0,
    out: Annotated[Path, typer.Option(help="Directory for the findings of each target and the page.")] = Path("survey"),
    seed: Seed = 0,
    json_: Json = False,
) -> int:
    """Audit everything that a package or a folder offers, and write one page about it.

    After an interruption, the same command continues where it stopped.
    """
    from loopholes.audit.discovery import discovered, discovered_in
    from loopholes.audit.engine import AuditConfig
    from loopholes.audit.targets import Runtime, settled

    check_folder(out)
    config = AuditConfig(seconds=budget_seconds, rows=rows, seed=seed)
    runtime, options = Runtime(python, with_ or (), say), pairs(set_, "--set")
    name = _offering(package)
    if name is None:
        if only:
            raise UsageError(f"--only is for packages that offer targets by name: audit one of {package} by itself")
        is_folder = Path(package).is_dir()
        candidates = (
            discovered(Path(package)) if is_folder else discovered_in(package, settled([f"{package}:"], runtime)[0])
        )
        return survey_folder(package, candidates, data, golden, options, runtime, config, out, json_)
    return _survey_package(package, name, only or (), data, golden, options, runtime, config, out, json_)


def _offering(package: str) -> str | None:
    """The framework that lists this package's targets; None for other packages and for folders."""
    from loopholes.audit.frameworks import framework
    from loopholes.audit.targets import prefixed

    name = prefixed(f"{package}:")
    return name if name is not None and hasattr(framework(name), "members") else None


def _survey_package(
    package: str,
    framework_name: str,
    only: Sequence[str],
    data: Path | None,
    golden: str | None,
    options: Mapping[str, Any],
    runtime: Runtime,
    config: AuditConfig,
    out: Path,
    json_: bool,
) -> int:
    """Audit everything that a framework's package offers by name, in forks of one process that has imported it."""
    from loopholes.audit.frameworks import framework
    from loopholes.audit.process import RewardProcess
    from loopholes.audit.targets import target_of

    options = {"rows": config.rows, **options} if "rows" in framework(framework_name).OPTIONS else dict(options)
    first = target_of([f"{package}:"], None, options, runtime)
    with closing(RewardProcess(first, memory=config.memory)) as host:
        members = host.prepare(package)
        unknown = next((name for name in only if name not in members), None)
        if unknown is not None:
            raise UnknownName(f"target of {package}", unknown, members)
        targets = [_named(first, package, name) for name in only or members]
        return _conclude(targets, config, _rows_of(data, golden), out, package, json_, host)


def _named(first: Target, package: str, name: str) -> Target:
    from dataclasses import replace

    from loopholes.audit.frameworks.base import Part

    return replace(first, parts=(Part(package, name),))


def survey_folder(
    folder: str,
    candidates: Sequence[Candidate],
    data: Path | None,
    golden: str | None,
    options: Mapping[str, Any],
    runtime: Runtime,
    config: AuditConfig,
    out: Path,
    json_: bool,
) -> int:
    """Audit everything in a folder that can be audited, and list what the rest needs."""
    if not candidates:
        raise UsageError(
            f"{folder} has no reward, scorer or environment that a framework recognises: if one of its functions is a "
            "reward, name it as FILE.py:FUNCTION"
        )
    ready = [candidate for candidate in candidates if not candidate.needs(data is not None)]
    _check_options(options, ready or candidates)
    _list(candidates, data is not None, json_)
    if not ready:
        raise UsageError("none of them can be audited as they are: provide what they need")
    targets, lost = _targets(ready, options, runtime)
    return _conclude(targets, config, _rows_of(data, golden), out, folder, json_, lost=lost)


def _check_options(options: Mapping[str, Any], candidates: Sequence[Candidate]) -> None:
    """Raise :class:`UnknownName` for an option that none of the candidates' frameworks takes."""
    from loopholes.audit.frameworks import framework

    names = sorted({candidate.framework for candidate in candidates})
    allowed = sorted({option for name in names for option in framework(name).OPTIONS})
    for option in options:
        if option not in allowed:
            raise UnknownName(f"{' or '.join(names)} option", option, allowed)


def _targets(
    candidates: Sequence[Candidate], options: Mapping[str, Any], runtime: Runtime
) -> tuple[list[Target], list[Line]]:
    """The targets, and a line for each candidate that cannot be one, as where its packages cannot be installed."""
    from loopholes.audit.frameworks import framework
    from loopholes.audit.survey import Line
    from loopholes.audit.targets import target_of

    targets: list[Target] = []
    lost: list[Line] = []
    for candidate in candidates:
        own = {key: value for key, value in options.items() if key in framework(candidate.framework).OPTIONS}
        try:
            targets.append(target_of([candidate.name], candidate.framework, own, runtime))
        except LoopholesError as error:
            lost.append(Line(candidate.name, error.exit_code, 0.0, str(error)))
    return targets, lost


def _list(candidates: Sequence[Candidate], has_data: bool, json_: bool) -> None:
    if not json_:
        paragraph(f"{len(candidates)} found in the source (plain functions only where the name says that they score):")
    for candidate in candidates:
        needs = candidate.needs(has_data)
        if json_:
            print_line({"target": candidate.name, "framework": candidate.framework, "needs": needs})
        else:
            paragraph(f"{candidate.name} ({candidate.framework}){f': needs {needs}' if needs else ''}", indent=2)


def _rows_of(data: Path | None, golden: str | None) -> RowsOf:
    from loopholes.audit.rows import read_rows, with_golden

    read = None if data is None else read_rows(data, golden)

    def rows_of(process: RewardProcess) -> Any:
        return read if read is not None else with_golden(process.own_rows(), golden)

    return rows_of


def _conclude(
    targets: Sequence[Target],
    config: AuditConfig,
    rows_of: RowsOf,
    out: Path,
    name: str,
    json_: bool,
    host: RewardProcess | None = None,
    lost: Sequence[Line] = (),
) -> int:
    """Audit the targets, print each result as it arrives after those that are ``lost``, and write the page."""
    from loopholes import report as reports
    from loopholes.audit.section import LEAD
    from loopholes.audit.survey import exit_code, section_of
    from loopholes.audit.survey import survey as run

    show = _printer(json_)
    for line in lost:
        show(line)
    lines = [*lost, *run(targets, config, rows_of, out, host=host, on_line=show)]
    section = section_of(name, lines, f"loopholes survey {name}")
    page = reports.write_page(f"Loopholes: {name}", [section], out / "survey.html", lead=LEAD)
    if not json_:
        stdout.print(f"\n{section.answer}", markup=False)
        conclude(f"The page is {page}; findings of each target are beside it.")
    return exit_code(lines)


def _printer(json_: bool) -> Callable[[Line], None]:
    from dataclasses import asdict

    from loopholes.files import jsonable
    from loopholes.numbers import written

    def show(line: Line) -> None:
        if json_:
            print_line(jsonable(asdict(line)))
            return
        gap = "" if line.gap is None or line.gap.value is None else f"; largest gap {written(line.gap)} ({line.attack})"
        outcome = (
            line.problem or f"{line.findings or 'no finding'}{gap}; {line.rows} rows, {100 * line.tried:.0f} % tried"
        )
        style = "bold red" if line.status == 1 else "yellow" if line.status else ""
        stdout.print(f"{line.target}: {outcome}, {line.seconds:.1f} s", style=style, markup=False, soft_wrap=True)

    return show
