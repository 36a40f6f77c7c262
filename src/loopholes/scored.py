"""Completions, paid and measured: what evaluation and offline scoring have in common."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
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


PAID = Metric("what was paid", lambda task, outcome: outcome.task_score)


class Tally:
    """Every metric of a game, and the mean reward of each channel, of completions that need not be kept.

    Rewards are in the game's own units; what could not be paid does not count.
    """

    def __init__(self, game: Game) -> None:
        from loopholes.stats import Sums

        self._measured = {name: Sums(metric) for name, metric in game.metrics.items()}
        self._paid = defaultdict[str, Sums](lambda: Sums(PAID))

    def add(self, scored: Scored) -> None:
        """Count these completions too."""
        for sums in self._measured.values():
            sums.add(scored.tasks, scored.outcomes)
        for channel, payments in scored.payments.items():
            self._paid[channel].add(scored.tasks, [Outcome(payment.reward, None) for payment in payments])

    def estimates(self) -> dict[str, Estimate]:
        """All of them with their intervals; a channel's mean reward is ``reward_CHANNEL``."""
        from loopholes.stats import estimate

        found = self._measured | {f"reward_{channel}": sums for channel, sums in self._paid.items()}
        return {name: estimate([sums], sums.metric) for name, sums in found.items()}


def estimates(game: Game, scored: Iterable[Scored]) -> dict[str, Estimate]:
    """Every metric of the game over all batches, and the mean reward of each channel, ``reward_CHANNEL``."""
    tally = Tally(game)
    for batch in scored:
        tally.add(batch)
    return tally.estimates()


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
