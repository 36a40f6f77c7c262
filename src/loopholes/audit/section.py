"""Audits of rewards as sections of a page: from the file that ``loopholes audit`` wrote, nothing is scored again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loopholes.audit.layout import REPORT, read_report
from loopholes.audit.results import Coverage, Evidence, Finding, Gap, Report
from loopholes.report.elements import Cell, Section, Table

QUESTION = "How can this reward be gamed?"
LEAD = (
    "Before anything was trained, a reward function was called with completions that try to be paid without being "
    "right. What pays for them pays for them in training, too: a policy that finds such a completion is taught it."
)
SHOWN = 20
"""Attacks in the table of gaps."""


def audits_of(folder: Path) -> list[Section]:
    """The audits in a directory or below it; raises :class:`DataError` for another schema or a damaged file."""
    return [_section(read_report(path)) for path in sorted(folder.rglob(REPORT))]


def _section(report: Report) -> Section:
    coverage, label = report.coverage, report.target.label
    return Section(
        f"audit: {_named(label)}",
        QUESTION,
        _answer(report),
        tables=[_findings(report.findings), _gaps(report.gaps)],
        facts={"Reward": label, "Framework": report.target.framework, **_covered(coverage)},
        notes=[*(f"Not covered: {line}." for line in coverage.skipped), *coverage.notes],
        rollouts={
            "findings": [
                _shown(finding, finding.evidence) for finding in report.findings if finding.evidence is not None
            ]
        },
    )


def _named(target: str) -> str:
    """The target without the folder of its file."""
    file, _, function = target.partition(".py:")
    return f"{Path(file).name}.py:{function}" if function else target


def _answer(report: Report) -> str:
    exploits = [finding for finding in report.open if finding.verdict == "exploit"]
    warnings = sum(finding.verdict == "warning" for finding in report.open)
    if not exploits:
        answer = f"Nothing of the panel and the search pays like a right answer ({warnings} warnings)"
        return answer + ("." if report.worst else ", but there was no scale to measure it on.")
    first = exploits[0]
    families = ", ".join(dict.fromkeys(finding.family for finding in exploits))
    return f"It can be gamed ({families}): {first.name} {first.message}."


def _covered(coverage: Coverage) -> dict[str, str]:
    return {
        "Rows": f"{coverage.rows} of {coverage.rows_given}",
        "Calls": f"{coverage.calls:,} in {coverage.seconds:.1f} s",
        "Families tried": ", ".join(coverage.families) or "none",
    }


def _findings(findings: Sequence[Finding]) -> Table:
    rows: list[list[Cell]] = [
        [finding.name, finding.verdict, finding.family, finding.gap, finding.message, finding.change]
        for finding in findings
    ]
    columns = ("finding", "verdict", "family", "gap", "what", "to do")
    note = "Gap: what the attack pays above an honest wrong answer, as a share of what right answers pay above that."
    return Table("audit-findings", "Findings", columns, rows, note)


def _gaps(gaps: Sequence[Gap]) -> Table:
    rows: list[list[Cell]] = [[gap.attack, gap.family, gap.gap, gap.n, gap.right] for gap in gaps[:SHOWN]]
    columns = ("attack", "family", "gap", "rows", "right after all")
    return Table("audit-gaps", f"The {len(rows)} attacks of {len(gaps)} that pay most", columns, rows)


def _shown(finding: Finding, evidence: Evidence) -> dict[str, Any]:
    """A finding's completion, as the page shows rollouts."""
    prompt = evidence.prompt
    text = prompt if isinstance(prompt, str) else "\n".join(f"{turn['role']}: {turn['content']}" for turn in prompt)
    return {
        "step": None,
        "seed": 0,
        "task": f"row {evidence.row}",
        "prompt": text,
        "text": evidence.completion,
        "reward": evidence.reward,
        "task_score": None,
        "exploit": float(finding.verdict == "exploit"),
        "reason": evidence.problem,
        "details": {"finding": finding.name, "golden is paid": evidence.golden, "wrong is paid": evidence.floor},
    }
