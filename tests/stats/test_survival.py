"""Times of events, and of runs that ended before the event."""

from __future__ import annotations

import pytest

from loopholes.stats import survival
from loopholes.stats.survival import Time

# Freireich et al. (1963), weeks of remission: the example of every textbook. True: the event came, False: censored.
TREATED: list[Time] = [
    *[(float(at), True) for at in (6, 6, 6, 7, 10, 13, 16, 22, 23)],
    *[(float(at), False) for at in (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)],
]
PLACEBO: list[Time] = [
    (float(at), True) for at in (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)
]


def test_kaplan_and_meier_by_hand() -> None:
    # 1 of 4 at step 2; one leaves at 3; 1 of 2 at step 5; the last one leaves at 8.
    curve = survival([(2, True), (3, False), (5, True), (8, False)])
    assert curve.steps == (0, 2, 3, 5, 8)
    assert curve.left == pytest.approx((1, 3 / 4, 3 / 4, 3 / 8, 3 / 8))
    assert (curve.median, curve.events, curve.runs) == (5, 2, 4)


def test_the_textbooks_curve_and_interval() -> None:
    curve = survival(TREATED)
    at = dict(zip(curve.steps, zip(curve.left, curve.low, curve.high, strict=True), strict=True))
    textbook = {
        6: (0.857, 0.620, 0.952),
        7: (0.807, 0.563, 0.923),
        10: (0.753, 0.503, 0.889),
        13: (0.690, 0.432, 0.849),
        16: (0.627, 0.368, 0.805),
        22: (0.538, 0.268, 0.747),
        23: (0.448, 0.188, 0.680),
    }
    for step, numbers in textbook.items():
        assert at[step] == pytest.approx(numbers, abs=6e-4)
    assert (curve.median, curve.events, curve.runs) == (23, 9, 21)
    assert survival(PLACEBO).median == 8
    assert survival([(2, True), (4, True)]).median == 2  # exactly half are left


def test_a_run_that_never_gets_there_counts_as_longer_and_is_not_dropped() -> None:
    censored = survival([(3, True), (10, False), (10, False), (10, False)])
    assert censored.left[-1] == 0.75 and censored.median is None and censored.runs == 4
    assert survival([(3, True)]).left[-1] == 0.0


def test_where_none_or_all_are_left_there_is_no_interval() -> None:
    nobody, everybody = survival([(5, False), (5, False)]), survival([(5, True), (5, True)])
    assert (nobody.left, nobody.low, nobody.median) == ((1.0, 1.0), (None, None), None)
    assert (everybody.left[-1], everybody.low[-1], everybody.median) == (0.0, None, 5)
    assert survival([]).runs == 0
