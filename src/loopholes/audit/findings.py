"""Findings as files: one JSON file each, which replays to the same reward."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from loopholes import __version__
from loopholes.audit.records import Evidence, Finding, Report, Target
from loopholes.audit.scorer import Scorer
from loopholes.errors import DataError, RunError
from loopholes.games.files import messages
from loopholes.integrations.base import Paid, Part, Row
from loopholes.storage import disk_errors, plain, read_json, write_json

FORMAT = 1
PACKAGES = {"trl": "trl", "verl": "verl", "verifiers": "verifiers", "openenv": "openenv"}


def hashes(target: Target, data: Path | None) -> dict[str, Any]:
    """SHA-256 of the reward's files and of the data, and the versions of what called it."""
    files = {part.file: _digest(Path(part.file)) for part in target.parts if Path(part.file).is_file()}
    versions = {"loopholes": __version__}
    if target.framework in PACKAGES:
        try:
            versions[target.framework] = version(PACKAGES[target.framework])
        except PackageNotFoundError:
            versions[target.framework] = "not installed"
    return {
        "functions": files,
        "data": None if data is None or not data.is_file() else _digest(data),
        "versions": versions,
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save(report: Report, folder: Path) -> list[Path]:
    """Write each finding that has a completion to ``folder/NNNN.json``; those of an earlier audit are replaced.

    Raises :class:`RunError` where the folder holds files of such a name that no audit wrote.
    """
    earlier = sorted(folder.glob("[0-9][0-9][0-9][0-9].json"))
    foreign = next((path for path in earlier if not _is_finding(path)), None)
    if foreign is not None:
        raise RunError(f"{foreign} is no finding of an audit; choose another --out")
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for old in earlier:
            old.unlink()
        written = []
        for number, finding in enumerate((one for one in report.findings if one.evidence is not None), 1):
            path = folder / f"{number:04}.json"
            write_json(path, record(finding, report.target, report.hashes))
            written.append(path)
    return written


def _is_finding(path: Path) -> bool:
    try:
        return {"target", "evidence", "name"} <= read_json(path).keys()
    except RunError:
        return False


def record(finding: Finding, target: Target, made_with: Mapping[str, Any]) -> dict[str, Any]:
    """A finding in JSON."""
    found: dict[str, Any] = plain(asdict(finding))
    paid = finding.evidence.reward if finding.evidence is not None else None
    if paid is not None and not math.isfinite(paid):
        found["evidence"]["reward"] = str(paid)  # JSON has no such number, and a replay has to find it again
    return {"format": FORMAT, **found, "change": finding.change, "target": plain(asdict(target)), **plain(made_with)}


@dataclass(frozen=True)
class Replay:
    """A finding, what its completion is paid now, and whether that is what it was paid then."""

    name: str
    target: Target
    evidence: Evidence
    now: Paid

    @property
    def same(self) -> bool:
        """Whether the reward is what it was."""
        then = self.evidence.reward
        if then is None or self.now.value is None:
            return then is None and self.now.value is None and bool(self.evidence.problem) == bool(self.now.problem)
        if not math.isfinite(then) or not math.isfinite(self.now.value):
            return str(then) == str(self.now.value)
        return then == self.now.value or abs(then - self.now.value) <= 1e-9 * max(1.0, abs(then))


def replay(path: Path) -> Replay:
    """Score a finding's completion again; raises :class:`DataError` for a file that is none."""
    found = _read(path)
    target, evidence = _target(found["target"], path), _evidence(found["evidence"], path)
    prompt = evidence.prompt if isinstance(evidence.prompt, str) else messages(evidence.prompt)
    row = Row(evidence.row, prompt, columns=evidence.columns)
    with Scorer(target, [row]) as scorer:
        now, *_ = scorer.pay_now([(0, text) for text in (evidence.completion, *evidence.company)])
    return Replay(str(found["name"]), target, evidence, now)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    found: dict[str, Any] = read_json(path)
    if found.get("format") != FORMAT or not {"target", "evidence", "name"} <= found.keys():
        raise DataError(f"{path} is no finding of this version's audit")
    if not isinstance(found["evidence"], dict) or found["evidence"].keys() != Evidence.__dataclass_fields__.keys():
        raise DataError(f"{path} holds no completion that could be scored again")
    return found


def _evidence(found: dict[str, Any], path: Path) -> Evidence:
    try:
        if not isinstance(found["prompt"], str):
            messages(found["prompt"])
        if not isinstance(found["columns"], dict) or not isinstance(found["completion"], str):
            raise ValueError("columns or completion are of another kind")
        reward = found["reward"]
        return Evidence(**{**found, "reward": None if reward is None else float(reward)})
    except (TypeError, ValueError) as error:
        raise DataError(f"{path} holds no completion that could be scored again: {error}") from error


def _target(found: Any, path: Path) -> Target:
    try:
        parts: Sequence[Part] = [Part(**part) for part in found["parts"]]
        return Target(found["framework"], tuple(parts), found["options"])
    except (TypeError, KeyError) as error:
        raise DataError(f"{path} does not say what was audited: {error}") from error


def as_json(report: Report) -> dict[str, Any]:
    """A whole report in JSON."""
    return {
        "target": report.target.label,
        "framework": report.target.framework,
        "status": report.status(),
        "coverage": plain(asdict(report.coverage)),
        "golden": plain(asdict(report.golden)),
        "floor": plain(asdict(report.floor)),
        "worst": None if report.worst is None else plain(asdict(report.worst)),
        "findings": [{**plain(asdict(one)), "change": one.change} for one in report.findings],
        "losing": report.losing,
        "gaps": [plain(asdict(gap)) for gap in report.gaps],
        **plain(report.hashes),
    }
