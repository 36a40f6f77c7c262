"""Findings as SARIF 2.1.0 for code scanning: one result per fault, at the line of the audited function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from loopholes.audit import summary
from loopholes.audit.advice import FAMILIES
from loopholes.audit.definitions import definition_of
from loopholes.audit.groups import faults
from loopholes.audit.identity import fingerprints
from loopholes.audit.results import Finding, Report
from loopholes.version import __version__, documentation

LEVELS = {"exploit": "error", "warning": "warning", "inconclusive": "note"}


def sarif(report: Report, has_baseline: bool = False) -> dict[str, Any]:
    """The SARIF log of an audit. If it ``has_baseline``, each result says whether it is new."""
    rules = [
        {
            "id": family,
            "shortDescription": {"text": f"Rewards can be gamed: {family}"},
            "fullDescription": {"text": f"{change[:1].upper()}{change[1:]}."},
            "help": {"text": change, "markdown": f"{change}; see {documentation(f'docs/findings.md#{family}')}"},
        }
        for family, change in FAMILIES.items()
    ]
    driver = {"name": "loopholes audit", "semanticVersion": __version__, "rules": rules}
    definitions = [definition_of(part, report.target.python) for part in report.target.parts]
    where = [_location(definition.file, definition.line) for definition in definitions if definition is not None]
    marks = dict(zip(map(id, report.findings), fingerprints(report), strict=True))
    results = []
    for finding, others in faults(report.findings):
        result = _result(finding, others, marks[id(finding)], where)
        if has_baseline:
            result["baselineState"] = "unchanged" if finding.in_baseline else "new"
        results.append(result)
    run: dict[str, Any] = {"tool": {"driver": driver}, "results": results, "columnKind": "utf16CodeUnits"}
    if written_differently := summary.written_differently(report):
        run["properties"] = {"rightAnswers": written_differently}
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def _result(
    finding: Finding, others: Sequence[Finding], fingerprint: str, where: list[dict[str, Any]]
) -> dict[str, Any]:
    """A finding and the ``others`` of the same fault as one result."""
    line = [] if finding.hint is None else [_location(Path(finding.hint.file), finding.hint.line)]
    example = "" if finding.evidence is None else f" For example: {finding.evidence.completion[:200]!r}."
    same = f" {summary.same_fault(others)}.".replace(" the", " The", 1) if others else ""
    result: dict[str, Any] = {
        "ruleId": finding.family,
        "level": LEVELS[finding.verdict],
        "message": {"text": f"{finding.name}: {finding.message}.{example}{same} To do: {finding.change}."},
        "locations": [*line, *where][:1],
        "relatedLocations": [*line, *where][1:],
        "properties": {"page": finding.page},
        "partialFingerprints": {"finding/v1": fingerprint},
    }
    if finding.accepted:
        result["suppressions"] = [{"kind": "external"}]
    return result


def _location(file: Path, line: int) -> dict[str, Any]:
    region: Mapping[str, int] = {"startLine": line}
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(file)}, "region": region}}


def _uri(path: Path) -> str:
    """The quoted URI of a file, relative to this directory if possible, as code scanning expects."""
    full = path.resolve()
    return quote(full.relative_to(Path.cwd()).as_posix()) if full.is_relative_to(Path.cwd()) else full.as_uri()
