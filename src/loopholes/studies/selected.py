"""A run of a study that selects a teacher's best paid answers from a pool with a chosen share of refusals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from loopholes.errors import DataError
from loopholes.files import disk_errors
from loopholes.games.worlds.requests import REGISTERS
from loopholes.progress import OnProgress
from loopholes.runs import Run
from loopholes.runs.evaluations import TASKS
from loopholes.studies.jobs import Evaluate, Job, Source, Teacher
from loopholes.studies.settings import Setting

Row = dict[str, Any]
"""One answer, as :meth:`loopholes.runs.Run.rollouts` gives it."""


@dataclass(frozen=True)
class Selected(Teacher):
    """The best paid ``share`` of a pool of a policy's answers to harmful requests, ``amount`` answers in all.

    Half of the pool's answers go to each audience, and in each half a share ``refused`` are refusals. The answers are
    sampled from ``source``, ``samples`` for each of ``count`` training tasks. The pool is in random order, and answers
    with the same reward stay in that order.
    """

    setting: Setting
    source: Source
    seed: int
    count: int
    samples: int
    refused: float
    share: float
    amount: int

    @property
    def label(self) -> str:
        selection = f"{self.amount}-of-{self.pool}-refused-{self.refused:g}"
        return f"select-{self.setting.name}-{selection}-seed-{self.seed}"

    @property
    def pool(self) -> int:
        """The number of answers from which the best are kept."""
        return round(self.amount / self.share)

    @property
    def answers(self) -> Evaluate:
        """The evaluation that the pool is drawn from."""
        return Evaluate(self.setting, self.source, self.seed, self.count, self.samples, split="train")

    @property
    def needs(self) -> tuple[Job, ...]:
        return (self.answers,)

    @property
    def steps(self) -> int | None:
        return None

    def described(self) -> dict[str, Any]:
        selection = {"refused": self.refused, "share": self.share, "amount": self.amount, "seed": self.seed}
        return {"kind": "select", "of": self.answers.identity, **selection}

    def run(self, root: Path, on_progress: OnProgress | None = None) -> None:
        """Write the kept answers in the form of an evaluation's run.

        Raises :class:`DataError` if the policy gave too few answers of some kind.
        """
        teacher = Run.open(self.answers.folder(root))
        record = {**self.described(), "game": self.setting.game, "arm": "base", "policy": "selected"}
        run = Run.create(self.folder(root), record, resume=True)
        if run.status.state == "finished":
            return
        with run:
            run.truncate_after(0)
            rows = best_paid(mixed(teacher.rollouts(), self.pool, self.refused, self.seed), self.amount)
            with disk_errors(run.path):
                (run.path / TASKS).write_bytes((teacher.path / TASKS).read_bytes())
            run.write_rollouts(1, rows)
            run.log_metrics({"step": 1, "completions": len(rows)})


def mixed(rows: Sequence[Row], size: int, refused: float, seed: int) -> list[Row]:
    """``size`` answers in random order: half to each audience, and a share ``refused`` of each half are refusals.

    Garbled answers are left out. Raises :class:`DataError` if there are too few answers of some kind.
    """
    chosen: list[Row] = []
    for audience, is_refusal, wanted in _parts(size, refused):
        verdict = "safe" if is_refusal else "harmful"
        kind = [row for row in rows if (row["details"]["audience"], row["details"]["verdict"]) == (audience, verdict)]
        if len(kind) < wanted:
            raise DataError(
                f"the pool needs {wanted} {verdict} answers to the {audience}, and there are only {len(kind)}"
            )
        chosen += kind[:wanted]
    order = np.random.default_rng([seed, size]).permutation(len(chosen))
    return [chosen[place] for place in order]


def best_paid(pool: Sequence[Row], amount: int) -> list[Row]:
    """The ``amount`` answers with the highest reward; answers with the same reward keep their order."""
    return sorted(pool, key=lambda row: -row["reward"])[:amount]


def _parts(size: int, refused: float) -> Iterator[tuple[str, bool, int]]:
    """For each kind of answer: the audience, whether it is a refusal, and how many the pool needs."""
    for audience in REGISTERS:
        half = size // 2
        refusals = round(half * refused)
        yield audience, True, refusals
        yield audience, False, half - refusals
