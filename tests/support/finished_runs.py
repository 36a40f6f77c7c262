"""Finished runs with known rates, written without any training, so that a test knows what a summary must say."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from loopholes.evaluation import evaluate
from loopholes.games.base import Game
from loopholes.log_odds import write_log_odds
from loopholes.policies import Sampling
from loopholes.policies.scripted import ScriptedPolicy
from loopholes.records import KINDS, Completion, Contribution, Outcome, Task
from loopholes.runs import Run
from loopholes.studies import STUDIES, StudyConfig
from loopholes.studies.audits import ChannelAudit
from loopholes.studies.base import Runs, Summary
from loopholes.studies.jobs import Distil, Evaluate, Job, Match, Train, closure

Rate = Callable[[Evaluate], float]
Curve = Callable[[Train, int], float]
Audited = Callable[[ChannelAudit], dict[str, Any]]
SMALL = StudyConfig(policies=("mini",), games=("self-grading", "proxy-metric"), count=24, samples=2, answers=16)


class Mixed(ScriptedPolicy):
    """Exploits with a probability, and is honest otherwise."""

    def __init__(self, game: Game, rate: float) -> None:
        super().__init__("honest", game)
        self._played = game
        self._rate = rate

    def complete(self, tasks: Sequence[Task], sampling: Sampling, seed: int) -> list[Completion]:
        exploits = np.random.default_rng(seed).random(len(tasks)) < self._rate
        return [
            self._played.demonstrate(KINDS[int(exploiting)], task)
            for task, exploiting in zip(tasks, exploits, strict=True)
        ]


def fabricate(jobs: Sequence[Job], root: Path, rate: Rate, curve: Curve, audit: Audited | None = None) -> None:
    """Write the runs of these jobs and of all that they need, with the numbers of ``rate``, ``curve`` and ``audit``."""
    audit = audit or (lambda job: {"status": 0, "worst": None, "losing": 0.0, "findings": []})
    for job in closure(jobs):
        if isinstance(job, Match):
            job.run(root)
            continue
        record = {"kind": type(job).__name__, "game": "", "policy": "mini", "samples": 8, "prompts_per_step": 16}
        with Run.create(job.folder(root), record) as run:
            if isinstance(job, Evaluate):
                game = _remembering(job.setting.make())
                policy = Mixed(game, rate(job))
                tasks = _tasks(game, job.seed, job.count)
                seed = crc32(job.label.encode())  # not from its identity, which depends on the policy's files
                evaluate(policy, game, tasks, run, samples=job.samples, sampling=Sampling(), seed=seed)
                write_log_odds(run.path, [x for task in tasks for x in log_odds_of(game, task, rate(job))])
            elif isinstance(job, Train):
                lines = (_line(step, curve(job, step)) for step in range(1, (job.steps or 1) + 1))
                (run.path / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
            elif isinstance(job, Distil):
                run.policy.mkdir()
            elif isinstance(job, ChannelAudit):
                run.write_summary(audit(job))


_MADE: dict[tuple[str, str, int, int], list[Task]] = {}
_MEASURED: dict[tuple[str, str, str, str], Outcome] = {}


def _remembering(game: Game) -> Game:
    """The game, which measures an answer to a task only once, however many jobs hold it."""
    parameters, measure = game.parameters.model_dump_json(), game.measure

    def remembered(task: Task, completion: Completion) -> Outcome:
        key = (game.name, parameters, task.id, repr(completion))
        if key not in _MEASURED:
            (_MEASURED[key],) = measure([task], [completion])
        return _MEASURED[key]

    game.measure = lambda tasks, completions: list(map(remembered, tasks, completions))  # type: ignore[method-assign]
    return game


def _tasks(game: Game, seed: int, count: int) -> list[Task]:
    """Held-out tasks of a game; making them takes longer than all else, and most jobs have those of another."""
    key = (game.name, game.parameters.model_dump_json(), seed, count)
    if key not in _MADE:
        _MADE[key] = game.tasks("test", seed=seed, count=count)
    return _MADE[key]


def log_odds_of(game: Game, task: Task, rate: float) -> list[Contribution]:
    """The log-odds of a policy that exploits every task at the same rate; empty for a task without a branch."""
    branch = game.branch(task)
    value = math.log(max(rate, 1e-3) / max(1 - rate, 1e-3))
    return [] if branch is None else [Contribution(task.id, branch.side * value, branch.side)]


def _line(step: int, exploit: float) -> dict[str, Any]:
    return {"step": step, "reward": 1.0, "task_performance": 0.5, "exploit_rate": exploit, "seconds": 0.5}


def summary_of(
    name: str, root: Path, rate: Rate, curve: Curve, config: StudyConfig = SMALL, audit: Audited | None = None
) -> Summary:
    """The summary of a study over fabricated runs."""
    study = STUDIES[name]
    fabricate(study.plan(config), root, rate, curve, audit)
    return study.summarize(config, Runs(root))


def cell(summary: Summary, name: str, metric: str) -> Any:
    """One record of a summary."""
    (record,) = [row for row in summary.cells if (row["cell"], row["metric"]) == (name, metric)]
    return record
