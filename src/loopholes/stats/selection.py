"""Which way GRPO pushes a behaviour: its expected normalised advantage within a group.

GRPO compares the completions of one prompt. Let a share q of them show a behaviour: c_i is 1 for a completion that does
and 0 for one that does not. To first order, an update moves the log-odds of the behaviour by
E[(1/G) sum_i A_i (c_i - q)], where G is the group size and A_i = (r_i - mean of the group) / (deviation + 0.0001) is
the advantage. The deviation is the standard deviation of the rewards of the group (``group``, GRPO as published) or of
the whole batch (``batch``); under ``none`` (as in Dr. GRPO, arXiv 2503.20783) there is no division. This is how TRL
1.16 normalises under ``scale_rewards``, with sample deviations (n - 1).

The advantages of a group sum to 0, so q cancels in the sum. Under ``none`` and with a constant deviation, the push is
the covariance of reward and behaviour, and has the sign of the expected gain. Under ``group`` it need not have, since a
rare large penalty also inflates the deviation that divides it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Normalization = Literal["group", "batch", "none"]
"""What a group's centred rewards are divided by, with the names of TRL's ``scale_rewards``."""
Floats = NDArray[np.float64]

EPSILON = 1e-4  # TRL adds it to the deviation
NEVER = 1e-6  # stands for a rate of 0 (and 1 - NEVER for 1), where there is nothing to compare
PRECISION = 1e-9  # of the rate at which a push changes its sign


@dataclass(frozen=True, slots=True)
class Payoff:
    """A way in which a completion can turn out: probability in [0, 1], reward, and whether it shows the behaviour."""

    probability: float
    reward: float
    behaviour: bool


def selection(
    payoffs: Sequence[Payoff], group_size: int, scale: Normalization = "group", batch_deviation: float | None = None
) -> float:
    """The exact expected push on a behaviour, by enumerating all possible groups.

    ``payoffs`` are the ways in which a completion of one prompt can turn out; their probabilities sum to 1. The cost
    grows as C(group_size + k - 1, k - 1) for k distinct payoffs. Under ``batch`` the deviation is the constant
    ``batch_deviation``, as from :func:`deviation`, which is exact for large batches.

    Raises ValueError if the probabilities do not sum to 1, for groups of fewer than two, and for ``batch`` without a
    deviation.
    """
    probabilities, rewards, behaviour = _distinct(payoffs)
    if group_size < 2:
        raise ValueError(f"a group of {group_size} compares nothing")
    counts = _counts(group_size, len(rewards))
    centred = rewards - (counts @ rewards / group_size)[:, None]
    push = (counts * centred * behaviour).sum(axis=1) / group_size
    if scale == "group":
        push /= np.sqrt((counts * centred**2).sum(axis=1) / (group_size - 1)) + EPSILON
    elif scale == "batch":
        if batch_deviation is None:
            raise ValueError("batch normalisation needs the deviation of the batch's rewards")
        push /= batch_deviation + EPSILON
    log_factorials = np.array([math.lgamma(count + 1) for count in range(group_size + 1)])
    log_weights = log_factorials[-1] - log_factorials[counts].sum(axis=1) + counts @ np.log(probabilities)
    return float(np.exp(log_weights) @ push)


def sampled_selection(payoffs: Sequence[Payoff], group_size: int, *, groups: int = 2000, seed: int = 0) -> float:
    """The expected push under ``group`` from random groups, for payoffs that are too many to enumerate."""
    probabilities, rewards, behaviour = _distinct(payoffs)
    numbers = np.random.default_rng(seed).random((1, groups, group_size))
    sample = np.searchsorted(probabilities.cumsum()[:-1], numbers, side="right")
    return float((normalized(rewards[sample]) * behaviour[sample]).mean())


def deviation(prompts: Sequence[tuple[float, Sequence[Payoff]]]) -> float:
    """The standard deviation of a batch's rewards; ``prompts`` holds the share and payoffs of each kind of prompt."""
    weights = np.array([share * payoff.probability for share, payoffs in prompts for payoff in payoffs])
    rewards = np.array([payoff.reward for _, payoffs in prompts for payoff in payoffs])
    mean = np.average(rewards, weights=weights)
    return math.sqrt(np.average((rewards - mean) ** 2, weights=weights))


def resampled_selection(
    rewards: Floats,
    behaviour: NDArray[np.bool_],
    group_size: int,
    scale: Normalization = "group",
    *,
    rate: float | None = None,
    batch_prompts: int = 16,
    batches: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """The expected push on a behaviour and its standard error, by drawing groups from real completions.

    ``rewards`` and ``behaviour`` have the shape (prompts, samples). As in TRL, a completion whose reward is NaN was not
    paid and has the advantage 0. A batch has ``batch_prompts`` prompts with ``group_size`` completions each, both drawn
    with replacement. With ``rate``, in (0, 1), the behaviour is drawn at that rate, from the prompts that have
    completions with it and without it.

    Raises ValueError if there is no such prompt.
    """
    if rate is not None:
        mixed = behaviour.any(axis=1) & ~behaviour.all(axis=1)
        rewards, behaviour = rewards[mixed], behaviour[mixed]
    if not len(rewards):
        raise ValueError("no prompt has completions with the behaviour and without it")
    rng = np.random.default_rng(seed)
    prompt = rng.integers(len(rewards), size=(batches, batch_prompts, 1))
    sample = _draw(_weights(behaviour, rate), prompt, group_size, rng)
    advantages = normalized(rewards[prompt, sample], scale)
    pushes = (advantages * behaviour[prompt, sample]).mean(axis=(1, 2))
    return float(pushes.mean()), float(pushes.std(ddof=1) / math.sqrt(batches))


def normalized(rewards: Floats, scale: Normalization = "group") -> Floats:
    """The advantages of batches of rewards, shape (batches, prompts, group size), as TRL computes them.

    A reward that is NaN is ignored, and its advantage is 0.
    """
    centred = rewards - _nan_mean(rewards, axis=2)
    if scale != "none":
        axes = (2,) if scale == "group" else (1, 2)
        centred = centred / (_nan_deviation(rewards, axes) + EPSILON)
    return np.nan_to_num(centred, nan=0.0)


def resting_rate(push: Callable[[float], float], start: float) -> float:
    """The rate, in [0, 1], at which a behaviour comes to rest if it begins at ``start`` and follows ``push(rate)``.

    This is the nearest rate, in the direction of the push, at which the push changes its sign; 0 or 1 if it never does.
    """
    rising = push(start) > 0
    end = 1 - NEVER if rising else NEVER
    log_odds = np.linspace(_logit(start), _logit(end), 101)
    rates = 1 / (1 + np.exp(-log_odds))
    for before, after in pairwise(rates):
        if (push(after) > 0) != rising:
            return crossing(push, before, after)
    return float(rising)


def crossing(push: Callable[[float], float], one_end: float, other_end: float, precision: float = PRECISION) -> float:
    """The place between two ends with different signs of ``push`` where it changes its sign, by bisection."""
    rising = push(one_end) > 0
    while abs(other_end - one_end) > precision:
        middle = (one_end + other_end) / 2
        if (push(middle) > 0) == rising:
            one_end = middle
        else:
            other_end = middle
    return (one_end + other_end) / 2


def _distinct(payoffs: Sequence[Payoff]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """The probabilities, rewards and behaviours of the possible payoffs, without duplicates."""
    merged: dict[tuple[float, bool], float] = {}
    for payoff in payoffs:
        key = (payoff.reward, payoff.behaviour)
        merged[key] = merged.get(key, 0.0) + payoff.probability
    possible = {key: probability for key, probability in merged.items() if probability > 0}
    if not math.isclose(sum(possible.values()), 1.0, abs_tol=1e-9):
        raise ValueError(f"the probabilities sum to {sum(possible.values()):g}, not to 1")
    probabilities = np.array(list(possible.values()))
    return (
        probabilities,
        np.array([reward for reward, _ in possible]),
        np.array([behaviour for _, behaviour in possible]),
    )


@cache
def _counts(total: int, kinds: int) -> NDArray[np.int64]:
    """Every way to divide ``total`` completions among ``kinds`` payoffs, one per row."""
    if kinds == 1:
        return np.array([[total]])
    rows = []
    for first in range(total + 1):
        rest = _counts(total - first, kinds - 1)
        rows.append(np.column_stack((np.full(len(rest), first), rest)))
    return np.concatenate(rows)


def _weights(behaviour: NDArray[np.bool_], rate: float | None) -> Floats:
    """The probability that each completion is drawn for its prompt, shape (prompts, samples)."""
    if rate is None:
        return np.full(behaviour.shape, 1 / behaviour.shape[1])
    with_it = behaviour.sum(axis=1, keepdims=True)
    return np.asarray(np.where(behaviour, rate / with_it, (1 - rate) / (behaviour.shape[1] - with_it)))


def _draw(weights: Floats, prompt: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices of ``count`` completions of each prompt, drawn with replacement."""
    limits = weights.cumsum(axis=1)[:, :-1][prompt[..., 0]]
    numbers = rng.random((*prompt.shape[:2], count))
    return np.asarray((numbers[..., None] >= limits[:, :, None, :]).sum(axis=-1))


def _nan_mean(values: Floats, axis: int | tuple[int, ...]) -> Floats:
    paid = ~np.isnan(values)
    total = np.where(paid, values, 0.0).sum(axis=axis, keepdims=True)
    return np.asarray(total / np.maximum(paid.sum(axis=axis, keepdims=True), 1))


def _nan_deviation(values: Floats, axis: tuple[int, ...]) -> Floats:
    paid = ~np.isnan(values)
    squares = np.where(paid, (values - _nan_mean(values, axis)) ** 2, 0.0).sum(axis=axis, keepdims=True)
    return np.asarray(np.sqrt(squares / np.maximum(paid.sum(axis=axis, keepdims=True) - 1, 1)))


def _logit(rate: float) -> float:
    return math.log(rate / (1 - rate))
