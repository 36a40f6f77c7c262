"""The expected normalised advantage of a behaviour: against brute force, TRL's own deviation and published numbers."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from trl.trainer.utils import nanstd

from loopholes.games.self_grading import UNAUDITED, audited
from loopholes.stats.selection import (
    Normalization,
    Payoff,
    crossing,
    deviation,
    normalized,
    resampled_selection,
    resting_rate,
    sampled_selection,
    selection,
)

SCALES: tuple[Normalization, ...] = ("group", "batch", "none")
EVERY_SCALE = pytest.mark.parametrize("scale", SCALES)
ODD = (Payoff(0.3, 1.0, True), Payoff(0.2, -4.0, True), Payoff(0.35, 0.5, False), Payoff(0.15, 0.0, False))


def claims(rate: float, audits: float, fine: float = 6.0, right: float = 0.1) -> list[Payoff]:
    """Claims about a question that is answered correctly with probability ``right``, whatever the claim."""
    payoffs = []
    for claim, is_right in product((True, False), (True, False)):
        chance = (rate if claim else 1 - rate) * (right if is_right else 1 - right)
        payoffs.append(Payoff(chance * (1 - audits), UNAUDITED[claim], claim))
        payoffs.append(Payoff(chance * audits, audited(fine)[claim, is_right], claim))
    return payoffs


def break_even(rate: float, scale: Normalization = "group", size: int = 8, fine: float = 6.0) -> float:
    """The audit probability at which the push on a claim is 0."""
    return float(brentq(lambda audits: selection(claims(rate, audits, fine), size, scale), 1e-9, 1))


@EVERY_SCALE
@pytest.mark.parametrize("size", [2, 3, 5])
def test_the_push_is_the_mean_over_every_group_that_can_be_drawn(size: int, scale: Normalization) -> None:
    spread = deviation([(1.0, ODD)])
    rate = sum(payoff.probability for payoff in ODD if payoff.behaviour)
    expected = 0.0
    for group in product(ODD, repeat=size):
        rewards = np.array([payoff.reward for payoff in group])
        divisor = {"group": rewards.std(ddof=1) + 1e-4, "batch": spread + 1e-4, "none": 1.0}[scale]
        advantages = (rewards - rewards.mean()) / divisor
        push = np.mean([a * (payoff.behaviour - rate) for a, payoff in zip(advantages, group, strict=True)])
        expected += math.prod(payoff.probability for payoff in group) * push
    assert selection(ODD, size, scale, spread) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("rate", "expected"), [(0.1, 0.49), (0.5, 0.34), (0.95, 0.30)])
def test_divided_by_the_groups_deviation_claims_pay_up_to_two_or_three_times_their_break_even_point(
    rate: float, expected: float
) -> None:
    assert break_even(rate) == pytest.approx(expected, abs=0.005)
    assert break_even(rate, "none") == pytest.approx(1 / (7 - 0.75))


@pytest.mark.parametrize(("scale", "expected"), [("group", 0.29), ("none", 0.0001)])
def test_a_fine_of_ten_thousand_deters_only_where_the_deviation_does_not_divide_it(
    scale: Normalization, expected: float
) -> None:
    assert break_even(0.5, scale, fine=10_000) == pytest.approx(expected, rel=0.12)


@pytest.mark.parametrize(("size", "expected"), [(4, (0.53, 0.46, 0.40)), (16, (0.42, 0.25, 0.22))])
def test_larger_groups_are_deterred_by_fewer_audits(size: int, expected: tuple[float, ...]) -> None:
    limits = [break_even(rate, size=size) for rate in (0.1, 0.5, 0.95)]
    assert limits == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize(("audits", "rest"), [(0.2, 1.0), (0.25, 1.0), (0.35, 0.46), (0.4, 0.29), (0.45, 0.17)])
@pytest.mark.parametrize("start", [0.02, 0.9])
def test_a_behaviour_comes_to_rest_where_the_push_changes_sign(audits: float, rest: float, start: float) -> None:
    assert resting_rate(lambda rate: selection(claims(rate, audits), 8), start) == pytest.approx(rest, abs=0.005)


def test_a_behaviour_that_never_pays_comes_to_rest_at_zero() -> None:
    assert resting_rate(lambda rate: selection(claims(rate, 1.0), 8), 0.9) == 0.0


@EVERY_SCALE
def test_groups_drawn_from_samples_are_pushed_as_their_payoffs_are(scale: Normalization) -> None:
    payoffs = [Payoff(0.25, 1.0, True), Payoff(0.25, -6.0, True), Payoff(0.5, 0.0, False)]
    rewards = np.tile([1.0, -6.0, 0.0, 0.0], (3, 1))
    behaviour = np.tile([True, True, False, False], (3, 1))
    push, error = resampled_selection(rewards, behaviour, 8, scale, batch_prompts=64, batches=2000)
    exact = selection(payoffs, 8, scale, deviation([(1.0, payoffs)]))
    assert error < 0.05 * abs(exact)
    assert push == pytest.approx(exact, abs=4 * error)


def test_groups_drawn_from_payoffs_are_pushed_as_all_groups_are() -> None:
    assert sampled_selection(ODD, 8, groups=40_000) == pytest.approx(selection(ODD, 8), abs=0.005)


@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (1.0, 0.0)])
def test_a_change_of_sign_is_found_from_either_end(start: float, end: float) -> None:
    assert crossing(lambda place: place - 0.3, start, end) == pytest.approx(0.3, abs=1e-8)


def test_a_behaviour_can_be_drawn_at_another_rate_than_its_own_from_prompts_that_have_both_kinds_of_samples() -> None:
    rewards = np.array([[1.0, -6.0, 0.0, 0.0], [9.0, 9.0, 9.0, 9.0]])
    behaviour = np.array([[True, True, False, False], [False, False, False, False]])
    payoffs = [Payoff(0.05, 1.0, True), Payoff(0.05, -6.0, True), Payoff(0.9, 0.0, False)]
    push, error = resampled_selection(rewards, behaviour, 8, rate=0.1, batches=4000)
    assert push == pytest.approx(selection(payoffs, 8), abs=4 * error)
    with pytest.raises(ValueError, match="no prompt has completions with the behaviour and without it"):
        resampled_selection(rewards[1:], behaviour[1:], 8, rate=0.1)


@pytest.mark.parametrize("scale", ["group", "batch"])
def test_advantages_are_divided_by_trls_own_deviation_and_the_unpaid_take_no_part(scale: Normalization) -> None:
    rewards = np.random.default_rng(0).normal(size=(1, 4, 8))
    rewards[0, 1, 2:4] = np.nan
    rewards[0, 2] = 0.5
    grouped = torch.tensor(rewards[0])
    spread = nanstd(grouped, dim=1, keepdim=True) if scale == "group" else nanstd(grouped)
    expected = (grouped - torch.nanmean(grouped, dim=1, keepdim=True)) / (spread + 1e-4)
    assert normalized(rewards, scale)[0] == pytest.approx(torch.nan_to_num(expected).numpy())


def test_without_normalisation_an_advantage_is_the_distance_from_the_groups_mean() -> None:
    assert normalized(np.array([[[1.0, 2.0, 6.0]]]), "none").tolist() == [[[-2.0, -1.0, 3.0]]]


@pytest.mark.parametrize(
    ("payoffs", "size", "message"),
    [((Payoff(0.5, 1, True),), 8, "sum to 0.5"), (ODD, 1, "a group of 1 compares nothing")],
)
def test_what_is_no_distribution_or_no_group_is_refused(payoffs: tuple[Payoff, ...], size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        selection(payoffs, size)


def test_batch_normalisation_without_the_batchs_deviation_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the deviation"):
        selection(ODD, 8, "batch")
