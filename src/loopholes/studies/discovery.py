"""Does ordinary RL find the loophole? Every game and policy: untrained, and trained on each of the two channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from loopholes import paper
from loopholes.numbers import Estimate, share
from loopholes.report.elements import Cell, Section, Table
from loopholes.score import cells as scored_cells
from loopholes.stats import Comparison, holm
from loopholes.studies.base import Runs, StudyConfig, Summary
from loopholes.studies.channels import (
    BOTH,
    CHANNELS,
    EXPLOIT,
    QUESTION,
    TASK,
    ArmRuns,
    Played,
    answer,
    arm_cells,
    arms_charts,
    arms_table,
    calibration_table,
    read_arms,
)
from loopholes.studies.jobs import Evaluate, Job, Source, Train
from loopholes.studies.settings import Setting
from loopholes.studies.summaries import comparison_table

__all__ = ["ARMS", "BOTH", "CHANNELS", "EXPLOIT", "QUESTION", "TASK", "arm", "plan", "summarize"]


NAME = "discovery"
PLACE = 1
ARMS = (*CHANNELS, "base")
SELF_GRADING = "self-grading"
TWO_PASS = "self-grading-two-pass"
"""The name of self-grading with the claim in a second pass."""


def plan(config: StudyConfig) -> list[Job]:
    """Every game and policy; then self-grading in two passes, and the control without a score to edit."""
    single_pass = [job for policy in config.policies for game in config.games for job in jobs_of(config, game, policy)]
    in_two_passes = [job for arm in ARMS for job in two_pass_arm(config, arm)]
    return [*single_pass, *in_two_passes, *(job for arm in ("vulnerable", "base") for job in control_arm(config, arm))]


def jobs_of(config: StudyConfig, game: str, policy: str) -> Iterator[Evaluate]:
    """The evaluations of one game and policy, seed by seed, with all arms of a seed together."""
    for place in range(config.seeds):
        for name in ARMS:
            yield arm(config, game, name, policy)[place]


def arm(config: StudyConfig, game: str, name: str, policy: str | None = None) -> list[Evaluate]:
    """One evaluation per seed of one arm of a game."""
    policy = policy or config.policies[0]
    return evaluated(config, config.setting(game, policy), policy, name, config.seed_numbers)


def evaluated(config: StudyConfig, setting: Setting, policy: str, name: str, seeds: Sequence[int]) -> list[Evaluate]:
    """One evaluation per seed of an arm: ``base``, or the channel that the policy was trained on."""

    def source(seed: int) -> Source:
        return policy if name == "base" else Train(setting, name, policy, seed)

    return [config.evaluation(setting, source(seed), seed) for seed in seeds]


def arm_runs(config: StudyConfig, setting: Setting, policy: str, seeds: Sequence[int]) -> dict[str, ArmRuns]:
    """Every arm of one game and policy: the untrained policy, and both channels."""
    arms = {}
    for name in ("base", *CHANNELS):
        trained = [] if name == "base" else [Train(setting, name, policy, seed) for seed in seeds]
        arms[name] = ArmRuns(evaluated(config, setting, policy, name, seeds), trained)
    return arms


def two_pass(config: StudyConfig) -> Setting | None:
    """Self-grading as released: the policy claims in a second pass, and only the answer's tokens are trained."""
    if SELF_GRADING not in config.games:
        return None
    return config.setting(SELF_GRADING).with_parameters(self_report="two-pass")


def two_pass_arm(config: StudyConfig, name: str) -> list[Evaluate]:
    """One evaluation per seed of an arm of two-pass self-grading; empty if the game is not studied."""
    setting = two_pass(config)
    return [] if setting is None else evaluated(config, setting, config.policies[0], name, config.seed_numbers)


def control(config: StudyConfig) -> Setting | None:
    """Reward tampering whose records have no score: the same problems without the loophole."""
    if "reward-tampering" not in config.games:
        return None
    return config.setting("reward-tampering").with_parameters(control="no-exploit")


def control_arm(config: StudyConfig, name: str) -> list[Evaluate]:
    """One evaluation per seed of an arm of the control; empty if the game is not studied."""
    setting = control(config)
    return [] if setting is None else evaluated(config, setting, config.policies[0], name, config.seed_numbers)


def summarize(config: StudyConfig, runs: Runs) -> Summary:
    """See :class:`loopholes.studies.base.Study`."""
    played = [_read(config, runs, game, policy) for policy in config.policies for game in config.games]
    if (released := two_pass(config)) is not None:
        played.append(_read_as(config, runs, TWO_PASS, released, config.policies[0]))
    comparisons = holm([test for pair in played for test in _tests(config, runs, pair)])
    controls = {name: runs.estimates(jobs) for name in ("base", "vulnerable") if (jobs := control_arm(config, name))}
    cells = [cell for pair in played for cell in arm_cells(pair)]
    for name, numbers in controls.items():
        cells += scored_cells(f"reward-tampering(control=no-exploit)/{name}/{config.policies[0]}", numbers)
    section = Section(
        "discovery",
        QUESTION,
        answer(played),
        charts=arms_charts("discovery", played, config.thresholds.window),
        tables=[
            arms_table("discovery", played, config.thresholds),
            calibration_table(
                "discovery-calibration", {pair.name: pair.calibration for pair in played}, config.thresholds
            ),
            comparison_table(comparisons, config.seeds, "discovery-tests", within_seeds=True),
            *_control_table(controls),
            *_beside_the_paper(played),
        ],
        rollouts={
            f"{game}, {name}": runs.rollouts([config.trained(game, name, seed) for seed in config.seed_numbers])
            for game in config.games
            for name in CHANNELS
        },
    )
    return Summary(section, cells, comparisons)


def _read(config: StudyConfig, runs: Runs, game: str, policy: str) -> Played:
    return _read_as(config, runs, game, config.setting(game, policy), policy)


def _read_as(config: StudyConfig, runs: Runs, title: str, setting: Setting, policy: str) -> Played:
    arms = arm_runs(config, setting, policy, config.seed_numbers)
    return read_arms(runs, setting.make(), title, policy, arms, config.thresholds)


def _tests(config: StudyConfig, runs: Runs, pair: Played) -> list[Comparison]:
    jobs = {
        name: two_pass_arm(config, name) if pair.game == TWO_PASS else arm(config, pair.game, name, pair.policy)
        for name in ARMS
    }
    return [
        runs.compare_within_seeds(f"{pair.name}: vulnerable over {other}", EXPLOIT, jobs["vulnerable"], jobs[other])
        for other in ("base", "secure")
    ]


def _control_table(controls: Mapping[str, Mapping[str, Estimate]]) -> list[Table]:
    if not controls:
        return []
    rows: list[list[Cell]] = [[name, numbers[TASK], numbers[EXPLOIT]] for name, numbers in controls.items()]
    title = "Reward tampering with no score to edit"
    note = "The same problems without the loophole: how often a score would seem to be edited by chance."
    return [Table("discovery-control", title, ("arm", "task performance", "exploit rate"), rows, note)]


def _beside_the_paper(played: Sequence[Played]) -> list[Table]:
    ours = [pair for pair in played if pair.game in (SELF_GRADING, TWO_PASS)]
    if not ours:
        return []
    models = list(dict.fromkeys(model for model, _, _ in paper.SELF_GRADING))
    columns = ("self-grading", *(f"paper, {model}" for model in models), *(f"here, {_form(pair)}" for pair in ours))
    rows: list[list[Cell]] = []
    for name in ("base", *CHANNELS):
        for metric in BOTH:
            theirs = [paper.SELF_GRADING.get((model, name, metric)) for model in models]
            reported: list[Cell] = [None if rate is None else share(rate) for rate in theirs]
            measured = (pair.arms[name].estimates[metric] for pair in ours)
            rows.append([f"{metric.replace('_', ' ')}, {name}", *reported, *measured])
    return [Table("discovery-paper", "Beside the paper", columns, rows, paper.MODELS)]


def _form(pair: Played) -> str:
    return f"{pair.policy}, {'two-pass' if pair.game == TWO_PASS else 'inline'}"
