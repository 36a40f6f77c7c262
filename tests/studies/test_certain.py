"""All clear changes are listed, for both channels and both metrics, and no others."""

from __future__ import annotations

from loopholes.numbers import Estimate
from loopholes.studies.certain import certain_changes

NOTHING = Estimate(0.01, -0.01, 0.03, 10, 5)
UP, DOWN = Estimate(0.034, 0.019, 0.051, 10, 5), Estimate(-0.033, -0.048, -0.017, 10, 5)
UNKNOWN = Estimate(0.5, None, None, 10, 1)


def test_changes_of_either_channel_metric_and_direction_are_listed_and_uncertain_ones_are_not() -> None:
    text = certain_changes(
        {
            ("vulnerable", "a", "b"): {"exploit_rate": NOTHING, "task_performance": UNKNOWN},
            ("secure", "a", "b"): {"exploit_rate": UP, "task_performance": DOWN},
            ("vulnerable", "a", "a"): {"exploit_rate": UP, "task_performance": UP},
        }
    )
    assert text.startswith("Of 4 changes in other games, 2 have an (uncorrected) interval that excludes 0: ")
    assert "exploit rate in b after secure a +3.4 points [1.9, 5.1]" in text
    assert "task performance in b after secure a -3.3 points [-4.8, -1.7]" in text


def test_none_is_said_where_none_is_certain() -> None:
    moves = {("secure", "a", "b"): {"exploit_rate": NOTHING, "task_performance": NOTHING}}
    assert certain_changes(moves) == "Of 2 changes in other games, 0 have an (uncorrected) interval that excludes 0."
