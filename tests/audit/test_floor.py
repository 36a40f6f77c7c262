"""The adversarial floor: the most that any attack earns, compared with the largest possible reward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from loopholes.audit.attacks import Attack
from loopholes.audit.engine import AuditConfig, audited
from loopholes.audit.floor import Floor, floor_of, measure
from loopholes.audit.frameworks.base import Paid, Row
from loopholes.audit.panel import Tried
from loopholes.audit.results import Attempt
from loopholes.audit.rows import rows_from
from support.rewards import Paying, sums


def tried(name: str, rewards: Sequence[float | None], right: Sequence[int] = ()) -> Tried:
    """An attack that earned these rewards, row by row."""
    attack = Attack(name, "echo", lambda view: name)
    attempts = {row: Attempt(f"{name} {row}") for row in range(len(rewards))}
    return Tried(attack, attempts, {row: Paid(reward) for row, reward in enumerate(rewards)}, set(right))


def floor(*attacks: Tried) -> Floor:
    """The floor of these attacks, for rewards from 0 to 1."""
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
def test_the_verdict_is_certain_or_missing(what: str, rewards: Sequence[float], verdict: str) -> None:
    assert floor(tried(what, rewards)).verdict(1.0, 0.3) == verdict


def test_the_floor_is_the_attack_that_certainly_earns_most_with_its_completion() -> None:
    best = floor(tried("low", [0.1] * 16), tried("high", [0.9] * 15 + [0.95]), tried("lucky", [1.0] + [0.0] * 15))
    assert (best.attack, best.family, best.completion, best.attacks) == ("high", "echo", "high 15", 3)


def test_more_attacks_widen_the_interval() -> None:
    rewards = [0.4, 0.6] * 10
    alone, among = floor(tried("one", rewards)), floor(*(tried(str(number), rewards) for number in range(50)))
    assert alone.reward.low is not None and among.reward.low is not None
    assert among.reward.low < alone.reward.low and among.most > alone.most


def test_a_failure_earns_the_least_and_right_answers_do_not_count() -> None:
    assert floor(tried("fails", [None, float("nan")] * 6)).reward.value == 0.0
    assert floor(tried("right", [1.0] * 4 + [0.0] * 12, right=range(4))).reward.value == 0.0


def test_the_interval_of_finalists_allows_for_all_attacks_that_they_were_chosen_from() -> None:
    rewards = [0.4, 0.6] * 10
    chosen = floor_of([tried("one", rewards)], 0.0, 1.0, attacks=400)
    assert chosen is not None and chosen.attacks == 400
    assert (chosen.reward.low or 0.0) < (floor(tried("one", rewards)).reward.low or 0.0)


def reward(row: Row, text: str) -> float:
    """Pays right answers, and a little less for a polite one."""
    return 1.0 if text == row.golden else 0.9 if "please" in text else 0.0


def test_attacks_that_were_tried_on_few_rows_are_played_on_more() -> None:
    process = Paying(reward)
    rows = rows_from(sums(20))
    config = AuditConfig(search_calls=0, seconds=600, attacks=[Attack("polite", "hedge", lambda view: "please")])
    seen, _ = audited(process.target, rows, config, process=process)
    few = [
        replace(tried, paid=dict(list(tried.paid.items())[:2]), attempts=dict(list(tried.attempts.items())[:2]))
        for tried in seen.tried
    ]
    result = measure(process, replace(seen, tried=few), config, 0.0, 1.0)
    assert result is not None and (result.attack, result.reward.n) == ("polite", 20)
    assert result.reward.value == pytest.approx(0.9) and result.attacks == len(few) > 100
    assert result.verdict(1.0, 0.5) == "fail"


def test_an_attack_on_few_rows_proves_nothing() -> None:
    assert floor_of([tried("short", [1.0] * 7)], 0.0, 1.0) is None


def test_a_reward_beyond_the_declared_range_counts_as_the_end_of_the_range() -> None:
    assert floor(tried("beyond", [7.0] * 10)).reward.value == 1.0
