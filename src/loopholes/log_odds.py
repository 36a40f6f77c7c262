"""Branch-point log-odds: how near a policy is to an exploit, without sampling it.

An exploiting answer and an honest one are equal up to some token. From there x = ln P(exploiting) - ln P(honest),
summed over the rest (the shared beginning cancels out). It has no sampling noise and no floor: it moves while the
exploit is still too rare to be sampled. The texts are the game's own (:meth:`loopholes.games.base.Game.branch`), and
training may find others, so x is calibrated against sampled rates if there are any, and both are reported.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from loopholes.errors import RunError
from loopholes.files import disk_errors, json_rows, replace_file
from loopholes.games import game as make_game
from loopholes.games.base import Game
from loopholes.policies import Policy, load_policy
from loopholes.policies.base import Likelihoods
from loopholes.records import Contribution, Task
from loopholes.runs import Run
from loopholes.runs.evaluations import read_tasks
from loopholes.stats import Sums

FILE = "log_odds.jsonl"


def branch_log_odds(policy: Policy, game: Game, tasks: Sequence[Task]) -> list[Contribution]:
    """x of each task that has a branch, in nats, with its side; empty for a policy that has no likelihoods.

    Tasks whose answers are too long for the policy are left out.
    """
    if not isinstance(policy, Likelihoods):
        return []
    branches = [(task, branch) for task in tasks if (branch := game.branch(task)) is not None]
    forced = [(branch.prompt, answer) for _, branch in branches for answer in (*branch.exploiting, *branch.honest)]
    likelihoods = iter(policy.log_likelihoods([prompt for prompt, _ in forced], [answer for _, answer in forced]))
    odds = []
    for task, branch in branches:
        value = _summed(likelihoods, branch.exploiting) - _summed(likelihoods, branch.honest)
        if math.isfinite(value):
            odds.append(Contribution(task.id, value, branch.side))
    return odds


def _summed(likelihoods: Iterator[float], answers: Sequence[str]) -> float:
    """The logarithm of the total chance of these answers; consumes their likelihoods."""
    return float(np.logaddexp.reduce(list(islice(likelihoods, len(answers)))))


def sums(odds: Sequence[Contribution]) -> Sums:
    """x of one seed, for an estimate: the mean over tasks, or the gap between tasks of the two sides."""
    return Sums("gap" if any(x.side < 0 for x in odds) else "mean").add(odds)


def changed(odds: Sequence[Contribution], since: Sequence[Contribution]) -> list[Contribution]:
    """By how much x has changed, in nats, on each task that both were measured on."""
    before = {x.task: x.value for x in since}
    return [Contribution(x.task, x.value - before[x.task], x.side) for x in odds if x.task in before]


@dataclass(frozen=True, slots=True)
class Distance:
    """How far a policy is from another one at the branch points of the ``prompts`` that both were measured on.

    In nats per prompt. ``mean`` is positive if the policy is nearer to the exploit than the other; prompts of side
    -1, on which an exploiter does less, count negatively. ``absolute`` is the mean of the magnitudes, so it is 0 only
    if both agree on every prompt.
    """

    mean: float
    absolute: float
    prompts: int


def distance(policy: Sequence[Contribution], other: Sequence[Contribution]) -> Distance:
    """The distance between two policies, from their log-odds; raises :class:`RunError` if they share no prompt."""
    changes = [x.value * x.side for x in changed(policy, other)]
    if not changes:
        raise RunError("the two evaluations have no log-odds of the same prompt, so the policies cannot be matched")
    return Distance(float(np.mean(changes)), float(np.mean(np.abs(changes))), len(changes))


def write_log_odds(run: Path, odds: Sequence[Contribution]) -> None:
    """Write ``log_odds.jsonl`` into the directory of an evaluation's run."""
    lines = [json.dumps({"task": x.task, "log_odds": x.value, "side": x.side}) + "\n" for x in odds]
    with disk_errors(run):
        replace_file(run / FILE, "".join(lines).encode())


def read_log_odds(run: Path) -> list[Contribution]:
    """What :func:`write_log_odds` wrote; raises :class:`RunError` if there is nothing, or it was edited."""
    if not (run / FILE).is_file():
        raise RunError(
            f"{run} has no {FILE}: it was evaluated before log-odds were recorded. To add them to all evaluations of "
            f"the folder: python benchmarks/log_odds.py {run.parent.parent}"
        )
    try:
        rows = [row for row in json_rows(run / FILE) if isinstance(row, dict)]
        return [Contribution(str(row["task"]), float(row["log_odds"]), int(row["side"])) for row in rows]
    except (KeyError, TypeError, ValueError):
        raise RunError(f"{run / FILE} cannot be read; the run was edited or damaged") from None


def measure_finished(folder: Path, policy: str | None = None) -> bool:
    """Record the log-odds of an evaluation that was finished without them, from the policy that it evaluated.

    ``policy`` replaces the recorded location of the policy. Returns whether there was anything to do.
    """
    if (folder / FILE).is_file():
        return False
    run = Run.open(folder)
    game = make_game(str(run.config["game"]), **run.config["parameters"])
    evaluated = load_policy(policy or str(run.config["source"]), game=game)
    write_log_odds(folder, branch_log_odds(evaluated, game, read_tasks(run)))
    return True
