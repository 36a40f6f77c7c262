"""A report as Markdown: text from a reward, its data or an attack cannot act as Markdown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from loopholes.audit.markdown import markdown
from loopholes.audit.results import Coverage, Evidence, Finding, Report, Target
from loopholes.stats import Estimate

NONE = Estimate(None, None, None, 0, 0)
REPORT = Report(Target("plain", ()), Coverage(8, 9, 8, 100, 1.5, 0.0, 0, [], []), NONE, [], 0.0, [], None, [])


def row(completion: str, **finding: object) -> str:
    """The last row of the table for a finding with this completion."""
    evidence = Evidence(0, "prompt", {}, completion, 1.0)
    exploit = Finding("exploit", "attack", "echo", "whole-prompt", "pays", evidence=evidence)
    report = replace(REPORT, findings=[replace(exploit, **finding)])  # type: ignore[arg-type]
    lines = markdown(report, Path("findings")).splitlines()
    return next(line for line in reversed(lines) if line.startswith("|"))


HOSTILE = ["a | b", "line\nline", "`code`", "``` fence", "@everyone <img src=x>", "x" * 500, "", "`", "\\|"]


@pytest.mark.parametrize("completion", HOSTILE)
def test_a_completion_stays_in_its_cell(completion: str) -> None:
    cells = row(completion).replace("\\|", "").split(" | ")
    assert len(cells) == 6 and cells[3].strip().startswith("`") and cells[3].strip().endswith("`")
    assert cells[4] == "1" and len(row(completion)) < 400


def test_known_findings_are_marked_and_come_last() -> None:
    assert row("a", in_baseline=True).startswith("| exploit (in the baseline) | echo |")
    assert row("a", accepted=True).startswith("| exploit (accepted) |")


def test_a_finding_is_scored_again_from_where_it_was_written() -> None:
    finding = Finding("exploit", "attack", "echo", "whole-prompt", "pays", evidence=Evidence(0, "", {}, "a", 1.0))
    text = markdown(replace(REPORT, findings=[finding]), Path("my audits/today"))
    assert "`loopholes audit --replay 'my audits/today/0001.json'`" in text


def test_a_report_without_findings_has_no_table() -> None:
    text = markdown(REPORT, Path("findings"))
    assert "|" not in text and "8 of 9 rows, 100 calls in 1.5 s." in text and "--replay" not in text
