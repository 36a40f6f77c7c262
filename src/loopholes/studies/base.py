"""What a study is: a plan, which is data, and a summary, which is a pure function of the finished runs."""

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

SHOWN_ROLLOUTS = 6  # steps (or batches) per run whose rollouts a page may show


class StudyConfig(Config):
    """What a study is run on. The defaults fit a night on a laptop; ``full`` runs every cell of every grid.

    ``policies``: the first is studied in every study, the others in discovery and as students of distillation.
    ``steps``, ``count`` and ``samples`` replace the numbers of each game, for a quick look. ``train_tasks`` and
    ``test_tasks`` map a game to its file of tasks; without a file, tasks are generated.
    """

    kind: ClassVar[str] = "study"

    seeds: int = Field(default=5, ge=1)
    policies: tuple[str, ...] = Field(default=("mini", "mini-llama"), min_length=1)
    games: tuple[str, ...] = Field(default=tuple(SETTINGS), min_length=1)
    full: bool = False
    steps: int | None = Field(default=None, ge=1)
    count: int = Field(default=192, ge=1, description="held-out tasks per evaluation")
    samples: int = Field(default=4, ge=1, description="answers per task")
    answers: int = Field(default=1024, ge=8, description="answers that a student learns from; 'few' means an eighth")
    train_tasks: dict[str, Path] = Field(default_factory=dict)
    test_tasks: dict[str, Path] = Field(default_factory=dict)
    thresholds: Thresholds = Thresholds()

    @property
    def seed_numbers(self) -> range:
        """The seeds, counted from 0."""
        return range(self.seeds)

    @property
    def is_of_minis(self) -> bool:
        """Whether the first policy is one of the minis."""
        return self.policies[0] in MINIS

    def setting(self, game: str, policy: str | None = None) -> Setting:
        """How a policy, by default the first, plays a game.

        The minis play as in the demo. Other policies train with the paper's preset, or with an adapter if they are
        packaged for that.
        """
        policy = policy or self.policies[0]
        usual = SETTINGS.get(game) or Setting(game, None)
        if policy not in MINIS:
            usual = with_adapter(usual) if takes_adapter(policy) else replace(usual, steps=None, options={})
        return replace(
            usual,
            steps=self.steps or usual.steps,
            train_tasks=self.train_tasks.get(game),
            test_tasks=self.test_tasks.get(game),
        )

    def evaluation(self, setting: Setting, source: Source, seed: int) -> Evaluate:
        """An evaluation of a policy on held-out tasks of a game."""
        return Evaluate(setting, source, seed, self.count, self.samples)

    def distilled(self, student: str, teacher: Teacher, amount: int, seed: int, keep: Keep = "all") -> Distil:
        """A student that learns from ``amount`` of a teacher's answers."""
        options = TEACHING if takes_adapter(student) else {}
        return Distil(student, teacher, amount, seed, keep, options)

    def trained(self, game: str, channel: str, seed: int, policy: str | None = None) -> Train:
        """The training runs of discovery, with which all other studies begin."""
        return Train(self.setting(game, policy), channel, policy or self.policies[0], seed)


Sampled = Sequence[Sums]
"""One metric of one arm, as one :class:`Sums` per seed."""


class Finished(Protocol):
    """A finished run: a job of a plan, or a run that belongs to no study (:mod:`loopholes.studies.loose`)."""

    @property
    def identity(self) -> str:
        """A text that identifies the run."""
        ...

    @property
    def setting(self) -> Setting:
        """The game that was trained or evaluated on, with its parameters."""
        ...

    @property
    def seed(self) -> int | None:
        """The run's seed; None if it is not known."""
        ...

    def folder(self, root: Path) -> Path:
        """Where the run is."""
        ...


class Runs:
    """The finished runs under a folder, each read at most once. All numbers of studies come from here."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._sums: dict[str, dict[str, Sums]] = {}
        self._task_counts: dict[str, int] = {}
        self._curves: dict[str, Curve] = {}
        self._calibrations: dict[tuple[object, ...], Calibration] = {}

    def finished(self, *jobs: Finished | Job) -> bool:
        """Whether all of these runs are finished."""
        return all(is_finished(job.folder(self.root)) for job in jobs)

    def sums(self, job: Finished) -> Mapping[str, Sums]:
        """Every metric of the job's game; raises :class:`RunError` if the run is damaged."""
        if job.identity not in self._sums:
            tasks, outcomes = read_evaluation(job.folder(self.root))
            game = job.setting.make()
            metrics = game.metrics
            trained_on = {task.id for task in tasks if not game.untrainable_because(task)}
            self._task_counts[job.identity] = len(trained_on)
            self._sums[job.identity] = {name: Sums.of(metric, tasks, outcomes) for name, metric in metrics.items()}
        return self._sums[job.identity]

    def arm(self, jobs: Sequence[Finished], metric: str) -> Sampled:
        """One metric, with one entry per seed."""
        return [self.sums(job)[metric] for job in jobs]

    def estimates(self, jobs: Sequence[Finished]) -> dict[str, Estimate]:
        """Every metric over several seeds, with its interval."""
        names = self.sums(jobs[0]) if jobs else {}
        return {name: _estimate(self.arm(jobs, name)) for name in names}

    def estimate(self, jobs: Sequence[Finished], metric: str) -> Estimate:
        """One metric over several seeds, with its interval."""
        return _estimate(self.arm(jobs, metric))

    def measure(self, jobs: Sequence[Finished], metric: Metric) -> Estimate:
        """A metric that the game itself does not have, with its interval."""
        return _estimate([Sums.of(metric, *read_evaluation(job.folder(self.root))) for job in jobs])

    def log_odds(self, jobs: Sequence[Finished]) -> Sampled:
        """The branch-point log-odds of several seeds, in nats; see :mod:`loopholes.log_odds`."""
        return [sums(read_log_odds(job.folder(self.root))) for job in jobs]

    def log_odds_change(self, jobs: Sequence[Finished], since: Sequence[Finished]) -> Estimate:
        """The log-odds of one arm minus those of another on the same tasks, seed by seed, in nats.

        The interval is Student's: over seeds or, if there is a single seed, over its tasks.
        """
        pairs = zip(jobs, since, strict=True)
        changes = [changed(*(read_log_odds(job.folder(self.root)) for job in pair)) for pair in pairs]
        if len(changes) > 1:
            return mean_over_seeds([sums(change).value for change in changes])
        sides = {side: over_tasks([x.value for x in changes[0] if x.side == side]) for side in (1, -1)}
        return subtract(sides[1], sides[-1]) if sides[-1].n else sides[1]

    def change(self, jobs: Sequence[Finished], since: Sequence[Finished], metric: str) -> Estimate:
        """The metric of one arm minus that of another, with its interval."""
        a, b = self.arm(jobs, metric), self.arm(since, metric)
        return difference(a, b)

    def compare(self, name: str, metric: str, jobs: Sequence[Finished], baseline: Sequence[Finished]) -> Comparison:
        """Test whether one arm lies above another."""
        ours, theirs = self.values(jobs, metric), self.values(baseline, metric)
        return compare(name, metric, ours, theirs, self.change(jobs, baseline, metric))

    def values(self, jobs: Sequence[Finished], metric: str) -> list[float]:
        """The metric of each seed; seeds in which it is unknown are left out."""
        return [sums.value for sums in self.arm(jobs, metric) if sums.value is not None]

    def curve(self, job: Finished) -> Curve:
        """The curve that a training run logged."""
        if job.identity not in self._curves:
            self._curves[job.identity] = Curve.of(Run.open(job.folder(self.root)).metrics(), job.seed)
        return self._curves[job.identity]

    def calibration(
        self, untrained: Sequence[Finished], trained: Sequence[Finished], limits: Thresholds
    ) -> Calibration:
        """Thresholds that rarely announce a first appearance in runs like these if the policy never changes.

        These are the configured ones if the untrained policy was not evaluated or a run's batches are unknown.
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
        """The share of seeds in which the exploit was found, and its rate in these; both arms have the same seeds."""
        return two_part(self.arm(jobs, "exploit_rate"), self.arm(since, "exploit_rate"), least)

    def compare_within_seeds(
        self, name: str, metric: str, jobs: Sequence[Finished], baseline: Sequence[Finished]
    ) -> Comparison:
        """The same test, stratified by seed; both arms have the same seeds in the same order."""
        ours, theirs = ([sums.value for sums in self.arm(side, metric)] for side in (jobs, baseline))
        return compare_within_seeds(name, metric, ours, theirs, self.change(jobs, baseline, metric))

    def group_size(self, job: Finished) -> int:
        """The completions per prompt of a training run."""
        return int(Run.open(job.folder(self.root)).config["samples"])

    def rollouts(self, jobs: Sequence[Finished]) -> list[dict[str, Any]]:
        """Rollouts of an arm, each with its seed, from a few evenly spread steps of each run."""
        rows = []
        for job in jobs:
            run = Run.open(job.folder(self.root))
            steps = run.rollout_steps()
            stride = max(1, -(-len(steps) // SHOWN_ROLLOUTS))
            rows += [{**row, "seed": job.seed} for row in run.rollouts({*steps[::stride], *steps[-1:]})]
        return rows

    def summary(self, job: Job) -> dict[str, Any]:
        """The summary that a run wrote; empty if it wrote none."""
        return Run.open(job.folder(self.root)).summary or {}


def _estimate(sums: Sampled) -> Estimate:
    return estimate(sums)


@dataclass(frozen=True)
class Summary:
    """The results of a study: a section of the page, and the same numbers for programs.

    ``cells`` are the flat records of every machine-readable summary (:func:`loopholes.score.cells`).
    """

    section: Section
    cells: Sequence[Mapping[str, Any]]
    comparisons: Sequence[Comparison] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """One experiment. ``plan`` returns the jobs whose runs ``summarize`` reads; the jobs that these need are implied.

    ``game`` is the only game that the study is about; None if it is about all games. ``for_minis``: whether it is for
    the mini policies. ``in_parts``: whether it can be summarized while some of its runs are unfinished.
    """

    name: str
    question: str
    plan: Callable[[StudyConfig], Sequence[Job]]
    summarize: Callable[[StudyConfig, Runs], Summary]
    game: str | None = None
    for_minis: bool = True
    in_parts: bool = False

    def is_about(self, config: StudyConfig) -> bool:
        """Whether it fits the games and the first policy of a configuration."""
        return (self.game is None or self.game in config.games) and (self.for_minis or not config.is_of_minis)
