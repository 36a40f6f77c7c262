"""When two findings are the same: in two audits of a reward, in a baseline, and in a code-scanning alert.

The best attack of a family depends on the rows and the time available, so a loophole is identified by its *family*, not
by the attack that shows it best. A check of the contract is identified by its name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from loopholes.audit.layout import REPORT, read_report
from loopholes.audit.results import Finding, Report, Target
from loopholes.errors import DataError

SEVERITY = {"inconclusive": 0, "warning": 1, "exploit": 2}


def identity(finding: Finding) -> str:
    """``family`` for an attack, ``family/search`` for the search, ``contract/check`` for a check.

    Near misses count as a family, although checks find them.
    """
    if finding.kind == "contract" and finding.family != "near-miss":
        return f"contract/{finding.name}"
    return f"{finding.family}/search" if finding.kind == "search" else finding.family


def fingerprints(report: Report) -> Iterator[str]:
    """A fingerprint for each finding: unique within a report, and the same in the target's next audit."""
    seen: dict[str, int] = {}
    for finding in report.findings:
        name = identity(finding)
        seen[name] = seen.get(name, 0) + 1
        text = f"{name_of(report.target)}\n{name}\n{seen[name]}"
        yield hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def name_of(target: Target) -> str:
    """The target's label, independent of how the path of a file below the working directory was typed."""
    here = os.getcwd() + os.sep
    parts = [
        replace(part, source=os.path.abspath(part.source).removeprefix(here)) if part.source.endswith(".py") else part
        for part in target.parts
    ]
    return replace(target, parts=tuple(parts)).label


def severities(findings: Sequence[Finding]) -> dict[str, int]:
    """The severity of the worst verdict for each identity."""
    worst: dict[str, int] = {}
    for finding in findings:
        name = identity(finding)
        worst[name] = max(worst.get(name, 0), SEVERITY[finding.verdict])
    return worst


def is_among(finding: Finding, earlier: Sequence[Finding]) -> bool:
    """Whether an earlier finding is the same and at least as severe. Inconclusive findings always count as new."""
    return SEVERITY[finding.verdict] > 0 and SEVERITY[finding.verdict] <= severities(earlier).get(identity(finding), 0)


def read_baseline(path: Path, target: Target) -> list[Finding]:
    """The findings of earlier audits of a target, from an ``audit.json`` or a folder that holds some.

    Raises :class:`DataError` for a path without an audit of this target.
    """
    files = sorted(path.rglob(REPORT)) if path.is_dir() else [path]
    reports = [read_report(file) for file in files]
    matching = [report for report in reports if name_of(report.target) == name_of(target)]
    if not matching:
        labels = ", ".join(sorted({report.target.label for report in reports}))
        raise DataError(f"{path} holds no audit of {target.label}" + (f", only of {labels}" if labels else ""))
    return [finding for report in matching for finding in report.findings]


def against_baseline(report: Report, baseline: Sequence[Finding]) -> Report:
    """The report, with the findings marked that are in the baseline."""
    return replace(
        report, findings=[replace(finding, in_baseline=is_among(finding, baseline)) for finding in report.findings]
    )


def gone(report: Report, baseline: Sequence[Finding]) -> list[str]:
    """The identities of the baseline's exploits and warnings that the report no longer has."""
    present = severities(report.findings)
    return sorted(name for name, severity in severities(baseline).items() if severity and name not in present)
