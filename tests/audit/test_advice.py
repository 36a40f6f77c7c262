"""Advice on a finding fits the reward, its framework and its right answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopholes.audit.results import Finding, Report
from support.rewards import audited, sums, verdicts, write_rewards

SILENT = """
    def unread(data_source, solution_str, ground_truth, extra_info=None):
        if "<answer>" not in solution_str:
            return None
        return float(solution_str.strip() == f"<answer>{ground_truth}</answer>")

    def read(data_source, solution_str, ground_truth, extra_info=None):
        return float(solution_str.strip() == f"<answer>{ground_truth}</answer>")

    def right(completions, answer, **kwargs):
        return [None if f"<answer>{gold}</answer>" in text else 0.0 for text, gold in zip(completions, answer)]

    def never(completions, answer, **kwargs):
        return [None for text in completions]
"""
FOR_VERL = [
    {"prompt": row["prompt"], "golden": row["golden"], "data_source": "sums"}
    | {"reward_model": {"ground_truth": row["answer"]}}
    for row in sums()
]


def named(report: Report, name: str) -> Finding:
    return next(finding for finding in report.findings if finding.name == name)


def test_none_where_the_framework_needs_a_number_is_called_none_and_no_failure(tmp_path: Path) -> None:
    report = audited(f"{write_rewards(tmp_path, SILENT)}:unread", FOR_VERL)
    finding = named(report, "returns-none")
    assert finding.verdict == "warning" and "fails" not in verdicts(report)
    assert finding.message.startswith("it returns None, which is not a reward, on ")
    assert finding.change.startswith("return a number for every completion")
    sound = audited(f"{tmp_path / 'rewards.py'}:read", FOR_VERL)
    assert "returns-none" not in verdicts(sound) and sound.exit_code() == 0


@pytest.mark.parametrize(
    "reward, name, message",
    [
        ("right", "no-signal", "it returns None for every right answer, so"),
        ("never", "always-none", "it returns None for every completion that was tried, so"),
    ],
)
def test_none_for_right_answers_is_said_and_no_golden_completions_are_asked_for(
    reward: str, name: str, message: str, tmp_path: Path
) -> None:
    report = audited(f"{write_rewards(tmp_path, SILENT)}:{reward}", sums())
    finding = named(report, name)
    assert finding.message.startswith(message) and not report.is_founded
    assert "no-golden" not in verdicts(report) and "golden" not in finding.change
