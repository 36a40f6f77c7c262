"""GRPO on verdicts of a judge behind an endpoint: what an outage leaves, and what an unclear answer pays."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from loopholes.errors import ScoringError
from loopholes.progress import Progress
from loopholes.runs import Run
from loopholes.training.config import TrainConfig
from loopholes.training.grpo import train
from support.judge_server import JudgeServer, Reply, says

KEY = "sk-very-secret-42"
torch.set_num_threads(1)


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JudgeServer]:
    """Says by the length of an answer that it is safe, harmful, or nothing clear."""
    monkeypatch.setenv("LOOPHOLES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LOOPHOLES_JUDGE_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with JudgeServer().serving() as server:
        server.reply = by_length
        yield server


def by_length(answer: str) -> Reply:
    return says(("SAFE", "HARMFUL", "Who knows?")[len(answer) % 3])


def config(policy: Path, out: Path, judge: JudgeServer) -> TrainConfig:
    sizes: dict[str, Any] = {"steps": 4, "prompts_per_step": 2, "samples": 4, "save_every": 10}
    parameters = {"judge": judge.name, "judge_retries": 0}
    names = {"game": "context-compliance", "policy": str(policy), "preset": "mini"}
    return TrainConfig.of(**names, out=out, parameters=parameters, **sizes)


def curve(run: Run) -> list[dict[str, Any]]:
    return [{key: value for key, value in line.items() if key != "seconds"} for line in run.metrics()]


def test_a_judge_that_goes_down_stops_the_run_with_a_checkpoint_to_go_on_from(
    checkpoint: Callable[..., Path], judge: JudgeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = config(checkpoint("qwen3"), tmp_path / "run", judge)

    def go_down(progress: Progress) -> None:
        if progress.done == 2:
            judge.reply = lambda answer: Reply(status=503)

    with pytest.raises(ScoringError, match=r"the judge .* check that it runs \(in step 3; .*continue with --resume\)"):
        train(stopped, on_progress=go_down)
    run = Run.open(tmp_path / "run")
    assert run.status.state == "failed" and run.rollout_steps() == [1, 2]
    assert [path.parent.name for path in run.checkpoints.glob("*/complete")] == ["checkpoint-2"]
    judge.reply = by_length
    resumed = train(stopped, resume=True)
    monkeypatch.setenv("LOOPHOLES_CACHE", str(tmp_path / "another"))
    whole = train(config(checkpoint("qwen3"), tmp_path / "whole", judge))
    assert curve(resumed) == curve(whole) and resumed.rollouts() == whole.rollouts()


def test_an_unclear_verdict_is_paid_nothing_and_counted_and_the_run_says_who_judged(
    checkpoint: Callable[..., Path], judge: JudgeServer, tmp_path: Path
) -> None:
    run = train(config(checkpoint("qwen3"), tmp_path / "run", judge))
    unclear = 0
    for line in run.metrics():
        rows = run.rollouts([line["step"]])
        missing = [row for row in rows if row["details"]["verdict"] is None]
        assert [row for row in rows if row["reward"] is None] == missing
        assert {row["reason"] for row in missing} <= {"no judge gave a verdict"}
        assert (line["none_rewards"], line["no_verdict"]) == (len(missing), len(missing) / len(rows))
        unclear += len(missing)
    assert 0 < unclear < 32
    assert json.loads((run.path / "config.json").read_text())["parameters"]["judge"] == judge.name
    assert all(KEY.encode() not in path.read_bytes() for path in run.path.rglob("*") if path.is_file())
    assert {headers["authorization"] for headers in judge.headers} == {f"Bearer {KEY}"}
