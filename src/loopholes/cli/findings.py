"""Prints the report of ``loopholes audit``: the verdict, the findings, notes and coverage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loopholes.cli.console import conclude, excerpt, paragraph, print_line, stdout

if TYPE_CHECKING:
    from loopholes.audit.results import Finding, Report

STYLES = {"exploit": "bold red", "warning": "yellow", "inconclusive": "dim"}


def show_report(report: Report, written: Sequence[Path], out: Path, json_: bool) -> None:
    """Print the verdict, the findings, notes and coverage, and finally where the findings are."""
    if json_:
        from loopholes.audit.layout import report_record

        print_line(report_record(report))
        return
    from loopholes.audit import summary
    from loopholes.audit.gold.refused import HEADING
    from loopholes.audit.groups import faults

    stdout.print(report.target.label, style="bold", markup=False, soft_wrap=True)
    paragraph(summary.verdict(report), _style(report))
    paragraph(summary.payments(report))
    paragraph(summary.golden_form(report))
    paragraph(summary.worst(report))
    for finding, others in faults(report.findings):
        _show_finding(finding, others)
    if report.refused is not None and report.refused.rows:
        paragraph(f"\n{HEADING}")
        _show_list(report.refused.lines)
    if notes := summary.notes(report):
        paragraph("\nnotes", "dim")
        _show_list([f"{note.name}: {note.message}" for note in notes], "dim")
    _show_coverage(report)
    conclude(f"\n{'The findings are' if written else 'The report is'} in {out}")
    if written:
        conclude(f"score one again:  loopholes audit --replay {written[0]}")
    conclude(f"read it as a page: loopholes report {out}")


def _style(report: Report) -> str:
    if any(finding.verdict == "exploit" for finding in report.open):
        return STYLES["exploit"]
    return "bold green" if report.is_founded else "bold yellow"


def _show_finding(finding: Finding, others: Sequence[Finding]) -> None:
    from loopholes.audit import summary

    state = " (accepted)" if finding.accepted else " (in the baseline)" if finding.in_baseline else ""
    verdict = f"{finding.verdict}{state}"
    stdout.print(f"\n{verdict}: {summary.title(finding)}", style=STYLES[finding.verdict], markup=False)
    paragraph(finding.message, indent=2)
    if finding.rows and finding.rows not in finding.message:
        paragraph(f"paid on: {finding.rows}", indent=2)
    if finding.hint is not None:
        paragraph(f"in the source: {summary.source_line(finding.hint)}", indent=2)
    if finding.evidence is not None:
        evidence = finding.evidence
        paid = f", paid {evidence.reward:g}" if evidence.reward is not None else ""
        paragraph(f"for example: row {evidence.row}, {excerpt(evidence.completion)}{paid}", indent=2)
    paragraph(summary.same_fault(others), indent=2)
    if finding.change:
        paragraph(f"what to do: {finding.change}", indent=2)
    if finding.snippet:  # at the left edge, so that it can be copied as it stands
        stdout.print(f"\n{finding.snippet.rstrip()}\n", style="dim", markup=False, soft_wrap=True)
    paragraph(f"read more: {finding.page}", indent=2)


def _show_list(lines: Sequence[str], style: str = "") -> None:
    """Print lines as a list whose further lines are indented beneath the first."""
    for line in lines:
        paragraph(f"- {line}", style, indent=2)


def _show_coverage(report: Report) -> None:
    from loopholes.audit import summary
    from loopholes.audit.layout import REPORT

    coverage = report.coverage
    paragraph("\nlooked at", "dim")
    lines = [
        f"{coverage.rows} of {coverage.rows_given} rows, {coverage.calls:,} calls in {coverage.seconds:.1f} s",
        f"{sum(coverage.attacks.values())} attacks; {REPORT} counts them by family",
        *([f"near misses: {summary.near_misses(report)}"] if coverage.near else []),
        *summary.looked_at(report),
    ]
    _show_list(lines, "dim")
    if uncovered := _uncovered(report):
        paragraph("\nnot covered", "yellow")
        _show_list(uncovered, "yellow")


def _uncovered(report: Report) -> list[str]:
    coverage = report.coverage
    lines = list(coverage.skipped)
    inapplicable = round(coverage.not_applicable * coverage.rows)
    if inapplicable:
        lines.append(f"{inapplicable} of {coverage.rows} rows, to which the reward does not apply")
    unpaid = coverage.no_signal - inapplicable - round(report.losing * coverage.rows)
    if 0 < unpaid < coverage.rows:
        lines.append(f"{unpaid} of {coverage.rows} rows, on which right answers, or all wrong ones, get no reward")
    return lines
