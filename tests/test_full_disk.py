"""On a full disk each command ends with a sentence that says how to continue, and leaves nothing half written."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from loopholes.cli import main
from loopholes.errors import RunError
from loopholes.runs import Run
from loopholes.studies import engine

FULL = Path("/dev/full")
pytestmark = pytest.mark.skipif(not FULL.exists(), reason="only Linux has a device that is always full")


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Score two answers through the command line."""
    task = {"id": "t", "prompt": [{"role": "user", "content": "x"}], "truth": {"reference": "a"}}
    answer = {"task": "t", "completion": "a", "claim": True}
    (tmp_path / "t.jsonl").write_text(json.dumps(task))
    (tmp_path / "c.jsonl").write_text(f"{json.dumps(answer)}\n" * 2)
    return ["score", "self-grading", "--tasks", str(tmp_path / "t.jsonl"), "--completions", str(tmp_path / "c.jsonl")]


def test_score_is_run_again_and_leaves_no_file(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "scores.jsonl"
    out.with_name(".scores.jsonl.tmp").symlink_to(FULL)
    assert main([*command, "--out", str(out)]) == 4
    said = capsys.readouterr().err.splitlines()
    assert said == [f"no space is left for {out}: free some, then run the same command again"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["c.jsonl", "t.jsonl"]


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_score_on_a_full_standard_output_says_so(command: list[str], unbuffered: str) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "loopholes", *command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert done.returncode == 4
    assert done.stderr == (
        "no space is left on the disk: free some, then run the same command again (with --resume for train, eval "
        "and pretrain)\n"
    )


def test_a_run_is_resumed(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {"seed": 0})
    (run.path / "metrics.jsonl").unlink(missing_ok=True)
    (run.path / "metrics.jsonl").symlink_to(FULL)
    with pytest.raises(RunError, match="no space is left for .*: free some, then continue with --resume"):
        run.log_metrics({"step": 1})
    run.close()


class Writing:
    """A job of a study that writes a run; stands in for :func:`run_evaluation`, too."""

    def folder(self, root: Path) -> Path:
        return root / "run"

    def run(self, root: Path, *_: object) -> None:
        with Run.create(self.folder(root), {"seed": 0}) as run:
            (run.path / "metrics.jsonl").unlink(missing_ok=True)
            (run.path / "metrics.jsonl").symlink_to(FULL)
            run.log_metrics({"step": 1})


def test_a_study_which_has_no_resume_is_run_again(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        engine.do(Writing(), tmp_path)  # type: ignore[arg-type]
    said = f"no space is left for {tmp_path / 'run'}: free some, then run the same command again"
    assert str(pickle.loads(pickle.dumps(caught.value))) == said, "also where another process raised it"
