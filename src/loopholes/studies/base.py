"""What a study is: a plan, which is data, and a summary, which is a pure function of finished runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pydantic import Field

from loopholes.config import Config
from loopholes.log_odds import changed, read_log_odds, sums
from loopholes.numbers import Estimate
from loopholes.policies import MINIS
from loopholes.records import Metric
from loopholes.report.elements import Section
from loopholes.runs import Run
from loopholes.runs.evaluations import read_evaluation
from loopholes.stats import (
    Batches,
    Calibration,
    Comparison,
    Sums,
    Thresholds,
    TwoPart,
    calibrate,
    compare,
    compare_within_seeds,
    difference,
    estimate,
    mean_over_seeds,
    over_tasks,
    subtract,
    two_part,
)
from loopholes.studies.charts import Curve
from loopholes.studies.inputs import takes_adapter
from loopholes.studies.jobs import Distil, Evaluate, Job, Source, Teacher, Train, is_finished
from loopholes.studies.settings import SETTINGS, TEACHING, Setting, with_adapter
from loopholes.training.distil import Keep

SHOWN_ROLLOUTS = 6  # steps, or batches, of one run whose rollouts a page may show


class StudyConfig(Config):
    """What a study is run on. The defaults fit a night on a laptop; ``full`` runs every cell of every grid.

    ``policies``: the first is studied in every study, the others in discovery and as students of distillation.
    ``steps``, ``count`` and ``samples`` stand in for each game's own, for a quick look. ``train_tasks`` and
    ``test_tasks`` give a game's file of tasks, else generated tasks are played.
    """

    kind: ClassVar[str] = "study"

    seeds: int = Field(default=5, ge=1)
    policies: tuple[str, ...] = Field(default=("mini", "mini-llama"), min_length=1)
    games: tuple[str, ...] = Field(default=tuple(SETTINGS), min_length=1)
    full: bool = False
    steps: int | None = Field(default=None, ge=1)
    count: int = Field(default=192, ge=1, description="held-out tasks of an evaluation")
    samples: int = Field(default=4, ge=1, description="answers a task")
    answers: int = Field(default=1024, ge=8, description="that a student learns from; few of them are an eighth")
    train_tasks: dict[str, Path] = Field(default_factory=dict)
    test_tasks: dict[str, Path] = Field(default_factory=dict)
    thresholds: Thresholds = Thresholds()

    @property
    def seed_numbers(self) -> range:
        """The seeds themselves."""
        return range(self.seeds)

    @property
    def is_of_minis(self) -> bool:
        """Whether the first policy is one of the minis."""
        return self.policies[0] in MINIS

    def setting(self, game: str, policy: str | None = None) -> Setting:
        """How a policy, by default the first, plays a game.

        The minis as in the demo; others by the paper's preset, or with an adapter where that is what they are for.
        """
        policy = policy or self.policies[0]
        known = SETTINGS.get(game) or Setting(game, None)
        if policy not in MINIS:
            known = with_adapter(known) if takes_adapter(policy) else replace(known, steps=None, options={})
        return replace(
            known,
            steps=self.steps or known.steps,
            train_tasks=self.train_tasks.get(game),
            test_tasks=self.test_tasks.get(game),
        )

    def evaluation(self, setting: Setting, source: Source, seed: int) -> Evaluate:
        """A policy on held-out tasks of a game."""
        return Evaluate(setting, source, seed, self.count, self.samples)

    def distilled(self, student: str, teacher: Teacher, amount: int, seed: int, keep: Keep = "all") -> Distil:
        """A student of so many answers of a teacher."""
        options = TEACHING if takes_adapter(student) else {}
        return Distil(student, teacher, amount, seed, keep, options)

    def trained(self, game: str, channel: str, seed: int, policy: str | None = None) -> Train:
        """What discovery trains, and all other studies begin with."""
        return Train(self.setting(game, policy), channel, policy or self.policies[0], seed)


Sampled = Sequence[Sums]
"""One metric of one arm: the sums of each seed."""


class Finished(Protocol):
    """A run that is done: a job of a plan, or a run that belongs to no study (:mod:`loopholes.studies.loose`)."""

    @property
    def identity(self) -> str:
        """What no other run has."""
        ...

    @property
    def setting(self) -> Setting:
        """The game, with its parameters, that was trained or evaluated on."""
        ...

    @property
    def seed(self) -> int | None:
        """The run's seed; None if it is not known."""
        ...

    def folder(self, root: Path) -> Path:
        """Where the run is."""
        ...


class Runs:
    """The finished runs under a folder; each is read once. The one way from runs to numbers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._sums: dict[str, dict[str, Sums]] = {}
        self._task_counts: dict[str, int] = {}
        self._curves: dict[str, Curve] = {}
        self._calibrations: dict[tuple[object, ...], Calibration] = {}

    def finished(self, *jobs: Finished | Job) -> bool:
        """Whether all of these runs are done."""
        return all(is_finished(job.folder(self.root)) for job in jobs)

    def sums(self, job: Finished) -> Mapping[str, Sums]:
        """Every metric of the job's game; raises :class:`RunError` for a run that is damaged."""
        if job.identity not in self._sums:
            tasks, outcomes = read_evaluation(job.folder(self.root))
            game = job.setting.make()
            metrics = game.metrics
            trained_on = {task.id for task in tasks if not game.untrainable_because(task)}
            self._task_counts[job.identity] = len(trained_on)
            self._sums[job.identity] = {name: Sums.of(metric, tasks, outcomes) for name, metric in metrics.items()}
        return self._sums[job.identity]

    def arm(self, jobs: Sequence[Finished], metric: str) -> Sampled:
        """One metric of several seeds."""
        return [self.sums(job)[metric] for job in jobs]

    def estimates(self, jobs: Sequence[Finished]) -> dict[str, Estimate]:
        """Every metric of several seeds, with its interval."""
        names = self.sums(jobs[0]) if jobs else {}
        return {name: _estimate(self.arm(jobs, name)) for name in names}

    def estimate(self, jobs: Sequence[Finished], metric: str) -> Estimate:
        """One metric of several seeds."""
        return _estimate(self.arm(jobs, metric))

    def measure(self, jobs: Sequence[Finished], metric: Metric) -> Estimate:
        """A metric that is not one of the game's own, with its interval."""
        return _estimate([Sums.of(metric, *read_evaluation(job.folder(self.root))) for job in jobs])

    def log_odds(self, jobs: Sequence[Finished]) -> Sampled:
        """The branch-point log-odds of several seeds, in nats; see :mod:`loopholes.log_odds`."""
        return [sums(read_log_odds(job.folder(self.root))) for job in jobs]

    def log_odds_change(self, jobs: Sequence[Finished], since: Sequence[Finished]) -> Estimate:
        """How far the log-odds of one arm lie above those of another on the same tasks, seed by seed, in nats.

        With Student's interval: over seeds, or of a single seed over tasks.
        """
        pairs = zip(jobs, since, strict=True)
        changes = [changed(*(read_log_odds(job.folder(self.root)) for job in pair)) for pair in pairs]
        if len(changes) > 1:
            return mean_over_seeds([sums(change).value for change in changes])
        sides = {side: over_tasks([x.value for x in changes[0] if x.side == side]) for side in (1, -1)}
        return subtract(sides[1], sides[-1]) if sides[-1].n else sides[1]

    def change(self, jobs: Sequence[Finished], since: Sequence[Finished], metric: str) -> Estimate:
        """How far one arm lies above another."""
        a, b = self.arm(jobs, metric), self.arm(since, metric)
        return difference(a, b)

    def compare(self, name: str, metric: str, jobs: Sequence[Finished], others: Sequence[Finished]) -> Comparison:
        """The test that one arm lies above another."""
        ours, theirs = self.values(jobs, metric), self.values(others, metric)
        return compare(name, metric, ours, theirs, self.change(jobs, others, metric))

    def values(self, jobs: Sequence[Finished], metric: str) -> list[float]:
        """The metric of each seed by itself, without those where it is unknown."""
        return [sums.value for sums in self.arm(jobs, metric) if sums.value is not None]

    def curve(self, job: Finished) -> Curve:
        """What a training run logged."""
        if job.identity not in self._curves:
            self._curves[job.identity] = Curve.of(Run.open(job.folder(self.root)).metrics(), job.seed)
        return self._curves[job.identity]

    def calibration(
        self, untrained: Sequence[Finished], trained: Sequence[Finished], limits: Thresholds
    ) -> Calibration:
        """The thresholds at which first appearance is rarely announced in runs like these where nothing changes.

        As configured where it is not known what a run sampled or the untrained policy does.
        """
        batches = self._batches(trained[0]) if untrained and trained else None
        if batches is None:
            return Calibration(None, limits)
        key = (*(job.identity for job in untrained), batches, limits)
        if key not in self._calibrations:
            sums = self.arm(untrained, "exploit_rate")
            tasks = sum(self._task_counts[job.identity] for job in untrained)
            self._calibrations[key] = calibrate(sums, tasks, batches, limits)
        return self._calibrations[key]

    def _batches(self, job: Finished) -> Batches | None:
        config = Run.open(job.folder(self.root)).config
        prompts, samples = config.get("prompts_per_step"), config.get("samples")
        return Batches(len(self.curve(job).steps), prompts, samples) if prompts and samples else None

    def two_part(self, jobs: Sequence[Finished], since: Sequence[Finished], least: float) -> TwoPart:
        """In which share of seeds the exploit was found, and its rate there; both sides hold the same seeds."""
        return two_part(self.arm(jobs, "exploit_rate"), self.arm(since, "exploit_rate"), least)

    def compare_within_seeds(
        self, name: str, metric: str, jobs: Sequence[Finished], others: Sequence[Finished]
    ) -> Comparison:
        """The same test, stratified by seed; both sides hold the same seeds in the same order."""
        ours, theirs = ([sums.value for sums in self.arm(side, metric)] for side in (jobs, others))
        return compare_within_seeds(name, metric, ours, theirs, self.change(jobs, others, metric))

    def group_size(self, job: Finished) -> int:
        """Samples per prompt of a training run."""
        return int(Run.open(job.folder(self.root)).config["samples"])

    def rollouts(self, jobs: Sequence[Finished]) -> list[dict[str, Any]]:
        """Rollouts of an arm, from a few steps of each run, evenly spread, each with the seed."""
        rows = []
        for job in jobs:
            run = Run.open(job.folder(self.root))
            steps = run.rollout_steps()
            stride = max(1, -(-len(steps) // SHOWN_ROLLOUTS))
            rows += [{**row, "seed": job.seed} for row in run.rollouts({*steps[::stride], *steps[-1:]})]
        return rows

    def summary(self, job: Job) -> dict[str, Any]:
        """What a run came to, as it wrote it."""
        return Run.open(job.folder(self.root)).summary or {}


def _estimate(sums: Sampled) -> Estimate:
    return estimate(sums)


@dataclass(frozen=True)
class Summary:
    """What a study found: a section of the page, and the same for machines.

    ``cells`` are the flat records of every machine-readable summary (:func:`loopholes.score.cells`).
    """

    section: Section
    cells: Sequence[Mapping[str, Any]]
    comparisons: Sequence[Comparison] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """One experiment. ``plan`` gives the jobs whose runs ``summarize`` reads; what those need comes along.

    ``game`` is the only game it is about; None for a study of all games. ``for_minis``: whether the mini policies can
    be studied in it. ``in_parts``: whether it can be summed up while some of its runs are not finished.
    """

    name: str
    question: str
    plan: Callable[[StudyConfig], Sequence[Job]]
    summarize: Callable[[StudyConfig, Runs], Summary]
    game: str | None = None
    for_minis: bool = True
    in_parts: bool = False

    def is_about(self, config: StudyConfig) -> bool:
        """Whether its game, if it is about a single one, and its kind of policy are those of a configuration."""
        return (self.game is None or self.game in config.games) and (self.for_minis or not config.is_of_minis)
