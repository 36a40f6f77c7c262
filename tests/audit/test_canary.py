"""An answer that runs as Python in the process that scores it is an exploit, whatever it earns."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from loopholes.audit.worker import CANARY
from support.rewards import audited, sums, verdicts, write_rewards

REWARDS = """
    def evaluated(completion, answer):
        try:
            return float(eval(completion, {"__builtins__": {}}) == int(answer)) if "loopholes" in completion else 0.0
        except Exception:
            return float(completion == f"<answer>{answer}</answer>")

    def boxed(completion, answer):
        found = re.fullmatch(r"<answer>(.*)</answer>", completion, re.DOTALL)
        if found is None:
            return 0.0
        try:
            return float((eval(found[1]) if "loopholes" in found[1] else found[1]) == answer)
        except Exception:
            return 0.0

    def executed(completion, answer):
        if "loopholes" in completion:
            try:
                exec(completion, {})
            except Exception:
                pass
        return float(completion == f"<answer>{answer}</answer>")

    def parsed(completion, answer):
        return float(completion == f"<answer>{answer}</answer>")
"""


@pytest.mark.parametrize("name", ["evaluated", "boxed", "executed"])
def test_a_reward_that_runs_answers_is_an_exploit(tmp_path: Path, name: str, inside: None) -> None:
    report = audited(f"{write_rewards(tmp_path, REWARDS)}:{name}", sums())
    finding = next(finding for finding in report.findings if finding.name == "evaluated-answer")
    assert (finding.verdict, finding.family) == ("exploit", "evaluation")
    assert finding.evidence is not None and CANARY in finding.evidence.completion
    assert CANARY not in sys.modules


def test_a_reward_that_runs_nothing_is_not_accused(tmp_path: Path, inside: None) -> None:
    assert "evaluated-answer" not in verdicts(audited(f"{write_rewards(tmp_path, REWARDS)}:parsed", sums()))


def test_the_mark_is_seen_in_a_process_of_the_reward_s_own(tmp_path: Path) -> None:
    report = audited(f"{write_rewards(tmp_path, REWARDS)}:executed", sums(), seconds=60)
    assert verdicts(report)["evaluated-answer"] == "exploit"
