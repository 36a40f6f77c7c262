"""The adversarial floor: the most that any attack earns, against the largest reward that there is."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from loopholes.audit.attacks import Attack
from loopholes.audit.floor import Floor, floor_of
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.panel import Tried
from loopholes.audit.results import Attempt


def tried(name: str, rewards: Sequence[float | None], right: Sequence[int] = ()) -> Tried:
    """An attack that was paid these rewards, row by row."""
    attack = Attack(name, "echo", lambda view: name)
    attempts = {row: Attempt(f"{name} {row}") for row in range(len(rewards))}
    return Tried(attack, attempts, {row: Paid(reward) for row, reward in enumerate(rewards)}, set(right))


def floor(*attacks: Tried) -> Floor:
    """Their floor, rewards being from 0 to 1."""
    result = floor_of(attacks, 0.0, 1.0)
    assert result is not None
    return result


VERDICTS = [
    ("an attack that earns all", [1.0] * 24, "fail"),
    ("one that earns nothing", [0.0] * 24, "pass"),
    ("half of it", [0.5] * 24, "pass"),
    ("nearly all, on few rows", [1.0] * 8, "skip"),
    ("all on half of the rows", [0.0, 1.0] * 12, "skip"),
]


@pytest.mark.parametrize("what, rewards, verdict", VERDICTS)
def test_the_verdict_is_certain_or_there_is_none(what: str, rewards: Sequence[float], verdict: str) -> None:
    assert floor(tried(what, rewards)).verdict(1.0, 0.3) == verdict


def test_the_floor_is_the_attack_that_certainly_earns_most_with_what_it_said() -> None:
    best = floor(tried("low", [0.1] * 16), tried("high", [0.9] * 15 + [0.95]), tried("lucky", [1.0] + [0.0] * 15))
    assert (best.attack, best.family, best.completion, best.attacks) == ("high", "echo", "high 15", 3)


def test_more_attacks_widen_the_interval() -> None:
    rewards = [0.4, 0.6] * 10
    alone, among = floor(tried("one", rewards)), floor(*(tried(str(number), rewards) for number in range(50)))
    assert alone.reward.low is not None and among.reward.low is not None
    assert among.reward.low < alone.reward.low and among.most > alone.most


def test_what_fails_earns_the_least_and_what_is_right_does_not_count() -> None:
    assert floor(tried("fails", [None, float("nan")] * 6)).reward.value == 0.0
    assert floor(tried("right", [1.0] * 4 + [0.0] * 12, right=range(4))).reward.value == 0.0


def test_an_attack_on_few_rows_says_nothing() -> None:
    assert floor_of([tried("short", [1.0] * 7)], 0.0, 1.0) is None


def test_a_reward_beyond_the_declared_range_counts_as_its_end() -> None:
    assert floor(tried("beyond", [7.0] * 10)).reward.value == 1.0
