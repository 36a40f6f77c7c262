"""The time budget of an audit: what each stage may plan, and when it has to stop."""

from __future__ import annotations

import pytest

from loopholes.audit.budget import CALLS_PER_ROW, LEAST_ROWS, PLANNED, STOPS, Budget, Stage

STAGES: tuple[Stage, ...] = ("scale", "screening", "contract", "near", "panel", "breaking", "search")


class Clock:
    """Seconds that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_stops_at_its_fraction_of_the_whole_budget(stage: Stage) -> None:
    clock = Clock()
    budget = Budget(60.0, clock=clock)
    assert not budget.is_over(stage) and budget.remaining(stage) == pytest.approx(60 * STOPS[stage])
    clock.now += 60 * STOPS[stage] - 0.1
    assert not budget.is_over(stage)
    clock.now += 0.2
    assert budget.is_over(stage) and budget.spent == pytest.approx(60 * STOPS[stage] + 0.1)


def test_stages_stop_in_order_and_before_the_end() -> None:
    assert [*STOPS.values()] == sorted(STOPS.values()) and max(STOPS.values()) < 1
    assert [*STOPS] == [*STAGES]


def test_the_time_of_loading_counts_as_spent() -> None:
    assert Budget(60.0, used=20.0, clock=Clock()).spent == pytest.approx(20.0)


CALLS = CALLS_PER_ROW["scale"] + 100 / 2
ROWS = [
    # seconds per call, most rows, rows
    (1e-9, 200, 200),
    (60 * PLANNED["scale"] / CALLS / 50, 200, 50),
    (1000.0, 200, LEAST_ROWS["scale"]),
    (1000.0, 1, 1),
]


@pytest.mark.parametrize("seconds_per_call, most, rows", ROWS)
def test_rows_are_as_many_as_the_attacks_can_be_tried_on_half_of_and_a_few_at_least(
    seconds_per_call: float, most: int, rows: int
) -> None:
    fitting = (rows, rows - (LEAST_ROWS["scale"] < rows < most))
    assert Budget(60.0).affordable_rows("scale", seconds_per_call, most, attacks=100) in fitting


def test_stages_share_the_remaining_time_once_the_reward_is_warm() -> None:
    clock = Clock()
    budget = Budget(60.0, used=20.0, clock=clock)
    clock.now += 10.0
    budget.begin()
    assert budget.asking == pytest.approx(30.0)
    assert budget.remaining("scale") == pytest.approx(30 * STOPS["scale"])


def test_calls_are_as_many_as_fit_before_the_stop_and_never_fewer_than_none() -> None:
    clock = Clock()
    budget = Budget(100.0, clock=clock)
    clock.now += 80.0
    assert budget.affordable_calls("search", 0.5) == 2 * round(100 * STOPS["search"] - 80)
    clock.now += 80.0
    assert budget.affordable_calls("search", 0.5) == 0
