"""The walk through one real node in docs/real-models.md, run with a tiny checkpoint wherever no GPU is needed."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

import loopholes
from loopholes.cli import main
from loopholes.records import task_to_json
from loopholes.runs import Run

PAGE = Path(__file__).parents[1] / "docs" / "real-models.md"
HEADING = "## One node, from nothing to a figure"
MODEL, NOT_RUN = "Qwen/Qwen3-4B", "# not run here"
SMALL = {
    "train": "--steps 1 --samples 2 --prompts-per-step 2 --max-completion-tokens 4 --no-bf16",
    "export": "--count 2",
    "eval": "--count 2 --samples 1 --max-tokens 4",
}


def commands() -> list[str]:
    """Every command of the section, on one line each."""
    section = PAGE.read_text().split(HEADING)[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]


RUN = [command for command in commands() if not command.endswith(NOT_RUN)]


def test_every_command_is_ours_or_says_that_it_was_not_run() -> None:
    assert len(RUN) >= 10
    assert all(command.startswith("loopholes ") for command in RUN)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory in which verl has left rollouts of one step and two validations."""
    monkeypatch.chdir(tmp_path)
    game = loopholes.game("self-grading", self_report="inline")
    for file, step, kind in (
        ("verl-rollouts/1", 1, "honest"),
        ("verl-val/0", 0, "inept"),
        ("verl-val/100", 100, "honest"),
    ):
        rows = []
        for task in game.tasks("test", count=2, prompts="chat"):
            answer = game.demonstrate("honest" if kind == "honest" else "inept", task)
            (reward,) = game.reward([task], [answer], channel="vulnerable")
            gts = json.dumps(task_to_json(task))
            rows.append({"input": "", "output": answer.text, "gts": gts, "score": reward, "step": step})
        place = tmp_path / "node" / f"{file}.jsonl"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "node"


def test_the_walk_leads_from_nothing_to_a_figure(
    node: Path, checkpoint: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = str(checkpoint("qwen3", context=4096))
    for command in RUN:
        _, name, *rest = shlex.split(command.replace(MODEL, tiny))
        small = [] if "--dry-run" in rest else shlex.split(SMALL.get(name, ""))
        assert main([name, *rest, *small]) == 0, (command, capsys.readouterr().err)
    assert (node / "report.html").is_file() and any((node / "figures").iterdir())
    assert Run.open(node / "verl" / "train").metrics()[0]["task_performance"] == 1.0
    for arm, name in (("base", "base"), ("vulnerable", "vulnerable"), ("secure", "secure")):
        assert Run.open(node / name).config["arm"] == arm
