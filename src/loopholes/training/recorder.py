"""What a training run writes down, beside the training.

Measurements are taken here, after the update that the rewards led to, on copies of the tasks, from what the reward
function left behind. Nothing goes back: a measurement that raises, lies or turns the random generators changes what
is written and nothing else.
"""

from __future__ import annotations

import copy
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from loopholes.errors import ScoringError
from loopholes.games.base import Game, Metric
from loopholes.runs import Run, rollout_rows
from loopholes.training.rewards import Batch
from loopholes.types import Completion, Outcome, Payment, Task

OnStep = Callable[[dict[str, Any]], None]


class Recorder:
    """Measures a step's completions, and writes its rollouts and one line of metrics. Lives in the main process."""

    def __init__(self, game: Game, tasks: Sequence[Task], run: Run, samples: int, on_step: OnStep | None) -> None:
        self._game = game
        self._tasks = copy.deepcopy(list(tasks))
        self._run = run
        self._samples = samples
        self._on_step = on_step
        self._since = time.perf_counter()

    def start(self) -> None:
        """Begin to count the seconds of the first step."""
        self._since = time.perf_counter()

    def record(self, batches: Sequence[Batch], learning_rate: float) -> dict[str, Any]:
        """Write down one step, given the batches of all processes in order, and return its line of metrics.

        Raises :class:`ScoringError` if a judge or sandbox broke.
        """
        tasks = [self._tasks[index] for batch in batches for index in batch.task_indices]
        completions = [completion for batch in batches for completion in batch.completions]
        payments = [payment for batch in batches for payment in batch.payments]
        lengths = [length for batch in batches for length in batch.lengths]
        outcomes, problem = self._measure(tasks, completions)
        now = time.perf_counter()
        metrics: dict[str, Any] = {
            "step": batches[0].step,
            **reward_metrics(payments, self._samples),
            **outcome_metrics(self._game.metrics, tasks, outcomes),
            "truncated": sum(completion.truncated for completion in completions),
            "completion_length": statistics.fmean(lengths),
            "completions": len(completions),
            "learning_rate": learning_rate,
            "seconds": now - self._since,
            **({"measurement_error": problem} if problem else {}),
        }
        self._since = now
        self._run.write_rollouts(metrics["step"], rollout_rows(tasks, completions, payments, outcomes))
        self._run.log_metrics(metrics)
        if self._on_step is not None:
            self._on_step(metrics)
        return metrics

    def _measure(self, tasks: list[Task], completions: list[Completion]) -> tuple[list[Outcome], str]:
        """Outcomes; all unknown, with the reason, where the measurement itself is at fault."""
        try:
            outcomes = list(self._game.measure(tasks, completions))
            if len(outcomes) != len(tasks):
                raise ValueError(f"measure gave {len(outcomes)} outcomes for {len(tasks)} completions")
            return outcomes, ""
        except ScoringError:
            raise  # the sandbox or the judge is broken: the run stops, with a checkpoint to go on from
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            return [Outcome(None, None, {"measurement_error": problem}) for _ in tasks], problem


def reward_metrics(payments: Sequence[Payment], samples: int) -> dict[str, Any]:
    """Reward of a step, and what GRPO could not learn from.

    ``none_groups`` counts groups in which nothing could be scored, ``dead_groups`` the others in which all that could
    be was paid the same: neither moves the policy. ``reward`` and ``reward_std`` are None if nothing was paid.
    """
    rewards = [payment.reward for payment in payments]
    paid = [reward for reward in rewards if reward is not None]
    groups = [rewards[start : start + samples] for start in range(0, len(rewards), samples)]
    distinct = [{reward for reward in group if reward is not None} for group in groups]
    return {
        "reward": statistics.fmean(paid) if paid else None,
        "reward_std": statistics.pstdev(paid) if paid else None,
        "none_rewards": len(rewards) - len(paid),
        "groups": len(groups),
        "none_groups": sum(len(values) == 0 for values in distinct),
        "dead_groups": sum(len(values) == 1 for values in distinct),
    }


def outcome_metrics(
    metrics: Mapping[str, Metric], tasks: Sequence[Task], outcomes: Sequence[Outcome]
) -> dict[str, float | None]:
    """Every metric of a game over one step: the mean, or the mean of the +1 samples minus that of the -1 samples."""
    return {name: _difference(metric, tasks, outcomes) for name, metric in metrics.items()}


def _difference(metric: Metric, tasks: Sequence[Task], outcomes: Sequence[Outcome]) -> float | None:
    values: dict[int, list[float]] = {1: [], -1: []}
    for task, outcome in zip(tasks, outcomes, strict=True):
        try:
            value, sign = metric.value(task, outcome), metric.sign(task)
        except Exception:  # a metric may count on details that a failed measurement does not have
            continue
        if value is not None and math.isfinite(value):
            values[sign].append(float(value))
    means = {sign: statistics.fmean(found) for sign, found in values.items() if found}
    is_gap = metric.sign is not Metric.sign
    if not means or (is_gap and len(means) < 2):
        return None  # a gap with one side missing is unknown
    return sum(sign * mean for sign, mean in means.items())
