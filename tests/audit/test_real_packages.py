"""The real packages, each in an environment that the audit builds, which takes minutes and a package index.

``pytest -s -m slow tests/audit/test_real_packages.py`` prints how long each takes. Existing environments are reused
(LOOPHOLES_CACHE says where). The expected values agree with direct calls of the packages.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from loopholes.cli import main
from support.packages import package

pytestmark = pytest.mark.slow

SUMS = [(left, right) for left, right in zip(range(10, 34), range(41, 65), strict=True)]
PLAIN = [{"prompt": f"{left} + {right} = ?", "answer": str(left + right)} for left, right in SUMS]
BOXED = [{**row, "golden": rf"\boxed{{{row['answer']}}}", "solution": rf"\boxed{{{row['answer']}}}"} for row in PLAIN]
VERL = [
    {
        "data_source": "openai/gsm8k",
        "prompt": [{"role": "user", "content": row["prompt"]}],
        "reward_model": {"style": "rule", "ground_truth": row["answer"]},
        "golden": f"#### {row['answer']}",
    }
    for row in PLAIN
]
CHAT = [{**row, "prompt": [{"role": "user", "content": row["prompt"]}]} for row in BOXED]
TASK = """
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import choice, match
from inspect_ai.solver import multiple_choice

@task
def sums():
    samples = [Sample(input=f"{n} + {n} = ?", target=str(2 * n)) for n in range(10, 34)]
    return Task(dataset=MemoryDataset(samples), scorer=match(numeric=True))

@task
def letters():
    samples = [Sample(input=f"Which is {n}?", choices=[str(n + i) for i in range(4)], target="A") for n in range(12)]
    samples += [Sample(input=f"Which is {n}?", choices=[str(n - i) for i in range(4)], target="B") for n in range(12)]
    return Task(dataset=MemoryDataset(samples), solver=multiple_choice(), scorer=choice())
"""
TASKSET = """
import verifiers.v1 as vf

class SumData(vf.TaskData):
    answer: str

class SumTask(vf.Task[SumData]):
    @vf.reward
    async def exact(self, trace: vf.Trace) -> float:
        return float(trace.last_reply == self.data.answer)

class Sums(vf.Taskset[SumTask]):
    def load(self) -> list[SumTask]:
        return [
            SumTask(SumData(idx=n, prompt=f"{n} + {n} = ?", answer=str(2 * n)), self.config.task)
            for n in range(10, 34)
        ]
"""
PROJECT = """
[project]
name = "sums-v1"
version = "0.1.0"
dependencies = ["verifiers"]
"""
EXPORTS = """
from sums_v1.taskset import Sums
__all__ = ["Sums"]
"""
AUDITS: dict[str, tuple[Sequence[dict[str, Any]] | None, list[str], int, set[str]]] = {
    "reasoning_gym:puzzle24": (None, [], 1, {"component-alone"}),
    "reasoning_gym:game_of_life_halting": (None, [], 1, {"component-alone"}),
    "reasoning_gym:gcd": (None, [], 0, set()),
    "skyrl_gym:gsm8k": (PLAIN, ["--golden", "#### {answer}"], 0, set()),
    "verl:openai/gsm8k": (VERL, [], 0, set()),
    "inspect_ai.scorer:match(numeric=True)": (PLAIN, [], 1, {"equated"}),
    "tasks.py:sums": (None, [], 1, {"equated"}),
    "tasks.py:letters": (None, ["--golden", "ANSWER: {target}"], 0, set()),
    "trl.rewards:accuracy_reward": (CHAT, [], 1, {"expression/golden"}),
    "project/sums.py:Sums": (None, ["--set", "golden=answer"], 0, set()),
    "verifiers:env": (None, ["--set", "golden=answer"], 0, set()),
}
"""Targets: rows, if they have none; further arguments; the exit code; and the names of some exploits."""
NOT_CREATED = {"reasoning_gym:composite": "joins the data sets that its config names, and names none by default"}
"""Data sets that cannot be audited by name alone, with the reason."""


@pytest.mark.parametrize("target", AUDITS)
def test_a_real_package_is_audited_in_an_environment_of_its_own(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, more, code, names = AUDITS[target]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tasks.py").write_text(TASK)
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "sums.py").write_text(TASKSET)
    package(
        tmp_path / "env", {"pyproject.toml": PROJECT, "sums_v1/__init__.py": EXPORTS, "sums_v1/taskset.py": TASKSET}
    )
    if rows is not None:
        (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
        more = [*more, "--data", "rows.jsonl"]
    began = time.monotonic()
    ended = main(["audit", target, "--rows", "24", "--search-calls", "0", "--json", *more])
    record = json.loads(capsys.readouterr().out)
    exploits = {finding["name"] for finding in record["findings"] if finding["verdict"] == "exploit"}
    with capsys.disabled():
        print(f"{target}: {time.monotonic() - began:.0f} s, exploits: {', '.join(sorted(exploits)) or 'none'}")
    assert names <= exploits and ended == code


def test_every_data_set_of_reasoning_gym_generates_rows_and_scores_its_own_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    began = time.monotonic()
    main(["survey", "reasoning_gym", "--budget-seconds", "60", "--json"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    with capsys.disabled():
        print(f"{len(lines)} data sets in {time.monotonic() - began:.0f} s")
    assert len(lines) >= 105 + len(NOT_CREATED)
    assert {line["target"] for line in lines if line["status"] not in (0, 1, 7)} == NOT_CREATED.keys()
