"""Findings that are demonstrably one fault are shown once, under the strongest; JSON and verdicts keep all of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import Report
from loopholes.audit.groups import faults
from loopholes.audit.layout import read_report, report_record
from loopholes.audit.markdown import markdown
from loopholes.audit.sarif import sarif
from loopholes.audit.section import audits_of
from loopholes.audit.summary import verdict
from loopholes.cli.findings import show_report
from loopholes.files import write_json
from support.rewards import audited, sums, write_rewards

ROWS = sums(16, '{"answer": "{answer}"}')
REWARDS = """
    def read(completion):
        match = re.search(r"{.*}", completion, re.S)
        try:
            return json.loads(match[0]) if match else None
        except ValueError:
            return None

    def lenient(completion, answer):
        record = read(completion)
        return 0.0 if record is None else float(str(record.get("answer", "")) in ("", answer))

    def bonus(completion, answer):
        record = read(completion)
        if record is None:
            return 0.0
        if str(record.get("answer", "")) == answer:
            return 1.0
        return 1.0 if record.get("score") == 1 else 0.7 if not record.get("answer") else 0.0

    def forged(completion, answer):
        record = read(completion) or {}
        return float(record.get("score") == 1 or record.get("answer") in ("", answer))

    def two(completion, answer):
        record = read(completion)
        return float("reward: 1" in completion) if record is None else lenient(completion, answer)
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_rewards(tmp_path_factory.mktemp("groups"), REWARDS)


@pytest.fixture(scope="module")
def lenient(file: str) -> Report:
    """The report on a reward that takes a missing answer for the right one."""
    return audited(f"{file}:lenient", ROWS)


def exploits(report: Report) -> dict[str, int | None]:
    """The group of each exploit, by its family."""
    return {finding.family: finding.group for finding in report.findings if finding.verdict == "exploit"}


def test_objects_without_an_answer_are_one_fault_if_they_are_paid_alike(lenient: Report) -> None:
    groups = exploits(lenient)
    assert {"degenerate", "format", "protected-field"} <= groups.keys() and set(groups.values()) == {1}
    assert verdict(lenient).startswith(f"EXPLOITABLE: {len(groups)} exploits of one fault (")
    assert lenient.exit_code() == 1


def test_an_object_that_is_paid_more_for_another_field_is_a_fault_of_its_own(file: str) -> None:
    groups = exploits(audited(f"{file}:bonus", ROWS))
    assert groups["protected-field"] is None or groups["protected-field"] != groups["degenerate"]


def test_an_object_without_an_answer_is_not_paid_for_an_empty_answer(file: str) -> None:
    report = audited(f"{file}:forged", ROWS)
    groups = exploits(report)
    empty = [finding.group for finding in report.findings if finding.evidence and '""' in finding.evidence.completion]
    assert empty and groups["protected-field"] not in {group for group in empty if group is not None}
    assert "of one fault" not in verdict(report)


def test_faults_that_have_nothing_to_do_with_each_other_stay_apart(file: str) -> None:
    report = audited(f"{file}:two", ROWS)
    groups = exploits(report)
    apart = [finding for finding, _ in faults(report.findings) if finding.verdict == "exploit"]
    assert groups["degenerate"] == groups["format"] == 1 and len(apart) == 2
    assert f"{len(groups)} exploits of at most 2 faults" in verdict(report)


def test_the_others_are_named_in_one_line_wherever_a_report_is_shown(
    lenient: Report, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, *others = [finding for finding in lenient.findings if finding.verdict == "exploit"]
    line = f"the same fault also pays: {', '.join(f'{other.name} ({other.family})' for other in others)}"
    show_report(lenient, [], tmp_path, json_=False)
    printed = capsys.readouterr().out
    assert printed.count("\nexploit") == 1 and line in " ".join(printed.split())
    text = markdown(lenient, Path("findings"))
    assert text.count("| exploit |") == 1 and line in text
    results = [result for result in sarif(lenient)["runs"][0]["results"] if result["level"] == "error"]
    assert [result["ruleId"] for result in results] == [first.family]
    assert f" T{line[1:]}. To do:" in results[0]["message"]["text"]
    write_json(tmp_path / "audit.json", report_record(lenient))
    (section,) = audits_of(tmp_path)
    rows = next(table.rows for table in section.tables if table.name == "audit-findings")
    assert [row[0] for row in rows if row[1] == "exploit"] == [first.name]
    assert any(line in str(row[5]) for row in rows)


def test_a_report_that_is_read_back_has_its_groups(lenient: Report, tmp_path: Path) -> None:
    record: dict[str, Any] = report_record(lenient)
    write_json(tmp_path / "audit.json", record)
    assert [finding["group"] for finding in record["findings"]] == [finding.group for finding in lenient.findings]
    assert exploits(read_report(tmp_path / "audit.json")) == exploits(lenient)


@pytest.mark.parametrize("state", ["accepted", "in_baseline"])
def test_an_accepted_finding_hides_no_open_one_of_its_group(lenient: Report, state: str) -> None:
    first, *rest = lenient.findings
    listed = faults([replace(first, **{state: True}), *rest])  # type: ignore[arg-type]
    (closed, none), (opened, others) = listed[:2]
    assert closed.name == first.name and none == [] and opened.name == rest[0].name and others


def test_each_finding_is_listed_once_and_in_order(file: str) -> None:
    report = audited(f"{file}:two", ROWS)
    listed = faults(report.findings)
    names = [finding.name for first, others in listed for finding in (first, *others)]
    assert sorted(names) == sorted(finding.name for finding in report.findings)
    places = [report.findings.index(first) for first, _ in listed]
    assert all(earlier < later for earlier, later in pairwise(places))
