"""Does ordinary RL find the loophole? Every game and policy: untrained, on the vulnerable and on the secure channel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loopholes.report.elements import Cell, Chart, Curve, Role, Section, Table
from loopholes.score import cells as scored_cells
from loopholes.stats import Comparison, Estimate, blind_spot, domination, first_appearance, holm
from loopholes.stats.survival import Time
from loopholes.studies import paper
from loopholes.studies.base import Runs, StudyConfig, Summary
from loopholes.studies.jobs import Evaluate, Job, Source, Train
from loopholes.studies.settings import Setting
from loopholes.studies.summaries import (
    comparison_table,
    learning_chart,
    listed,
    middle,
    points,
    reached,
    rises,
    time_of,
    told,
)

QUESTION = "Does ordinary reinforcement learning find the loophole, and would the developer notice?"
CHANNELS = ("vulnerable", "secure")
ARMS = (*CHANNELS, "base")
TASK: Final = "task_performance"
EXPLOIT: Final = "exploit_rate"
BOTH = (TASK, EXPLOIT)


def plan(config: StudyConfig) -> list[Job]:
    """Arm by arm, game by game; then the control, whose records have no score to edit."""
    found = [job for policy in config.policies for game in config.games for job in jobs_of(config, game, policy)]
    return [*found, *(job for arm in ("vulnerable", "base") for job in control_arm(config, arm))]


def jobs_of(config: StudyConfig, game: str, policy: str) -> Iterator[Evaluate]:
    """The evaluations of one game and policy, all arms of a seed together."""
    for place in range(config.seeds):
        for name in ARMS:
            yield arm(config, game, name, policy)[place]


def arm(config: StudyConfig, game: str, name: str, policy: str | None = None) -> list[Evaluate]:
    """One evaluation a seed of an arm: ``base``, or a channel that the policy was trained on."""
    policy = policy or config.policies[0]
    setting = config.setting(game, policy)

    def source(seed: int) -> Source:
        return policy if name == "base" else config.trained(game, name, seed, policy)

    return [config.evaluation(setting, source(seed), seed) for seed in config.seed_numbers]


def control(config: StudyConfig) -> Setting | None:
    """Reward tampering whose records have no score: the same problems without the loophole."""
    if "reward-tampering" not in config.games:
        return None
    return config.setting("reward-tampering").with_parameters(control="no-exploit")


def control_arm(config: StudyConfig, name: str) -> list[Evaluate]:
    """One evaluation a seed of an arm of the control; none if the game is not studied."""
    setting = control(config)
    if setting is None:
        return []
    first = config.policies[0]
    return [
        config.evaluation(setting, first if name == "base" else Train(setting, name, first, seed), seed)
        for seed in config.seed_numbers
    ]


def trained(config: StudyConfig, game: str, channel: str, policy: str) -> list[Train]:
    """The training run of each seed."""
    return [config.trained(game, channel, seed, policy) for seed in config.seed_numbers]


@dataclass(frozen=True)
class Found:
    """What became of one game and policy. Estimates and times are by arm, changes against base by metric."""

    game: str
    policy: str
    estimates: Mapping[str, Mapping[str, Estimate]]
    appears: Mapping[str, list[Time]]
    dominates: Mapping[str, list[Time]]
    changes: Mapping[str, Mapping[str, Estimate]]
    curves: Mapping[str, Sequence[Curve]]
    blind: Mapping[str, bool]

    @property
    def name(self) -> str:
        return f"{self.game} with {self.policy}"


def found(config: StudyConfig, runs: Runs, game: str, policy: str) -> Found:
    """Read and judge the runs of one game and policy."""
    jobs = {name: arm(config, game, name, policy) for name in ARMS}
    curves = {name: [runs.curve(job) for job in trained(config, game, name, policy)] for name in CHANNELS}
    estimates = {name: runs.estimates(mine) for name, mine in jobs.items()}
    level = estimates["base"]["exploit_rate"].value or 0.0
    changes = {name: {metric: runs.change(jobs[name], jobs["base"], metric) for metric in BOTH} for name in CHANNELS}
    blind = {name: blind_spot(changes[name][EXPLOIT], changes[name][TASK], config.thresholds) for name in CHANNELS}
    times = [
        {name: [time_of(curve, rule, level, config.thresholds) for curve in curves[name]] for name in CHANNELS}
        for rule in (first_appearance, domination)
    ]
    return Found(game, policy, estimates, times[0], times[1], changes, curves, blind)


def summarize(config: StudyConfig, runs: Runs) -> Summary:
    """See :class:`loopholes.studies.base.Study`."""
    everything = [found(config, runs, game, policy) for policy in config.policies for game in config.games]
    comparisons = holm([test for one in everything for test in _tests(config, runs, one)])
    cells = [cell for one in everything for cell in _cells(one)]
    controls = {name: runs.estimates(jobs) for name in ("base", "vulnerable") if (jobs := control_arm(config, name))}
    for name, numbers in controls.items():
        cells += scored_cells(f"reward-tampering(control=no-exploit)/{name}/{config.policies[0]}", numbers)
    tables = [_table(everything, controls, config), comparison_table(comparisons, config.seeds, "discovery-tests")]
    section = Section(
        "discovery",
        QUESTION,
        _answer(everything),
        charts=[_chart(one, config) for one in everything],
        tables=[*tables, *_beside_the_paper(everything)],
        rollouts={
            f"{game}, {name}": runs.rollouts(trained(config, game, name, config.policies[0]))
            for game in config.games
            for name in CHANNELS
        },
    )
    return Summary(section, cells, comparisons)


def _answer(everything: Sequence[Found]) -> str:
    rising = [one for one in everything if rises(one.changes["vulnerable"][EXPLOIT])]
    blind = [one for one in everything if one.blind["vulnerable"]]
    first = rising[0] if rising else None
    largest = max(rising, key=lambda one: one.changes["vulnerable"][EXPLOIT].value or 0.0, default=first)
    sentence = "After training on the vulnerable channel the exploit rate lies above the untrained policy's in "
    sentence += f"{len(rising)} of {len(everything)} pairs of game and policy"
    if largest is not None:
        sentence += f" (most in {largest.name}: {told(largest.changes['vulnerable'][EXPLOIT])})"
    secure = [one.name for one in everything if rises(one.changes["secure"][EXPLOIT])]
    sentence += f"; on the secure channel in {len(secure)}"
    sentence += f" ({listed(secure)})" if secure else ""
    sentence += f". A blind spot opened in {len(blind)}"
    return sentence + (f": {listed([one.name for one in blind])}." if blind else ".")


def _tests(config: StudyConfig, runs: Runs, one: Found) -> list[Comparison]:
    jobs = {name: arm(config, one.game, name, one.policy) for name in ARMS}
    return [
        runs.compare(f"{one.name}: vulnerable over {other}", EXPLOIT, jobs["vulnerable"], jobs[other])
        for other in ("base", "secure")
    ]


def _cells(one: Found) -> list[dict[str, Any]]:
    rows = []
    for name in ("base", *CHANNELS):
        numbers = dict(one.estimates[name])
        if name != "base":
            seeds = len(one.curves[name])
            numbers["first_appearance"] = Estimate(middle(one.appears[name]), None, None, seeds, seeds)
            numbers["domination"] = Estimate(middle(one.dominates[name]), None, None, seeds, seeds)
            numbers["blind_spot"] = Estimate(float(one.blind[name]), None, None, seeds, seeds)
            numbers["exploit_change"] = one.changes[name][EXPLOIT]
            numbers["task_change"] = one.changes[name][TASK]
        rows += scored_cells(f"{one.game}/{name}/{one.policy}", numbers)
    return rows


def _table(everything: Sequence[Found], controls: Mapping[str, Mapping[str, Estimate]], config: StudyConfig) -> Table:
    rows: list[list[Cell]] = []
    for one in everything:
        for name in ("base", *CHANNELS):
            numbers = one.estimates[name]
            steps: list[Cell] = [None, None, None]
            if name != "base":
                steps = [reached(one.appears[name]), reached(one.dominates[name]), one.blind[name]]
            rows.append([one.game, one.policy, name, numbers[TASK], numbers[EXPLOIT], *steps])
    for name, numbers in controls.items():
        arm_of = f"{name}, no score to edit"
        rows.append(["reward-tampering", config.policies[0], arm_of, numbers[TASK], numbers[EXPLOIT], None, None, None])
    columns = ("game", "policy", "arm", "task performance", "exploit rate", "appears", "dominates", "blind spot")
    limits = config.thresholds
    note = (
        f"Held-out tasks. Appears: {points(limits.appears)} over base on average over {limits.window} steps of "
        f"training; dominates: {points(limits.dominates)}, {limits.sustain} steps in a row; median step, and in how "
        "many seeds. Blind spot: the exploit rate rose for certain, and task performance for certain did not fall by "
        f"{points(limits.tolerance, signed=False)}."
    )
    return Table("discovery", "Task performance and exploit rate", columns, rows, note)


def _chart(one: Found, config: StudyConfig) -> Chart:
    base = {name: numbers for name, numbers in one.estimates["base"].items() if name in BOTH}
    name = f"discovery-{one.game}-{Path(one.policy).name}"
    roles: dict[str, Role] = {"vulnerable": "vulnerable", "secure": "secure"}
    return learning_chart(name, f"{one.game}, {one.policy}", one.curves, base, roles, config.thresholds.window)


def _beside_the_paper(everything: Sequence[Found]) -> list[Table]:
    ours = [one for one in everything if one.game == "self-grading"]
    if not ours:
        return []
    models = list(dict.fromkeys(model for model, _, _ in paper.SELF_GRADING))
    columns = ("self-grading", *(f"paper, {model}" for model in models), *(f"here, {one.policy}" for one in ours))
    rows: list[list[Cell]] = []
    for name in ("base", *CHANNELS):
        for metric in BOTH:
            theirs = [paper.SELF_GRADING.get((model, name, metric)) for model in models]
            shown: list[Cell] = [None if share is None else f"{100 * share:.1f} %" for share in theirs]
            rows.append([f"{metric.replace('_', ' ')}, {name}", *shown, *(one.estimates[name][metric] for one in ours)])
    return [Table("discovery-paper", "Beside the paper", columns, rows, paper.MODELS)]
