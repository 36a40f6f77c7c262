"""Completions, paid and measured: the one place where a completion is observed, paid and counted.

Only :func:`observe_and_pay` calls a game's channels, so that the contract of a payment (one per completion, a finite
number or None) is checked for training, evaluation, files, audits and ``--validate`` alike.
"""

from __future__ import annotations

import logging
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any, Protocol

from loopholes.errors import ContractError, UsageError
from loopholes.records import Asker, Channel, Completion, Contribution, Metric, Outcome, Payment, Task, as_records

if TYPE_CHECKING:
    from loopholes.stats import Estimate

log = logging.getLogger(__name__)

Observe = Callable[[Sequence[Task], Sequence[Completion]], Sequence[Completion]]


class Playable(Protocol):
    """What paying and measuring need of a game."""

    @property
    def name(self) -> str:
        """The game's name, for messages."""
        ...

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """What is reported about a set of outcomes."""
        ...

    def channel(self, name: str) -> Channel:
        """The channel of this name."""
        ...

    def observe(
        self, tasks: Sequence[Task], completions: Sequence[Completion], policy: Asker | None = None
    ) -> list[Completion]:
        """The completions with observations that their text alone does not hold."""
        ...

    def measure(self, tasks: Sequence[Task], completions: Sequence[Completion]) -> list[Outcome]:
        """What the completions really did."""
        ...

    def untrainable_because(self, task: Task) -> str:
        """Why a policy cannot be trained on a task; empty if it can."""
        ...


@dataclass(frozen=True, slots=True)
class Paid:
    """Completions as they were observed, and what each channel paid for them; all of the same length."""

    completions: tuple[Completion, ...]
    payments: Mapping[str, tuple[Payment, ...]]


@dataclass(frozen=True, slots=True)
class Scored:
    """Completions with what each channel paid for them and what they really did; all of the same length."""

    tasks: tuple[Task, ...]
    completions: tuple[Completion, ...]
    payments: Mapping[str, tuple[Payment, ...]]
    outcomes: tuple[Outcome, ...]


def pay(
    game: Playable,
    channel: str,
    tasks: Sequence[Task],
    completions: Sequence[Completion],
    draws: Sequence[float],
    asker: Asker | None = None,
) -> list[Payment]:
    """What a channel of a game pays, one payment per completion, in order.

    ``draws`` holds one number in [0, 1) per completion (:func:`loopholes.records.draws`). ``asker`` is the policy that
    answers the game's questions. Raises :class:`UnknownName` for a channel that does not exist,
    :class:`UsageError` for sequences of different lengths, :class:`ContractError` if the game breaks its contract, and
    :class:`ScoringError` if a sandbox or judge that it uses is broken.
    """
    channels = {channel: game.channel(channel)}
    observe = partial(game.observe, policy=asker)
    return list(observe_and_pay(game.name, channels, observe, tasks, completions, draws).payments[channel])


def score(
    game: Playable,
    tasks: Sequence[Task],
    completions: Sequence[Completion],
    *,
    channels: Sequence[str] = ("vulnerable",),
    draws: Sequence[float],
    asker: Asker | None = None,
) -> Scored:
    """Observe once, pay by each of ``channels``, and measure. Raises what :func:`pay` raises.

    Every channel pays None for an unanswered completion, which counts in no metric.
    """
    answered = [index for index, completion in enumerate(completions) if not completion.unanswered]
    if len(answered) < len(completions):
        scored = score(
            game,
            [tasks[index] for index in answered],
            [completions[index] for index in answered],
            channels=channels,
            draws=[draws[index] for index in answered],
            asker=asker,
        )
        return _with_unanswered(tasks, completions, answered, scored)
    named = {name: game.channel(name) for name in channels}
    paid = observe_and_pay(game.name, named, partial(game.observe, policy=asker), tasks, completions, draws)
    return Scored(tuple(tasks), paid.completions, paid.payments, measure(game, tasks, paid.completions))


def _with_unanswered(
    tasks: Sequence[Task], completions: Sequence[Completion], answered: Sequence[int], scored: Scored
) -> Scored:
    """Scores of all completions: of those at ``answered`` as given, of the others unanswered."""
    place = {index: number for number, index in enumerate(answered)}
    reasons = [completion.unanswered for completion in completions]
    return Scored(
        tuple(tasks),
        tuple(scored.completions[place[i]] if i in place else item for i, item in enumerate(completions)),
        {
            name: tuple(
                paid[place[i]] if i in place else Payment(None, f"unanswered: {reason}")
                for i, reason in enumerate(reasons)
            )
            for name, paid in scored.payments.items()
        },
        tuple(
            scored.outcomes[place[i]] if i in place else Outcome.unanswered(reason) for i, reason in enumerate(reasons)
        ),
    )


def observe_and_pay(
    game: str,
    channels: Mapping[str, Channel],
    observe: Observe,
    tasks: Sequence[Task],
    completions: Sequence[Completion],
    draws: Sequence[float],
) -> Paid:
    """Observe once and pay by each of ``channels``; for a trainer, which must not hold a game, only its ``game`` name.

    Raises :class:`UsageError` for sequences of different lengths, and :class:`ContractError` unless every completion
    is observed and every channel pays each of them a finite number or None.
    """
    if not len(tasks) == len(completions) == len(draws):
        counts = f"{len(completions)} completions and {len(draws)} draws for {len(tasks)} tasks"
        raise UsageError(f"{counts}; give one completion per task, and one draw per completion")
    observed = as_records(f"observe() of {game}", observe(tasks, completions), Completion)
    if len(observed) != len(tasks):
        raise ContractError(f"{game} observed {len(observed)} of {len(tasks)} completions; it has to observe each one")
    payments = {
        name: _payments(f"the {name} channel of {game}", channel(tasks, observed, draws), len(tasks))
        for name, channel in channels.items()
    }
    return Paid(observed, payments)


def measure(game: Playable, tasks: Sequence[Task], observed: Sequence[Completion]) -> tuple[Outcome, ...]:
    """What observed completions really did.

    Raises :class:`ContractError` unless each has its outcome, whose numbers are finite or None.
    """
    outcomes = as_records(f"measure() of {game.name}", game.measure(tasks, observed), Outcome)
    if len(outcomes) != len(tasks):
        raise ContractError(f"{game.name} measured {len(outcomes)} of {len(tasks)} completions; it has to measure each")
    for outcome in outcomes:
        for name, number in (("task score", outcome.task_score), ("exploit", outcome.exploit)):
            if not _is_finite_or_none(number):
                raise ContractError(
                    f"measure() of {game.name} gives {number!r} as {name}; give a number from 0 to 1, or None if it "
                    "does not exist"
                )
    return outcomes


def _payments(channel: str, values: object, count: int) -> tuple[Payment, ...]:
    """The payments of ``count`` completions; raises :class:`ContractError` for anything else."""
    payments = as_records(channel, values, Payment)
    if len(payments) != count:
        raise ContractError(f"{channel} paid {len(payments)} of {count} completions; it has to pay each one")
    for payment in payments:
        if not _is_finite_or_none(payment.reward):
            raise ContractError(
                f"{channel} paid {payment.reward!r}, which is not a finite number; pay None, with the reason, for what "
                "cannot be scored"
            )
    return payments


def _is_finite_or_none(number: object) -> bool:
    return number is None or (isinstance(number, Real) and math.isfinite(number))


class Tally:
    """Every metric of a game and the mean reward of each channel, over completions that need not be stored.

    Rewards are in the game's own units; completions that could not be paid do not count.
    """

    def __init__(self, game: Playable) -> None:
        from loopholes.stats import Sums

        self._metrics = game.metrics
        self._measured = {name: Sums(metric.kind) for name, metric in game.metrics.items()}
        self._paid = defaultdict[str, Sums](Sums)

    def add(self, scored: Scored) -> None:
        """Count these completions too."""
        for name, metric in self._metrics.items():
            self._measured[name].add(metric.contributions(scored.tasks, scored.outcomes))
        for channel, payments in scored.payments.items():
            self._paid[channel].add(
                Contribution(task.id, payment.reward)
                for task, payment in zip(scored.tasks, payments, strict=True)
                if payment.reward is not None
            )

    def estimates(self) -> dict[str, Estimate]:
        """All of them with their intervals; a channel's mean reward is ``reward_CHANNEL``."""
        from loopholes.stats import estimate

        rewards = {f"reward_{channel}": sums for channel, sums in self._paid.items()}
        return {name: estimate([sums]) for name, sums in (self._measured | rewards).items()}


def estimates(game: Playable, scored: Iterable[Scored]) -> dict[str, Estimate]:
    """Every metric of the game over all batches, and the mean reward of each channel, ``reward_CHANNEL``."""
    tally = Tally(game)
    for batch in scored:
        tally.add(batch)
    return tally.estimates()


def cells(cell: str, summary: Mapping[str, Estimate]) -> list[dict[str, Any]]:
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
        for metric, number in summary.items()
    ]


def warn_of_untrainable(game: Playable, tasks: Iterable[Task]) -> None:
    """Log how many of the tasks nothing could be earned on, by the reason."""
    tasks = list(tasks)
    for reason, count in Counter(game.untrainable_because(task) for task in tasks).items():
        if reason:
            log.warning("%d of %d tasks: %s", count, len(tasks), reason)


def reward_metrics(payments: Sequence[Payment], samples: int) -> dict[str, Any]:
    """Reward of a step, and what GRPO could not learn from.

    ``none_groups`` counts groups in which nothing could be scored, ``dead_groups`` other groups in which all scored
    completions were paid the same: neither moves the policy. ``reward`` and ``reward_std`` are None if nothing was
    paid.
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
    """Every metric of a game over one step; None if it is unknown, as when one side of a gap is missing.

    A metric that cannot read the outcomes, because the measurement failed, is unknown too, and training continues.
    """
    return {name: _step_value(metric, tasks, outcomes) for name, metric in metrics.items()}


def _step_value(metric: Metric, tasks: Sequence[Task], outcomes: Sequence[Outcome]) -> float | None:
    from loopholes.stats import Sums

    try:
        return Sums.of(metric, tasks, outcomes).value
    except Exception:  # a metric may count on details that a failed measurement does not have
        return None
