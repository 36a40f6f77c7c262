"""What ``loopholes audit --against`` prints: what became of each finding, and what the fix broke."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from loopholes.cli.console import excerpt, paragraph, stdout

if TYPE_CHECKING:
    from loopholes.audit.against import Broken, Comparison, Followed
    from loopholes.audit.results import Finding


def comparison_record(comparison: Comparison, strict: bool) -> dict[str, Any]:
    """The whole comparison in JSON: both reports as an audit prints them, and what is different."""
    from loopholes.audit.layout import report_record

    return {
        "status": comparison.exit_code(strict),
        "followed": [
            {"family": one.finding.family, "name": one.finding.name, "verdict": one.finding.verdict}
            | {"state": one.state, "reason": one.reason, "now": one.now}
            for one in comparison.followed
        ],
        "fresh": [{"family": one.family, "name": one.name, "verdict": one.verdict} for one in comparison.fresh],
        "broken": [asdict(one) for one in comparison.broken],
        "old": report_record(comparison.old),
        "new": report_record(comparison.new),
    }


def show_comparison(comparison: Comparison) -> None:
    """Print what is open, closed, new and broken, in this order, and a line that sums it up."""
    stdout.print(f"{comparison.old.target.label} -> {comparison.new.target.label}", style="bold", markup=False)
    by_state = {state: [one for one in comparison.followed if one.state == state] for state in ("open", "closed")}
    for one in by_state["open"]:
        _show_followed(one, "red" if one.finding.verdict == "exploit" else "yellow")
    for one in by_state["closed"]:
        _show_followed(one, "green")
    for finding in comparison.fresh:
        _show_fresh(finding)
    for kind in comparison.broken:
        _show_broken(kind)
    stdout.print(f"\n{_summed(by_state['open'], by_state['closed'], comparison)}", style="bold", markup=False)


def _show_followed(one: Followed, style: str) -> None:
    finding = one.finding
    stdout.print(f"\n{one.state}: {finding.verdict}, {finding.family}, {finding.name}", style=style, markup=False)
    paragraph(one.reason, indent=2)
    if finding.evidence is not None and finding.kind != "contract":
        paragraph(f"completion: {excerpt(finding.evidence.completion)}", indent=2)


def _show_fresh(finding: Finding) -> None:
    stdout.print(f"\nnew: {finding.verdict}, {finding.family}, {finding.name}", style="red", markup=False)
    paragraph(finding.message, indent=2)
    if finding.evidence is not None:
        paragraph(f"for example: {excerpt(finding.evidence.completion)}", indent=2)


def _show_broken(kind: Broken) -> None:
    stdout.print(f"\nbroken: right answers, {kind.kind}", style="red", markup=False)
    now = "not paid" if kind.now is None else f"paid {kind.now:g}"
    paragraph(f"{kind.count} of {kind.paid} that the old reward paid are refused; row {kind.row} is {now}", indent=2)
    paragraph(f"for example: {excerpt(kind.completion)}", indent=2)


def _summed(open_: Sequence[Followed], closed: Sequence[Followed], comparison: Comparison) -> str:
    counts = {"closed": len(closed), "open": len(open_), "new": len(comparison.fresh)}
    line = ", ".join(f"{count} {name}" for name, count in counts.items())
    broken = sum(kind.count for kind in comparison.broken)
    return f"{line}; {f'{broken} right answers are refused now' if broken else 'no right answer is refused'}."
