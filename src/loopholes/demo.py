"""The first look: all four games, trained on the vulnerable and on the secure channel, side by side.

One process a core, one thread each: two single-thread runs at once finish sooner than one run with two threads
(``benchmarks/threads.py``). The two arms of a game run together, so that the first comparison appears early. Whatever
was finished in ``out`` is not repeated, and an interrupted run goes on from its last checkpoint.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopholes.errors import RunError
from loopholes.evaluation import EvalConfig, run_evaluation
from loopholes.report import GameSection, game_section, write_page
from loopholes.report.collect import read_arms
from loopholes.runs import Run
from loopholes.scored import cells
from loopholes.stats import Estimate
from loopholes.storage import resumed_unasked, write_json
from loopholes.studies.settings import SETTINGS, Setting

ARMS = ("base", "vulnerable", "secure")
TESTED = 192
SAMPLES = 4

Event = dict[str, Any]
OnEvent = Callable[[Event], None]


Trial = Setting
"""One game of the demo: its parameters, how long it is trained, and other options of the training."""
TRIALS = tuple(SETTINGS.values())
"""What the demo runs, in this order: each game as the studies play it."""


@dataclass(frozen=True)
class Job:
    """One arm of a trial: trained unless it is the base policy, then evaluated on held-out tasks."""

    trial: Trial
    arm: str
    policy: str
    seed: int
    out: Path

    @property
    def folder(self) -> Path:
        """Where the arm's runs are: ``train`` and ``eval``."""
        return self.out / self.trial.game / self.arm / f"seed-{self.seed}"


def run_demo(
    out: Path,
    *,
    policy: str = "mini",
    seeds: Sequence[int] = (0,),
    workers: int | None = None,
    trials: Sequence[Trial] = TRIALS,
    on_event: OnEvent | None = None,
) -> dict[str, Any]:
    """Run what is not finished yet, write ``summary.json`` and ``report.html`` under ``out``, return the summary.

    ``on_event`` is told of every training step (``game``, ``arm``, ``seed``, ``steps`` and the step's metrics) and of
    every game that is done (``game``, ``section``). Raises :class:`RunError` if a worker dies.
    """
    order = ("vulnerable", "secure", "base")
    jobs = [Job(trial, arm, policy, seed, out) for trial in trials for seed in seeds for arm in order]
    out.mkdir(parents=True, exist_ok=True)
    tell = on_event or (lambda event: None)
    summary: dict[str, Any] = {"policy": policy, "seeds": list(seeds), "cells": []}
    sections = []
    for trial in _finished(jobs, workers or min(len(jobs), os.cpu_count() or 1), tell):
        section = read_section(trial, policy, seeds, out)
        sections.append(section)
        summary["cells"] += cells_of(section, policy)
        tell({"game": trial.game, "section": section})
    write_json(out / "summary.json", summary)
    write_page(f"Loopholes: what {policy} learned", [game_section(one) for one in sections], out / "report.html")
    return summary


def read_section(trial: Trial, policy: str, seeds: Sequence[int], out: Path) -> GameSection:
    """A trial's three arms as the page shows them, read from the runs of these seeds."""
    game = trial.make()
    folders = [Job(trial, arm, policy, seed, out).folder for arm in ARMS for seed in seeds]
    runs = [Run.open(folder / kind) for folder in folders for kind in ("train", "eval") if (folder / kind).is_dir()]
    return GameSection.of(game, read_arms(game, runs), _command(trial, policy, seeds[0]))


def _command(trial: Trial, policy: str, seed: int) -> str:
    settings = "".join(f" --set {key}={value}" for key, value in trial.parameters.items())
    settings += "".join(f" --{name.replace('_', '-')} {value}" for name, value in trial.options.items())
    return (
        f"loopholes train {trial.game} --channel vulnerable --policy {policy} --steps {trial.steps} --seed {seed}"
        f"{settings} --out runs/{trial.game}"
    )


def cells_of(section: GameSection, policy: str) -> list[dict[str, Any]]:
    """The section's numbers, one flat record each: the layout of every machine-readable summary."""
    found = []
    for arm in section.arms:
        numbers = dict(arm.estimates)
        if arm.name != "base":
            for name in ("first_appearance", "domination", "blind_spot"):
                value = getattr(arm, name)
                numbers[name] = Estimate(None if value is None else float(value), None, None, 1, len(arm.curves))
        found += cells(f"{section.name}/{arm.name}/{policy}", numbers)
    return found


def _finished(jobs: Sequence[Job], workers: int, tell: OnEvent) -> Iterator[Trial]:
    """Run the jobs on ``workers`` processes; yield each trial as soon as all its jobs are done, in order."""
    context = multiprocessing.get_context("spawn")
    events = context.Queue()
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(events,)) as pool:
        futures = [pool.submit(_work, job) for job in jobs]
        try:
            for trial in dict.fromkeys(job.trial.game for job in jobs):
                mine = [(job, future) for job, future in zip(jobs, futures, strict=True) if job.trial.game == trial]
                _wait([future for _, future in mine], events, tell)
                yield mine[0][0].trial
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _wait(futures: Sequence[Future[None]], events: Any, tell: OnEvent) -> None:
    while True:
        done = all(future.done() for future in futures)
        try:
            while True:
                tell(events.get(timeout=0.2))
        except queue.Empty:
            pass
        if done:
            break
    for future in futures:
        try:
            future.result()
        except BrokenProcessPool:
            raise RunError("a worker process died (out of memory?); the same command goes on where it was") from None


_events: Any = None  # in a worker: where it tells of its steps


def _begin(events: Any) -> None:
    """Set up a worker: one thread, and an end with its parent, however that ends."""
    global _events
    _events = events
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(job: Job) -> None:
    """Train (unless it is the base arm) and evaluate; both are resumed if they were interrupted."""
    with resumed_unasked():
        _evaluate(job, job.policy if job.arm == "base" else str(_train(job).path))


def _evaluate(job: Job, source: str) -> None:
    config = EvalConfig.of(
        game=job.trial.game,
        parameters=dict(job.trial.parameters),
        policy=source,
        out=job.folder / "eval",
        count=TESTED,
        samples=SAMPLES,
        seed=job.seed,
    )
    run_evaluation(config, resume=True)


def _train(job: Job) -> Run:
    from loopholes.training.config import TrainConfig
    from loopholes.training.grpo import train

    config = TrainConfig.of(
        game=job.trial.game,
        parameters=dict(job.trial.parameters),
        channel=job.arm,
        policy=job.policy,
        steps=job.trial.steps,
        seed=job.seed,
        out=job.folder / "train",
        **job.trial.options,
    )
    about = {"game": job.trial.game, "arm": job.arm, "seed": job.seed, "steps": job.trial.steps}
    return train(config, resume=True, on_step=lambda metrics: _events.put({**about, **metrics}))
