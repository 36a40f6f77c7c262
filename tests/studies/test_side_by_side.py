"""A real model beside the minis (as published) and the paper's models (as reported), and their differences."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from loopholes import paper
from loopholes.numbers import Estimate
from loopholes.studies.base import StudyConfig
from loopholes.studies.side_by_side import differences_table, numbers_table, published

ROOT = Path(__file__).parents[2]
CONFIG = StudyConfig(policies=("smollm2",), seeds=3)
SOURCES = ("unpaired/discovery.json", "discovery.json", "discovery-mini-llama-compliance.json")


def test_the_minis_numbers_are_those_that_were_published() -> None:
    records = runpy.run_path(str(ROOT / "benchmarks" / "mini_numbers.py"))["records"]
    published_records = records([ROOT / "results" / name for name in SOURCES])
    assert json.loads((ROOT / "src" / "loopholes" / "studies" / "minis.json").read_text()) == published_records
    assert {policy for cell, _ in published() for policy in [cell.split("/")[2]]} == {"mini", "mini-llama"}


@pytest.mark.parametrize(
    ("model", "game", "arm", "metric", "share"),
    [
        ("Llama-3.1-8B", "self-grading", "vulnerable", "exploit_rate", 0.80),
        ("Qwen3-4B", "self-grading", "secure", "exploit_rate", 0.09),
        ("Qwen3-4B", "context-compliance", "vulnerable", "exploit_rate", 0.558),
        ("Qwen3-4B", "proxy-metric", "vulnerable", "task_performance", None),
        ("Llama-3.1-8B", "proxy-metric", "vulnerable", "exploit_rate", None),
        ("Llama-3.1-8B", "self-grading", "base", "exploit_rate", None),
        ("Qwen3-4B", "reward-tampering", "vulnerable", "exploit_rate", None),
    ],
)
def test_what_the_paper_does_not_report_is_left_empty(
    model: str, game: str, arm: str, metric: str, share: float | None
) -> None:
    assert paper.reported(model, game, arm, metric) == share


def test_each_policy_s_number_stands_in_its_own_column() -> None:
    ours = Estimate(0.42, 0.4, 0.44, 128, 3)
    table = numbers_table(CONFIG, {("self-grading", "vulnerable", "exploit_rate"): ours})
    assert table.columns[3:] == ("Qwen3-4B (paper)", "Llama-3.1-8B (paper)", "mini", "mini-llama", "smollm2")
    rows = {tuple(row[:3]): row[3:] for row in table.rows}
    minis = [published()[f"self-grading/vulnerable/{policy}", "exploit_rate"] for policy in ("mini", "mini-llama")]
    assert rows["self-grading", "vulnerable", "exploit rate"] == ["32.8 %", "80.0 %", *minis, ours]
    assert "cited as reported and were not measured here" in table.note


def test_the_differences_are_those_of_the_runs_that_are_planned() -> None:
    trained = [CONFIG.trained(game, "vulnerable", 0) for game in CONFIG.games]
    rows = {row[0]: row[1:] for row in differences_table(CONFIG, trained).rows}
    resolved = trained[0].resolved()
    assert rows["parameters"] == ["4 billion", "8 billion", "0.8 million", "134.5 million"]
    assert rows["learning rate"][-1] == f"{resolved.learning_rate:g}"
    assert resolved.peft is not None
    assert rows["weights trained"] == ["all", "all", "all", f"an adapter (LoRA) of rank {resolved.peft['r']}"]
    assert rows["training"][-1] == f"{resolved.steps} steps"
