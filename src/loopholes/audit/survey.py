"""Audits of everything that a package or a folder offers, one after another, in one table.

Targets of a package are loaded in forks of one process that has imported it. Each finished audit is a folder with its
findings and a line of ``survey.jsonl``, so that an interrupted survey can continue: a target is not audited again if
its line was written with the same panel and settings.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from loopholes.audit.engine import AuditConfig, audit
from loopholes.audit.folder import save
from loopholes.audit.frameworks.base import Row
from loopholes.audit.panel_hash import panel_hash
from loopholes.audit.process import RewardProcess
from loopholes.audit.results import Report, Target
from loopholes.audit.summary import counted
from loopholes.errors import DONE, FOUND, INCONCLUSIVE, LoopholesError
from loopholes.files import disk_errors, json_rows
from loopholes.numbers import Estimate
from loopholes.report.elements import Cell, Section, Table

LINES = "survey.jsonl"
"""The file of finished audits."""
RowsOf = Callable[[RewardProcess], Sequence[Row]]
"""The rows of a target, from its process or from a file."""
OnLine = Callable[["Line"], None]


@dataclass(frozen=True)
class Line:
    """One audit of a survey. ``status`` is its exit code; ``problem`` says why a target could not be audited.

    ``gap`` is the panel's largest gap, ``attack`` the attack that has it, ``tried`` the share of the panel that was
    tried. ``seconds`` is the whole time that this target took, loading included.
    """

    target: str
    status: int
    seconds: float
    problem: str = ""
    gap: Estimate | None = None
    attack: str = ""
    rows: int = 0
    tried: float = 0.0
    findings: str = ""
    families: tuple[str, ...] = ()


def survey(
    targets: Sequence[Target],
    config: AuditConfig,
    rows_of: RowsOf,
    folder: Path,
    *,
    host: RewardProcess | None = None,
    on_line: OnLine = lambda line: None,
) -> list[Line]:
    """Audit every target and write its findings below ``folder``. Audits that are finished there are only read.

    ``host`` is a prepared process that has imported what the targets share. ``on_line`` is called after each audit. A
    target that cannot be audited becomes a line with its problem. Raises :class:`RunError` if ``folder`` is not
    writable.
    """
    finished = {line.target: line for line in read_lines(folder, _settings(config))}
    lines = []
    for target in targets:
        line = finished.get(target.label)
        if line is None:
            line = _audited(target, config, rows_of, folder, host)
            _append(folder, line, config)
        on_line(line)
        lines.append(line)
    return lines


def _audited(target: Target, config: AuditConfig, rows_of: RowsOf, folder: Path, host: RewardProcess | None) -> Line:
    began = time.monotonic()
    try:
        with closing(RewardProcess(target, memory=config.memory, seconds_to_load=config.seconds, host=host)) as process:
            report = audit(target, rows_of(process), config, process=process)
    except LoopholesError as error:
        return Line(target.label, error.exit_code, time.monotonic() - began, str(error))
    save(report, folder / folder_name(target.label))
    return _line(report, time.monotonic() - began)


def _line(report: Report, seconds: float) -> Line:
    exploits = [finding.family for finding in report.open if finding.verdict == "exploit"]
    worst = report.worst
    return Line(
        target=report.target.label,
        status=report.exit_code(),
        seconds=seconds,
        gap=None if worst is None else worst.gap,
        attack="" if worst is None else worst.attack,
        rows=report.coverage.rows,
        tried=report.coverage.tried,
        findings=counted(report.open),
        families=tuple(dict.fromkeys(exploits)),
    )


def folder_name(label: str) -> str:
    """The folder name of a target's findings: its label without characters that a file system may refuse."""
    return re.sub(r"[^\w.-]+", "-", label).strip("-.")[-120:]


def exit_code(lines: Sequence[Line]) -> int:
    """The exit code of a survey: an exploit anywhere, otherwise the reason why it cannot rule one out, otherwise 0."""
    statuses = {line.status for line in lines}
    if FOUND in statuses:
        return FOUND
    if statuses <= {DONE}:
        return DONE
    return INCONCLUSIVE if DONE in statuses or INCONCLUSIVE in statuses else min(statuses)


def _settings(config: AuditConfig) -> dict[str, Any]:
    """The settings that an audit's outcome depends on."""
    return {"panel": panel_hash(), "rows": config.rows, "seconds": config.seconds, "seed": config.seed}


def _append(folder: Path, line: Line, config: AuditConfig) -> None:
    record = json.dumps({**asdict(line), "settings": _settings(config)})
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LINES).open("a+b") as file:
            file.seek(max(0, file.tell() - 1))
            end = b"" if file.read() in (b"", b"\n") else b"\n"  # an incomplete line must not spoil the next one
            file.write(end + f"{record}\n".encode())


def read_lines(folder: Path, settings: dict[str, Any]) -> Iterator[Line]:
    """The finished audits of a survey with these settings. Incomplete lines are skipped."""
    if not (folder / LINES).is_file():
        return
    for record in json_rows(folder / LINES):
        if isinstance(record, dict) and record.pop("settings", None) == settings:
            gap = record["gap"]
            yield replace(
                Line(**{**record, "gap": None, "families": tuple(record["families"])}),
                gap=None if gap is None else Estimate(**gap),
            )


def table_of(lines: Sequence[Line]) -> Table:
    """One row per target: exploits first, then by largest gap. Targets that could not be audited come last."""
    ranked = sorted(lines, key=_rank)
    rows: list[list[Cell]] = [
        [
            line.target,
            _verdict(line),
            line.gap,
            line.attack or None,
            line.rows or None,
            None if line.problem else f"{100 * line.tried:.0f} %",
            line.problem or line.findings or None,
            f"{line.seconds:.1f}",
        ]
        for line in ranked
    ]
    columns = ("target", "verdict", "largest gap", "attack", "rows", "panel tried", "findings", "seconds")
    note = "Gap: what the attack earns above an honest wrong answer, as a share of what right answers earn above it."
    return Table("survey", "What the audits found", columns, rows, note)


def _rank(line: Line) -> tuple[int, float, str]:
    order = {FOUND: 0, INCONCLUSIVE: 1, DONE: 2}
    worst = line.gap.value if line.gap is not None and line.gap.value is not None else 0.0
    return order.get(line.status, 3), -worst, line.target


def _verdict(line: Line) -> str:
    if line.problem:
        return "not audited"
    return {FOUND: "exploit", INCONCLUSIVE: "inconclusive", DONE: "no exploit"}.get(line.status, "not audited")


def section_of(name: str, lines: Sequence[Line], command: str) -> Section:
    """The page of a survey."""
    counts = {verdict: sum(_verdict(line) == verdict for line in lines) for verdict in map(_verdict, lines)}
    seconds = sum(line.seconds for line in lines)
    answer = (
        f"Of {len(lines)} targets: {', '.join(f'{count} {verdict}' for verdict, count in sorted(counts.items()))}. "
        f"They took {seconds:.0f} s, {seconds / max(1, len(lines)):.1f} s each."
    )
    notes = ["A target that was not audited is neither sound nor exploitable. Each target's folder holds its findings."]
    return Section(
        name, f"Which of {name} can be gamed?", answer, tables=[table_of(lines)], notes=notes, command=command
    )
