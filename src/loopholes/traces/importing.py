"""Rollouts from elsewhere, measured and written as a run: rewards are the file's own, truth is measured here."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from loopholes.errors import ContractError, DataError, UsageError
from loopholes.files import RESUME, BadRows, disk_errors, jsonable, replace_file
from loopholes.games import game as make_game
from loopholes.games.base import Game, WorldParameters
from loopholes.policies.claims import says_yes
from loopholes.progress import OnProgress, Progress
from loopholes.records import Completion, Message, Outcome, Payment, Task, task_to_json
from loopholes.runs import Run, rollout_rows
from loopholes.runs.evaluations import TASKS
from loopholes.score import Tally, cells, outcome_metrics, pay, reward_metrics, score
from loopholes.traces import format_called
from loopholes.traces.joining import Tasks
from loopholes.traces.rollout import Missing, Rollout

log = logging.getLogger(__name__)

CLOSE = 1e-3  # rewards count as equal up to this difference, since trainers store them in 32 bits or less
Evaluation = Literal["base", "trained"]


@dataclass(frozen=True)
class Import:
    """A request to import rollout files: ``channel`` paid them, ``policy`` was trained or evaluated.

    Without ``evaluation`` the files come from training. ``base`` means an evaluation of the untrained policy,
    ``trained`` one of the policy that was trained on ``channel``.
    """

    format: str
    game: str
    files: tuple[Path, ...]
    out: Path
    channel: str = "vulnerable"
    policy: str = "elsewhere"
    seed: int = 0
    evaluation: Evaluation | None = None
    tasks: Path | None = None
    skip_bad: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)


Joined = tuple[Rollout, Task]


def import_rollouts(config: Import, *, resume: bool = False, on_progress: OnProgress | None = None) -> Run:
    """Measure rollout files and return the run that they make, finished and opened for reading.

    Rollouts that match no task are left out, with a warning that counts them. Raises :class:`DataError` for files of
    another layout and if nothing matches, :class:`UsageError` for evaluations of several steps, :class:`RunError` for
    an ``out`` that cannot be written.
    """
    game = make_game(config.game, **config.parameters)
    game.channel(config.channel)
    Run.check(config.out, {"game": config.game, "channel": config.channel, "seed": config.seed}, resume=resume)
    steps, left_out = _read(config, game)
    if config.evaluation is not None and len(steps) > 1:
        named = ", ".join(map(str, sorted(steps)))
        raise UsageError(
            f"an evaluation is of one policy, and these files hold steps {named}: give the file of one step"
        )
    run = Run.create(config.out, _described(config, game, steps), resume=resume)
    if run.status.state != "finished":
        with run:
            _write(config, game, run, steps, left_out, on_progress)
    return Run.open(config.out)


def _write(
    config: Import, game: Game, run: Run, steps: Mapping[int, list[Joined]], left_out: str, on: OnProgress | None
) -> None:
    """Write every step that the run does not hold yet, and the summary of all."""
    done = {line["step"] for line in run.metrics()} & set(run.rollout_steps())
    run.truncate_after(max(done, default=-1))
    if config.evaluation is not None:
        distinct = {task.id: task for _, task in chain.from_iterable(steps.values())}
        with disk_errors(run.path, RESUME):
            lines = (json.dumps(jsonable(task_to_json(task))).encode() + b"\n" for task in distinct.values())
            replace_file(run.path / TASKS, lines)
    tally, odd, count = Tally(game), 0, 0
    for number, (step, rollouts) in enumerate(sorted(steps.items()), start=1):
        measured = _Step(config, game, rollouts)
        tally.add(measured.scored)
        odd, count = odd + measured.odd, count + len(rollouts)
        line = {"step": step, **measured.metrics}
        if step not in done:
            run.write_rollouts(step, measured.rows)
            run.log_metrics(line)
        if on is not None:
            on(Progress("step", number, len(steps), {name: line[name] for name in ("reward", *game.metrics)}))
    if odd:
        log.warning(
            "%d of %d rewards are not what the %s channel of %s pays: see that --channel and --set are those of the "
            "training",
            odd,
            count,
            config.channel,
            game.name,
        )
    name = f"{game.name}/{run.config['arm']}/{config.policy}"
    unlike = {"rewards_unlike_channel": odd}
    run.write_summary({"cells": cells(name, tally.estimates()), "left_out": left_out, "rollouts": count, **unlike})


class _Step:
    """The rollouts of one step, scored. ``odd`` counts rewards that the channel never pays for that answer."""

    def __init__(self, config: Import, game: Game, rollouts: Sequence[Joined]) -> None:
        tasks = [task for _, task in rollouts]
        answers = [Completion(rollout.text) for rollout, _ in rollouts]
        asker = _Recorded([rollout.verdict for rollout, _ in rollouts])
        self.scored = score(game, tasks, answers, channels=[config.channel], draws=[0.0] * len(tasks), asker=asker)
        rewards = [rollout.reward for rollout, _ in rollouts]
        spared = pay(game, config.channel, tasks, self.scored.completions, [1.0 - 2**-53] * len(tasks))
        payable = zip(self.scored.payments[config.channel], spared, strict=True)
        self.odd = sum(_unlike(reward, pair) for reward, pair in zip(rewards, payable, strict=True))
        paid = [Payment(reward, "" if reward is not None else "the file has no reward") for reward in rewards]
        self.rows = rollout_rows(tasks, self.scored.completions, paid, self.scored.outcomes)
        self.metrics = _metrics(game, tasks, paid, self.scored.outcomes)
        self.scored = type(self.scored)(
            tuple(tasks), self.scored.completions, {config.channel: tuple(paid)}, self.scored.outcomes
        )


def _unlike(reward: float | None, payable: Sequence[Payment]) -> bool:
    """Whether a reward is neither what the channel pays under audit nor what it pays without."""
    expected = [payment.reward for payment in payable if payment.reward is not None]
    return reward is not None and bool(expected) and all(abs(reward - value) > CLOSE for value in expected)


def _metrics(game: Game, tasks: Sequence[Task], paid: Sequence[Payment], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    samples = _group_size(tasks) or 1
    return {
        **reward_metrics(paid, samples),
        **outcome_metrics(game.metrics, tasks, outcomes),
        "completions": len(tasks),
    }


class _Recorded:
    """Repeats the policy's verdict on each answer from when it was sampled; None if it was not asked."""

    def __init__(self, verdicts: Sequence[str | None]) -> None:
        self._verdicts = verdicts

    def says_yes(self, prompts: Sequence[Sequence[Message]]) -> list[bool | None]:
        """One verdict per prompt; raises :class:`ContractError` for a game that asks only about some answers."""
        if len(prompts) != len(self._verdicts):
            raise ContractError("the game asks about some of its answers, and which ones cannot be known from outside")
        return [None if verdict is None else says_yes(verdict) for verdict in self._verdicts]


def _read(config: Import, game: Game) -> tuple[dict[int, list[Joined]], str]:
    """The rollouts of all files by step, each with its task; and how many were left out, in words."""
    reader = format_called(config.format)
    tasks = Tasks(game, [] if config.tasks is None else game.load(config.tasks, skip_bad=config.skip_bad))
    steps: dict[int, list[Joined]] = defaultdict(list)
    left_out = []
    for path in _files(config):
        broken, unmatched, used = BadRows(path), BadRows(path), 0
        for number, rollout in enumerate(reader.read(path), 1):
            if isinstance(rollout, Missing):
                unmatched.add(f"rollout {number}: {rollout}")
                continue
            if isinstance(rollout, str):
                broken.add(rollout)
                continue
            try:
                task = tasks.task_of(rollout)
                steps[rollout.step].append((rollout, task))
                used += 1
            except ValueError as error:
                unmatched.add(f"rollout {number}: {error}")
        if broken.count and not (config.skip_bad and used):
            raise DataError(
                f"{path} is not a rollout file of {config.format}, or is damaged: {broken}; {reader.WRITTEN_BY}"
            )
        left_out += [bad.left_out(used) for bad in (broken, unmatched)]
    if not steps:
        raise DataError(
            f"no rollout matches a task of {game.name}: exported data carry their tasks; for others give --tasks FILE, "
            "with the tasks that were trained on"
        )
    return dict(steps), ", ".join(filter(None, left_out))


def _files(config: Import) -> list[Path]:
    """The files to read; of a directory, those that the format reads. Raises :class:`DataError`."""
    files: list[Path] = []
    for path in config.files:
        reader = format_called(config.format)
        here = reader.files_in(path) if path.is_dir() else [path]
        if not here or not all(file.is_file() for file in here):
            what = (
                f"holds no rollout file of {config.format}; {reader.WRITTEN_BY}" if path.is_dir() else "is not a file"
            )
            raise DataError(f"{path} {what}")
        files += here
    return files


def _described(config: Import, game: Game, steps: Mapping[int, list[Joined]]) -> dict[str, Any]:
    """The run's configuration, like that of our own runs, with the format and names of its files."""
    tasks = [task for _, task in chain.from_iterable(steps.values())]
    parameters = dict(config.parameters)
    if isinstance(game.parameters, WorldParameters) and all(task.info.get("world") == "english" for task in tasks):
        parameters["world"] = "english"
    kind = "train" if config.evaluation is None else "eval"
    arm = "base" if config.evaluation == "base" else config.channel
    samples = _group_size([task for _, task in next(iter(steps.values()))])
    sizes = {"samples": samples, "prompts_per_step": len(next(iter(steps.values()))) // samples} if samples else {}
    return {
        "kind": kind,
        "game": config.game,
        "parameters": parameters,
        "channel": config.channel,
        "arm": arm,
        "policy": config.policy,
        "seed": config.seed,
        "format": config.format,
        "files": [file.name for file in config.files],
        "steps": len(steps),
        **sizes,
    }


def _group_size(tasks: Sequence[Task]) -> int | None:
    """How many answers each task has; None if tasks differ."""
    counts = defaultdict[str, int](int)
    for task in tasks:
        counts[task.id] += 1
    sizes = set(counts.values())
    return sizes.pop() if len(sizes) == 1 else None
