"""The benchmark of published rewards: its manifest is whole, and its counts mean what its page says."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

import cases
import reasoning_gym_cases
from loopholes.audit.advice import FAMILIES


@pytest.fixture(scope="module")
def benchmark() -> Any:
    return importlib.import_module("published")


def finding(verdict: str, family: str, name: str = "some") -> dict[str, str]:
    return {"verdict": verdict, "family": family, "name": name}


def test_every_target_has_rows_and_every_loophole_a_completion_that_shows_it(benchmark: Any) -> None:
    listed = benchmark.targets()
    assert {target.name for target in listed} == set(cases.ROWS)
    assert {target.name for target in listed if target.hole} == set(cases.HOLES)
    assert len(cases.HOLES) == 50


def test_every_loophole_says_where_it_was_read_and_which_families_name_it(benchmark: Any) -> None:
    for target in benchmark.targets():
        if target.hole:
            assert target.attack and target.rows and target.evidence
            assert target.families and {name.split("/")[0] for name in target.families} <= set(FAMILIES)


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([], "silent"),
        ([finding("warning", "length")], "silent"),
        ([finding("warning", "echo")], "warned"),
        ([finding("warning", "contract")], "silent"),
        ([finding("warning", "contract", "prior")], "warned"),
        ([finding("inconclusive", "echo")], "silent"),
        ([finding("warning", "echo"), finding("exploit", "length")], "exploit"),
    ],
)
def test_a_loophole_is_warned_of_only_by_a_family_or_check_that_names_it(
    benchmark: Any, findings: list[dict[str, str]], expected: str
) -> None:
    target = benchmark.Target("a", "o/n", "1", "e", "f.py:r", "plain", hole="h", families=("echo", "contract/prior"))
    assert benchmark.outcome(target, {"audit": {"findings": findings}}) == expected


def test_a_target_that_could_not_be_audited_is_not_counted_as_silent(benchmark: Any) -> None:
    target = benchmark.Target("a", "o/n", "1", "e", "f.py:r", "plain", hole="h")
    record = {"audit": {"exit": 3, "problem": "no module"}}
    assert benchmark.outcome(target, record) == "not audited"
    assert "- silent: –" in benchmark.summary([target], {"a": record})


def test_a_loophole_is_confirmed_if_it_pays_on_half_of_its_rows(benchmark: Any) -> None:
    assert benchmark.is_confirmed({"direct": {"concerned": 4, "paid_rows": 2}})
    assert not benchmark.is_confirmed({"direct": {"concerned": 4, "paid_rows": 1}})
    assert not benchmark.is_confirmed({"direct": {"concerned": 0, "paid_rows": 0}})


def test_a_number_without_digits_is_that_number() -> None:
    for number in (1, 2, 7, 100, 651):
        text = reasoning_gym_cases.digitless(number)
        assert eval(text) == number
        assert not any(letter.isdigit() for letter in text)
