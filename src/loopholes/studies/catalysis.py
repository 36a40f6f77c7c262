"""After one exploit was learned, is the next one found sooner?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopholes.errors import UsageError
from loopholes.report.elements import Cell, Chart, Lines, Role, Section, Series, Table
from loopholes.score import cells as scored_cells
from loopholes.stats import (
    Comparison,
    Estimate,
    detectable,
    domination,
    first_appearance,
    holm,
    log_rank,
    mean_difference,
    survival,
)
from loopholes.stats.survival import Time
from loopholes.studies.base import Runs, StudyConfig, Summary
from loopholes.studies.discovery import EXPLOIT, arm
from loopholes.studies.jobs import Evaluate, Job, Source, Train
from loopholes.studies.summaries import Rule, learning_chart, listed, middle, reached, time_of
from loopholes.studies.transfer import moved

QUESTION = "After one exploit was learned, is the next one found sooner?"

BEFORE = ("base", "vulnerable", "secure")
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

    def times(rule: Rule) -> dict[str, list[Time]]:
        limits = config.thresholds
        return {before: [time_of(curve, rule, level, limits) for curve in mine] for before, mine in curves.items()}

    appears = times(first_appearance)
    starts: dict[str, list[Evaluate]] = {"base": base, **{b: moved(config, first, b, second) for b in BEFORE[1:]}}
    sooner = {
        other: _sooner(f"{first}, then {second}: after vulnerable against {_before(other)}", appears, other)
        for other in ("base", "secure")
    }
    rates = {before: runs.estimate(jobs, EXPLOIT) for before, jobs in starts.items()}
    return Led(first, second, appears, times(domination), rates, sooner)


def _sooner(name: str, appears: Mapping[str, list[Time]], other: str) -> Comparison:
    """Fewer steps after the vulnerable game than after ``other``: their difference, and the log-rank test."""
    ours, theirs = appears["vulnerable"], appears[other]
    change = mean_difference([at for at, _ in ours], [at for at, _ in theirs])
    return Comparison(name, "first_appearance", change, p=log_rank(ours, theirs), detectable=detectable(change))


def _answer(found: Sequence[Led], tests: Mapping[str, Comparison]) -> str:
    def certain(one: Led, other: str, sign: int) -> bool:
        test = tests[one.sooner[other].name]
        return (test.p_holm or 1.0) < 0.05 and sign * (test.change.value or 0.0) < 0

    sooner = [one.name for one in found if certain(one, "base", 1)]
    beyond = [one.name for one in found if certain(one, "base", 1) and certain(one, "secure", 1)]
    later = [one.name for one in found if certain(one, "base", -1)]
    sentence = f"Of {len(found)} pairs, the second exploit appears sooner than from the untrained policy in "
    sentence += f"{len(sooner)}{f' ({listed(sooner)})' if sooner else ''}, later in {len(later)}"
    sentence += f"{f' ({listed(later)})' if later else ''}; sooner than after the same training without the loophole, "
    seen = [one.detectable for one in tests.values() if one.detectable is not None]
    sentence += f"too, in {len(beyond)}{f' ({listed(beyond)})' if beyond else ''} (log-rank tests, Holm)."
    if seen:
        sentence += f" Differences of {min(seen):.0f} steps in the surest comparison would have been seen, and of "
        sentence += f"{max(seen):.0f} in the least sure."
    return sentence


def _cells(one: Led, policy: str) -> list[dict[str, Any]]:
    rows = []
    for before in BEFORE:
        seeds = len(one.appears[before])
        numbers = {
            "exploit_rate_at_start": one.starts[before],
            "first_appearance": Estimate(middle(one.appears[before]), None, None, seeds, seeds),
            "first_appearance_events": Estimate(_share(one.appears[before]), None, None, seeds, seeds),
            "domination": Estimate(middle(one.dominates[before]), None, None, seeds, seeds),
            "domination_events": Estimate(_share(one.dominates[before]), None, None, seeds, seeds),
        }
        start = "base" if before == "base" else f"{one.first}:{before}"
        rows += scored_cells(f"{one.second}/vulnerable after {start}/{policy}", numbers)
    return rows


def _share(times: Sequence[Time]) -> float:
    return sum(happened for _, happened in times) / len(times)


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
    return learning_chart(name, title, arms, {EXPLOIT: one.starts["base"]}, roles, config.thresholds.window)


def _table(found: Sequence[Led]) -> Table:
    rows: list[list[Cell]] = [
        [one.first, one.second, _before(b), one.starts[b], reached(one.appears[b]), reached(one.dominates[b])]
        for one in found
        for b in BEFORE
    ]
    columns = ("first game", "second game", "before", "exploit rate at start", "appears", "dominates")
    return Table("catalysis", "Steps until the second exploit", columns, rows, "Median step, and in how many seeds.")


def _tests_table(tests: Sequence[Comparison]) -> Table:
    rows: list[list[Cell]] = [
        [one.name, *_steps(one.change), None if one.p is None else f"{one.p:.3g}", _corrected(one), _seen(one)]
        for one in tests
    ]
    columns = ("comparison", "steps sooner (-) or later (+)", "95 % interval", "p (log-rank)", "p (Holm)", "detectable")
    note = (
        "Mean difference of the step of first appearance; a run without it counts with its last step. "
        "Detectable: the difference in steps that four of five repetitions of this design would show."
    )
    return Table("catalysis-tests", "Tests", columns, rows, note)


def _seen(one: Comparison) -> str | None:
    return None if one.detectable is None else f"{one.detectable:.1f}"


def _corrected(one: Comparison) -> str | None:
    return None if one.p_holm is None else f"{one.p_holm:.3g}"


def _steps(change: Estimate) -> tuple[str | None, str | None]:
    if change.value is None:
        return None, None
    if change.low is None or change.high is None:
        return f"{change.value:+.1f}", None
    return f"{change.value:+.1f}", f"{change.low:+.1f} to {change.high:+.1f}"


def _before(before: str) -> str:
    return {"base": "from base", "vulnerable": "after vulnerable", "secure": "after secure"}[before]
