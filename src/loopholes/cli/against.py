"""The output of ``loopholes audit --against``: the state of each finding, and right answers that are now refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from loopholes.cli.console import excerpt, paragraph, stdout

if TYPE_CHECKING:
    from loopholes.audit.against import Comparison, Followed
    from loopholes.audit.results import Finding
    from loopholes.audit.rights import Refused


def comparison_record(comparison: Comparison, strict: bool) -> dict[str, Any]:
    """The whole comparison as JSON: both reports as an audit prints them, and the differences."""
    from loopholes.audit.layout import report_record

    rights = comparison.rights
    return {
        "status": comparison.exit_code(strict),
        "followed": [
            {"family": followed.finding.family, "name": followed.finding.name, "verdict": followed.finding.verdict}
            | {"state": followed.state, "reason": followed.reason, "now": followed.now}
            for followed in comparison.followed
        ],
        "fresh": [
            {"family": finding.family, "name": finding.name, "verdict": finding.verdict} for finding in comparison.fresh
        ],
        "broken": [asdict(kind) for kind in rights.broken],
        "stricter": [asdict(kind) for kind in rights.stricter],
        "rights": {"rows": rights.rows, "spelled": rights.spelled, "tried": rights.tried, "kinds": rights.kinds}
        | {"sentence": rights.sentence},
        "old": report_record(comparison.old),
        "new": report_record(comparison.new),
    }


def show_comparison(comparison: Comparison) -> None:
    """Print the open, closed and new findings, the right answers that are now refused, and a summary line."""
    stdout.print(f"{comparison.old.target.label} -> {comparison.new.target.label}", style="bold", markup=False)
    still_open, closed = ([f for f in comparison.followed if f.state == state] for state in ("open", "closed"))
    for followed in still_open:
        _show_followed(followed, "red" if followed.finding.verdict == "exploit" else "yellow")
    for followed in closed:
        _show_followed(followed, "green")
    for finding in comparison.fresh:
        _show_fresh(finding)
    for kind in comparison.rights.broken:
        _show_broken(kind)
    _show_stricter(comparison.rights.stricter)
    counts = {"closed": len(closed), "open": len(still_open), "new": len(comparison.fresh)}
    paragraph(f"\n{', '.join(f'{count} {name}' for name, count in counts.items())}", "bold")
    paragraph(comparison.rights.sentence, "bold")


def _show_followed(followed: Followed, style: str) -> None:
    finding = followed.finding
    stdout.print(f"\n{followed.state}: {finding.verdict}, {finding.family}, {finding.name}", style=style, markup=False)
    paragraph(followed.reason, indent=2)
    if finding.evidence is not None and finding.kind != "contract":
        paragraph(f"completion: {excerpt(finding.evidence.completion)}", indent=2)


def _show_fresh(finding: Finding) -> None:
    stdout.print(f"\nnew: {finding.verdict}, {finding.family}, {finding.name}", style="red", markup=False)
    paragraph(finding.message, indent=2)
    if finding.evidence is not None:
        paragraph(f"for example: {excerpt(finding.evidence.completion)}", indent=2)


def _show_broken(kind: Refused) -> None:
    stdout.print(f"\nbroken: right answers, {kind.kind}", style="red", markup=False)
    now = "not paid" if kind.now is None else f"paid {kind.now:g}"
    refused = f"{kind.count} of {kind.paid} answers that the old reward paid are refused"
    paragraph(f"{refused}; in row {kind.row} the answer is {now}", indent=2)
    paragraph(f"for example: {excerpt(kind.completion)}", indent=2)


def _show_stricter(kinds: Sequence[Refused]) -> None:
    """The spellings that only the old reward pays, a line each."""
    if not kinds:
        return
    stdout.print("\nstricter: right answers that the old reward paid are refused, written with", style="yellow")
    for kind in kinds:
        paragraph(f"- {kind.count} of {kind.paid}: {kind.kind}, for example {excerpt(kind.completion)}", indent=2)
