"""Statistics for a few seeds: intervals, comparisons, and when an exploit counts as found."""

from __future__ import annotations

from loopholes.numbers import Estimate, Milestone
from loopholes.stats.calibration import ACCEPTED, Batches, Calibration, calibrate
from loopholes.stats.comparisons import Comparison, compare, detectable, holm, mean_difference, mean_over_seeds
from loopholes.stats.equivalence import Verdict, equivalence
from loopholes.stats.estimates import Sums, difference, estimate, over_tasks, share_over_tasks, subtract
from loopholes.stats.milestones import (
    Thresholds,
    blind_spot,
    domination,
    first_appearance,
    mean_band,
    milestone,
    running,
)
from loopholes.stats.slopes import DECAY, GROWTH, decay_slope, explained, growth_slope, live_share
from loopholes.stats.strata import compare_within_seeds, log_rank_within_seeds, paired, swap_test
from loopholes.stats.survival import Survival, survival
from loopholes.stats.two_part import TwoPart, two_part

__all__ = [
    "ACCEPTED",
    "DECAY",
    "GROWTH",
    "Batches",
    "Calibration",
    "Comparison",
    "Estimate",
    "Milestone",
    "Sums",
    "Survival",
    "Thresholds",
    "TwoPart",
    "Verdict",
    "blind_spot",
    "calibrate",
    "compare",
    "compare_within_seeds",
    "decay_slope",
    "detectable",
    "difference",
    "domination",
    "equivalence",
    "estimate",
    "explained",
    "first_appearance",
    "growth_slope",
    "holm",
    "live_share",
    "log_rank_within_seeds",
    "mean_band",
    "mean_difference",
    "mean_over_seeds",
    "milestone",
    "over_tasks",
    "paired",
    "running",
    "share_over_tasks",
    "subtract",
    "survival",
    "swap_test",
    "two_part",
]
