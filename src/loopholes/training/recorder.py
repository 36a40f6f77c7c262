"""What a training run records, beside the training.

Measurements are taken here, after the update that the rewards led to, on copies of the tasks, from what the reward
function stored. Nothing goes back: a measurement that raises, lies or uses random numbers changes the records and
nothing else.
"""

from __future__ import annotations

import copy
import logging
import statistics
import time
from collections.abc import Sequence
from typing import Any

from loopholes.errors import ScoringError
from loopholes.games.base import Game
from loopholes.progress import OnProgress, Progress
from loopholes.records import Completion, Outcome, Task
from loopholes.runs import Run, rollout_rows
from loopholes.score import measure, outcome_metrics, reward_metrics
from loopholes.training.no_gradient import ENOUGH, no_gradient
from loopholes.training.rewards import Batch

log = logging.getLogger(__name__)


class Recorder:
    """Measures a step's completions, and writes its rollouts and one line of metrics, in the main process."""

    def __init__(
        self, game: Game, tasks: Sequence[Task], run: Run, samples: int, steps: int, on_progress: OnProgress | None
    ) -> None:
        self._game = game
        self._tasks = copy.deepcopy(list(tasks))
        self._run = run
        self._samples = samples
        self._steps = steps
        self._on_progress = on_progress
        self._since = time.perf_counter()
        self._warned = False

    def start(self) -> None:
        """Start the clock of the first step."""
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
        if metrics["step"] == ENOUGH < self._steps and (warning := no_gradient(self._run.metrics(), self._run.config)):
            log.warning("%s", warning)
        if problem and not self._warned:
            log.warning("step %d could not be measured, and training continues: %s", metrics["step"], problem)
            self._warned = True
        if self._on_progress is not None:
            self._on_progress(Progress.of("step", metrics, self._steps))
        return metrics

    def _measure(self, tasks: list[Task], completions: list[Completion]) -> tuple[list[Outcome], str]:
        """Outcomes; all unknown, with the reason, if the measurement itself fails."""
        try:
            return list(measure(self._game, tasks, completions)), ""
        except Exception as error:
            if isinstance(error, ScoringError):
                raise  # the sandbox or the judge is broken: the run stops with a checkpoint to resume from
            problem = f"{type(error).__name__}: {error}"
            return [Outcome(None, None, {"measurement_error": problem}) for _ in tasks], problem
