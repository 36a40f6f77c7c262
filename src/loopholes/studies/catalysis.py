"""After one exploit was learned, is the next one found sooner?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopholes.errors import UsageError
from loopholes.numbers import Estimate, p_value, plain
from loopholes.report.elements import Cell, Chart, Lines, Role, Section, Series, Table
from loopholes.score import cells as scored_cells
from loopholes.stats import Comparison, detectable, holm, log_rank, mean_difference, milestone, survival
from loopholes.stats.survival import Time
from loopholes.studies.base import Runs, StudyConfig, Summary
from loopholes.studies.channels import EXPLOIT, counted
from loopholes.studies.charts import learning_chart
from loopholes.studies.discovery import arm
from loopholes.studies.jobs import Evaluate, Job, Source, Train
from loopholes.studies.summaries import appearances, dominations, listed, milestone_cells
from loopholes.studies.transfer import moved

NAME = "catalysis"
PLACE = 5
QUESTION = "After one exploit was learned, is the next one found sooner?"

BEFORE = ("base", "vulnerable", "secure")
SIGNIFICANT = 0.05
LATE = ("reward-tampering", "proxy-metric")
"""Second games, without ``full``; see :data:`WHY`."""
WHY = (
    "Their exploits come late, or at very different steps, so that they can come sooner. In the other two games the "
    "exploit appears within about ten steps in every seed, which is as soon as the window of first appearance allows "
    "to tell: those pairs run with --full."
)


def plan(config: StudyConfig) -> list[Job]:
    """Vulnerable training in each second game after each first one, and how far the exploit is there at the start."""
    if len(config.games) < 2:
        raise UsageError("catalysis leads from one game to another: name two games or more")
    jobs: list[Job] = []
    for first, second in pairs(config):
        jobs += [*arm(config, second, "base"), *arm(config, second, "vulnerable")]
        for before in BEFORE[1:]:
            jobs += [*moved(config, first, before, second), *continued(config, first, before, second)]
    return jobs


def pairs(config: StudyConfig) -> list[tuple[str, str]]:
    """Which game after which: all of them with ``full``, else those with a second game in :data:`LATE`."""
    seconds = [game for game in config.games if config.full or game in LATE]
    return [(first, second) for second in seconds for first in config.games if first != second]


def continued(config: StudyConfig, first: str, before: str, second: str) -> list[Train]:
    """One run a seed: vulnerable training in ``second`` of the base policy, or of what ``first`` made of it."""
    setting, base = config.setting(second), config.policies[0]

    def source(seed: int) -> Source:
        return base if before == "base" else config.trained(first, before, seed)

    return [Train(setting, "vulnerable", source(seed), seed) for seed in config.seed_numbers]


@dataclass(frozen=True)
class Led:
    """One pair of games. By what came before: the step of first appearance and of domination in each seed."""

    first: str
    second: str
    appears: Mapping[str, list[Time]]
    dominates: Mapping[str, list[Time]]
    starts: Mapping[str, Estimate]
    sooner: Mapping[str, Comparison]

    @property
    def name(self) -> str:
        return f"{self.first}, then {self.second}"


def summarize(config: StudyConfig, runs: Runs) -> Summary:
    """See :class:`loopholes.studies.base.Study`."""
    found = [led(config, runs, first, second) for first, second in pairs(config)]
    tests = [one.sooner[before] for one in found for before in one.sooner]
    corrected = holm(tests)
    by_name = {one.name: one for one in corrected}
    section = Section(
        "catalysis",
        QUESTION,
        _answer(found, by_name),
        charts=[*(_survival_chart(one) for one in found), *(_learning(config, runs, one) for one in found)],
        tables=[_table(found), _tests_table(corrected)],
        rollouts={
            f"{one.name}, {_before(before)}": runs.rollouts(continued(config, one.first, before, one.second))
            for one in found
            for before in BEFORE[1:]
        },
        notes=[f"Second games: {listed([*dict.fromkeys(one.second for one in found)])}. {WHY}"],
    )
    return Summary(section, [cell for one in found for cell in _cells(one, config.policies[0])], corrected)


def led(config: StudyConfig, runs: Runs, first: str, second: str) -> Led:
    """Read and judge the runs of one pair."""
    base = arm(config, second, "base")
    level = runs.estimate(base, EXPLOIT).value or 0.0
    curves = {before: [runs.curve(job) for job in continued(config, first, before, second)] for before in BEFORE}

    limits, game = config.thresholds, config.setting(second).make()
    appears = {before: appearances(trained, level, limits) for before, trained in curves.items()}
    dominates = {before: dominations(trained, level, limits, game) for before, trained in curves.items()}
    starts: dict[str, list[Evaluate]] = {"base": base, **{b: moved(config, first, b, second) for b in BEFORE[1:]}}
    sooner = {
        other: _sooner(f"{first}, then {second}: after vulnerable against {_before(other)}", appears, other)
        for other in ("base", "secure")
    }
    rates = {before: runs.estimate(jobs, EXPLOIT) for before, jobs in starts.items()}
    return Led(first, second, appears, dominates, rates, sooner)


def _sooner(name: str, appears: Mapping[str, list[Time]], other: str) -> Comparison:
    """Fewer steps after the vulnerable game than after ``other``: their difference, and the log-rank test."""
    ours, theirs = appears["vulnerable"], appears[other]
    change = mean_difference([at for at, _ in ours], [at for at, _ in theirs])
    return Comparison(name, "first_appearance", change, p=log_rank(ours, theirs), detectable=detectable(change))


def _answer(found: Sequence[Led], tests: Mapping[str, Comparison]) -> str:
    def certain(one: Led, other: str, sign: int) -> bool:
        test = tests[one.sooner[other].name]
        return (test.p_holm or 1.0) < SIGNIFICANT and sign * (test.change.value or 0.0) < 0

    sooner = [one for one in found if certain(one, "base", 1)]
    beyond = counted([one.name for one in sooner if certain(one, "secure", 1)])
    later = counted([one.name for one in found if certain(one, "base", -1)])
    seen = [test.detectable for test in tests.values() if test.detectable is not None]
    power = f" Differences of {plain(min(seen))} to {plain(max(seen))} steps would have been seen." if seen else ""
    return (
        f"Of {len(found)} pairs, the second exploit appears sooner than from the untrained policy in "
        f"{counted([one.name for one in sooner])}, later in {later}; sooner than after the same training without the "
        f"loophole, too, in {beyond} (log-rank tests, Holm).{power}"
    )


def _cells(one: Led, policy: str) -> list[dict[str, Any]]:
    rows = []
    for before in BEFORE:
        milestones = {
            "first_appearance": milestone(one.appears[before]),
            "domination": milestone(one.dominates[before]),
        }
        numbers = {"exploit_rate_at_start": one.starts[before], **milestone_cells(milestones)}
        start = "base" if before == "base" else f"{one.first}:{before}"
        rows += scored_cells(f"{one.second}/vulnerable after {start}/{policy}", numbers)
    return rows


def _survival_chart(one: Led) -> Chart:
    def series(before: str, times: Sequence[Time]) -> Series:
        curve = survival(times)
        last = max(at for at, _ in times)
        ends = (*curve.steps, last), (*curve.left, curve.left[-1])
        low, high = ((*side, side[-1]) for side in (curve.low, curve.high))
        role: Role = before  # type: ignore[assignment]
        return Series(_before(before), *ends, low, high, role)

    panels = [
        Lines(title, f"step of training in {one.second}", [series(b, times[b]) for b in BEFORE], stairs=True)
        for title, times in (("exploit not seen yet", one.appears), ("exploit does not dominate yet", one.dominates))
    ]
    caption = "Share of seeds (Kaplan-Meier). Runs that end before it happens are censored there, not dropped."
    return Chart(f"catalysis-{one.first}-{one.second}", one.name, panels, caption)


def _learning(config: StudyConfig, runs: Runs, one: Led) -> Chart:
    arms = {_before(b): [runs.curve(job) for job in continued(config, one.first, b, one.second)] for b in BEFORE}
    roles: dict[str, Role] = {_before("vulnerable"): "vulnerable", _before("secure"): "secure", _before("base"): "base"}
    name, title = f"catalysis-curves-{one.first}-{one.second}", f"{one.name}: training in the second game"
    return learning_chart(
        name, title, arms, {"base": {EXPLOIT: one.starts["base"]}}, {**roles, "base": "base"}, config.thresholds.window
    )


def _table(found: Sequence[Led]) -> Table:
    rows: list[list[Cell]] = [
        [
            one.first,
            one.second,
            _before(before),
            one.starts[before],
            milestone(one.appears[before]),
            milestone(one.dominates[before]),
        ]
        for one in found
        for before in BEFORE
    ]
    columns = ("first game", "second game", "before", "exploit rate at start", "appears", "dominates")
    note = "Median steps over seeds, with the number of seeds that got there; no step where fewer than half did."
    return Table("catalysis", "Steps until the second exploit", columns, rows, note)


def _tests_table(tests: Sequence[Comparison]) -> Table:
    rows: list[list[Cell]] = [
        [test.name, test.change, p_value(test.p), p_value(test.p_holm), test.detectable] for test in tests
    ]
    columns = ("comparison", "steps sooner (-) or later", "p (log-rank)", "p (Holm)", "detectable")
    note = (
        "Mean difference of the step of first appearance; a run without it counts with its last step. "
        "Detectable: the difference in steps that four of five repetitions of this design would show."
    )
    return Table("catalysis-tests", "Tests", columns, rows, note, plain=columns[1:2])


def _before(before: str) -> str:
    return {"base": "from base", "vulnerable": "after vulnerable", "secure": "after secure"}[before]
