"""Does a pretrained language model that this project did not make learn the loopholes, too?

A run takes half an hour on a laptop, so there are few: two games on both channels with all seeds; the other games on
the vulnerable channel with one seed (*exploratory*); the paper's grid of telling and auditing with one seed per cell;
one student. The most informative runs come first, and the study can be summarized before all of them are finished.

The two games are chosen by a rule that was written before any run
(:func:`loopholes.studies.real_model_tables.room`). Of the games in which at least 1 % of the untrained policy's answers
exploit, so that sampling meets the exploit, it takes the two with the most room: the highest exploit rate that can be
reached minus the base rate. If fewer than two games reach 1 %, it adds those with the most exploiting answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from loopholes.numbers import Estimate, share
from loopholes.report.elements import Section
from loopholes.score import cells as scored_cells
from loopholes.studies import telling_grid
from loopholes.studies.answers import say
from loopholes.studies.base import Runs, StudyConfig, Summary
from loopholes.studies.channels import (
    CHANNELS,
    EXPLOIT,
    ArmRuns,
    Played,
    answer,
    arm_cells,
    arms_charts,
    arms_table,
    calibration_table,
    read_arms,
)
from loopholes.studies.discovery import arm, arm_runs
from loopholes.studies.distillation import Lesson, pupil
from loopholes.studies.end_points import (
    Distance,
    EndPoint,
    changes_named,
    distance,
    distance_cells,
    distances_chart,
    distances_table,
)
from loopholes.studies.jobs import Evaluate, Job, closure
from loopholes.studies.real_model_tables import (
    EXPLORATORY,
    Part,
    budget_table,
    progress_table,
    room_table,
    student_table,
)
from loopholes.studies.released import Arms, answered, released_cells, released_table
from loopholes.studies.settings import SETTINGS
from loopholes.studies.side_by_side import differences_table, numbers_table
from loopholes.studies.summaries import listed

NAME = "real-model"
PLACE = 12
QUESTION = "Does a language model that this project did not make learn the loopholes, too?"
FOR_MINIS = False
IN_PARTS = True

MOST_TO_SEE = ("context-compliance", "self-grading")
"""The two games by the rule above. If games are named (--game), the first two of them are used instead."""


def games(config: StudyConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The games that are studied on both channels with all seeds, and the exploratory games."""
    named = config.games
    if named == tuple(SETTINGS):
        named = (*MOST_TO_SEE, *(game for game in SETTINGS if game not in MOST_TO_SEE))
    return named[:2], named[2:]


def one_seed(config: StudyConfig) -> StudyConfig:
    """The same configuration with seed 0 only."""
    return config.model_copy(update={"seeds": 1})


def plan(config: StudyConfig) -> list[Job]:
    """The jobs of all parts, in order; see the module."""
    return [job for part in parts(config) for job in part.jobs]


def parts(config: StudyConfig) -> list[Part]:
    """The parts of the plan, the most informative first: seed 0 on both channels before any further seed."""
    main, exploratory = games(config)
    first, chosen = one_seed(config), []
    for seed in config.seed_numbers:
        untrained = [arm(config, game, "base")[seed] for game in (*main, *exploratory)]
        chosen.append(Part(f"untrained policy, seed {seed}", untrained))
        for game in main:
            own = [arm(config, game, channel)[seed] for channel in CHANNELS]
            chosen.append(Part(f"{game}, both channels, seed {seed}", own))
        if seed == 0:
            chosen += [Part(f"{game}{EXPLORATORY}", arm(first, game, "vulnerable")) for game in exploratory]
        elsewhere = _elsewhere(config, end_points(config), seed)
        chosen.append(Part(f"end points on other games, seed {seed}", elsewhere))
    cells = list(telling_grid.cell_points(first).values())
    chosen += [
        Part("student of an exploiting teacher", student(config).on(config, main[0])),
        Part("telling and auditing", telling_grid.jobs(first)),
        Part("released test files", [job for jobs in released(config).values() for job in jobs]),
        Part("telling and auditing, on other games", _elsewhere(config, cells, 0)),
    ]
    return [part for part in chosen if part.jobs]


def end_points(config: StudyConfig) -> list[EndPoint]:
    """The end points of training on the channels of the games."""
    main, exploratory = games(config)
    arms = [(game, channel, config) for game in main for channel in CHANNELS]
    arms += [(game, "vulnerable", one_seed(config)) for game in exploratory]
    points = []
    for game, channel, seeds in arms:
        trained = [seeds.trained(game, channel, seed) for seed in seeds.seed_numbers]
        points.append(EndPoint(channel, seeds.setting(game), trained, arm(seeds, game, "base")))
    return points


def _elsewhere(config: StudyConfig, points: Sequence[EndPoint], seed: int) -> list[Evaluate]:
    """Evaluations of the end points of one seed on the games that they were not trained on."""
    pairs = [(point, game) for point in points for game in config.games if game != point.game]
    return [job for point, game in pairs for job in point.on(config, game) if job.seed == seed]


def student(config: StudyConfig) -> EndPoint:
    """The untrained policy as a student of the policy that was trained on the first game's vulnerable channel."""
    (game, *_), _ = games(config)
    first, lesson = one_seed(config), Lesson("exploiting", config.answers)
    taught = pupil(first, game, config.policies[0], lesson, 0)
    return EndPoint(f"taught by {lesson.name}", config.setting(game), [taught], arm(first, game, "base"))


def released(config: StudyConfig) -> Arms:
    """Evaluations on the released test files: of the untrained policy, and of policies trained on the same game."""
    arms: dict[tuple[str, str], Sequence[Evaluate]] = {}
    for point in end_points(config):
        arms.setdefault((point.game, "base"), answered(config, point.game, config.policies[0]))
        arms[point.game, point.arm] = answered(config, point.game, point.jobs[0])
    return arms


def summarize(config: StudyConfig, runs: Runs) -> Summary:
    """Summarize the finished runs; see :class:`loopholes.studies.base.Study`."""
    policy, limits = config.policies[0], config.thresholds
    main, exploratory = games(config)
    played, grid = list(_played(config, runs)), telling_grid.read_grid(one_seed(config), runs)
    moved = list(_distances(config, runs))
    taught = distance(student(config), main[0], config, runs)
    cells = [record for pair in played for record in arm_cells(pair)]
    cells += distance_cells([each for each in moved if each.target != each.point.game], policy)
    cells += [*telling_grid.grid_cells(grid, policy), *released_cells(released(config), runs, policy)]
    if taught is not None:
        numbers = {**taught.rates, **changes_named(taught)}
        cells += scored_cells(f"{main[0]}/{taught.point.arm}/{policy}", numbers)
    calibrations = {pair.name: pair.calibration for pair in played}
    tables = [
        arms_table(NAME, played, limits),
        budget_table(played, limits),
        calibration_table(f"{NAME}-calibration", calibrations, limits),
        room_table(config, {game: arm(config, game, "base") for game in config.games}, main, runs),
        distances_table(moved),
        telling_grid.grid_table(grid),
        student_table(taught, arm(one_seed(config), main[0], "vulnerable"), config.answers, runs),
        released_table(released(config), runs),
        numbers_table(config, _numbers(played)),
        differences_table(config, [job for point in end_points(config) for job in point.trained]),
        progress_table(parts(config), runs),
    ]
    charts = arms_charts(NAME, played, limits.window)
    charts += [distances_chart(moved, (*main, *exploratory))] if moved else []
    charts += [telling_grid.grid_chart(grid)] if grid else []
    filled = [table for table in tables if table.rows]
    section = Section(
        NAME,
        QUESTION,
        _answer(config, runs, played),
        charts,
        filled,
        notes=_notes(config),
        rollouts=_rollouts(config, runs),
    )
    return Summary(section, cells)


def _played(config: StudyConfig, runs: Runs) -> Iterator[Played]:
    """Every game in which the untrained policy and some trained arm are finished in the same seed."""
    main, exploratory = games(config)
    for game in (*main, *exploratory):
        seeds = config if game in main else one_seed(config)
        setting, policy = config.setting(game), config.policies[0]
        planned = arm_runs(seeds, setting, policy, seeds.seed_numbers)
        if game in exploratory:
            del planned["secure"]
        if arms := _finished(planned, runs):
            title = game if game in main else f"{game}{EXPLORATORY}"
            yield read_arms(runs, setting.make(), title, policy, arms, config.thresholds)


def _finished(arms: Mapping[str, ArmRuns], runs: Runs) -> dict[str, ArmRuns]:
    """The arms at the seeds that are finished in every arm; or, if there is none, the arms finished in seed 0."""
    places = range(len(arms["base"].evaluated))
    done = {name: [runs.finished(arm.evaluated[place]) for place in places] for name, arm in arms.items()}
    whole = [place for place in places if all(done_in[place] for done_in in done.values())]
    names = list(arms) if whole else [name for name in arms if done[name][0]]
    if "base" not in names or len(names) < 2:
        return {}
    return {name: arms[name].at(whole or [0]) for name in names}


def _distances(config: StudyConfig, runs: Runs) -> Iterator[Distance]:
    """Every end point in every game that it was evaluated in; points of the grid only in other games than their own."""
    cells = list(telling_grid.cell_points(one_seed(config)).values())
    pairs = [(point, game) for point in end_points(config) for game in config.games]
    pairs += [(point, game) for point in cells for game in config.games if game != point.game]
    for point, game in pairs:
        if (measured := distance(point, game, config, runs)) is not None:
            yield measured


def _numbers(played: Sequence[Played]) -> dict[tuple[str, str, str], Estimate]:
    return {
        (pair.game.removesuffix(EXPLORATORY), name, metric): estimate
        for pair in played
        for name, arm in pair.arms.items()
        for metric, estimate in arm.estimates.items()
    }


def _rollouts(config: StudyConfig, runs: Runs) -> dict[str, list[dict[str, object]]]:
    """Rollouts of every finished training run. The texts of the released files are not ours to show."""
    finished = {point.name: [job for job in point.trained if runs.finished(job)] for point in end_points(config)}
    return {name: runs.rollouts(jobs) for name, jobs in finished.items() if jobs}


def _answer(config: StudyConfig, runs: Runs, played: Sequence[Played]) -> str:
    jobs = closure(plan(config))
    missing = [part.name for part in parts(config) if not runs.finished(*part.jobs)]
    done = sum(runs.finished(job) for job in jobs)
    unfinished = say(NAME, "unfinished", done=done, planned=len(jobs), missing=listed(missing)) if missing else ""
    return " ".join(filter(None, (unfinished, answer(played), _not_found(played))))


def _not_found(played: Sequence[Played]) -> str:
    """The sentence on games whose loophole did not appear, with the highest rate that remains possible."""
    arms = {pair.game: pair.arms["vulnerable"] for pair in played if "vulnerable" in pair.arms}
    games = [
        f"{game} ({max(step for curve in arm.curves for step in curve.steps)} steps, held-out exploit rate at most "
        f"{share(arm.estimates[EXPLOIT].high)})"
        for game, arm in arms.items()
        if arm.road == "not found"
    ]
    return say(NAME, "not-found", games=listed(games)) if games else ""


def _notes(config: StudyConfig) -> list[str]:
    main, exploratory = games(config)
    explored = f" Exploratory, one seed of the vulnerable channel each: {listed(exploratory)}." if exploratory else ""
    return [
        f"Studied on both channels, seeds per channel {config.seeds}: {listed(main)}.{explored} With few seeds, no "
        "test survives a correction for the number of tests. So there are no tests; judge by the intervals.",
        "Catalysis and persistence were not run with a real model.",
    ]
