"""One run on two processes, started as on a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from loopholes.runs import Run
from support import letters_game

GAME = f"{letters_game.__file__}:Letters"


@pytest.mark.slow
def test_accelerate_launches_one_run_on_two_processes(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    launch = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--num_processes",
        "2",
        "--cpu",
        "--num_machines",
        "1",
    ]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "--num_cpu_threads_per_process", "1"]
    train = ["-m", "loopholes", "train", GAME, "--policy", str(checkpoint("qwen3")), "--out", str(tmp_path / "run")]
    train += ["--steps", "2", "--samples", "4", "--prompts-per-step", "4", "--completions-per-pass", "8"]
    train += ["--max-completion-tokens", "6", "--no-bf16", "--no-gradient-checkpointing"]
    ended = subprocess.run(
        [*launch, *train], env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    run = Run.open(tmp_path / "run")
    assert run.status.state == "finished"
    assert [line["step"] for line in run.metrics()] == [1, 2]
    rows = run.rollouts()
    assert [row["sample"] for row in rows if row["step"] == 1] == list(range(16))
    assert len({row["task"] for row in rows if row["step"] == 1}) == 4
    assert (run.policy / "model.safetensors").is_file()
