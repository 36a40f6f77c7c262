"""A change is none only if it is shown to be small, and moves only if it is shown to be there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from loopholes.stats import Verdict, equivalence


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([0.02, -0.05, 0.04, 0.01, -0.03], "none"),
        ([0.10, 0.11, 0.12, 0.10, 0.09], "none"),  # certainly not 0, and certainly small
        ([1.2, 0.9, 1.1, 1.4, 0.8], "moves"),
        ([-1.2, -0.9, -1.1, -1.4, -0.8], "moves"),
        ([2.0, -1.9, 0.3, -0.8, 1.1], "open"),  # almost 0 on average, but very uncertain
        ([0.28, 0.35, 0.02, 0.4, 0.1], "moves"),  # above 0, and perhaps beyond the bound
        ([0.0], "open"),
        ([], "open"),
    ],
)
def test_none_has_to_be_shown_as_much_as_a_move(changes: list[float], expected: Verdict) -> None:
    assert equivalence(changes, 0.3) == expected


def test_the_verdict_is_that_of_two_one_sided_tests_and_of_the_two_sided_one() -> None:
    rng, bound = np.random.default_rng(0), 0.3
    verdicts = set()
    for _ in range(300):
        changes = rng.normal(rng.normal(0, 0.4), rng.uniform(0.05, 0.6), size=int(rng.integers(2, 9)))
        below = ttest_1samp(changes, bound, alternative="less").pvalue
        above = ttest_1samp(changes, -bound, alternative="greater").pvalue
        moves = ttest_1samp(changes, 0).pvalue < 0.05
        expected = "none" if max(below, above) < 0.05 else "moves" if moves else "open"
        assert equivalence(changes.tolist(), bound) == expected
        verdicts.add(expected)
    assert verdicts == {"none", "moves", "open"}
