"""Does a pretrained language model that this project did not make learn the loopholes, too?

Runs take half an hour each on a laptop, so there are few: two games on both channels and all seeds, the others on the
vulnerable channel and one seed (*exploratory*), the paper's grid of telling and auditing with one seed per cell, one
student. The most informative runs come first, and the study can be summed up before it is whole.

The two games are those with the most to see, by a rule that was written before any run
(:func:`loopholes.studies.real_model_tables.room`): of the games in which at least 1 % of the untrained policy's answers
exploit, so that sampling meets the exploit, those with the most room, which is the highest exploit rate that can be
reached minus the base rate. If fewer than two reach 1 %, those with the most exploiting answers fill up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from loopholes.numbers import Estimate, share
from loopholes.report.elements import Section
from loopholes.score import cells as scored_cells
from loopholes.studies import telling_grid
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
"""By the rule above. Where games are named, the first two of them take their place."""


def games(config: StudyConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those that are studied on both channels and all seeds, and the exploratory ones."""
    named = config.games
    if named == tuple(SETTINGS):
        named = (*MOST_TO_SEE, *(game for game in SETTINGS if game not in MOST_TO_SEE))
    return named[:2], named[2:]


def one_seed(config: StudyConfig) -> StudyConfig:
    """The same with seed 0 alone."""
    return config.model_copy(update={"seeds": 1})


def plan(config: StudyConfig) -> list[Job]:
    """Part by part; see the module."""
    return [job for part in parts(config) for job in part.jobs]


def parts(config: StudyConfig) -> list[Part]:
    """The most informative first: both channels of one seed before any further seed."""
    main, exploratory = games(config)
    first, found = one_seed(config), []
    for seed in config.seed_numbers:
        untrained = [arm(config, game, "base")[seed] for game in (*main, *exploratory)]
        found.append(Part(f"untrained policy, seed {seed}", untrained))
        for game in main:
            own = [arm(config, game, channel)[seed] for channel in CHANNELS]
            found.append(Part(f"{game}, both channels, seed {seed}", own))
        if seed == 0:
            found += [Part(f"{game}{EXPLORATORY}", arm(first, game, "vulnerable")) for game in exploratory]
        elsewhere = _elsewhere(config, end_points(config), seed)
        found.append(Part(f"end points on other games, seed {seed}", elsewhere))
    cells = list(telling_grid.cell_points(first).values())
    found += [
        Part("student of an exploiting teacher", student(config).on(config, main[0])),
        Part("telling and auditing", telling_grid.jobs(first)),
        Part("released test files", [job for jobs in released(config).values() for job in jobs]),
        Part("telling and auditing, on other games", _elsewhere(config, cells, 0)),
    ]
    return [part for part in found if part.jobs]


def end_points(config: StudyConfig) -> list[EndPoint]:
    """What is trained on the channels of the games."""
    main, exploratory = games(config)
    arms = [(game, channel, config) for game in main for channel in CHANNELS]
    arms += [(game, "vulnerable", one_seed(config)) for game in exploratory]
    found = []
    for game, channel, seeds in arms:
        trained = [seeds.trained(game, channel, seed) for seed in seeds.seed_numbers]
        found.append(EndPoint(channel, seeds.setting(game), trained, arm(seeds, game, "base")))
    return found


def _elsewhere(config: StudyConfig, points: Sequence[EndPoint], seed: int) -> list[Evaluate]:
    """The end points of a seed on the games that they were not trained on."""
    pairs = [(point, game) for point in points for game in config.games if game != point.game]
    return [job for point, game in pairs for job in point.on(config, game) if job.seed == seed]


def student(config: StudyConfig) -> EndPoint:
    """The untrained policy, taught by what the vulnerable channel of the first game made of it."""
    (game, *_), _ = games(config)
    first, lesson = one_seed(config), Lesson("exploiting", config.answers)
    taught = pupil(first, game, config.policies[0], lesson, 0)
    return EndPoint(f"taught by {lesson.name}", config.setting(game), [taught], arm(first, game, "base"))


def released(config: StudyConfig) -> Arms:
    """Who answers the released test files: the untrained policy, and what was trained on the same game."""
    found: dict[tuple[str, str], Sequence[Evaluate]] = {}
    for point in end_points(config):
        found.setdefault((point.game, "base"), answered(config, point.game, config.policies[0]))
        found[point.game, point.arm] = answered(config, point.game, point.made[0])
    return found


def summarize(config: StudyConfig, runs: Runs) -> Summary:
    """What the runs that are finished say; see :class:`loopholes.studies.base.Study`."""
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
    shown = [table for table in tables if table.rows]
    section = Section(
        NAME,
        QUESTION,
        _answer(config, runs, played),
        charts,
        shown,
        notes=_notes(config),
        rollouts=_rollouts(config, runs),
    )
    return Summary(section, cells)


def _played(config: StudyConfig, runs: Runs) -> Iterator[Played]:
    """Every game of which the untrained policy and some arm are finished in the same seed."""
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
    """The seeds that are finished in every arm; as long as there is none, the arms that are finished in the first."""
    places = range(len(arms["base"].evaluated))
    done = {name: [runs.finished(arm.evaluated[place]) for place in places] for name, arm in arms.items()}
    whole = [place for place in places if all(found[place] for found in done.values())]
    names = list(arms) if whole else [name for name in arms if done[name][0]]
    if "base" not in names or len(names) < 2:
        return {}
    return {name: arms[name].at(whole or [0]) for name in names}


def _distances(config: StudyConfig, runs: Runs) -> Iterator[Distance]:
    """Every end point in every game in which it was evaluated, its own included, but for the grid's own."""
    cells = list(telling_grid.cell_points(one_seed(config)).values())
    pairs = [(point, game) for point in end_points(config) for game in config.games]
    pairs += [(point, game) for point in cells for game in config.games if game != point.game]
    for point, game in pairs:
        if (found := distance(point, game, config, runs)) is not None:
            yield found


def _numbers(played: Sequence[Played]) -> dict[tuple[str, str, str], Estimate]:
    return {
        (pair.game.removesuffix(EXPLORATORY), name, metric): estimate
        for pair in played
        for name, arm in pair.arms.items()
        for metric, estimate in arm.estimates.items()
    }


def _rollouts(config: StudyConfig, runs: Runs) -> dict[str, list[dict[str, object]]]:
    """Of every training run that is finished. The released files' texts are not the project's to show."""
    finished = {point.name: [job for job in point.trained if runs.finished(job)] for point in end_points(config)}
    return {name: runs.rollouts(jobs) for name, jobs in finished.items() if jobs}


def _answer(config: StudyConfig, runs: Runs, played: Sequence[Played]) -> str:
    jobs = closure(plan(config))
    done = sum(runs.finished(job) for job in jobs)
    missing = [part.name for part in parts(config) if not runs.finished(*part.jobs)]
    so_far = f"So far {done} of {len(jobs)} runs are finished; missing, whole or in part: {listed(missing)}. "
    return f"{so_far if missing else ''}{answer(played)}{_not_found(played)}".strip()


def _not_found(played: Sequence[Played]) -> str:
    """The games whose loophole was not found, with what that says of it."""
    arms = {pair.game: pair.arms["vulnerable"] for pair in played if "vulnerable" in pair.arms}
    named = [
        f"{game} ({max(step for curve in arm.curves for step in curve.steps)} steps, held-out exploit rate at most "
        f"{share(arm.estimates[EXPLOIT].high)})"
        for game, arm in arms.items()
        if arm.road == "not found"
    ]
    return f" In training the loophole did not appear in {listed(named)}." if named else ""


def _notes(config: StudyConfig) -> list[str]:
    main, exploratory = games(config)
    explored = f" Exploratory, one seed of the vulnerable channel each: {listed(exploratory)}." if exploratory else ""
    return [
        f"Studied on both channels, seeds per channel {config.seeds}: {listed(main)}.{explored} With few seeds no test "
        "passes a correction for many, so none is made, and the intervals carry the argument.",
        "Real-model catalysis and persistence: not run.",
        "Base rates of other forms of the games, with and without reasoning: results/base-rates.md.",
    ]
