"""``loopholes audit --selftest``: the committed verdicts are compared with live ones, and a difference fails."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import read_rows
from loopholes.audit.advice import FAMILIES
from loopholes.audit.selftest import FOLDER, Case, Outcome, Rate, cases, committed_rates, families_of, rewards, run
from loopholes.cli import main

BAD = Case("found_anywhere", "sentences", exploit=True, family="shotgun")
SOUND = Case("one_number", "numbers", exploit=False, family=None)


def test_there_are_twelve_rewards_that_can_be_gamed_and_twelve_that_cannot() -> None:
    counts = [sum(case.exploit is kind for case in cases()) for kind in (True, False)]
    assert counts == [12, 12]
    assert len({case.reward for case in cases()}) == 24
    assert {case.family for case in cases() if case.exploit} <= set(FAMILIES)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.reward)
def test_right_answers_are_paid_and_more_than_those_of_other_rows(case: Case) -> None:
    reward = getattr(rewards, case.reward)
    rows = read_rows(FOLDER / f"{case.rows}.jsonl")
    right = [reward(row.golden, row.columns["answer"]) for row in rows]
    other = [reward(row.golden, next_.columns["answer"]) for row, next_ in zip(rows, rows[1:] + rows[:1], strict=True)]
    assert len(rows) == 24 and min(right) >= 0.9
    assert case.family == "contract" or sum(right) > sum(other)


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("name", ["form_alone", "part_of_the_truth", "one_record", "whole_text"])
def test_a_live_verdict_is_the_committed_one(name: str) -> None:
    (case,) = [case for case in cases() if case.reward == name]
    assert Outcome(case, families_of(case)).agrees


@pytest.mark.slow
def test_all_live_verdicts_are_the_committed_ones() -> None:
    assert [outcome.case.reward for outcome in run(cases()) if not outcome.agrees] == []


@pytest.mark.parametrize(
    "case, families, agrees",
    [
        (BAD, ["echo", "shotgun"], True),
        (BAD, ["echo"], False),
        (BAD, [], False),
        (SOUND, [], True),
        (SOUND, ["shotgun"], False),
    ],
)
def test_a_verdict_agrees_if_the_family_is_among_those_found(case: Case, families: list[str], agrees: bool) -> None:
    assert Outcome(case, families).agrees is agrees


@pytest.mark.parametrize("families, code", [(["shotgun"], 0), ([], 1)])
def test_the_command_fails_on_a_difference_and_then_prints_the_committed_rates(
    families: list[str], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def outcomes(_: Sequence[Case]) -> Iterator[Outcome]:
        yield from (Outcome(BAD, families), Outcome(SOUND, []))

    file = tmp_path / "rates.json"
    rates = [{"what": "known-bad rewards found", "count": 27, "of": 30}]
    file.write_text(json.dumps({"panel": "a" * 64, "command": "python benchmarks/audit.py", "rates": rates}))
    monkeypatch.setattr("loopholes.audit.selftest.run", outcomes)
    monkeypatch.setattr("loopholes.audit.selftest.committed_rates", lambda: committed_rates(file))
    assert main(["audit", "--selftest"]) == code
    output = capsys.readouterr().out
    assert ("DIFFERS found_anywhere" in output) is bool(code)
    assert "known-bad rewards found: 27 of 30, 90.0 % [74.4, 96.5]" in output
    assert main(["audit", "--selftest", "--json"]) == code
    records: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert records[-1]["differing"] == code and records[-1]["rates"] == rates


def test_without_committed_rates_none_are_printed(tmp_path: Path) -> None:
    assert committed_rates(tmp_path / "rates.json") is None


def test_existing_committed_rates_can_be_read() -> None:
    rates = committed_rates()
    assert rates is None or all(0 <= rate.count <= rate.of and isinstance(rate, Rate) for rate in rates.rates)
