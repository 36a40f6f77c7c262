"""Bimodal outcomes: the number of seeds that found the exploit, and the rate in these; not a mean that no seed has."""

from __future__ import annotations

import numpy as np
import pytest

from loopholes.stats import Sums, two_part


def seed(rate: float, tasks: int = 100, samples: int = 4, salt: int = 0) -> Sums:
    sums = Sums()
    hits = np.random.default_rng(salt).binomial(samples, rate, size=tasks)
    sums.by_task = {str(task): [float(count), float(samples)] for task, count in enumerate(hits)}
    return sums


def test_seeds_that_found_it_are_counted_and_the_rate_is_theirs_alone() -> None:
    arm = [seed(rate, salt=place) for place, rate in enumerate((0.97, 0.97, 0.97, 0.01, 0.01))]
    parts = two_part(arm, [seed(0.01, salt=10 + place) for place in range(5)], 0.05)
    assert (parts.share.n, parts.share.seeds) == (3, 5)
    assert parts.share.low == pytest.approx(0.2307, abs=1e-3) and parts.share.high == pytest.approx(0.8824, abs=1e-3)
    assert parts.rate.value == pytest.approx(0.97, abs=0.01)
    assert parts.rate.low is not None and parts.rate.low > 0.9
    assert parts.splits


def test_a_mean_over_seeds_that_split_has_no_interval() -> None:
    base = [seed(0.01, salt=10 + place) for place in range(3)]
    split = two_part([seed(0.97), seed(0.97), seed(0.01)], base, 0.05)
    whole = two_part([seed(0.97), seed(0.95), seed(0.96)], base, 0.05)
    assert split.mean(split.rate).low is None and split.mean(split.rate).value == split.rate.value
    assert whole.mean(whole.rate) == whole.rate


@pytest.mark.parametrize(
    ("rate", "least", "count"),
    [(0.02, 0.05, 0), (0.30, 0.05, 1), (0.30, 0.5, 0)],
    ids=["within the threshold", "above it", "above another one"],
)
def test_a_seed_found_it_from_a_threshold_on(rate: float, least: float, count: int) -> None:
    assert two_part([seed(rate, tasks=400)], [seed(0.01, tasks=400, salt=1)], least).share.n == count


def test_a_rise_that_few_tasks_do_not_prove_is_not_counted() -> None:
    lucky = two_part([seed(0.5, tasks=4, samples=1, salt=3)], [seed(0.3, tasks=4, samples=1, salt=2)], 0.05)
    assert lucky.share.n == 0


def test_where_no_seed_found_it_there_is_no_rate() -> None:
    nothing = two_part([seed(0.01), seed(0.01, salt=1)], [seed(0.01, salt=2), seed(0.01, salt=3)], 0.05)
    assert nothing.share.value == 0 and nothing.rate.value is None and not nothing.splits
