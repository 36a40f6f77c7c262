"""The survey of published rewards: its manifests are whole, every exploit is judged, and its counts are right."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def survey() -> Any:
    return importlib.import_module("survey")


@pytest.fixture(scope="module")
def judgements(survey: Any) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = survey.read_lines(ROOT / "benchmarks" / "survey" / "judgements.jsonl")
    return lines


def test_no_two_targets_of_the_survey_have_one_name_and_each_has_a_version(survey: Any) -> None:
    listed = survey.targets()
    assert len({target.name for target in listed}) == len(listed) > 150
    assert all(target.version and target.source and target.arguments for target in listed)


def test_every_exploit_of_the_survey_is_judged_with_a_reason_and_nothing_else_is(
    survey: Any, judgements: list[dict[str, Any]]
) -> None:
    records = json.loads((ROOT / "results" / "survey.json").read_text(encoding="utf-8"))
    found = {survey.key_of(record["name"], finding) for record in records for finding in survey.exploits(record)}
    assert {(line["target"], line["finding"]) for line in judgements} == found
    assert all(line["verdict"] in survey.VERDICTS and line["reason"] for line in judgements)


def test_a_finding_that_nobody_judged_is_unread_and_counts_for_no_precision(survey: Any) -> None:
    paid = {"completion": "", "reward": 1.0, "golden": 1.0, "floor": 0.0}
    finding = {"verdict": "exploit", "family": "echo", "name": "prompt", **paid}
    record = {"name": "some", "source": "some", "version": "1", "exit": 1, "findings": [finding], "cpu": 1.0}
    line = {"target": "some", "finding": "echo/prompt", "verdict": "false", "reason": "because"}
    assert survey.Judgements([]).of("some", finding) == "unread"
    unread = survey.page([record], survey.Judgements([]), [])
    refuted = survey.page([record], survey.Judgements([line]), [])
    assert "paid as reported: –" in unread
    assert "paid as reported: 0 of 1" in refuted


def test_the_most_telling_findings_name_the_line_and_have_a_text_for_the_project(survey: Any) -> None:
    telling = survey.read_toml(ROOT / "benchmarks" / "survey" / "telling.toml")["finding"]
    assert len(telling) >= 10
    assert all(
        entry["completion"] and entry["paid"] and entry["line"] and len(entry["text"]) > 200 for entry in telling
    )
