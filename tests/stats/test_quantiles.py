"""Our quantiles, which need no SciPy, are equal to SciPy's."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest, norm, t

from loopholes.stats.quantiles import normal_quantile, student_reach, wilson, wilson_when_all

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99, 1 - 0.05 / 10, 1 - 0.05 / 2000)
CLOSE = 1e-9


@pytest.mark.parametrize("level", LEVELS)
def test_the_normal_quantile_is_that_of_scipy(level: float) -> None:
    assert normal_quantile(0.5 + level / 2) == pytest.approx(norm.ppf(0.5 + level / 2), rel=CLOSE)


@pytest.mark.parametrize("level", LEVELS)
def test_the_reach_of_students_interval_is_that_of_scipy_for_few_and_many_rows(level: float) -> None:
    for freedom in (*range(1, 40), 99, 199, 999, 1000, 99_999):
        assert student_reach(level, freedom) == pytest.approx(t.ppf(0.5 + level / 2, freedom), rel=CLOSE)


@pytest.mark.parametrize("level", LEVELS)
def test_wilsons_interval_is_that_of_scipy(level: float) -> None:
    for n in (1, 2, 3, 10, 200, 100_000):
        for count in {0, n // 3, n // 2, n}:
            expected = binomtest(count, n).proportion_ci(level, method="wilson")
            assert wilson(count, n, level) == pytest.approx((expected.low, expected.high), rel=CLOSE, abs=CLOSE)
        assert wilson_when_all(level, n) == wilson(n, n, level)[0]
