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
from loopholes.audit.frameworks.base import Paid, Part, Row
from loopholes.audit.results import Evidence, Finding, Report, Scoring, Target
from loopholes.audit.scorer import Scorer
from loopholes.errors import DataError, RunError
from loopholes.files import disk_errors, jsonable, read_json, write_json
from loopholes.records import messages

FORMAT = 1
WHOLE = "audit.json"
"""The file of the whole report, beside its findings."""
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


def earlier(folder: Path) -> list[Path]:
    """The findings of an earlier audit; raises :class:`RunError` for files of such a name that no audit wrote."""
    found = sorted(folder.glob("[0-9][0-9][0-9][0-9].json"))
    whole = [folder / WHOLE] if (folder / WHOLE).exists() else []
    kept = [(path, {"target", "evidence", "name"}) for path in found] + [(path, {"target", "gaps"}) for path in whole]
    foreign = next((path for path, keys in kept if not keys <= _keys(path)), None)
    if foreign is not None:
        raise RunError(f"{foreign} was not written by an audit; choose another --out")
    return found


def save(report: Report, folder: Path) -> list[Path]:
    """Write the report, and each finding that has a completion to ``folder/NNNN.json``.

    Those of an earlier audit are replaced; see :func:`earlier`. Returns the findings' files.
    """
    replaced = earlier(folder)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for old in replaced:
            old.unlink()
        written = []
        for number, finding in enumerate((one for one in report.findings if one.evidence is not None), 1):
            path = folder / f"{number:04}.json"
            write_json(path, record(finding, report))
            written.append(path)
        write_json(folder / WHOLE, as_json(report))
    return written


def _keys(path: Path) -> set[str]:
    try:
        return set(read_json(path))
    except RunError:
        return set()


def record(finding: Finding, report: Report) -> dict[str, Any]:
    """A finding in JSON. ``unheld`` are columns whose values JSON does not hold, so that it cannot be replayed."""
    found: dict[str, Any] = jsonable(asdict(finding))
    columns = finding.evidence.columns if finding.evidence is not None else {}
    paid = finding.evidence.reward if finding.evidence is not None else None
    if paid is not None and not math.isfinite(paid):
        found["evidence"]["reward"] = str(paid)  # JSON has no such number, and a replay has to find it again
    return {
        "format": FORMAT,
        **found,
        "change": finding.change,
        "target": jsonable(asdict(report.target)),
        "scoring": asdict(report.scoring),
        "unheld": [name for name, value in columns.items() if not _held(value)],
        **jsonable(report.hashes),
    }


def _held(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _held(one) for key, one in value.items())
    if isinstance(value, list):
        return all(map(_held, value))
    return value is None or isinstance(value, str | int | float)


@dataclass(frozen=True)
class Replay:
    """A finding, what its completion is paid now, and whether that is what it was paid then.

    ``edited``: the functions are no longer what they were.
    """

    name: str
    target: Target
    evidence: Evidence
    now: Paid
    edited: bool = False

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
    if found.get("unheld"):
        raise DataError(
            f"{path} cannot be replayed: JSON does not hold the row's {', '.join(map(str, found['unheld']))}"
        )
    target, evidence = _target(found["target"], path), _evidence(found["evidence"], path)
    prompt = evidence.prompt if isinstance(evidence.prompt, str) else messages(evidence.prompt)
    row = Row(evidence.row, prompt, columns=evidence.columns)
    with Scorer(target, [row], **_scoring(found.get("scoring"), path)) as scorer:
        scorer.companions = [[*evidence.company]] if evidence.company else None
        (now,) = scorer.pay([(0, evidence.completion)])
    edited = found.get("functions") != hashes(target, None)["functions"]
    return Replay(str(found["name"]), target, evidence, now, edited)


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


def _scoring(found: Any, path: Path) -> dict[str, Any]:
    try:
        return asdict(Scoring(**(found or {})))
    except TypeError as error:
        raise DataError(f"{path} does not say how it was scored: {error}") from error


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
        "coverage": jsonable(asdict(report.coverage)),
        "golden": jsonable(asdict(report.golden)),
        "floor": jsonable(asdict(report.floor)),
        "worst": None if report.worst is None else jsonable(asdict(report.worst)),
        "findings": [{**jsonable(asdict(one)), "change": one.change} for one in report.findings],
        "losing": report.losing,
        "gaps": [jsonable(asdict(gap)) for gap in report.gaps],
        **jsonable(report.hashes),
    }
