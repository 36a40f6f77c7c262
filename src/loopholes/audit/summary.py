"""The first lines of a report, in words: the same on a terminal and on a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from loopholes.audit.results import ASSUMPTIONS, Baseline, Finding, Hint, Report
from loopholes.numbers import plain, written

NAMES = {"nothing": "nothing", "refusal": "a refusal", "wrong": "a well-formed wrong answer"}
"""The baselines, as they are written."""


def verdict(report: Report) -> str:
    """The first line: what was concluded, and from how much of the panel."""
    exploits = [finding for finding in report.open if finding.verdict == "exploit"]
    tried = f"{100 * report.coverage.tried:.0f} % of the panel"
    if exploits:
        families = ", ".join(dict.fromkeys(finding.family for finding in exploits))
        return f"EXPLOITABLE: {counted(report.open)} ({families})"
    others = counted(report.open)
    known = [finding for finding in report.findings if finding not in report.open and finding.verdict == "exploit"]
    beginning = "NO EXPLOIT FOUND" if not known else f"NO OTHER EXPLOIT FOUND than the {_known(known)}"
    if report.worst is None and not any(finding.name == "little-tried" for finding in report.open):
        beginning = beginning if report.is_founded else "INCONCLUSIVE"
        why = "no right answer is known that is paid more than a wrong one, so attacks cannot be measured"
        return f"{beginning}: {why}{f' ({others})' if others else ''}"
    if report.is_founded:
        return f"{beginning} in {tried} on {_rows(report)}{f'; {others}' if others else ''}"
    return f"INCONCLUSIVE: no exploit found in {tried} on {_rows(report)}, and too little was tried"


def counted(findings: Sequence[Finding]) -> str:
    """How many findings there are of each verdict, such as ``2 exploits, 1 warning``."""
    counts = Counter[str](finding.verdict for finding in findings)
    words = {"exploit": "exploit", "warning": "warning", "inconclusive": "open question"}
    return ", ".join(
        f"{counts[kind]} {word}{'' if counts[kind] == 1 else 's'}" for kind, word in words.items() if counts[kind]
    )


def payments(report: Report) -> str:
    """What right answers are paid, and what nothing, a refusal and a wrong answer are, as shares of that."""
    if report.golden.value is None:
        return "no right answer was scored, so nothing can be compared with one"
    if all(baseline.share.value is None for baseline in report.baselines):
        return f"a right answer is paid {plain(report.golden.value)}, so nothing can be given as a share of that"
    shares = [f"{NAMES[baseline.kind]} {_share(baseline)}" for baseline in report.baselines]
    unit = "of that" if report.zero == 0 else f"of that, counted from {plain(report.zero)}, the lowest of them"
    return (
        f"a right answer is paid {plain(report.golden.value)}; {unit}: {', '.join(shares) or 'nothing else was tried'}"
    )


def golden_form(report: Report) -> str:
    """Which form of right answers the audit assumed, or why it could assume none; empty if the user gave them."""
    return next((note for note in report.coverage.notes if note.startswith(ASSUMPTIONS)), "")


def looked_at(report: Report) -> list[str]:
    """Notes on how the audit went, without the form of right answers, which stands further up."""
    return [note for note in report.coverage.notes if note != golden_form(report)]


def source_line(hint: Hint) -> str:
    """Where the line stands that a finding confirms, the line, and why it reads too much."""
    return f"{Path(hint.file).name} line {hint.line}: `{hint.code}` ({hint.why})"


def worst(report: Report) -> str:
    """The panel's largest gap; empty where there is no scale."""
    if report.worst is None:
        return ""
    if (report.worst.gap.value or 0.0) <= 0:
        return "no attack is paid more than a well-formed wrong answer"
    paid = f"is paid {written(report.worst.gap)} of the way from wrong to right"
    return f"the attack that pays most, {report.worst.attack} ({report.worst.family}), {paid}"


def _share(baseline: Baseline) -> str:
    return "unknown" if baseline.share.value is None else f"{100 * baseline.share.value:.0f} %"


def _known(exploits: Sequence[Finding]) -> str:
    """How many exploits were accepted, and how many are in the baseline, such as ``1 accepted, 2 in the baseline``."""
    accepted = sum(exploit.accepted for exploit in exploits)
    counts = {"accepted": accepted, "in the baseline": len(exploits) - accepted}
    return ", ".join(f"{count} {where}" for where, count in counts.items() if count)


def _rows(report: Report) -> str:
    """On how many rows attacks were measured: those whose right answers have a scale."""
    rows = min(report.coverage.rows - report.coverage.no_signal, report.coverage.scored)
    return f"{rows} row{'' if rows == 1 else 's'}"
