"""A folder of findings: a file for each, which replays to the same reward, and the whole report beside them."""

from __future__ import annotations

import hashlib
import math
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loopholes.audit.definitions import definition_of
from loopholes.audit.environments import Say, built, search_path, version_in
from loopholes.audit.episodes.playing import EARLIER
from loopholes.audit.frameworks import framework
from loopholes.audit.frameworks.base import Paid, Part, Row
from loopholes.audit.layout import FINDINGS, REPORT, SavedFinding, finding_record, read_finding, report_record
from loopholes.audit.panel_hash import panel_hash
from loopholes.audit.process import Process, RewardProcess
from loopholes.audit.results import Evidence, Report, Scoring, Target
from loopholes.audit.scorer import Scorer
from loopholes.errors import DataError, RunError
from loopholes.files import disk_errors, read_json, write_json
from loopholes.modules import module_name, source_of
from loopholes.records import messages
from loopholes.version import __version__


def hashes(target: Target, data: Path | None) -> dict[str, Any]:
    """SHA-256 hashes of the reward's files, the data and the audit, and the versions of the packages that ran."""
    files = {name: _digest(file) for part in target.parts for name, file in _files(part, target.python).items()}
    versions = {"loopholes": __version__}
    package = framework(target.framework).PACKAGE
    if package is not None:
        versions[target.framework] = version_in(target.python, package) or "not installed"
    return {
        "functions": files,
        "data": None if data is None or not data.is_file() else _digest(data),
        "versions": versions,
        "panel": panel_hash(),
    }


def _files(part: Part, python: str) -> dict[str, Path]:
    """The file that a part names, as typed, and the file that defines it, if that is another one, by its module."""
    definition, file = definition_of(part, python), source_of(part.source, search_path(python))
    files = {} if file is None else {part.source: file}
    if definition is not None and definition.file != file:
        files[module_name(definition.file)[0]] = definition.file
    return files


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def earlier(folder: Path) -> list[Path]:
    """The findings of an earlier audit, of any schema; raises :class:`RunError` for files not written by an audit."""
    findings = sorted(folder.glob(FINDINGS))
    reports = [folder / REPORT] if (folder / REPORT).exists() else []
    needed = [(path, {"target", "evidence", "name"}) for path in findings]
    needed += [(path, {"target", "gaps"}) for path in reports]
    foreign = next((path for path, keys in needed if not keys <= _keys(path)), None)
    if foreign is not None:
        raise RunError(f"{foreign} was not written by an audit; choose another --out")
    return findings


def audited_in(folder: Path) -> str | None:
    """The target whose report a folder holds, as it is called; None without a report."""
    with suppress(RunError):
        return str(read_json(folder / REPORT).get("target"))
    return None


def _keys(path: Path) -> set[str]:
    try:
        return set(read_json(path))
    except RunError:
        return set()


def save(report: Report, folder: Path) -> list[Path]:
    """Write the report, and each finding that has a completion to ``folder/NNNN.json``.

    They replace those of an earlier audit (see :func:`earlier`). Returns the findings' files.
    """
    replaced = earlier(folder)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for old in replaced:
            old.unlink()
        written = []
        with_completion = [finding for finding in report.findings if finding.evidence is not None]
        for number, finding in enumerate(with_completion, 1):
            path = folder / f"{number:04}.json"
            write_json(path, finding_record(finding, report))
            written.append(path)
        write_json(folder / REPORT, report_record(report))
    return written


@dataclass(frozen=True)
class Replay:
    """A finding, and what its completion is paid now.

    ``edited``: the functions have changed since the audit.
    """

    saved: SavedFinding
    now: Paid
    edited: bool = False

    @property
    def same(self) -> bool:
        """Whether the completion is paid as it was."""
        then, now = self.saved.evidence.reward, self.now.value
        if then is None or now is None:
            return then is None and now is None and bool(self.saved.evidence.problem) == bool(self.now.problem)
        if not math.isfinite(then) or not math.isfinite(now):
            return str(then) == str(now)
        return then == now or abs(then - now) <= 1e-9 * max(1.0, abs(then))


def replay(path: Path, say: Say = lambda sentence: None) -> Replay:
    """Score a finding's completion again; raises :class:`DataError` for a file that cannot be replayed.

    If the environment that was built for the target is gone, it is built again; ``say`` announces that.
    """
    saved = read_finding(path)
    if saved.unheld:
        raise DataError(f"{path} cannot be replayed: JSON does not hold the row's {', '.join(saved.unheld)}")
    target = saved.target
    if target.requires:
        target = replace(target, python=built(target.requires, say))
    moved = next(
        (part for part in target.parts if part.source in saved.functions and not _files(part, target.python)), None
    )
    if moved is not None:
        raise DataError(
            f"{path} is about {moved.label}, and {moved.source} is not found from here: replay it in the folder "
            "in which the audit ran"
        )
    with RewardProcess(target, memory=saved.scoring.memory) as process:
        now = paid_again(process, saved.evidence, saved.scoring)
    return Replay(saved, now, saved.functions != hashes(target, None)["functions"])


def paid_again(process: Process, evidence: Evidence, scoring: Scoring) -> Paid:
    """The payment of a finding's completion now, under its row and in its group."""
    prompt = evidence.prompt if isinstance(evidence.prompt, str) else messages(evidence.prompt)
    row = Row(evidence.row, prompt, columns=evidence.columns)
    company = [[*evidence.company]] if evidence.company else None
    scorer = Scorer(process, [row], seconds_a_call=scoring.seconds_a_call, repeats=scoring.repeats, companions=company)
    if EARLIER in row.columns:
        scorer.restart()  # earlier episodes are part of this row
    else:
        scorer.warm_up((0, ""))
    return scorer.pay([(0, evidence.completion)])[0]
