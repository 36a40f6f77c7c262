"""How long what is left of a plan will take: from finished runs of the same folder, else from published ones."""

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
"""By kind of run and game: seconds of one core for a step of training or of fine-tuning, an answer, or an audit."""
KINDS: Mapping[type[Job], str] = {Train: "train", Evaluate: "eval", Distil: "distil", ChannelAudit: "audit"}
"""Those that take long, by their names in a run's configuration."""


@dataclass(frozen=True)
class TimeLeft:
    """What is left of one study.

    ``seconds`` of one core for what is left; None where that was never measured. ``elsewhere``: part of it is told by
    the speed of another machine, which made the published results.
    """

    study: str
    jobs: int
    done: int
    seconds: float | None
    elsewhere: bool = False


def time_left(studies: Sequence[Study], config: StudyConfig, out: Path) -> list[TimeLeft]:
    """The plan against what is there; jobs that several studies share count in the first of them."""
    seen: set[str] = set()
    here = measured(out)
    found = []
    for study in studies:
        jobs = [job for job in closure(study.plan(config)) if job.identity not in seen]
        seen |= {job.identity for job in jobs}
        waiting = [job for job in jobs if not job.finished(out)]
        times = [_seconds(job, here) for job in waiting]
        total = None if None in [seconds for seconds, _ in times] else sum(seconds or 0.0 for seconds, _ in times)
        elsewhere = any(published for _, published in times)
        found.append(TimeLeft(study.name, len(jobs), len(jobs) - len(waiting), total, elsewhere))
    return found


def measured(out: Path) -> Rates:
    """Medians over the finished runs of a study's folder."""
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    for file in sorted(out.glob("runs/*/metrics.jsonl")):
        run = Run.open(file.parent)
        if run.status.state == "finished" and (rate := _rate(str(run.config.get("kind")), run.metrics())):
            rates[str(run.config["kind"]), str(run.config.get("game"))].append(rate)
    return {key: statistics.median(found) for key, found in rates.items()}


def _rate(kind: str, lines: Sequence[Mapping[str, Any]]) -> float | None:
    known = [line for line in lines if isinstance(line.get("seconds"), int | float)]
    if not known:
        return None
    if kind == "distil":  # tells the time since it began
        return float(known[-1]["seconds"]) / max(1, int(known[-1]["step"]))
    total = sum(float(line["seconds"]) for line in known)
    return total / max(1, sum(int(line["completions"]) for line in known) if kind == "eval" else len(known))


@cache
def published() -> Mapping[str, Rates]:
    """What each policy took in the published runs, on one core of two that were both busy: ``mini`` or ``smollm2``."""
    policies = json.loads(files("loopholes.studies").joinpath("speeds.json").read_text())
    return {
        policy: {(kind, game): rate for kind, games in kinds.items() for game, rate in games.items()}
        for policy, kinds in policies.items()
    }


def _seconds(job: Job, here: Rates) -> tuple[float | None, bool]:
    """How long a job takes, and whether only the published runs tell."""
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
    """Under which name the speed of a job is published, if it is: no other policies, nor these with other settings."""
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
    others = [rate for (known, _), rate in here.items() if known == kind]
    yield statistics.mean(others) if others else None, False
