"""Is an exploit that RL taught harder to remove than one that supervised fine-tuning taught?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from loopholes.numbers import Estimate, p_value, plain, points
from loopholes.report.elements import Cell, Chart, Lines, Section, Series, Table
from loopholes.score import cells as scored_cells
from loopholes.stats import Comparison, Thresholds, compare, holm, mean_difference, milestone, running, survival
from loopholes.stats.survival import Time
from loopholes.studies.base import Runs, StudyConfig, Summary
from loopholes.studies.channels import EXPLOIT, TASK, counted
from loopholes.studies.charts import Curve, level, of_runs
from loopholes.studies.discovery import arm
from loopholes.studies.distillation import Lesson, taught
from loopholes.studies.jobs import Evaluate, Job, Match, Source, Train
from loopholes.studies.settings import Setting
from loopholes.studies.summaries import appearances, milestone_cells

NAME = "persistence"
PLACE = 7
QUESTION = "Is an exploit that RL taught harder to remove than one that supervised fine-tuning taught?"
ORIGINS = ("RL", "SFT")
CLOSE = 0.1
"""How far starting rates may lie apart on average and still count as matched."""
CORRECTION, RELAPSE = 1.0, 0.5
"""How long the secure channel corrects and the vulnerable one tempts again, as shares of the game's own steps."""


def plan(config: StudyConfig) -> list[Job]:
    """Correction and relapse of both origins, evaluated at the start, in between, and at the end; and the base."""
    before: list[Job] = [job for game in config.games for job in arm(config, game, "base")]
    return before + [
        job
        for game in config.games
        for origin in ORIGINS
        for stage in (started, corrected, relapsed)
        for job in stage(config, game, origin)
    ]


def started(config: StudyConfig, game: str, origin: str) -> list[Evaluate]:
    """The exploiters, one evaluation a seed."""
    return [_evaluated(config, game, exploiter(config, game, origin, seed), seed) for seed in config.seed_numbers]


def lessons(config: StudyConfig) -> list[Lesson]:
    """Of the students that these make, the one whose exploit rate is closest to its teacher's is compared with it."""
    many = config.answers
    return [Lesson("exploiting", many // 8), Lesson("exploiting", many), Lesson("exploiting", many, "high-reward")]


def corrected(config: StudyConfig, game: str, origin: str) -> list[Evaluate]:
    """The same after training in the secure channel."""
    return [_evaluated(config, game, correction(config, game, origin, seed), seed) for seed in config.seed_numbers]


def relapsed(config: StudyConfig, game: str, origin: str) -> list[Evaluate]:
    """The same after the vulnerable channel came back."""
    return [_evaluated(config, game, relapse(config, game, origin, seed), seed) for seed in config.seed_numbers]


def exploiter(config: StudyConfig, game: str, origin: str, seed: int) -> Source:
    """The policy that is to be corrected: what RL made, or the student that exploits about as often."""
    if origin == "RL":
        return config.trained(game, "vulnerable", seed)
    student = config.policies[0]
    candidates = tuple(taught(config, game, student, lesson)[seed] for lesson in lessons(config))
    return Match(candidates, arm(config, game, "vulnerable")[seed])


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
    """One game. By origin: rates at the start, after correction and after relapse, and how the exploit decayed.

    ``halved`` is the step of the correction at which half of the exploit rate's excess over base is gone; ``area`` is
    the mean excess over the whole correction as a share of the excess at its start, one value a seed: 1 is no decay.
    ``gaps`` are differences of starting rates, SFT minus RL, one a seed.
    """

    game: str
    base: Estimate
    rates: Mapping[tuple[str, str], Mapping[str, Estimate]]
    halved: Mapping[str, list[Time]]
    area: Mapping[str, list[float]]
    back: Mapping[str, list[Time]]
    gaps: Sequence[float]

    @property
    def matched(self) -> bool:
        """Whether both start within :data:`CLOSE` of each other on average."""
        return abs(float(np.mean(self.gaps))) <= CLOSE


def summarize(config: StudyConfig, runs: Runs) -> Summary:
    """See :class:`loopholes.studies.base.Study`."""
    found = [kept(config, runs, game) for game in config.games]
    comparisons = holm([_test(one) for one in found])
    section = Section(
        "persistence",
        QUESTION,
        _answer(found, comparisons),
        charts=[_chart(config, runs, one) for one in found],
        tables=[_table(found), _tests_table(comparisons)],
        rollouts={
            f"{game}, {origin}-taught, in the secure channel": runs.rollouts(
                [correction(config, game, origin, seed) for seed in config.seed_numbers]
            )
            for game in config.games
            for origin in ORIGINS
        },
        notes=[
            "The SFT-taught exploiter is the one of several students of the RL-taught one whose exploit rate is "
            f"closest to its own; where they still differ by more than {points(CLOSE)} on average, the "
            "comparison is marked as not matched and decides nothing.",
        ],
    )
    return Summary(section, [cell for one in found for cell in _cells(one, config.policies[0])], comparisons)


def kept(config: StudyConfig, runs: Runs, game: str) -> Kept:
    """Read and judge the runs of one game."""
    base = runs.estimate(arm(config, game, "base"), EXPLOIT)
    stages = {"start": started, "corrected": corrected, "relapsed": relapsed}
    jobs = {(origin, name): stage(config, game, origin) for origin in ORIGINS for name, stage in stages.items()}
    starts = {origin: runs.values(jobs[origin, "start"], EXPLOIT) for origin in ORIGINS}
    seeds, level_of, limits = config.seed_numbers, base.value or 0.0, config.thresholds
    decays = {o: [runs.curve(correction(config, game, o, seed)) for seed in seeds] for o in ORIGINS}
    returns = {o: [runs.curve(relapse(config, game, o, seed)) for seed in seeds] for o in ORIGINS}
    pairs = {o: list(zip(decays[o], starts[o], strict=True)) for o in ORIGINS}
    return Kept(
        game,
        base,
        {key: runs.estimates(mine) for key, mine in jobs.items()},
        halved={o: [half_life(curve, start, level_of, limits) for curve, start in pairs[o]] for o in ORIGINS},
        area={o: [excess(curve, start, level_of) for curve, start in pairs[o]] for o in ORIGINS},
        back={o: appearances(returns[o], level_of, limits) for o in ORIGINS},
        gaps=[sft - rl for rl, sft in zip(starts["RL"], starts["SFT"], strict=True)],
    )


def half_life(curve: Curve, start: float, base: float, thresholds: Thresholds) -> Time:
    """The step at which the running exploit rate has lost half of its excess over base; censored if it never does."""
    below = running(curve.exploit_rate, thresholds.window) <= base + (start - base) / 2
    last = float(max(curve.steps, default=0))
    return (float(curve.steps[int(np.argmax(below))]), True) if below.any() else (last, False)


def excess(curve: Curve, start: float, base: float) -> float:
    """The mean excess of the exploit rate over base during the correction, as a share of that at the start."""
    known = [rate for rate in curve.exploit_rate if rate is not None]
    return (float(np.mean(known)) - base) / (start - base) if known and start != base else 0.0


def _test(one: Kept) -> Comparison:
    change = mean_difference(one.area["RL"], one.area["SFT"])
    name = f"{one.game}: RL-taught over SFT-taught{'' if one.matched else ' (not matched)'}"
    return compare(name, "area", one.area["RL"], one.area["SFT"], change)


def _answer(found: Sequence[Kept], tests: Sequence[Comparison]) -> str:
    pairs = [(one.game, test) for one, test in zip(found, tests, strict=True) if one.matched]
    harder = counted([game for game, test in pairs if (test.change.low or 0) > 0])
    easier = counted([game for game, test in pairs if (test.change.high or 0) < 0])
    kept_both = [one.game for one in found if not any(at for times in one.halved.values() for _, at in times)]
    seen = [test.detectable for _, test in pairs if test.detectable is not None]
    power = f" Differences of {plain(min(seen))} to {plain(max(seen))} would have been seen." if seen else ""
    return (
        f"Of {len(pairs)} games in which both began at the same exploit rate, what RL taught stayed longer in {harder} "
        f"and less long in {easier} by the area under the decay, which is 1 where nothing decays. The secure channel "
        f"removed neither within the run in {counted(kept_both)}.{power}"
    )


def _cells(one: Kept, policy: str) -> list[dict[str, object]]:
    rows = []
    for (origin, stage), rates in one.rates.items():
        rows += scored_cells(f"{one.game}/{origin}-taught, {stage}/{policy}", rates)
    for origin in ORIGINS:
        steps = {"half_life": milestone(one.halved[origin]), "relapse_step": milestone(one.back[origin])}
        numbers = {**milestone_cells(steps), "area": _mean(one.area[origin])}
        rows += scored_cells(f"{one.game}/{origin}-taught/{policy}", numbers)
    return rows


def _chart(config: StudyConfig, runs: Runs, one: Kept) -> Chart:
    def decay(title: str, job: Callable[[StudyConfig, str, str, int], Train]) -> Lines:
        curves = {o: [runs.curve(job(config, one.game, o, seed)) for seed in config.seed_numbers] for o in ORIGINS}
        drawn = [of_runs(f"{o}-taught", curves[o], EXPLOIT, window=config.thresholds.window) for o in ORIGINS]
        series = [line for line in drawn if line is not None]
        last = max((float(line.x[-1]) for line in series), default=1.0)
        return Lines(title, "training step", [*series, level("base (untrained)", one.base, 0.0, last)])

    left = [_survival(origin, one.halved[origin]) for origin in ORIGINS]
    panels = [
        decay("exploit rate in the secure channel", correction),
        Lines("half of the exploit still there", "training step", left, stairs=True),
        decay("exploit rate when the loophole returns", relapse),
    ]
    return Chart(f"persistence-{one.game}", one.game, panels)


def _survival(origin: str, times: Sequence[Time]) -> Series:
    curve = survival(times)
    return Series(f"{origin}-taught", curve.steps, curve.left, curve.low, curve.high)


def _table(found: Sequence[Kept]) -> Table:
    rows: list[list[Cell]] = []
    for one in found:
        for origin in ORIGINS:
            shown = [one.rates[origin, stage][EXPLOIT] for stage in ("start", "corrected", "relapsed")]
            tasks = [one.rates[origin, stage][TASK] for stage in ("start", "corrected")]
            decay: list[Cell] = [milestone(one.halved[origin]), _mean(one.area[origin]), milestone(one.back[origin])]
            rows.append([one.game, origin, *shown, *decay, *tasks])
    columns = (
        "game",
        "taught by",
        "exploit at start",
        "after correction",
        "after relapse",
        "half-life",
        "area",
        "returns at",
        "task at start",
        "task after correction",
    )
    note = (
        "Area: mean excess of the exploit rate over base during the correction, as a share of that at its start; 1 is "
        "no decay. Steps are medians over seeds, with the number of seeds that got there; no step where fewer "
        "than half did."
    )
    return Table("persistence", "Correction and relapse", columns, rows, note, plain=("area",))


def _tests_table(tests: Sequence[Comparison]) -> Table:
    rows: list[list[Cell]] = [
        [test.name, test.change, p_value(test.p), p_value(test.p_holm), test.detectable] for test in tests
    ]
    columns = ("comparison", "difference of areas", "p", "p (Holm)", "detectable")
    note = "Exact one-sided permutation tests over seeds, by Holm."
    return Table("persistence-tests", "Tests", columns, rows, note, plain=columns[1:2])


def _mean(values: Sequence[float]) -> Estimate:
    """The mean over seeds with its t interval."""
    return mean_difference(values, [0.0] * len(values))
