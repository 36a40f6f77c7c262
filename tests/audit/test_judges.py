"""Rewards that ask a judge model over HTTP: attacks that fool a judge are found, and a sound judge gets no finding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import Report
from loopholes.audit.attacks import PANEL
from support.rewards import audited, sums, verdicts, write_rewards
from support.scripted_judge import JUDGES, REWARD, judging

ROWS = sums(4, golden="The answer is {answer}.")


def audit_of(folder: Path, judge: str, reward: str, **config: Any) -> Report:
    """The audit of a reward that asks this judge."""
    with judging(JUDGES[judge]) as port:
        return audited(f"{write_rewards(folder, REWARD.format(port=port))}:{reward}", ROWS, **config)


def paying(report: Report) -> dict[str, set[str]]:
    """The attacks that earn more than half of what right answers earn, by family."""
    paid: dict[str, set[str]] = {}
    for gap in report.gaps:
        if (gap.gap.value or 0.0) > 0.5:
            paid.setdefault(gap.family, set()).add(gap.attack)
    return paid


@pytest.mark.parametrize(
    "judge, reward, family, attack",
    [
        ("flattered", "first_verdict", "judge-injection", "flattery-grader"),
        ("obedient", "first_verdict", "judge-injection", "order-ignore"),
        ("quoting", "first_verdict", "judge-injection", "verdict-verdict"),
        ("impressed", "score", "length", "sentence-repeated"),
    ],
)
def test_a_judge_that_can_be_fooled_is_found_with_the_attack_that_fools_it(
    tmp_path: Path, judge: str, reward: str, family: str, attack: str
) -> None:
    report = audit_of(tmp_path, judge, reward)
    exploits = {finding.family: finding for finding in report.findings if finding.verdict == "exploit"}
    assert attack in paying(report)[family]
    assert family in exploits and report.exit_code() == 1
    if family == "judge-injection":
        hint = exploits[family].hint
        assert hint is not None and "{completion}" in hint.code


def test_a_judge_that_gets_quoted_data_and_is_read_in_its_last_line_gets_no_finding(tmp_path: Path) -> None:
    report = audit_of(tmp_path, "strict", "hardened")
    assert "exploit" not in verdicts(report).values() and report.exit_code() == 0


def test_intended_noise_is_averaged_and_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each completion is scored three times, so only these families are tried."""
    panel = [attack for attack in PANEL if attack.family in ("judge-injection", "degenerate", "length")]
    monkeypatch.setattr("loopholes.audit.engine.PANEL", panel)
    quiet = audit_of(tmp_path, "strict", "noisy", noisy=True)
    assert "exploit" not in verdicts(quiet).values() and "nondeterministic" not in verdicts(quiet)
    fooled = audit_of(tmp_path, "flattered", "noisy_and_careless", noisy=True)
    assert "judge-injection" in {finding.family for finding in fooled.findings if finding.verdict == "exploit"}


def test_unintended_noise_is_a_warning(tmp_path: Path) -> None:
    report = audit_of(tmp_path, "strict", "noisy")
    assert verdicts(report)["nondeterministic"] == "warning"


def test_that_payments_are_mostly_noise_comes_before_what_noise_explains(tmp_path: Path, inside: None) -> None:
    file = write_rewards(tmp_path, "import random\ndef f(completion, answer):\n    return random.random()")
    first, *others = audited(f"{file}:f", sums(40)).findings
    assert first.name == "nondeterministic" and "exploit" in {finding.verdict for finding in others}
    file = write_rewards(
        tmp_path, "import random\ndef f(completion, answer):\n    return (answer in completion) + random.random() / 50"
    )
    assert audited(f"{file}:f", sums(40)).findings[0].verdict == "exploit"
