"""The runs of a study as data: what each does and starts from, which also identifies it.

A job's identity is a hash of its full configuration, of the policy that it starts from (the files of a named policy, or
the identity of the job that trained it) and of the tasks that it plays. Studies that plan the same job share its run;
if anything in a job changes, it is another run.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

from loopholes.evaluation import EvalConfig, run_evaluation
from loopholes.files import disk_errors, jsonable
from loopholes.log_odds import distance, read_log_odds
from loopholes.policies import Sampling
from loopholes.progress import OnProgress
from loopholes.records import PromptStyle, Split
from loopholes.runs import Run
from loopholes.studies.inputs import policy_card, policy_digest, world
from loopholes.studies.settings import Setting
from loopholes.training.config import TrainConfig
from loopholes.training.distil import DistilConfig, Keep

RUNS = "runs"


class Job(ABC):
    """One run of a study. ``label`` is for people; ``needs`` are the jobs that must be finished before."""

    @property
    @abstractmethod
    def label(self) -> str: ...

    @property
    @abstractmethod
    def needs(self) -> tuple[Job, ...]: ...

    @property
    @abstractmethod
    def steps(self) -> int | None:
        """The number of steps; None if it is not known beforehand."""

    @abstractmethod
    def described(self) -> dict[str, Any]:
        """Everything that the result depends on, as JSON."""

    @abstractmethod
    def run(self, root: Path, on_progress: OnProgress | None = None) -> None:
        """Start or continue the run in its folder under ``root``."""

    @cached_property
    def identity(self) -> str:
        """A hash of :meth:`described`, 20 hexadecimal digits."""
        text = json.dumps(jsonable(self.described()), sort_keys=True)
        return blake2b(text.encode(), digest_size=10).hexdigest()

    def folder(self, root: Path) -> Path:
        """The directory of its run."""
        return root / RUNS / f"{self.label}-{self.identity[:10]}"

    def finished(self, root: Path) -> bool:
        """Whether its run is finished."""
        return is_finished(self.folder(root))


Source = str | Job
"""Where a policy comes from: a name, or the job that made it."""


@dataclass(frozen=True)
class Train(Job):
    """GRPO on a channel of a game."""

    setting: Setting
    channel: str
    source: Source
    seed: int

    @property
    def label(self) -> str:
        return f"train-{self.setting.name}-{self.channel}-from-{_short(self.source)}-seed-{self.seed}"

    @property
    def needs(self) -> tuple[Job, ...]:
        return _jobs(self.source)

    @property
    def steps(self) -> int | None:
        return self.setting.steps or self.resolved().steps

    def config(self, policy: str, out: Path) -> TrainConfig:
        """The configuration of the run."""
        return TrainConfig.of(
            game=self.setting.game,
            parameters=dict(self.setting.parameters),
            channel=self.channel,
            policy=policy,
            steps=self.setting.steps,
            seed=self.seed,
            tasks=self.setting.train_tasks,
            out=out,
            **self.setting.options,
        )

    def resolved(self) -> TrainConfig:
        """The configuration with all values of its preset filled in, without the policy's name or any path."""
        return self.config("", Path()).resolved(self.setting.make(), *_style(self.source))

    def described(self) -> dict[str, Any]:
        config = self.resolved()
        return {
            "kind": "train",
            "from": _origin(self.source),
            **_dumped(config),
            **world(self.setting, config.tasks, _style(self.source)[0]),
        }

    def run(self, root: Path, on_progress: OnProgress | None = None) -> None:
        from loopholes.training.grpo import train

        train(self.config(_place(self.source, root), self.folder(root)), resume=True, on_progress=on_progress)


class Teacher(Job):
    """A job whose run holds answers to tasks of a game, from which a student may learn."""

    setting: Setting
    source: Source


@dataclass(frozen=True)
class Evaluate(Teacher):
    """A policy answers tasks: held-out tasks, or as a teacher those of the training split."""

    setting: Setting
    source: Source
    seed: int
    count: int
    samples: int
    split: Split = "test"

    @property
    def label(self) -> str:
        what = "eval" if self.split == "test" else "teach"
        return f"{what}-{self.setting.name}-by-{_short(self.source)}-seed-{self.seed}"

    @property
    def needs(self) -> tuple[Job, ...]:
        return _jobs(self.source)

    @property
    def steps(self) -> int | None:
        return None

    def config(self, policy: str, out: Path) -> EvalConfig:
        """The configuration of the run."""
        file = self.setting.test_tasks if self.split == "test" else self.setting.train_tasks
        return EvalConfig.of(
            game=self.setting.game,
            parameters=dict(self.setting.parameters),
            policy=policy,
            out=out,
            tasks=file,
            split=self.split,
            count=self.count,
            samples=self.samples,
            seed=self.seed,
            **self.setting.answering,
        )

    def sampling(self) -> Sampling:
        """How answers are sampled."""
        return self.config("", Path()).sampling(self.setting.make(), _style(self.source)[0])

    def described(self) -> dict[str, Any]:
        config = self.config("", Path())
        played = world(self.setting, config.tasks, _style(self.source)[0])
        fields = _dumped(config)
        del fields["timeout"]  # it changes no answer
        if config.bf16 is None:  # runs from before this option existed stay the same runs
            del fields["bf16"]
        settings = {**fields, "sampling": vars_of(self.sampling()), **played}
        return {"kind": "eval", "from": _origin(self.source), **settings}

    def run(self, root: Path, on_progress: OnProgress | None = None) -> None:
        run_evaluation(self.config(_place(self.source, root), self.folder(root)), resume=True, on_progress=on_progress)


@dataclass(frozen=True)
class Distil(Job):
    """A student learns from a teacher's answers. ``options`` are fields of a DistilConfig."""

    source: Source
    teacher: Teacher
    amount: int
    seed: int
    keep: Keep = "all"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        what = f"{self.amount}-{'best-' if self.keep == 'high-reward' else ''}of-{_short(self.teacher.source)}"
        return f"distil-{self.teacher.setting.name}-into-{_short(self.source)}-{what}-seed-{self.seed}"

    @property
    def needs(self) -> tuple[Job, ...]:
        return (*_jobs(self.source), self.teacher)

    @property
    def steps(self) -> int | None:
        config = self.config("", Path(), Path())
        return -(-config.amount * config.epochs // config.batch_size)

    def config(self, policy: str, teacher: Path, out: Path) -> DistilConfig:
        """The configuration of the run."""
        about = {"amount": self.amount, "keep": self.keep, "seed": self.seed}
        return DistilConfig.of(policy=policy, teacher=teacher, out=out, **about, **self.options)

    def described(self) -> dict[str, Any]:
        config = _dumped(self.config("", Path(), Path()))
        return {"kind": "distil", "from": _origin(self.source), **config, "teacher": self.teacher.identity}

    def run(self, root: Path, on_progress: OnProgress | None = None) -> None:
        from loopholes.training.distil import distil

        config = self.config(_place(self.source, root), self.teacher.folder(root), self.folder(root))
        distil(config, resume=True, on_progress=on_progress)


@dataclass(frozen=True)
class Match(Job):
    """Chooses, among several policies, the one closest to another in branch-point log-odds.

    The distance is the absolute difference in nats, averaged over held-out prompts. Other distances are worse:

    - exploit rates near 0 and 1 hide what matters for training (97 % and 99.9 % differ by 3.4 nats);
    - squares depend on the few prompts on which both policies are certain anyway;
    - two policies that exploit different prompts can have the same mean.

    The run has no policy of its own but a link to the chosen one. Its ``summary.json`` holds the index of the chosen
    candidate (``chosen``) and the distance of each from the target (``distances``,
    :class:`loopholes.log_odds.Distance`).
    """

    candidates: tuple[Evaluate, ...]
    target: Evaluate

    @property
    def label(self) -> str:
        return f"match-{self.target.setting.name}-to-{_short(self.target.source)}-seed-{self.target.seed}"

    @property
    def needs(self) -> tuple[Job, ...]:
        return (*self.candidates, self.target)

    @property
    def steps(self) -> int | None:
        return None

    def described(self) -> dict[str, Any]:
        candidates = [candidate.identity for candidate in self.candidates]
        return {"kind": "match", "by": "log-odds", "of": candidates, "to": self.target.identity}

    def run(self, root: Path, on_progress: OnProgress | None = None) -> None:
        record = {**self.described(), "game": self.target.setting.game, "arm": "distilled", "policy": "matched"}
        run = Run.create(self.folder(root), record, resume=True)
        if run.status.state == "finished":
            return
        with run:
            target = read_log_odds(self.target.folder(root))
            distances = [distance(read_log_odds(job.folder(root)), target) for job in self.candidates]
            chosen = min(range(len(distances)), key=lambda place: distances[place].absolute)
            maker = self.candidates[chosen].source
            with disk_errors(run.path):
                run.policy.unlink(missing_ok=True)
                run.policy.symlink_to(Path("..") / Path(_place(maker, root)).name / "policy", target_is_directory=True)
            run.write_summary({"chosen": chosen, "distances": [vars_of(candidate) for candidate in distances]})


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a finished run."""
    return (folder / "config.json").is_file() and Run.open(folder).status.state == "finished"


def closure(jobs: Iterable[Job]) -> list[Job]:
    """These jobs and all jobs that they need, without duplicates; a job comes after those that it needs."""
    jobs_by_identity: dict[str, Job] = {}

    def visit(job: Job) -> None:
        if job.identity not in jobs_by_identity:
            for needed in job.needs:
                visit(needed)
            jobs_by_identity[job.identity] = job

    for job in jobs:
        visit(job)
    return list(jobs_by_identity.values())


def root_name(source: Source) -> str:
    """The name of the policy that the chain of jobs starts from."""
    return source if isinstance(source, str) else root_name(next(iter(_sources(source))))


def vars_of(record: Any) -> dict[str, Any]:
    """The fields of a small record."""
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


def _sources(job: Job) -> Iterator[Source]:
    if isinstance(job, Train | Evaluate | Distil):
        yield job.source
    elif isinstance(job, Match):
        yield job.candidates[0].source


def _jobs(source: Source) -> tuple[Job, ...]:
    return () if isinstance(source, str) else (source,)


def _place(source: Source, root: Path) -> str:
    return source if isinstance(source, str) else str(source.folder(root).resolve())


def _origin(source: Source) -> str:
    return policy_digest(source) if isinstance(source, str) else source.identity


def _style(source: Source) -> tuple[PromptStyle, str]:
    """The prompt style and the architecture of a policy that may not exist yet."""
    return policy_card(root_name(source))


def _short(source: Source) -> str:
    if isinstance(source, str):
        return Path(source).name.replace(":", "-")
    if isinstance(source, Train):
        return f"{_initials(source.setting.name)}.{source.channel}.{_short(source.source)}"
    if isinstance(source, Distil):
        return f"{_initials(source.teacher.setting.name)}.student.{_short(source.source)}"
    return "matched" if isinstance(source, Match) else source.label


def _initials(game: str) -> str:
    return "".join(word[0] for word in game.split("-") if word)


def _dumped(config: Any) -> dict[str, Any]:
    dumped: dict[str, Any] = config.model_dump(mode="json", exclude={"out", "policy", "teacher", "tasks", "report_to"})
    return dumped
