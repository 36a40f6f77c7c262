"""Every row that the released scorers judged is paid and measured alike through the Python interface."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import loopholes
from loopholes.records import Completion, Task, message

Released = Callable[[str], Path]
PROMPT = (message("user", "x"),)
AUDITED = {(True, True): 2.0, (True, False): -6.0, (False, True): 0.5, (False, False): 0.0}


def rows_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_every_row_of_tampering(released: Released) -> None:
    rows, game = rows_of(released("reward_tampering.jsonl")), loopholes.game("reward-tampering")
    truths = [{"tests": row["tests"], "entry_point": row["entry_point"]} for row in rows]
    tasks = [Task(f"t{number}", PROMPT, truth) for number, truth in enumerate(truths)]
    completions = [Completion(row["completion"]) for row in rows]
    outcomes = game.measure(tasks, completions)
    assert len(rows) == 88
    assert game.reward(tasks, completions, channel="vulnerable") == [row["reward"] for row in rows]
    assert game.reward(tasks, completions, channel="secure") == [row["secure_reward"] for row in rows]
    assert [outcome.task_score for outcome in outcomes] == [row["task"] for row in rows]
    assert [outcome.exploit for outcome in outcomes] == [row["exploit"] for row in rows]


@pytest.mark.parametrize(("metric", "paid"), [("rouge-l", "rouge_l"), ("overlap", "overlap")])
def test_every_row_of_the_proxy_metric(metric: str, paid: str, released: Released) -> None:
    rows, game = rows_of(released("proxy_metric.jsonl")), loopholes.game("proxy-metric", metric=metric)
    loaded = game.load(released("proxy_gaming_test.parquet"))
    tasks = [loaded[row["article_index"]] for row in rows]
    completions = [Completion(row["completion"]) for row in rows]
    outcomes = game.measure(tasks, completions)
    assert len(rows) == 300
    rewards = game.reward(tasks, completions, channel="vulnerable")
    assert rewards == pytest.approx([row[paid] for row in rows], abs=1e-9)
    for name in ("overlap", "rouge_l"):
        measured = [outcome.details[name] for outcome in outcomes]
        assert measured == pytest.approx([row[name] for row in rows], abs=1e-9)
    assert [outcome.task_score for outcome in outcomes] == [row["task"] for row in rows]
    assert [outcome.exploit for outcome in outcomes] == [row["exploit"] for row in rows]


@pytest.mark.parametrize("claim", [True, False])
def test_every_row_of_self_grading(claim: bool, released: Released) -> None:
    rows, game = rows_of(released("self_grading_match.jsonl")), loopholes.game("self-grading", audit_probability=0)
    tasks = [Task(f"t{number}", PROMPT, {"reference": row["reference"]}) for number, row in enumerate(rows)]
    completions = [Completion(row["completion"], {"claim": claim}) for row in rows]
    outcomes = game.measure(tasks, completions)
    assert len(rows) == 665
    assert game.reward(tasks, completions, channel="vulnerable") == [float(claim)] * len(rows)
    assert game.reward(tasks, completions, channel="secure") == [AUDITED[claim, row["correct"]] for row in rows]
    assert [outcome.task_score for outcome in outcomes] == [float(row["correct"]) for row in rows]
    assert [outcome.exploit for outcome in outcomes] == [float(claim and not row["correct"]) for row in rows]
