"""The drawn part of the survey: what was drawn is what the seed draws, and each drawn verifier has its record."""

from __future__ import annotations

import json
import runpy
from collections import Counter
from pathlib import Path

import pytest

SURVEY = Path(__file__).parents[2] / "benchmarks" / "survey"
DRAWN = SURVEY / "drawn"


@pytest.fixture(scope="module")
def order() -> list[tuple[str, str]]:
    drawn: list[tuple[str, str]] = runpy.run_path(str(DRAWN / "draw.py"))["drawn"]()
    return drawn


def test_the_committed_order_is_what_the_seed_draws(order: list[tuple[str, str]]) -> None:
    listed = [f"{place} {source} {name}" for place, (source, name) in enumerate(order, 1)]
    assert (DRAWN / "draw.txt").read_text(encoding="utf-8").splitlines() == listed


@pytest.mark.parametrize("length", [50, 80])
def test_no_source_has_more_than_a_fifth(order: list[tuple[str, str]], length: int) -> None:
    assert max(Counter(source for source, _ in order[:length]).values()) <= length // 5


def test_each_verifier_was_read_in_the_order_of_the_draw_until_fifty_were_audited(order: list[tuple[str, str]]) -> None:
    records = [json.loads(line) for line in (SURVEY / "drawn.jsonl").read_text(encoding="utf-8").splitlines()]
    read = [f"{source} {name}" for source, name in order[: len(records)]]
    assert [record["verifier"] for record in records] == read
    assert sum(record["status"] == "read" for record in records) == 50


def test_every_exploit_finding_is_judged() -> None:
    records = [json.loads(line) for line in (SURVEY / "drawn.jsonl").read_text(encoding="utf-8").splitlines()]
    for record in records:
        findings = record.get("audit", {}).get("findings", ())
        exploits = {f"{finding['family']}/{finding['name']}" for finding in findings if finding["verdict"] == "exploit"}
        assert exploits == set(record.get("exploits", {})), record["verifier"]
