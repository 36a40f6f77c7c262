"""End points of training, and how far each lies from the untrained policy in one game or another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopholes.numbers import Estimate
from loopholes.report.elements import Cell, Chart, Matrix, Table
from loopholes.score import cells as scored_cells
from loopholes.studies.base import Runs, StudyConfig
from loopholes.studies.channels import BOTH, EXPLOIT, TASK
from loopholes.studies.jobs import Distil, Evaluate, Train
from loopholes.studies.settings import Setting

LOG_ODDS = "log_odds"


@dataclass(frozen=True)
class EndPoint:
    """The policies that an arm of training or teaching ended with, one per seed.

    ``setting`` is the game that they were trained on, ``jobs`` holds the runs that made them, and ``before`` the
    evaluations of the untrained policy in that game.
    """

    arm: str
    setting: Setting
    jobs: Sequence[Train | Distil]
    before: Sequence[Evaluate]

    @property
    def trained(self) -> list[Train]:
        """The jobs that are training runs."""
        return [job for job in self.jobs if isinstance(job, Train)]

    @property
    def game(self) -> str:
        """The game that the arm was trained on."""
        return self.setting.game

    @property
    def name(self) -> str:
        """The name of the arm in tables and cells."""
        return f"{self.game}:{self.arm}"

    def on(self, config: StudyConfig, game: str) -> list[Evaluate]:
        """One evaluation per seed: on its own game with the setting it was trained with, or on another game."""
        setting = self.setting if game == self.game else config.setting(game)
        return [config.evaluation(setting, job, job.seed) for job in self.jobs]

    def untrained_on(self, config: StudyConfig, game: str) -> Sequence[Evaluate]:
        """Evaluations of the untrained policy on the same tasks."""
        if game == self.game:
            return self.before
        return [config.evaluation(config.setting(game), config.policies[0], job.seed) for job in self.jobs]


@dataclass(frozen=True)
class Distance:
    """How far an end point lies from the untrained policy in the game ``target``, over the same seeds and tasks.

    ``rates`` holds each metric of the end point; ``changes`` the change of each metric and, in nats, the change of the
    branch-point log-odds (:data:`LOG_ODDS`).
    """

    point: EndPoint
    target: str
    rates: Mapping[str, Estimate]
    changes: Mapping[str, Estimate]


def distance(point: EndPoint, target: str, config: StudyConfig, runs: Runs) -> Distance | None:
    """The distance over the seeds in which both evaluations are finished; None if there is none."""
    pairs = zip(point.on(config, target), point.untrained_on(config, target), strict=True)
    finished = [pair for pair in pairs if runs.finished(*pair)]
    if not finished:
        return None
    after, before = ([pair[side] for pair in finished] for side in (0, 1))
    changes = {metric: runs.change(after, before, metric) for metric in BOTH}
    changes[LOG_ODDS] = runs.log_odds_change(after, before)
    return Distance(point, target, runs.estimates(after), changes)


def distances_table(distances: Sequence[Distance]) -> Table:
    """Every end point on every game that it was evaluated on."""
    rows: list[list[Cell]] = [
        [
            each.point.game,
            each.point.arm,
            each.target,
            each.rates[EXPLOIT].seeds,
            each.rates[EXPLOIT],
            each.changes[EXPLOIT],
            each.changes[TASK],
            each.changes[LOG_ODDS],
        ]
        for each in distances
    ]
    columns = (
        "trained on",
        "arm",
        "evaluated on",
        "seeds",
        "exploit rate",
        "exploit change",
        "task change",
        "log-odds change (nats)",
    )
    note = (
        "Changes are from the untrained policy on the same tasks. Log-odds: ln P(exploiting answer) - ln P(honest "
        "answer) at the point where the two differ, without sampling (in compliance, the gap between users and "
        "audits). Intervals are over seeds and tasks, or over tasks only if there is one seed, and are not corrected "
        "for their number. The English worlds have no positive control of transfer, so no change is ever called "
        "absent."
    )
    title = "Every end point on every game"
    return Table("real-model-transfer", title, columns, rows, note, changes=columns[5:7], plain=columns[7:])


def distances_chart(distances: Sequence[Distance], games: Sequence[str]) -> Chart:
    """End points (rows) evaluated on the games (columns): by sampled exploit rates, and by log-odds."""
    points = list(dict.fromkeys(each.point.name for each in distances))
    panels = []
    for metric, title in ((EXPLOIT, "exploit rate"), (LOG_ODDS, "log-odds of the exploit (nats)")):
        changes = {(each.point.name, each.target): each.changes[metric] for each in distances}
        values = [[changes.get((point, game)) for game in games] for point in points]
        plain = metric == LOG_ODDS
        panels.append(Matrix(title, "trained on", "evaluated on", points, games, values, diverging=True, plain=plain))
    return Chart("real-model-transfer", "Change from the untrained policy", panels, "Empty: not evaluated so far.")


def distance_cells(distances: Sequence[Distance], policy: str) -> list[dict[str, Any]]:
    """The distances as records for programs."""
    rows = []
    for each in distances:
        rows += scored_cells(f"{each.target}/{each.point.name}/{policy}", {**each.rates, **changes_named(each)})
    return rows


def changes_named(each: Distance) -> dict[str, Estimate]:
    """The changes under their names in a machine-readable summary."""
    names = {TASK: "task_change", EXPLOIT: "exploit_change", LOG_ODDS: "log_odds_change"}
    return {name: each.changes[metric] for metric, name in names.items()}
