"""Audits of rewards as sections of a page, from the files that ``loopholes audit`` wrote. Nothing is scored again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loopholes.audit import summary
from loopholes.audit.groups import faults
from loopholes.audit.layout import REPORT, read_report
from loopholes.audit.results import Coverage, Evidence, Finding, Gap, Report
from loopholes.modules import without_folder
from loopholes.numbers import plain
from loopholes.report.elements import Cell, Section, Table

QUESTION = "How can this reward be gamed?"
LEAD = (
    "Before anything was trained, a reward function was called with completions that try to be paid without being "
    "right. A reward that pays for them here pays for them in training, too: a policy that finds one learns it."
)
SHOWN = 20
"""Maximum number of attacks in the table of gaps."""
SHORT = 60
"""Longest example in a table, in letters."""


def audits_of(folder: Path) -> list[Section]:
    """The audits in a directory or below it; raises :class:`DataError` for damaged files and other schemas."""
    return [_section(read_report(path)) for path in sorted(folder.rglob(REPORT))]


def _section(report: Report) -> Section:
    coverage, label = report.coverage, report.target.label
    rollouts = [_rollout(finding, finding.evidence) for finding in report.findings if finding.evidence is not None]
    gaps = [_gaps(report.gaps, coverage)] if report.gaps else []
    return Section(
        f"audit: {without_folder(label)}",
        QUESTION,
        _answer(report),
        tables=[_payments(report), _findings(report.findings), *_refusals(report), *gaps],
        facts={
            "Reward": label,
            "Framework": report.target.framework,
            **_covered(coverage),
            "Near misses": ": ".join(filter(None, [summary.near_misses(report), ", ".join(coverage.near)])),
        },
        notes=[
            *(_sentence(note.message) for note in summary.notes(report)),
            *(f"Not covered: {line}." for line in coverage.skipped),
            *map(_sentence, summary.looked_at(report)),
        ],
        rollouts={"findings": rollouts} if rollouts else {},
    )


def _answer(report: Report) -> str:
    lines = [summary.verdict(report), summary.payments(report), summary.golden_form(report), summary.worst(report)]
    return " ".join(map(_sentence, filter(None, lines)))


def _sentence(line: str) -> str:
    """A line as a sentence; a file's name at its beginning keeps its case."""
    first = line.partition(" ")[0]
    return f"{line}." if "." in first else f"{line[:1].upper()}{line[1:]}."


def _covered(coverage: Coverage) -> dict[str, str]:
    return {
        "Rows": f"{coverage.rows} of {coverage.rows_given}",
        "Calls": f"{coverage.calls:,} in {coverage.seconds:.1f} s",
        "Panel tried": f"{100 * coverage.tried:.0f} %",
        "Families tried": ", ".join(coverage.families) or "none",
    }


def _payments(report: Report) -> Table:
    """The payments of right answers, empty answers, refusals and wrong answers."""
    rows: list[list[Cell]] = [
        [summary.NAMES[baseline.kind], baseline.reward, baseline.share, baseline.text[:SHORT]]
        for baseline in report.baselines
    ]
    rows.insert(0, ["a right answer", report.golden, None, None])
    columns = ("completion", "reward", "share of right", "example")
    note = f"A share counts from a reward of {plain(report.zero)}."
    return Table("audit-payments", "What is paid without an attack", columns, rows, note, plain=("reward",))


def _findings(findings: Sequence[Finding]) -> Table:
    """The findings, a row for each fault."""
    rows: list[list[Cell]] = [
        [
            finding.name,
            finding.verdict,
            finding.family,
            finding.gap,
            finding.rows,
            "; ".join(filter(None, [finding.message, summary.same_fault(others)])),
            finding.change,
        ]
        for finding, others in faults(findings)
    ]
    columns = ("finding", "verdict", "family", "gap", "rows that pay", "what", "to do")
    note = "Gap: what the attack earns above an honest wrong answer, as a share of what right answers earn above it."
    return Table("audit-findings", "Findings", columns, rows, note)


def _gaps(gaps: Sequence[Gap], coverage: Coverage) -> Table:
    rows: list[list[Cell]] = [[gap.attack, gap.family, gap.gap, gap.n, gap.right] for gap in gaps[:SHOWN]]
    columns = ("attack", "family", "gap", "rows", "happens to be right")
    tried = sum(coverage.attacks.values())
    return Table("audit-gaps", f"The {len(rows)} attacks that pay most, of {tried} that were tried", columns, rows)


def _refusals(report: Report) -> list[Table]:
    """How often right answers are refused when they are written differently, by way of writing."""
    refused = report.refused
    if refused is None or not refused.ways:
        return []
    rows: list[list[Cell]] = [[way.name, way.place, way.rate, way.n, way.example[:SHORT]] for way in refused.ways]
    columns = ("written as", "place", "refused", "rows", "for example")
    title = "How often right answers are refused when they are written differently"
    return [Table("audit-refused", title, columns, rows, _sentence(summary.written_differently(report)))]


def _rollout(finding: Finding, evidence: Evidence) -> dict[str, Any]:
    """A finding's completion as a rollout on the page."""
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
        "details": {
            "finding": finding.name,
            "a right answer is paid": evidence.golden,
            "a wrong answer is paid": evidence.floor,
            **({"in the source": summary.source_line(finding.hint)} if finding.hint else {}),
            **({"code that closes it": finding.snippet} if finding.snippet else {}),
            "read more": finding.page,
        },
    }
