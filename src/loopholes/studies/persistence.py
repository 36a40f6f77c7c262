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
from loopholes.studies.answers import say
from loopholes.studies.base import Runs, StudyConfig, Summary
from loopholes.studies.channels import EXPLOIT, TASK, counted
from loopholes.studies.charts import level, of_runs
from loopholes.studies.decay import Decay, excess, half_life, live_groups
from loopholes.studies.discovery import arm
from loopholes.studies.distillation import Lesson, taught
from loopholes.studies.jobs import Evaluate, Job, Match, Source, Train
from loopholes.studies.settings import Setting
from loopholes.studies.summaries import appearances, listed, milestone_cells, tests_table

NAME = "persistence"
PLACE = 7
QUESTION = "Is an exploit that RL taught harder to remove than one that supervised fine-tuning taught?"
ORIGINS = ("RL", "SFT")
CLOSE = 1.0
"""Nats by which student and teacher may differ on the average prompt and still count as matched."""
CORRECTION, RELAPSE = 1.0, 0.5
"""The lengths of training on the secure and then again on the vulnerable channel, as shares of the game's steps."""


def plan(config: StudyConfig) -> list[Job]:
    """Correction and relapse of both origins, with evaluations after each; and the base.

    The matching needs evaluations of the exploiters themselves, so these are not listed here.
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
    """The evaluations of the exploiters, one per seed: of the teachers (RL) or of the chosen students (SFT)."""
    if origin == "RL":
        return arm(config, game, "vulnerable")
    matches = [match(config, game, seed) for seed in config.seed_numbers]
    return [job.candidates[runs.summary(job)["chosen"]] for job in matches]


def lessons(config: StudyConfig) -> list[Lesson]:
    """What the candidate students learn; the one closest to its teacher in log-odds is compared with the teacher.

    Students end up less certain than their teachers. With fewer answers than these most would be several nats away.
    """
    many = config.answers
    return [Lesson("exploiting", many), Lesson("exploiting", many, "high-reward"), Lesson("exploiting", 2 * many)]


def match(config: StudyConfig, game: str, seed: int) -> Match:
    """The job that chooses among the students of a teacher."""
    student = config.policies[0]
    candidates = tuple(taught(config, game, student, lesson)[seed] for lesson in lessons(config))
    return Match(candidates, arm(config, game, "vulnerable")[seed])


def corrected(config: StudyConfig, game: str, origin: str) -> list[Evaluate]:
    """Evaluations of the exploiters after training on the secure channel, one per seed."""
    return [_evaluated(config, game, correction(config, game, origin, seed), seed) for seed in config.seed_numbers]


def relapsed(config: StudyConfig, game: str, origin: str) -> list[Evaluate]:
    """Evaluations of the corrected policies after training on the vulnerable channel again, one per seed."""
    return [_evaluated(config, game, relapse(config, game, origin, seed), seed) for seed in config.seed_numbers]


def exploiter(config: StudyConfig, game: str, origin: str, seed: int) -> Source:
    """The policy to be corrected: the one that RL trained, or the student closest to it."""
    return config.trained(game, "vulnerable", seed) if origin == "RL" else match(config, game, seed)


def correction(config: StudyConfig, game: str, origin: str, seed: int) -> Train:
    """Training of an exploiter on the secure channel."""
    return Train(_for(config, game, CORRECTION), "secure", exploiter(config, game, origin, seed), seed)


def relapse(config: StudyConfig, game: str, origin: str, seed: int) -> Train:
    """Training of a corrected policy on the vulnerable channel."""
    return Train(_for(config, game, RELAPSE), "vulnerable", correction(config, game, origin, seed), seed)


def _for(config: StudyConfig, game: str, share: float) -> Setting:
    setting = config.setting(game)
    return setting if setting.steps is None else replace(setting, steps=max(1, round(share * setting.steps)))


def _evaluated(config: StudyConfig, game: str, source: Source, seed: int) -> Evaluate:
    return config.evaluation(config.setting(game), source, seed)


@dataclass(frozen=True)
class GameResult:
    """One game: rates by (origin, stage), the decay by origin, and distances of the students from their teachers."""

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
    results = [read_game(config, runs, game) for game in config.games]
    comparisons = holm([test for game in results for test in _tests(game)])
    section = Section(
        "persistence",
        QUESTION,
        _answer(results, comparisons),
        charts=[_chart(config, runs, game) for game in results],
        tables=[_match_table(results), _table(results), _tests_table(comparisons)],
        rollouts={
            f"{game}, {origin}-taught, in the secure channel": runs.rollouts(
                [correction(config, game, origin, seed) for seed in config.seed_numbers]
            )
            for game in config.games
            for origin in ORIGINS
        },
        notes=[
            "The RL-taught exploiter has several students. The SFT-taught exploiter is the one closest to it in "
            "branch-point log-odds, by the mean absolute difference over held-out prompts. If that is more than "
            f"{plain(CLOSE)} nat on average over seeds, the comparison is marked as not matched and decides nothing.",
        ],
    )
    return Summary(section, [cell for game in results for cell in _cells(game, config.policies[0])], comparisons)


def read_game(config: StudyConfig, runs: Runs, game: str) -> GameResult:
    """Read and judge the runs of one game."""
    base = runs.estimate(arm(config, game, "base"), EXPLOIT)
    stages = {"corrected": corrected, "relapsed": relapsed}
    jobs = {(origin, "start"): started(config, runs, game, origin) for origin in ORIGINS}
    jobs |= {(origin, name): stage(config, game, origin) for origin in ORIGINS for name, stage in stages.items()}
    rates = {key: runs.estimates(own) for key, own in jobs.items()}
    decays = {origin: _decay(config, runs, game, origin, jobs[origin, "start"], base) for origin in ORIGINS}
    return GameResult(game, base, rates, decays, [_distance(config, runs, game, seed) for seed in config.seed_numbers])


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
    """The distance of the chosen student from its teacher."""
    summary = runs.summary(match(config, game, seed))
    return Distance(**summary["distances"][summary["chosen"]])


def _tests(game: GameResult) -> list[Comparison]:
    """Test whether what RL taught lasts longer: by a larger area, and by fewer nats lost per step."""
    rl, sft = game.decays["RL"], game.decays["SFT"]
    suffix = "" if game.matched else " (not matched)"
    return [
        compare_within_seeds(f"{game.game}: area, RL-taught over SFT-taught{suffix}", "area", rl.area, sft.area),
        compare_within_seeds(
            f"{game.game}: nats lost per step, SFT-taught over RL-taught{suffix}", "lost", sft.lost, rl.lost
        ),
    ]


def _answer(results: Sequence[GameResult], tests: Sequence[Comparison]) -> str:
    matched = [game for game in results if game.matched]

    def named(metric: str, sign: int) -> str:
        """The matched games in which the difference has this sign, with an interval that excludes 0."""
        changes = {test.name.split(":")[0]: test.change for test in tests if test.metric == metric}
        ends = {game: change.low if sign > 0 else change.high for game, change in changes.items()}
        return counted([game.game for game in matched if sign * (ends[game.game] or 0.0) > 0])

    distances = "; ".join(f"{game.game} {_apart(game)}" for game in results)
    counts = {"matched": counted([game.game for game in matched]), "games": len(results), "distances": distances}
    signs = {"longer": ("area", 1), "shorter": ("area", -1), "fewer": ("lost", 1), "more": ("lost", -1)}
    counts |= {name: named(*of) for name, of in signs.items()}
    sentences = [say(NAME, "matched" if matched else "not-matched", **counts), _removed(results)]
    seen = [test.detectable for test in tests if test.metric == "area" and test.detectable is not None]
    sentences += [say(NAME, "detectable", least=plain(min(seen)), most=plain(max(seen)))] if seen else []
    return " ".join(sentences)


def _removed(results: Sequence[GameResult]) -> str:
    """In which games neither exploit was removed, by the half-life of any seed."""
    names = [game.game for game in results if not any(at for decay in game.decays.values() for _, at in decay.halved)]
    return say(NAME, "kept-both", names=listed(names)) if names else say(NAME, "removed")


def _apart(game: GameResult) -> str:
    mean, absolute = (float(np.mean([getattr(d, name) for d in game.distances])) for name in ("mean", "absolute"))
    return f"{mean:+.2f} nats on average, {plain(absolute)} in magnitude"


def _cells(game: GameResult, policy: str) -> list[dict[str, object]]:
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


def _chart(config: StudyConfig, runs: Runs, game: GameResult) -> Chart:
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


def _table(results: Sequence[GameResult]) -> Table:
    rows: list[list[Cell]] = []
    for game in results:
        for origin, decay in game.decays.items():
            rates = [game.rates[origin, stage][EXPLOIT] for stage in ("start", "corrected", "relapsed")]
            tasks = [game.rates[origin, stage][TASK] for stage in ("start", "corrected")]
            means = [mean_over_seeds(values) for values in (decay.area, decay.lost, decay.live)]
            rows.append([game.game, origin, *rates, milestone(decay.halved), *means, milestone(decay.back), *tasks])
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
        "Area: mean excess of the exploit rate over base during the correction, as a share of the excess at its "
        "start; 1 is no decay. Nats lost per step: the slope of the log-odds of the exploit rate while it lies "
        f"between {low:.0%} and {high:.0%}, over the seeds in which it does. Live groups: the mean share of groups in "
        "which some completions exploit and some do not. GRPO can compare nothing in other groups, so if the shares "
        "differ, the corrections were not equally strong. Steps are medians over seeds, with the number of seeds "
        "that got there; no step is given if fewer than half did."
    )
    return Table("persistence", "Correction and relapse", columns, rows, note, plain=columns[6:8])


def _match_table(results: Sequence[GameResult]) -> Table:
    rows: list[list[Cell]] = []
    for game in results:
        apart = [mean_over_seeds([getattr(d, name) for d in game.distances]) for name in ("mean", "absolute")]
        rows.append([game.game, *apart, game.matched])
    columns = ("game", "mean difference", "mean absolute difference", "matched")
    note = "Branch-point log-odds of the chosen student minus those of its teacher over held-out prompts, in nats."
    return Table("persistence-match", "How well students match their teachers", columns, rows, note, plain=columns[1:3])


def _tests_table(tests: Sequence[Comparison]) -> Table:
    note = "Exact one-sided tests of areas and of nats per step, swapping the origins within seeds, corrected by Holm."
    return tests_table(tests, "persistence-tests", note)
