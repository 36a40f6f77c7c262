"""Training in a second game after a first one: the runs, and the results of one pair of games."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loopholes.numbers import Estimate
from loopholes.stats import explained, growth_slope, mean_over_seeds, paired
from loopholes.stats.survival import Time
from loopholes.studies import registration
from loopholes.studies.base import Runs, StudyConfig
from loopholes.studies.channels import EXPLOIT
from loopholes.studies.discovery import arm
from loopholes.studies.jobs import Evaluate, Source, Train
from loopholes.studies.summaries import appearances, dominations
from loopholes.studies.transfer import moved

BEFORE = ("base", "vulnerable", "secure")
REGISTERED = "catalysis"
"""The study whose predictions name the registered contrast."""
LATE = ("reward-tampering", "proxy-metric")
"""Second games, without ``full``; see :data:`WHY`."""
WHY = (
    "Their exploits come late, or at very different steps, so they can come sooner. In the other two games the exploit "
    "appears within about ten steps in every seed, and the window of first appearance cannot resolve anything sooner; "
    "those pairs run with --full."
)


def pairs(config: StudyConfig) -> list[tuple[str, str]]:
    """Pairs of a first and a second game: all with ``full``, else those whose second game is in :data:`LATE`."""
    seconds = [game for game in config.games if config.full or game in LATE]
    return [(first, second) for second in seconds for first in config.games if first != second]


def continued(config: StudyConfig, first: str, before: str, second: str) -> list[Train]:
    """One run per seed: vulnerable training in ``second``, from base or after training on a channel of ``first``."""
    setting, base = config.setting(second), config.policies[0]

    def source(seed: int) -> Source:
        return base if before == "base" else config.trained(first, before, seed)

    def options(seed: int) -> Mapping[str, Any]:
        tested = (first, second) == primary() and before != "base" and seed >= fresh_from()
        return {**setting.options, "registered": registration.digest(REGISTERED)} if tested else setting.options

    return [
        Train(replace(setting, options=options(seed)), "vulnerable", source(seed), seed) for seed in config.seed_numbers
    ]


def primary() -> tuple[str, str]:
    """The first and the second game of the registered contrast."""
    contrast = registration.predictions(REGISTERED)["primary"]
    return contrast["first"], contrast["second"]


def fresh_from() -> int:
    """The first seed that nobody had looked at when the contrast was registered."""
    return int(registration.predictions(REGISTERED)["primary"]["fresh_seeds_from"])


@dataclass(frozen=True)
class Led:
    """The results of one pair of games, by what came before the second training (an entry of :data:`BEFORE`).

    All but ``starts`` have one entry per seed. ``appears`` and ``dominates`` are steps. ``starts`` is the exploit rate
    before the second training and ``log_odds`` the branch-point log-odds there (in nats; None if the game has none).
    ``slopes`` is the growth in nats per step (None if the curve does not cross both limits).
    """

    first: str
    second: str
    appears: Mapping[str, list[Time]]
    dominates: Mapping[str, list[Time]]
    starts: Mapping[str, Estimate]
    log_odds: Mapping[str, list[float | None]]
    slopes: Mapping[str, list[float | None]]

    @property
    def name(self) -> str:
        return f"{self.first}, then {self.second}"

    def changes(self, other: str) -> dict[str, Estimate]:
        """Changes of the start and of the slope within seeds: after the vulnerable channel minus after ``other``."""
        return {
            metric: mean_over_seeds(paired(values["vulnerable"], values[other]))
            for metric, values in (("start", self.log_odds), ("slope", self.slopes))
        }


def led(config: StudyConfig, runs: Runs, first: str, second: str) -> Led:
    """Read and judge the runs of one pair of games."""
    base = arm(config, second, "base")
    level = runs.estimate(base, EXPLOIT).value or 0.0
    curves = {before: [runs.curve(job) for job in continued(config, first, before, second)] for before in BEFORE}

    game = config.setting(second).make()
    limits = runs.calibration(base, continued(config, first, "base", second), config.thresholds).thresholds
    starts: dict[str, list[Evaluate]] = {"base": base, **{b: moved(config, first, b, second) for b in BEFORE[1:]}}
    return Led(
        first,
        second,
        appears={before: appearances(trained, level, limits) for before, trained in curves.items()},
        dominates={before: dominations(trained, level, limits, game) for before, trained in curves.items()},
        starts={before: runs.estimate(jobs, EXPLOIT) for before, jobs in starts.items()},
        log_odds={before: [sums.value for sums in runs.log_odds(jobs)] for before, jobs in starts.items()},
        slopes={
            before: [growth_slope(curve.steps, curve.exploit_rate, limits.window) for curve in trained]
            for before, trained in curves.items()
        },
    )


def explained_by_start(results: Sequence[Led], second: str) -> Estimate:
    """How much of the variation of ln(step of first appearance) the start explains, in [0, 1].

    Counts all runs in ``second`` in which the exploit appeared. The runs from base are shared by all pairs and count
    once.
    """
    runs: list[tuple[float | None, Time]] = []
    for place, pair in enumerate(pair for pair in results if pair.second == second):
        for before in BEFORE if place == 0 else BEFORE[1:]:
            runs += zip(pair.log_odds[before], pair.appears[before], strict=True)
    points = [(x, math.log(at)) for x, (at, happened) in runs if happened and x is not None]
    share = explained([x for x, _ in points], [t for _, t in points])
    return Estimate(share, None, None, len(points), len(runs))
