"""Completions, paid and measured: what evaluation and offline scoring have in common."""

from __future__ import annotations

import logging
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loopholes.games.base import Game
from loopholes.records import Asker, Completion, Metric, Outcome, Payment, Task

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
