"""A report as Markdown, for a comment on a pull request: the verdict, the payments, and a table of findings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import starmap
from pathlib import Path

from loopholes.audit import summary
from loopholes.audit.groups import faults
from loopholes.audit.results import Finding, Report

LONGEST = 60
"""Maximum number of characters of a completion that are shown."""
HEAD = "| verdict | family | found by | for example | paid | what to do |\n|---|---|---|---|---|---|"


def markdown(report: Report, folder: Path) -> str:
    """The report as Markdown, for findings that are written to ``folder``.

    Text from the reward or its data is quoted as code, so it never acts as Markdown.
    """
    lines = [
        f"### {_code(report.target.label)}",
        "",
        f"**{summary.verdict(report)}**",
        "",
        summary.payments(report),
        "",
    ]
    if report.findings:
        lines += [HEAD, *starmap(_row, faults(sorted(report.findings, key=_is_closed))), ""]
    return "\n".join([*lines, *_footer(report, folder)]) + "\n"


def _row(finding: Finding, others: Sequence[Finding]) -> str:
    evidence = finding.evidence
    example = "" if evidence is None else _code(evidence.completion)
    paid = "" if evidence is None or evidence.reward is None else f"{evidence.reward:g}"
    state = " (accepted)" if finding.accepted else " (in the baseline)" if finding.in_baseline else ""
    change = "; ".join(filter(None, [finding.change, summary.same_fault(others)])).replace("|", "\\|")
    cells = [f"{finding.verdict}{state}", finding.family, finding.name, example, paid, change]
    return f"| {' | '.join(cells)} |"


def _is_closed(finding: Finding) -> bool:
    return finding.accepted or finding.in_baseline


def _footer(report: Report, folder: Path) -> Iterator[str]:
    coverage, written_differently = report.coverage, summary.written_differently(report)
    if written_differently:
        yield f"{_escaped(written_differently[:1].upper() + written_differently[1:])}."
        yield ""
    yield f"{coverage.rows} of {coverage.rows_given} rows, {coverage.calls:,} calls in {coverage.seconds:.1f} s."
    if any(finding.evidence is not None for finding in report.findings):
        yield f"Score a completion again: `loopholes audit --replay {shlex.quote(str(folder / '0001.json'))}`."


def _escaped(text: str) -> str:
    """A text without characters that act as Markdown, such as those in names of spellings."""
    return re.sub(r"([\\`*_$|\[\]])", r"\\\1", text)


def _code(text: str) -> str:
    """A text as inline code in a table cell: on one line, and without characters that end the code or the cell."""
    excerpt = " ".join(text.split())
    excerpt = excerpt if len(excerpt) <= LONGEST else f"{excerpt[: LONGEST - 1]}…"
    return (
        f"`{excerpt}`".replace("|", "\\|")
        if "`" not in excerpt
        else f"`` {excerpt.replace('``', '`')} ``".replace("|", "\\|")
    )
