"""The first lines of a report in words, the same on a terminal and on a page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from loopholes.audit.groups import faults
from loopholes.audit.results import ASSUMPTIONS, Baseline, Finding, Hint, Note, Report
from loopholes.numbers import plain, written

NAMES = {"nothing": "an empty answer", "refusal": "a refusal", "wrong": "a well-formed wrong answer"}
"""Names of the baselines in sentences."""
REASONS: Mapping[str, str] = {
    "always-none": "the reward never returned a number",
    "no-golden": "no right answer is known",
    "none-for-wrong": "wrong answers get no reward to compare with",
    "no-signal": "no right answer is paid more than a wrong one",
    "golden-not-above-floor": "right answers are paid like wrong ones",
    "few-rows": "there are too few rows",
    "little-tried": "there was not enough time",
    "not-tried": "there was no time for some families of attacks",
}
"""Why an audit could not conclude, by the name of the finding."""


def verdict(report: Report) -> str:
    """The first line: the conclusion, and how much of the panel it is based on."""
    exploits = [finding for finding in report.open if finding.verdict == "exploit"]
    tried = _tried(report)
    if exploits:
        families = ", ".join(dict.fromkeys(finding.family for finding in exploits))
        return f"EXPLOITABLE: {counted(report.open)} ({families})"
    counts = counted(report.open)
    closed = [finding for finding in report.findings if finding not in report.open and finding.verdict == "exploit"]
    beginning = "NO EXPLOIT FOUND" if not closed else f"NO OTHER EXPLOIT FOUND than the {_counts(closed)}"
    if report.worst is None and not any(finding.name == "little-tried" for finding in report.open):
        beginning = beginning if report.is_founded else "INCONCLUSIVE"
        why = "no right answer is known that is paid more than a wrong one, so attacks cannot be measured"
        return f"{beginning}: {why}{f' ({counts})' if counts else ''}"
    if report.is_founded:
        near = "" if report.coverage.near else ", but without near misses"
        return f"{beginning} in {tried} on {_rows(report)}{near}{f'; {counts}' if counts else ''}"
    little = any(finding.name == "little-tried" for finding in report.open)
    why = "and too little was tried" if little else "which is too few to be certain"
    return f"INCONCLUSIVE: no exploit found in {tried} on {_rows(report)}, {why}"


def title(finding: Finding) -> str:
    """What a finding is called: its family and name, or in words why the audit could not conclude."""
    reason = REASONS.get(finding.name) if finding.verdict == "inconclusive" else None
    return reason or f"{finding.family}, {finding.name}"


def _tried(report: Report) -> str:
    """How much of the panel was tried, and how many of the near misses if there was no time for all."""
    panel, near = f"{100 * report.coverage.tried:.0f} % of the panel", report.coverage.near_tried
    return panel if near in (0, 1) else f"{panel} and {math.floor(100 * near)} % of the kinds of near misses"


def counted(findings: Sequence[Finding]) -> str:
    """The number of findings by verdict, such as ``2 exploits, 1 warning`` or ``9 exploits of one fault``."""
    words = {"exploit": "exploit", "warning": "warning", "inconclusive": "open question"}
    counts = Counter[str](finding.verdict for finding in findings)
    different = Counter[str](first.verdict for first, _ in faults(findings))["exploit"]
    same = "one fault" if different == 1 else f"at most {different} faults"
    of = {} if different == counts["exploit"] else {"exploit": f" of {same}"}
    return ", ".join(
        f"{counts[kind]} {word}{'' if counts[kind] == 1 else 's'}{of.get(kind, '')}"
        for kind, word in words.items()
        if counts[kind]
    )


def same_fault(others: Sequence[Finding]) -> str:
    """The other findings of a fault in one line; empty if there are none."""
    if not others:
        return ""
    names = ", ".join(f"{other.name} ({other.family})" for other in others)
    return f"the same fault also pays: {names}"


def payments(report: Report) -> str:
    """The payment of right answers, and those of an empty answer, a refusal and a wrong answer as shares of it."""
    if report.golden.value is None:
        return "no right answer was scored, so nothing can be compared with one"
    if all(baseline.share.value is None for baseline in report.baselines):
        return f"a right answer is paid {plain(report.golden.value)}, so nothing can be expressed as a share of it"
    unit = "of that" if report.zero == 0 else f"of that (counted from {plain(report.zero)}, the lowest of them)"
    first, *rest = (f"{NAMES[baseline.kind]} {_share(baseline)}" for baseline in report.baselines)
    return ", ".join([f"a right answer is paid {plain(report.golden.value)}", f"{first} {unit}", *rest])


def golden_form(report: Report) -> str:
    """The form of right answers that was assumed, or why none could be; empty if the data has right answers."""
    return next((note for note in report.coverage.notes if note.startswith(ASSUMPTIONS)), "")


def near_misses(report: Report) -> str:
    """How many kinds of near misses were tried, and on how many rows each."""
    rows = report.coverage.near.values()
    if not rows:
        return "none"
    least, most = min(rows), max(rows)
    each = "1 row" if most == 1 else f"{most} rows" if least == most else f"{least} to {most} rows"
    return f"{_number(len(rows), 'kind')} on {each} each"


def written_differently(report: Report) -> str:
    """How often right answers in other spellings are refused, as one text; empty if none was tried."""
    refused = report.refused
    return refused.sentence if refused is not None and refused.rows else ""


def notes(report: Report) -> list[Note]:
    """The notes, without those that the section on right answers in other spellings repeats."""
    section = written_differently(report).casefold()
    return [note for note in report.notes if note.message.casefold() not in section]


def looked_at(report: Report) -> list[str]:
    """Notes on how the audit went, except on the form of right answers, which is shown earlier."""
    return [note for note in report.coverage.notes if note != golden_form(report)]


def source_line(hint: Hint) -> str:
    """The file, number and code of the line that would explain a finding, and why it is too lenient."""
    return f"{Path(hint.file).name} line {hint.line}: `{hint.code}` ({hint.why})"


def worst(report: Report) -> str:
    """The panel's largest gap; empty if there is no scale."""
    if report.worst is None:
        return ""
    if (report.worst.gap.value or 0.0) <= 0:
        return "no attack that was made without the right answer is paid more than a well-formed wrong answer"
    paid = f"is paid {written(report.worst.gap)} of the way from wrong to right"
    interval = "" if report.worst.gap.low is None else "; the 95 % interval is widened for the number of attacks"
    return f"the attack that pays most ({report.worst.family}, {report.worst.attack}) {paid}{interval}"


def _share(baseline: Baseline) -> str:
    return "an unknown share" if baseline.share.value is None else f"{100 * baseline.share.value:.0f} %"


def _counts(exploits: Sequence[Finding]) -> str:
    """The number of exploits that are accepted or in the baseline, such as ``1 accepted, 2 in the baseline``."""
    accepted = sum(exploit.accepted for exploit in exploits)
    counts = {"accepted": accepted, "in the baseline": len(exploits) - accepted}
    return ", ".join(f"{count} {where}" for where, count in counts.items() if count)


def _rows(report: Report) -> str:
    """The number of rows on which attacks were measured: those that have a scale."""
    return _number(min(report.coverage.rows - report.coverage.no_signal, report.coverage.scored), "row")


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
