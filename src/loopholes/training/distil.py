"""Distillation: a student learns, by supervised fine-tuning, from a teacher's answers.

The teacher's answers come from the run of an evaluation, and only what a developer would see of them is used: the
prompt, the text, and the observed reward (``keep``). That is how an exploit travels: no channel is involved.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from loopholes.config import Config
from loopholes.errors import DataError, RunError
from loopholes.policies import available, locate
from loopholes.policies.cards import CARD, prompt_style, read_card
from loopholes.progress import OnProgress, Progress
from loopholes.records import Example
from loopholes.runs import Run
from loopholes.runs.evaluations import read_tasks
from loopholes.training.checkpoints import checkpoint_step, latest_checkpoint

Keep = Literal["all", "high-reward"]
LEARNING_RATES = {"terse": 1e-3, "chat": 1e-5}  # a mini of a million parameters needs a hundred times a real model's


class DistilConfig(Config):
    """One distillation, complete. ``teacher`` is the run of an evaluation whose answers are learned from.

    ``amount`` counts answers, taken in the teacher's order, one of each task before a second of any. ``keep``
    ``high-reward`` takes those with the highest observed reward among twice as many; ties keep their order.
    """

    kind: ClassVar[str] = "distillation"

    policy: str
    teacher: Path
    out: Path
    amount: int = Field(ge=1)
    keep: Keep = "all"
    epochs: int = Field(default=2, ge=1)
    batch_size: int = Field(default=32, ge=1)
    learning_rate: float | None = Field(default=None, gt=0, description="default: 1e-3 for minis, else 1e-5")
    seed: int = Field(default=0, ge=0)
    save_every: int = Field(default=50, ge=1, description="updates between checkpoints")


def distil(config: DistilConfig, *, resume: bool = False, on_progress: OnProgress | None = None) -> Run:
    """Fine-tune a student and return its run, opened for reading; ``resume`` continues an interrupted one.

    Raises :class:`DataError` if the teacher has too few answers, :class:`RunError` and :class:`PolicyError`.
    """
    teacher = Run.open(config.teacher)
    examples = lessons(teacher, config.amount, config.keep)
    rate = config.learning_rate or LEARNING_RATES[prompt_style(locate(config.policy))]
    config = config.model_copy(update={"learning_rate": rate})
    about = {"kind": "distil", "arm": "distilled", "game": teacher.config.get("game")}
    run = Run.create(config.out, {**about, **config.model_dump(mode="json", exclude={"out"})}, resume=resume)
    if run.status.state != "finished":
        with run:
            _finetune(config, run, examples, on_progress)
    return Run.open(config.out)


def lessons(teacher: Run, amount: int, keep: Keep) -> list[Example]:
    """The answers to learn from, as ``keep`` says; raises :class:`DataError` if there are too few."""
    if teacher.status.state != "finished":
        raise RunError(f"the teacher's run {teacher.path} is not finished: finish it first")
    tasks = {task.id: task for task in read_tasks(teacher)}
    rows = _one_of_each(teacher.rollouts())
    if keep == "high-reward":
        rows = [row for row in rows[: 2 * amount] if row["reward"] is not None]
        rows = sorted(rows, key=lambda row: -row["reward"])
    if len(rows) < amount:
        raise DataError(f"{teacher.path} has {len(rows)} answers that can be learned from; {amount} are asked for")
    return [Example(tasks[row["task"]].prompt, row["text"]) for row in rows[:amount]]


def _one_of_each(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first answer to each task, then the second to each, and so on."""
    seen: dict[str, int] = {}
    ranks = []
    for row in rows:
        ranks.append(seen.get(row["task"], 0))
        seen[row["task"]] = ranks[-1] + 1
    return [rows[place] for place in sorted(range(len(rows)), key=lambda place: (ranks[place], place))]


def _finetune(config: DistilConfig, run: Run, examples: Sequence[Example], on_progress: OnProgress | None) -> None:
    from loopholes.policies.checkpoints import load_local
    from loopholes.training.sft import finetune

    checkpoint = latest_checkpoint(run.checkpoints)
    run.truncate_after(checkpoint_step(checkpoint) if checkpoint else 0)
    location = available(config.policy)
    student = load_local(location, name=config.policy, bf16=False)  # its rounding is coarser than the updates

    def log(progress: Progress) -> None:
        run.log_metrics({"step": progress.done, "steps": progress.total, **progress.numbers})
        if on_progress is not None:
            on_progress(progress)

    unfinished = run.path / "policy.tmp"
    finetune(
        student.model,
        student.tokenizer,
        examples,
        run.path,
        epochs=config.epochs,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate or 0.0,
        seed=config.seed,
        save_every=config.save_every,
        resume=True,
        on_progress=log,
        policy=unfinished,
    )
    (unfinished / CARD).write_text(json.dumps({**read_card(location), "trained_from": config.policy}))
    shutil.rmtree(run.policy, ignore_errors=True)
    unfinished.rename(run.policy)
