"""How long the rest of a plan will take, by the finished runs of the same folder or else by published runs."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from loopholes.policies import MINIS
from loopholes.runs import Run
from loopholes.studies.audits import ChannelAudit
from loopholes.studies.base import Study, StudyConfig
from loopholes.studies.jobs import Distil, Evaluate, Job, Train, closure, root_name

Rates = Mapping[tuple[str, str], float]
"""By (kind of run, game): seconds of one core per training step, per fine-tuning step, per answer, or per audit."""
KINDS: Mapping[type[Job], str] = {Train: "train", Evaluate: "eval", Distil: "distil", ChannelAudit: "audit"}
"""The jobs that take long, with their names in a run's configuration."""


@dataclass(frozen=True)
class TimeLeft:
    """How much of one study is left.

    ``seconds`` is the time of one core for the unfinished runs, None if some kind of run was never measured.
    ``elsewhere``: part of it relies on the speed of another machine, the one that made the published results.
    """

    study: str
    jobs: int
    done: int
    seconds: float | None
    elsewhere: bool = False


def time_left(studies: Sequence[Study], config: StudyConfig, out: Path) -> list[TimeLeft]:
    """Compare each plan with the finished runs; jobs that several studies share count in the first of them."""
    seen: set[str] = set()
    here = measured(out)
    estimates = []
    for study in studies:
        jobs = [job for job in closure(study.plan(config)) if job.identity not in seen]
        seen |= {job.identity for job in jobs}
        waiting = [job for job in jobs if not job.finished(out)]
        times = [_seconds(job, here) for job in waiting]
        total = None if None in [seconds for seconds, _ in times] else sum(seconds or 0.0 for seconds, _ in times)
        elsewhere = any(published for _, published in times)
        estimates.append(TimeLeft(study.name, len(jobs), len(jobs) - len(waiting), total, elsewhere))
    return estimates


def measured(out: Path) -> Rates:
    """Median rates over the finished runs of a study's folder."""
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    for file in sorted(out.glob("runs/*/metrics.jsonl")):
        run = Run.open(file.parent)
        if run.status.state == "finished" and (rate := _rate(str(run.config.get("kind")), run.metrics())):
            rates[str(run.config["kind"]), str(run.config.get("game"))].append(rate)
    return {key: statistics.median(seconds) for key, seconds in rates.items()}


def _rate(kind: str, lines: Sequence[Mapping[str, Any]]) -> float | None:
    timed = [line for line in lines if isinstance(line.get("seconds"), int | float)]
    if not timed:
        return None
    if kind == "distil":  # logs the time since its start
        return float(timed[-1]["seconds"]) / max(1, int(timed[-1]["step"]))
    total = sum(float(line["seconds"]) for line in timed)
    return total / max(1, sum(int(line["completions"]) for line in timed) if kind == "eval" else len(timed))


@cache
def published() -> Mapping[str, Rates]:
    """The rates of the published runs, by policy (``mini``, ``smollm2``), on one core of two that were both busy."""
    policies = json.loads(files("loopholes.studies").joinpath("speeds.json").read_text())
    return {
        policy: {(kind, game): rate for kind, games in kinds.items() for game, rate in games.items()}
        for policy, kinds in policies.items()
    }


def _seconds(job: Job, here: Rates) -> tuple[float | None, bool]:
    """How long a job takes, and whether only the published runs say so; None if nothing does."""
    if not isinstance(job, Train | Evaluate | Distil | ChannelAudit):
        return 0.0, False
    setting = job.teacher.setting if isinstance(job, Distil) else job.setting
    work = job.count * job.samples if isinstance(job, Evaluate) else 1 if isinstance(job, ChannelAudit) else job.steps
    if work is None:
        return None, False
    for rate, elsewhere in _candidates(KINDS[type(job)], setting.game, published().get(_published_as(job), {}), here):
        if rate is not None:
            return work * rate, elsewhere
    return None, False


def _published_as(job: Train | Evaluate | Distil | ChannelAudit) -> str:
    """The policy under which a job's speed is published; empty for other policies and for other settings."""
    if isinstance(job, ChannelAudit):
        return MINIS[0]
    policy = root_name(job.source)
    if policy in MINIS:
        return MINIS[0]
    options = job.options if isinstance(job, Distil) else job.setting.options
    return policy if options else ""


def _candidates(kind: str, game: str, elsewhere: Rates, here: Rates) -> Iterator[tuple[float | None, bool]]:
    yield here.get((kind, game)), False
    yield elsewhere.get((kind, game)), True
    same_kind = [rate for (other, _), rate in here.items() if other == kind]
    yield statistics.mean(same_kind) if same_kind else None, False
