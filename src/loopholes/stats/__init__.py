"""What can be said from a few seeds: intervals, comparisons, and when an exploit counts as found."""

from __future__ import annotations

from loopholes.numbers import Estimate, Milestone
from loopholes.stats.comparisons import Comparison, compare, detectable, holm, mean_difference
from loopholes.stats.estimates import Sums, difference, estimate, over_tasks, subtract
from loopholes.stats.milestones import (
    Thresholds,
    blind_spot,
    domination,
    first_appearance,
    mean_band,
    milestone,
    running,
)
from loopholes.stats.survival import Survival, log_rank, survival

__all__ = [
    "Comparison",
    "Estimate",
    "Milestone",
    "Sums",
    "Survival",
    "Thresholds",
    "blind_spot",
    "compare",
    "detectable",
    "difference",
    "domination",
    "estimate",
    "first_appearance",
    "holm",
    "log_rank",
    "mean_band",
    "mean_difference",
    "milestone",
    "over_tasks",
    "running",
    "subtract",
    "survival",
]
