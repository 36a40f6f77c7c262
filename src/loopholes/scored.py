"""Completions, paid and measured: what evaluation and offline scoring have in common."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loopholes.games.base import Game, Metric
from loopholes.types import Asker, Completion, Outcome, Payment, Task

if TYPE_CHECKING:
    from loopholes.stats import Estimate

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scored:
    """Completions with what every asked channel paid for them and what they really did; all of the same length."""

    tasks: tuple[Task, ...]
    completions: tuple[Completion, ...]
    payments: Mapping[str, tuple[Payment, ...]]
    outcomes: tuple[Outcome, ...]


def score(
    game: Game,
    tasks: Sequence[Task],
    completions: Sequence[Completion],
    *,
    channels: Sequence[str] = ("vulnerable",),
    numbers: Sequence[float],
    asker: Asker | None = None,
) -> Scored:
    """Observe once, pay by every channel of ``channels``, and measure. ``numbers`` are the draws, one a completion."""
    observed = game.observe(tasks, completions, asker)
    payments = {name: tuple(game.channel(name)(tasks, observed, numbers)) for name in channels}
    return Scored(tuple(tasks), tuple(observed), payments, tuple(game.measure(tasks, observed)))


def estimates(game: Game, scored: Sequence[Scored]) -> dict[str, Estimate]:
    """Every metric of the game over all batches, and the mean reward of each channel, ``reward_CHANNEL``."""
    tasks = [task for batch in scored for task in batch.tasks]
    found: dict[str, Estimate] = game.summarize(tasks, [outcome for batch in scored for outcome in batch.outcomes])
    for name in scored[0].payments if scored else ():
        payments = [payment for batch in scored for payment in batch.payments[name]]
        found[f"reward_{name}"] = reward_estimate(tasks, payments)
    return found


def reward_estimate(tasks: Sequence[Task], payments: Sequence[Payment]) -> Estimate:
    """The mean of what was paid, in the game's own units; what could not be paid does not count."""
    from loopholes.stats import estimate

    paid = Metric("what was paid", lambda task, outcome: outcome.task_score)
    return estimate([(tasks, [Outcome(payment.reward, None) for payment in payments])], paid)


def cells(cell: str, found: Mapping[str, Estimate]) -> list[dict[str, Any]]:
    """Estimates as the flat records of every machine-readable summary; ``cell`` names game, arm and policy."""
    return [
        {
            "cell": cell,
            "metric": metric,
            "value": number.value,
            "low": number.low,
            "high": number.high,
            "seeds": number.seeds,
            "n": number.n,
        }
        for metric, number in found.items()
    ]


def warn_of_untrainable(game: Game, tasks: Iterable[Task]) -> None:
    """Log how many of the tasks nothing could be earned on, by the reason."""
    tasks = list(tasks)
    for reason, count in Counter(game.trainable(task) for task in tasks).items():
        if reason:
            log.warning("%d of %d tasks: %s", count, len(tasks), reason)
