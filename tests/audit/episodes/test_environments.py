"""Environments of several turns are audited like rewards: faults are reported, and their sound twins are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopholes.audit import AuditConfig, Report, audit, target_of
from loopholes.audit.folder import replay, save
from loopholes.audit.process import RewardProcess
from support import small_environments
from support.rewards import families, verdicts

FILE = str(small_environments.__file__)


def report_of(name: str, **options: object) -> Report:
    """The report on one of the small environments, on its own rows."""
    target = target_of([f"{FILE}:{name}"], None, {"max_completion_tokens": 256, "rows": 8, **options})
    with RewardProcess(target) as process:
        return audit(target, process.own_rows(), AuditConfig(search_calls=0, seconds=600), process=process)


def test_an_environment_that_pays_calls_is_found_by_calling_a_tool_again_and_again() -> None:
    report = report_of("PaysCalls")
    (finding,) = [finding for finding in report.findings if finding.verdict == "exploit"]
    assert finding.family == "tool-use" and finding.evidence is not None
    assert finding.evidence.completion == '{"actions": ["lookup"]}' and finding.evidence.reward == pytest.approx(1.8)
    assert report.golden.value == pytest.approx(1.3) and report.exit_code() == 1


def test_state_that_leaks_into_the_next_episode_is_found_and_replays(tmp_path: Path) -> None:
    report = report_of("CountsOnTheClass")
    assert verdicts(report) == {"state-leak": "exploit"}, "what else was measured depends on the leak"
    (file,) = save(report, tmp_path)
    assert replay(file).same


@pytest.mark.parametrize("name", ["DrawsInOrder", "KeepsTheFirstTask"])
def test_a_seed_that_does_not_decide_the_task_is_a_warning(name: str) -> None:
    assert verdicts(report_of(name))["state-leak"] == "warning"


def test_an_echoed_observation_that_is_paid_is_found() -> None:
    report = report_of("PaysEchoes")
    assert families(report) == {"echo"} and report.exit_code() == 1


@pytest.mark.parametrize("name", ["Sums", "PaysTheFirstCall", "CountsItsTurns", "ForgivesEchoes"])
def test_a_sound_twin_is_not_found(name: str) -> None:
    report = report_of(name)
    assert [finding for finding in report.findings if finding.verdict != "inconclusive"] == []
    assert report.exit_code() == 0 and report.coverage.tried == 1.0


def test_an_exploit_of_several_turns_replays(tmp_path: Path) -> None:
    (file,) = save(report_of("PaysCalls"), tmp_path)
    assert replay(file).same


def test_the_report_says_how_step_rewards_are_added_up() -> None:
    notes = " ".join(report_of("Sums", turns=3, **{"return": "last"}).coverage.notes)
    assert "an episode earns its last step reward; at most 3 turns" in notes
