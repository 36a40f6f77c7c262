"""How reports and findings are written to JSON and read back: the only module that knows the keys.

``audit.json`` holds a whole report, ``NNNN.json`` beside it a single finding with all that a replay needs. Both state
their ``schema``; a file of another schema, or a damaged one, is refused in one sentence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loopholes.audit.frameworks.base import Part
from loopholes.audit.gold.refused import Refusal, Refusals
from loopholes.audit.results import (
    Baseline,
    Coverage,
    Evidence,
    Finding,
    Gap,
    Hint,
    Note,
    Push,
    Report,
    Scoring,
    Selection,
    Target,
)
from loopholes.errors import DataError, RunError
from loopholes.files import jsonable, read_json
from loopholes.records import messages
from loopholes.stats import Estimate

SCHEMA = 6
"""Version of both layouts. It changes whenever a key is added, renamed or removed."""
REPORT = "audit.json"
"""The file of the whole report."""
FINDINGS = "[0-9][0-9][0-9][0-9].json"
"""Pattern of the files of single findings."""
HASHES = ("functions", "data", "versions", "panel")
"""Keys of a report's hashes."""


@dataclass(frozen=True)
class SavedFinding:
    """One finding from its file. ``functions`` are the hashes of the files that defined the reward.

    ``unheld`` are columns of the row whose values JSON cannot hold, so that the finding cannot be replayed.
    """

    finding: Finding
    evidence: Evidence
    target: Target
    scoring: Scoring
    functions: Mapping[str, str]
    unheld: tuple[str, ...] = ()


def report_record(report: Report) -> dict[str, Any]:
    """A whole report as a JSON object."""
    return {
        "schema": SCHEMA,
        "target": report.target.label,
        **jsonable(asdict(report.target)),
        "status": report.exit_code(),
        "scoring": asdict(report.scoring),
        "coverage": jsonable(asdict(report.coverage)),
        "golden": jsonable(asdict(report.golden)),
        "baselines": [jsonable(asdict(baseline)) for baseline in report.baselines],
        "zero": report.zero,
        "worst": None if report.worst is None else jsonable(asdict(report.worst)),
        "findings": [_finding_record(finding) for finding in report.findings],
        "notes": [asdict(note) for note in report.notes],
        "losing": report.losing,
        "refused": None if report.refused is None else _refused_record(report.refused),
        "selection": None if report.selection is None else jsonable(asdict(report.selection)),
        "gaps": [jsonable(asdict(gap)) for gap in report.gaps],
        **jsonable(report.hashes),
    }


def read_report(path: Path) -> Report:
    """The report in a file of :func:`report_record`; raises :class:`DataError` in one sentence."""
    record = _read(path)
    with _damage(path, "is not a whole report"):
        return Report(
            target=_target(record),
            coverage=Coverage(**record["coverage"]),
            golden=Estimate(**record["golden"]),
            baselines=[_baseline(baseline) for baseline in record["baselines"]],
            zero=record["zero"],
            gaps=[_gap(gap) for gap in record["gaps"]],
            worst=None if record["worst"] is None else _gap(record["worst"]),
            findings=[_finding(finding) for finding in record["findings"]],
            notes=[Note(**note) for note in record["notes"]],
            losing=record["losing"],
            refused=None if record["refused"] is None else _refused(record["refused"]),
            selection=None if record["selection"] is None else _selection(record["selection"]),
            scoring=Scoring(**record["scoring"]),
            hashes={key: record[key] for key in HASHES if key in record},
        )


def finding_record(finding: Finding, report: Report) -> dict[str, Any]:
    """A finding of a report as a JSON object, with all that a replay needs."""
    columns = finding.evidence.columns if finding.evidence is not None else {}
    return {
        "schema": SCHEMA,
        **_finding_record(finding),
        "target": jsonable(asdict(report.target)),
        "scoring": asdict(report.scoring),
        "unheld": [name for name, value in columns.items() if not _held(value)],
        **jsonable(report.hashes),
    }


def read_finding(path: Path) -> SavedFinding:
    """The finding in a file of :func:`finding_record`; raises :class:`DataError` in one sentence."""
    record = _read(path)
    if path.name == REPORT:
        raise DataError(f"{path} is a whole report: replay one of the findings beside it, such as 0001.json")
    with _damage(path, "holds no completion that could be scored again"):
        finding = _finding({key: value for key, value in record.items() if key in _FINDING})
        if finding.evidence is None:
            raise ValueError("it shows no completion")
    with _damage(path, "does not say what was audited"):
        target, functions = _target(record["target"]), record.get("functions", {})
    with _damage(path, "does not say how it was scored"):
        return SavedFinding(
            finding, finding.evidence, target, Scoring(**record["scoring"]), functions, tuple(record["unheld"])
        )


def _read(path: Path) -> dict[str, Any]:
    if path.is_dir():
        first = next((file for file in sorted(path.glob("0*.json"))), None)
        has = "there is none in it" if first is None else f"name one in it, such as {first}"
        raise DataError(f"{path} is a folder, and findings are scored again one by one: {has}")
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    try:
        record = read_json(path)
    except RunError:
        raise DataError(
            f"{path} is not a file that an audit wrote, or it was damaged: name one in the folder of its findings"
        ) from None
    if record.get("schema") != SCHEMA:
        written = f"of schema {record['schema']!r}" if "schema" in record else "without a schema"
        raise DataError(f"{path} is {written}, and this version reads schema {SCHEMA}: run the audit again")
    return record


@contextmanager
def _damage(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(f"{path} {what}: {reason}") from error


def _finding_record(finding: Finding) -> dict[str, Any]:
    record: dict[str, Any] = jsonable(asdict(finding))
    reward = None if finding.evidence is None else finding.evidence.reward
    if reward is not None and not math.isfinite(reward):
        record["evidence"]["reward"] = str(reward)  # JSON has no such number, and a replay needs it
    return {**record, "change": finding.change, "page": finding.page}


_FINDING = {*Finding.__dataclass_fields__}


def _finding(record: Mapping[str, Any]) -> Finding:
    fields = {key: value for key, value in record.items() if key not in ("change", "page")}
    readers: dict[str, Callable[[Any], Any]] = {
        "gap": lambda gap: Estimate(**gap),
        "evidence": _evidence,
        "hint": _hint,
        "selection": _selection,
    }
    return Finding(
        **{**fields, **{key: None if fields[key] is None else read(fields[key]) for key, read in readers.items()}}
    )


def _selection(record: Mapping[str, Any]) -> Selection:
    pushes = [Push(**{**push, "push": Estimate(**push["push"])}) for push in record["pushes"]]
    estimates = {key: Estimate(**record[key]) for key in ("share", "mostly")}
    return Selection(**{**record, **estimates, "pushes": pushes})


def _hint(record: Mapping[str, Any]) -> Hint:
    return Hint(**{**record, "confirmed_by": tuple(record["confirmed_by"])})


def _evidence(record: Mapping[str, Any]) -> Evidence:
    if not isinstance(record["prompt"], str):
        messages(record["prompt"])
    if not isinstance(record["columns"], dict) or not isinstance(record["completion"], str):
        raise ValueError("columns or completion are of another kind")
    reward = record["reward"]
    company = tuple(record["company"])
    return Evidence(**{**record, "reward": None if reward is None else float(reward), "company": company})


def _gap(record: Mapping[str, Any]) -> Gap:
    return Gap(**{**record, "gap": Estimate(**record["gap"]), "share": Estimate(**record["share"])})


def _baseline(record: Mapping[str, Any]) -> Baseline:
    return Baseline(**{**record, "reward": Estimate(**record["reward"]), "share": Estimate(**record["share"])})


def _refused_record(refused: Refusals) -> dict[str, Any]:
    record: dict[str, Any] = jsonable(asdict(refused))
    return {"reader": refused.reader, "sentence": refused.sentence, **record}


def _refused(record: Mapping[str, Any]) -> Refusals:
    ways = [Refusal(**{**way, "rate": Estimate(**way["rate"])}) for way in record["ways"]]
    return Refusals(Estimate(**record["within"]), Estimate(**record["around"]), record["rows"], ways)


def _target(record: Mapping[str, Any]) -> Target:
    parts, requires = tuple(Part(**part) for part in record["parts"]), tuple(record["requires"])
    return Target(record["framework"], parts, record["options"], record["python"], requires)


def _held(value: Any) -> bool:
    """Whether JSON can hold a value."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _held(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_held, value))
    return value is None or isinstance(value, str | int | float)
