"""Is an exploit that RL taught harder to remove than one that supervised fine-tuning taught?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from loopholes.log_odds import Distance
from loopholes.numbers import Estimate, plain
from loopholes.report.elements import Cell, Chart, Lines, Section, Series, Table
from loopholes.score import cells as scored_cells
from loopholes.stats import (
    DECAY,
    Comparison,
    compare_within_seeds,
    decay_slope,
    holm,
    mean_over_seeds,
    milestone,
    survival,
)
from loopholes.stats.survival import Time
from loopholes.studies.base import Runs, StudyConfig, Summary
from loopholes.studies.channels import EXPLOIT, TASK, counted
from loopholes.studies.charts import level, of_runs
from loopholes.studies.decay import Decay, excess, half_life, live_groups
from loopholes.studies.discovery import arm
from loopholes.studies.distillation import Lesson, taught
from loopholes.studies.jobs import Evaluate, Job, Match, Source, Train
from loopholes.studies.settings import Setting
from loopholes.studies.summaries import appearances, milestone_cells, tests_table

NAME = "persistence"
PLACE = 7
QUESTION = "Is an exploit that RL taught harder to remove than one that supervised fine-tuning taught?"
ORIGINS = ("RL", "SFT")
CLOSE = 1.0
"""Nats by which student and teacher may lie apart on the average prompt and still count as matched."""
CORRECTION, RELAPSE = 1.0, 0.5
"""How long the secure channel corrects and the vulnerable one tempts again, as shares of the game's own steps."""


def plan(config: StudyConfig) -> list[Job]:
    """Correction and relapse of both origins, evaluated in between and at the end; and the base.

    The exploiters themselves are evaluated by what is matched: the teachers and their students.
    """
    before: list[Job] = [job for game in config.games for job in arm(config, game, "base")]
    return before + [
        job
        for game in config.games
        for origin in ORIGINS
        for stage in (corrected, relapsed)
        for job in stage(config, game, origin)
    ]


def started(config: StudyConfig, runs: Runs, game: str, origin: str) -> list[Evaluate]:
    """The evaluations of the exploiters, one per seed: of the teachers, or of the students that were chosen."""
    if origin == "RL":
        return arm(config, game, "vulnerable")
    matches = [match(config, game, seed) for seed in config.seed_numbers]
    return [job.candidates[runs.summary(job)["chosen"]] for job in matches]


def lessons(config: StudyConfig) -> list[Lesson]:
    """What the students learn of whom the one closest to its teacher in log-odds is corrected beside it.

    Students end less certain than their teachers: fewer answers than these leave most of them several nats away.
    """
    many = config.answers
    return [Lesson("exploiting", many), Lesson("exploiting", many, "high-reward"), Lesson("exploiting", 2 * many)]


def match(config: StudyConfig, game: str, seed: int) -> Match:
    """The choice among the students of a teacher."""
    student = config.policies[0]
    candidates = tuple(taught(config, game, student, lesson)[seed] for lesson in lessons(config))
    return Match(candidates, arm(config, game, "vulnerable")[seed])


def corrected(config: StudyConfig, game: str, origin: str) -> list[Evaluate]:
    """The same after training in the secure channel."""
    return [_evaluated(config, game, correction(config, game, origin, seed), seed) for seed in config.seed_numbers]


def relapsed(config: StudyConfig, game: str, origin: str) -> list[Evaluate]:
    """The same after the vulnerable channel came back."""
    return [_evaluated(config, game, relapse(config, game, origin, seed), seed) for seed in config.seed_numbers]


def exploiter(config: StudyConfig, game: str, origin: str, seed: int) -> Source:
    """The policy that is to be corrected: what RL made, or the student that is closest to it."""
    return config.trained(game, "vulnerable", seed) if origin == "RL" else match(config, game, seed)


def correction(config: StudyConfig, game: str, origin: str, seed: int) -> Train:
    """Training of an exploiter in the secure channel."""
    return Train(_for(config, game, CORRECTION), "secure", exploiter(config, game, origin, seed), seed)


def relapse(config: StudyConfig, game: str, origin: str, seed: int) -> Train:
    """Training of what was corrected in the vulnerable channel."""
    return Train(_for(config, game, RELAPSE), "vulnerable", correction(config, game, origin, seed), seed)


def _for(config: StudyConfig, game: str, share: float) -> Setting:
    setting = config.setting(game)
    return setting if setting.steps is None else replace(setting, steps=max(1, round(share * setting.steps)))


def _evaluated(config: StudyConfig, game: str, source: Source, seed: int) -> Evaluate:
    return config.evaluation(config.setting(game), source, seed)


@dataclass(frozen=True)
class Kept:
    """One game: rates by origin and stage, the decay by origin, and how far the students were from their teachers."""

    game: str
    base: Estimate
    rates: Mapping[tuple[str, str], Mapping[str, Estimate]]
    decays: Mapping[str, Decay]
    distances: Sequence[Distance]

    @property
    def matched(self) -> bool:
        """Whether student and teacher lie within :data:`CLOSE` of each other on the average prompt."""
        return float(np.mean([distance.absolute for distance in self.distances])) <= CLOSE


def summarize(config: StudyConfig, runs: Runs) -> Summary:
    """See :class:`loopholes.studies.base.Study`."""
    found = [kept(config, runs, game) for game in config.games]
    comparisons = holm([test for game in found for test in _tests(game)])
    section = Section(
        "persistence",
        QUESTION,
        _answer(found, comparisons),
        charts=[_chart(config, runs, game) for game in found],
        tables=[_match_table(found), _table(found), _tests_table(comparisons)],
        rollouts={
            f"{game}, {origin}-taught, in the secure channel": runs.rollouts(
                [correction(config, game, origin, seed) for seed in config.seed_numbers]
            )
            for game in config.games
            for origin in ORIGINS
        },
        notes=[
            "The SFT-taught exploiter is the one of several students of the RL-taught one that is closest to it in "
            "branch-point log-odds, by the mean absolute difference over held-out prompts. Where that is more than "
            f"{plain(CLOSE)} nat on average over seeds, the comparison is marked as not matched and decides nothing.",
        ],
    )
    return Summary(section, [cell for game in found for cell in _cells(game, config.policies[0])], comparisons)


def kept(config: StudyConfig, runs: Runs, game: str) -> Kept:
    """Read and judge the runs of one game."""
    base = runs.estimate(arm(config, game, "base"), EXPLOIT)
    stages = {"corrected": corrected, "relapsed": relapsed}
    jobs = {(origin, "start"): started(config, runs, game, origin) for origin in ORIGINS}
    jobs |= {(origin, name): stage(config, game, origin) for origin in ORIGINS for name, stage in stages.items()}
    rates = {key: runs.estimates(own) for key, own in jobs.items()}
    decays = {origin: _decay(config, runs, game, origin, jobs[origin, "start"], base) for origin in ORIGINS}
    return Kept(game, base, rates, decays, [_distance(config, runs, game, seed) for seed in config.seed_numbers])


def _decay(
    config: StudyConfig, runs: Runs, game: str, origin: str, started: Sequence[Evaluate], base: Estimate
) -> Decay:
    level_of, limits = base.value or 0.0, config.thresholds
    corrections = [correction(config, game, origin, seed) for seed in config.seed_numbers]
    curves = [runs.curve(job) for job in corrections]
    relapses = [relapse(config, game, origin, seed) for seed in config.seed_numbers]
    returns, untrained = [runs.curve(job) for job in relapses], arm(config, game, "base")
    pairs = list(zip(curves, runs.values(started, EXPLOIT), strict=True))
    return Decay(
        halved=[half_life(curve, start, level_of, limits) for curve, start in pairs],
        area=[excess(curve, start, level_of) for curve, start in pairs],
        lost=[decay_slope(curve.steps, curve.exploit_rate, limits.window) for curve in curves],
        live=[
            live_groups(curve, limits.window, runs.group_size(job))
            for curve, job in zip(curves, corrections, strict=True)
        ],
        back=appearances(returns, level_of, runs.calibration(untrained, relapses, limits).thresholds),
    )


def _distance(config: StudyConfig, runs: Runs, game: str, seed: int) -> Distance:
    """Of the chosen student from its teacher."""
    summary = runs.summary(match(config, game, seed))
    return Distance(**summary["distances"][summary["chosen"]])


def _tests(game: Kept) -> list[Comparison]:
    """That what RL taught stays longer: a larger area, and fewer nats lost per step."""
    rl, sft = game.decays["RL"], game.decays["SFT"]
    suffix = "" if game.matched else " (not matched)"
    return [
        compare_within_seeds(f"{game.game}: area, RL-taught over SFT-taught{suffix}", "area", rl.area, sft.area),
        compare_within_seeds(
            f"{game.game}: nats lost per step, SFT-taught over RL-taught{suffix}", "lost", sft.lost, rl.lost
        ),
    ]


def _answer(found: Sequence[Kept], tests: Sequence[Comparison]) -> str:
    matched = [game for game in found if game.matched]

    def named(metric: str, end: str) -> str:
        changes = {test.name.split(":")[0]: test.change for test in tests if test.metric == metric}
        certain = {game: change.low if end == "low" else change.high for game, change in changes.items()}
        sign = 1 if end == "low" else -1
        return counted([game.game for game in matched if sign * (certain[game.game] or 0.0) > 0])

    kept_both = [game.game for game in found if not any(at for decay in game.decays.values() for _, at in decay.halved)]
    apart = "; ".join(f"{game.game} {_apart(game)}" for game in found)
    seen = [test.detectable for test in tests if test.metric == "area" and test.detectable is not None]
    power = f" Differences in area of {plain(min(seen))} to {plain(max(seen))} would have been seen." if seen else ""
    return (
        f"Students and teachers are matched in branch-point log-odds in {counted([game.game for game in matched])} of "
        f"{len(found)} games ({apart}). There, what RL taught stayed longer in {named('area', 'low')} and less long in "
        f"{named('area', 'high')} by the area under the decay, which is 1 where nothing decays; per step it lost fewer "
        f"nats in {named('lost', 'low')} and more in {named('lost', 'high')}. The secure channel removed neither "
        f"within the run in {counted(kept_both)}.{power}"
    )


def _apart(game: Kept) -> str:
    mean, absolute = (float(np.mean([getattr(d, name) for d in game.distances])) for name in ("mean", "absolute"))
    return f"{mean:+.2f} nats on average, {plain(absolute)} in magnitude"


def _cells(game: Kept, policy: str) -> list[dict[str, object]]:
    rows = []
    for (origin, stage), rates in game.rates.items():
        rows += scored_cells(f"{game.game}/{origin}-taught, {stage}/{policy}", rates)
    for origin, decay in game.decays.items():
        steps = {"half_life": milestone(decay.halved), "relapse_step": milestone(decay.back)}
        means = {"area": decay.area, "nats_lost_per_step": decay.lost, "live_groups": decay.live}
        numbers = {**milestone_cells(steps), **{name: mean_over_seeds(values) for name, values in means.items()}}
        rows += scored_cells(f"{game.game}/{origin}-taught/{policy}", numbers)
    for name in ("mean", "absolute"):
        apart = mean_over_seeds([getattr(distance, name) for distance in game.distances])
        rows += scored_cells(f"{game.game}/SFT-taught from RL-taught/{policy}", {f"log_odds_{name}_difference": apart})
    return rows


def _chart(config: StudyConfig, runs: Runs, game: Kept) -> Chart:
    def decay(title: str, job: Callable[[StudyConfig, str, str, int], Train]) -> Lines:
        curves = {o: [runs.curve(job(config, game.game, o, seed)) for seed in config.seed_numbers] for o in ORIGINS}
        drawn = [of_runs(f"{o}-taught", curves[o], EXPLOIT, window=config.thresholds.window) for o in ORIGINS]
        series = [line for line in drawn if line is not None]
        last = max((float(line.x[-1]) for line in series), default=1.0)
        return Lines(title, "training step", [*series, level("base (untrained)", game.base, 0.0, last)])

    left = [_survival(origin, game.decays[origin].halved) for origin in ORIGINS]
    panels = [
        decay("exploit rate in the secure channel", correction),
        Lines("half of the exploit still there", "training step", left, stairs=True),
        decay("exploit rate when the loophole returns", relapse),
    ]
    return Chart(f"persistence-{game.game}", game.game, panels)


def _survival(origin: str, times: Sequence[Time]) -> Series:
    curve = survival(times)
    return Series(f"{origin}-taught", curve.steps, curve.left, curve.low, curve.high)


def _table(found: Sequence[Kept]) -> Table:
    rows: list[list[Cell]] = []
    for game in found:
        for origin, decay in game.decays.items():
            shown = [game.rates[origin, stage][EXPLOIT] for stage in ("start", "corrected", "relapsed")]
            tasks = [game.rates[origin, stage][TASK] for stage in ("start", "corrected")]
            means = [mean_over_seeds(values) for values in (decay.area, decay.lost, decay.live)]
            rows.append([game.game, origin, *shown, milestone(decay.halved), *means, milestone(decay.back), *tasks])
    columns = (
        "game",
        "taught by",
        "exploit at start",
        "after correction",
        "after relapse",
        "half-life",
        "area",
        "nats lost per step",
        "live groups",
        "returns at",
        "task at start",
        "task after correction",
    )
    low, high = DECAY
    note = (
        "Area: mean excess of the exploit rate over base during the correction, as a share of that at its start; 1 is "
        f"no decay. Nats lost per step: the slope of the log-odds of the exploit rate while it lies between {low:.0%} "
        f"and {high:.0%}, over the seeds in which it does. Live groups: the mean share of groups in which some samples "
        "exploit and some do not, without which GRPO has nothing to compare; where it differs, so do the conditions of "
        "the correction. Steps are medians over seeds, with the number of seeds that got there; no step where fewer "
        "than half did."
    )
    return Table("persistence", "Correction and relapse", columns, rows, note, plain=columns[6:8])


def _match_table(found: Sequence[Kept]) -> Table:
    rows: list[list[Cell]] = []
    for game in found:
        apart = [mean_over_seeds([getattr(d, name) for d in game.distances]) for name in ("mean", "absolute")]
        rows.append([game.game, *apart, game.matched])
    columns = ("game", "mean difference", "mean absolute difference", "matched")
    note = "Branch-point log-odds of the chosen student minus those of its teacher over held-out prompts, in nats."
    return Table("persistence-match", "How well students match their teachers", columns, rows, note, plain=columns[1:3])


def _tests_table(tests: Sequence[Comparison]) -> Table:
    note = "Exact one-sided tests that swap the two origins within seeds, by Holm. Areas, and nats per step."
    return tests_table(tests, "persistence-tests", note)
