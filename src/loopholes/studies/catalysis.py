"""After one exploit was learned, is the next one found sooner?

Sooner can mean two things, and both are measured. The second exploit may start nearer, by the branch-point log-odds of
the policy before its second training, or it may grow faster, by the slope of the log-odds of its rate. One contrast of
slopes was registered in ``catalysis.json`` before the runs that test it; everything else is exploratory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopholes.errors import UsageError
from loopholes.numbers import Estimate, p_value, point, written
from loopholes.report.elements import Cell, Chart, Lines, Role, Section, Series, Table
from loopholes.score import cells as scored_cells
from loopholes.stats import (
    GROWTH,
    Comparison,
    compare_within_seeds,
    detectable,
    holm,
    log_rank_within_seeds,
    mean_over_seeds,
    milestone,
    paired,
    survival,
)
from loopholes.stats.survival import Time
from loopholes.studies import registration
from loopholes.studies.answers import say
from loopholes.studies.base import Runs, StudyConfig, Summary
from loopholes.studies.channels import EXPLOIT, counted
from loopholes.studies.charts import learning_chart
from loopholes.studies.discovery import arm
from loopholes.studies.jobs import Job
from loopholes.studies.second_games import (
    BEFORE,
    WHY,
    Led,
    continued,
    explained_by_start,
    fresh_from,
    led,
    pairs,
    primary,
)
from loopholes.studies.summaries import listed, milestone_cells, tests_table
from loopholes.studies.transfer import moved

NAME = "catalysis"
PLACE = 5
QUESTION = "After one exploit was learned, is the next one found sooner?"

SIGNIFICANT = 0.05


def plan(config: StudyConfig) -> list[Job]:
    """Vulnerable training in each second game after each first game, and evaluations of the policies before it."""
    if len(config.games) < 2:
        raise UsageError("catalysis leads from one game to another: give --game at least twice")
    jobs: list[Job] = []
    for first, second in pairs(config):
        jobs += [*arm(config, second, "base"), *arm(config, second, "vulnerable")]
        for before in BEFORE[1:]:
            jobs += [*moved(config, first, before, second), *continued(config, first, before, second)]
    return jobs


def summarize(config: StudyConfig, runs: Runs) -> Summary:
    """See :class:`loopholes.studies.base.Study`."""
    results = [led(config, runs, first, second) for first, second in pairs(config)]
    corrected = holm([test for pair in results for test in _tests(pair)])
    tests = [*_registered_test(results), *corrected]
    shares = {second: explained_by_start(results, second) for second in dict.fromkeys(pair.second for pair in results)}
    section = Section(
        "catalysis",
        QUESTION,
        _answer(results, tests, shares),
        charts=[*(_survival_chart(pair) for pair in results), *(_learning(config, runs, pair) for pair in results)],
        tables=[_tests_table(tests), _effects_table(results), _table(results)],
        rollouts={
            f"{pair.name}, {_before(before)}": runs.rollouts(continued(config, pair.first, before, pair.second))
            for pair in results
            for before in BEFORE[1:]
        },
        notes=[
            f"Second games: {listed([*dict.fromkeys(pair.second for pair in results)])}. {WHY}",
            f"Registered as {registration.digest(NAME)} (catalysis.json) before the runs of seeds {fresh_from()} and "
            f"above, whose configurations hold this digest: {' '.join(_statements())}",
        ],
    )
    cells = [cell for pair in results for cell in _cells(pair, config.policies[0])]
    for second, share in shares.items():
        cells += scored_cells(f"{second}/all starts/{config.policies[0]}", {"explained_by_start": share})
    return Summary(section, cells, tests)


def _tests(pair: Led) -> list[Comparison]:
    """Compare vulnerable with secure training in the first game: by start, slope, and step of first appearance."""
    tests = [
        compare_within_seeds(
            f"{pair.name}: {metric}, after vulnerable against after secure",
            metric,
            values["vulnerable"],
            values["secure"],
            two_sided=True,
        )
        for metric, values in (("start", pair.log_odds), ("slope", pair.slopes))
    ]
    ours, theirs = pair.appears["vulnerable"], pair.appears["secure"]
    change = mean_over_seeds(paired([at for at, _ in ours], [at for at, _ in theirs]))
    name = f"{pair.name}: first appearance, after vulnerable against after secure"
    p = log_rank_within_seeds(ours, theirs)
    return [*tests, Comparison(name, "first_appearance", change, p=p, detectable=detectable(change))]


def _registered_test(results: Sequence[Led]) -> list[Comparison]:
    """The registered contrast, on fresh seeds only; empty if its pair of games was not run.

    The change is the slope after secure minus the slope after vulnerable training, so it is positive if growth is
    slower after the vulnerable channel.
    """
    return [
        compare_within_seeds(
            f"registered: {pair.name}: slope, after secure over after vulnerable, seeds {fresh_from()} and above",
            "registered_slope",
            pair.slopes["secure"][fresh_from() :],
            pair.slopes["vulnerable"][fresh_from() :],
        )
        for pair in results
        if (pair.first, pair.second) == primary()
    ]


def _answer(results: Sequence[Led], tests: Sequence[Comparison], shares: Mapping[str, Estimate]) -> str:
    def certain(metric: str, sign: int) -> str:
        names = [
            test.name.split(":")[0]
            for test in tests
            if test.metric == metric and (test.p_holm or 1.0) < SIGNIFICANT and sign * (test.change.value or 0.0) > 0
        ]
        return counted(names)

    counts = {
        "nearer": certain("start", 1),
        "farther": certain("start", -1),
        "faster": certain("slope", 1),
        "slower": certain("slope", -1),
        "sooner": certain("first_appearance", -1),
        "later": certain("first_appearance", 1),
    }
    listing = "; ".join(
        f"{second} {point(share)} ({share.n} of {share.seeds} runs)" for second, share in shares.items()
    )
    sentences = [_registered_answer(test) for test in tests if test.metric == "registered_slope"]
    sentences += [say(NAME, "exploratory", pairs=len(results), **counts), say(NAME, "explained", shares=listing)]
    return " ".join(sentences)


def _registered_answer(test: Comparison) -> str:
    if not test.change.seeds:
        return say(NAME, "registered-untested", first_seed=fresh_from())
    verdict = "registered-seen" if test.p is not None and test.p < SIGNIFICANT else "registered-not-seen"
    numbers = {"change": written(test.change, "number"), "seeds": test.change.seeds, "p": p_value(test.p) or "unknown"}
    return say(NAME, verdict, statement=_statements()[0], **numbers)


def _statements() -> list[str]:
    statements: list[str] = registration.predictions(NAME)["statements"]
    return statements


def _cells(pair: Led, policy: str) -> list[dict[str, Any]]:
    rows = []
    for before in BEFORE:
        milestones = {
            "first_appearance": milestone(pair.appears[before]),
            "domination": milestone(pair.dominates[before]),
        }
        numbers = {"exploit_rate_at_start": pair.starts[before], **milestone_cells(milestones)}
        numbers |= {
            "log_odds_at_start": mean_over_seeds(pair.log_odds[before]),
            "growth_slope": mean_over_seeds(pair.slopes[before]),
        }
        start = "base" if before == "base" else f"{pair.first}:{before}"
        rows += scored_cells(f"{pair.second}/vulnerable after {start}/{policy}", numbers)
    for other in ("base", "secure"):
        changes = {f"{metric}_change": change for metric, change in pair.changes(other).items()}
        rows += scored_cells(f"{pair.second}/{pair.first}:vulnerable against {other}/{policy}", changes)
    return rows


def _survival_chart(pair: Led) -> Chart:
    def series(before: str, times: Sequence[Time]) -> Series:
        curve = survival(times)
        last = max(at for at, _ in times)
        ends = (*curve.steps, last), (*curve.left, curve.left[-1])
        low, high = ((*side, side[-1]) for side in (curve.low, curve.high))
        role: Role = before  # type: ignore[assignment]
        return Series(_before(before), *ends, low, high, role)

    panels = [
        Lines(title, f"step of training in {pair.second}", [series(b, times[b]) for b in BEFORE], stairs=True)
        for title, times in (("exploit not seen yet", pair.appears), ("exploit does not dominate yet", pair.dominates))
    ]
    caption = "Share of seeds (Kaplan-Meier). Runs that end before it happens are censored at their last step."
    return Chart(f"catalysis-{pair.first}-{pair.second}", pair.name, panels, caption)


def _learning(config: StudyConfig, runs: Runs, pair: Led) -> Chart:
    arms = {_before(b): [runs.curve(job) for job in continued(config, pair.first, b, pair.second)] for b in BEFORE}
    roles: dict[str, Role] = {_before("vulnerable"): "vulnerable", _before("secure"): "secure", _before("base"): "base"}
    name, title = f"catalysis-curves-{pair.first}-{pair.second}", f"{pair.name}: training in the second game"
    return learning_chart(
        name, title, arms, {"base": {EXPLOIT: pair.starts["base"]}}, {**roles, "base": "base"}, config.thresholds.window
    )


def _table(results: Sequence[Led]) -> Table:
    rows: list[list[Cell]] = [
        [
            pair.first,
            pair.second,
            _before(before),
            pair.starts[before],
            mean_over_seeds(pair.log_odds[before]),
            mean_over_seeds(pair.slopes[before]),
            milestone(pair.appears[before]),
            milestone(pair.dominates[before]),
        ]
        for pair in results
        for before in BEFORE
    ]
    columns = (
        "first game",
        "second game",
        "before",
        "exploit rate at start",
        "log-odds at start",
        "growth, nats per step",
        "appears",
        "dominates",
    )
    note = (
        "Log-odds: branch-point log-odds before the second training. Growth: the slope of the log-odds of the exploit "
        f"rate in training between {GROWTH[0]:.0%} and {GROWTH[1]:.0%}, over the seeds that cross both. Appears and "
        "dominates: median steps over seeds, with the number of seeds that got there; no step is given if fewer than "
        "half did."
    )
    return Table("catalysis", "How the second exploit came", columns, rows, note, plain=columns[4:6])


def _effects_table(results: Sequence[Led]) -> Table:
    rows: list[list[Cell]] = []
    for pair in results:
        for other in ("secure", "base"):
            changes = pair.changes(other)
            rows.append([pair.first, pair.second, _before(other), changes["start"], changes["slope"]])
    columns = (
        "first game",
        "second game",
        "against",
        "change of the start, nats",
        "change of the slope, nats per step",
    )
    note = (
        "After the vulnerable channel of the first game minus the other start, within seeds, with uncorrected t "
        "intervals. The change against base includes what training of any kind does; the change against secure is what "
        "the loophole does."
    )
    return Table("catalysis-effects", "Start and growth", columns, rows, note, plain=columns[3:])


def _tests_table(tests: Sequence[Comparison]) -> Table:
    note = (
        "Differences within seeds: of starts in nats, of slopes in nats per step, of first appearance in steps (a run "
        "in which it never appears counts with its last step). The tests are exact and two-sided, and swap the two "
        "runs of each seed; for first appearance they use the statistic of the log-rank test. The registered test is "
        "one-sided, uses fresh seeds only, and is not part of the correction of the others, which are exploratory."
    )
    return tests_table(tests, "catalysis-tests", note)


def _before(before: str) -> str:
    return {"base": "from base", "vulnerable": "after vulnerable", "secure": "after secure"}[before]
