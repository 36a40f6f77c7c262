"""Amplified, climbed, discovered: each verdict follows from the base rate and the curves, by one rule for all games."""

from __future__ import annotations

import pytest

from loopholes.records import Contribution
from loopholes.stats import Sums, Thresholds
from loopholes.studies.charts import Curve
from loopholes.studies.roads import exploiting_before, gained_before, road

LIMITS = Thresholds()
STEPS = list(range(1, 41))
SLOPE = [min(1.0, step / 30) for step in STEPS]
JUMP = [0.2 if step < 25 else 1.0 for step in STEPS]
FLAT = [0.5] * len(STEPS)


def curve(reward: list[float]) -> Curve:
    return Curve(STEPS, reward, FLAT, FLAT)


@pytest.mark.parametrize(
    ("before", "reward", "appeared", "word"),
    [
        (0.42, JUMP, True, "amplified"),
        (0.05, SLOPE, True, "amplified"),
        (0.049, SLOPE, True, "climbed"),
        (0.0, SLOPE, True, "climbed"),
        (0.009, JUMP, True, "discovered"),
        (0.0, FLAT, True, "discovered"),
        (0.0, JUMP, False, "not found"),
        (0.42, JUMP, False, "not found"),
        (None, JUMP, True, None),
    ],
)
def test_the_word_follows_from_the_base_rate_and_from_when_the_reward_rose(
    before: float | None, reward: list[float], appeared: bool, word: str | None
) -> None:
    assert road(before, [curve(reward)] * 3, [(25.0, appeared)] * 3, LIMITS) == word


def test_the_median_run_in_which_the_exploit_appeared_decides() -> None:
    curves = [curve(SLOPE), curve(JUMP), curve(JUMP), curve(SLOPE), curve(SLOPE)]
    assert road(0.0, curves, [(25.0, True)] * 5, LIMITS) == "climbed"
    assert road(0.0, curves, [(25.0, seen) for seen in (True, True, True, False, False)], LIMITS) == "discovered"


def test_what_was_gained_before_is_a_share_of_the_whole_rise() -> None:
    assert gained_before(curve(JUMP), 25.0, 5) == pytest.approx(0.0)
    assert gained_before(curve(JUMP), 40.0, 5) == pytest.approx(1.0)
    assert gained_before(curve(SLOPE), 3.0, 5) == 0.0
    assert gained_before(curve(FLAT), 25.0, 5) is None
    assert gained_before(curve(SLOPE[::-1]), 25.0, 5) is None


def test_of_a_gap_the_rarer_of_the_two_exploiting_answers_counts() -> None:
    def side(rate: float, sign: int) -> list[Contribution]:
        return [Contribution(f"{sign} {place}", float(place < 10 * rate), sign) for place in range(10)]

    assert exploiting_before([Sums("gap").add([*side(0.6, 1), *side(0.6, -1)])]) == pytest.approx(0.4)
    assert exploiting_before([Sums("gap").add([*side(0.2, 1), *side(0.2, -1)])]) == pytest.approx(0.2)
    assert exploiting_before([Sums("mean").add(side(0.3, 1)), Sums("mean").add(side(0.1, 1))]) == pytest.approx(0.2)
    assert exploiting_before([Sums("gap").add(side(0.6, 1))]) is None
    assert exploiting_before([]) is None
