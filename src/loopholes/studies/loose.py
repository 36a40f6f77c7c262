"""From a directory that holds runs to the sections of a page: grouped by game and arm; nothing is run again."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loopholes.errors import LoopholesError, RunError
from loopholes.games import game as make_game
from loopholes.games.base import Game
from loopholes.report.elements import Curve
from loopholes.report.numbers import evenly_of
from loopholes.runs import Run
from loopholes.runs.evaluations import read_evaluation
from loopholes.stats import Estimate, Sums, Thresholds, blind_spot, difference, domination, estimate, first_appearance
from loopholes.studies.loose_page import Arm, GameSection

ORDER = ("base", "vulnerable", "secure")
SHOWN_STEPS = 24  # steps of the training runs of an arm whose rollouts are read; a few of each run, however many


@dataclass(frozen=True)
class _Group:
    """The runs of one arm."""

    trained: list[Run] = field(default_factory=list)
    evaluated: list[Run] = field(default_factory=list)


def find_runs(folder: Path, without: Sequence[Path] = ()) -> list[Run]:
    """Every run in a directory or below it, by path, but for those in the directories ``without``.

    Raises :class:`RunError` if there is none, unless some were left out.
    """
    if not folder.is_dir():
        raise RunError(f"there is no directory {folder}")
    places = sorted(file.parent for file in folder.rglob("status.json") if (file.parent / "config.json").is_file())
    places = [place for place in places if not any(place.is_relative_to(other) for other in without)]
    if not places and not without:
        raise RunError(f"there is no run in {folder}: loopholes train and loopholes eval make them")
    return [Run.open(place) for place in places]


def read_sections(folder: Path, without: Sequence[Path] = ()) -> list[GameSection]:
    """One section for each game, with its parameters, that runs under ``folder`` were trained or evaluated on."""
    runs = [run for run in find_runs(folder, without) if run.config.get("kind") in ("train", "eval")]
    games: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        parameters = run.config.get("parameters") or {}
        shown = ", ".join(f"{key}={value}" for key, value in sorted(parameters.items()))
        games.setdefault((str(run.config.get("game")), shown), []).append(run)
    return [_section(name, shown, mine) for (name, shown), mine in games.items()]


def _section(name: str, parameters: str, runs: Sequence[Run]) -> GameSection:
    title = f"{name} ({parameters})" if parameters else name
    game = _game(name, runs[0].config.get("parameters") or {})
    if game is None:
        return GameSection(title, "", "", [])
    arms = read_arms(game, runs)
    return GameSection(title, game.goal, game.loophole, arms)


def _game(name: str, parameters: dict[str, Any]) -> Game | None:
    try:
        return make_game(name, **parameters)
    except LoopholesError:  # a user's game whose file is gone
        return None


Measured = Mapping[str, Sums]
"""Every metric of one evaluation."""


def read_arms(game: Game, runs: Sequence[Run]) -> list[Arm]:
    """The arms of one game, seeds together: estimates from the evaluations, curves from the training runs."""
    groups: dict[tuple[str, str], _Group] = {}
    for run in runs:
        group = groups.setdefault(_arm_of(run), _Group())
        (group.trained if run.config["kind"] == "train" else group.evaluated).append(run)
    keys = sorted(groups, key=lambda key: (ORDER.index(key[0]) if key[0] in ORDER else len(ORDER), key))
    measured = {key: [_sums(game, run) for run in groups[key].evaluated] for key in keys}
    arms = []
    for key in keys:
        base = measured.get(("base", key[1]), []) if key[0] != "base" else []
        arms.append(_arm(game, _label(key, keys), groups[key], measured[key], base))
    return arms


def _arm_of(run: Run) -> tuple[str, str]:
    """The arm of a run and the policy it began with."""
    arm = run.config.get("channel") if run.config["kind"] == "train" else run.config.get("arm", "base")
    return str(arm), str(run.config.get("policy"))


def _label(key: tuple[str, str], keys: Sequence[tuple[str, str]]) -> str:
    arm, policy = key
    if arm == "scripted":
        return policy
    return arm if sum(other[0] == arm for other in keys) == 1 else f"{arm} {policy}"


def _sums(game: Game, run: Run) -> dict[str, Sums]:
    """Every metric of an evaluation."""
    tasks, outcomes = read_evaluation(run.path)
    return {name: Sums.of(metric, tasks, outcomes) for name, metric in game.metrics.items()}


def _arm(game: Game, label: str, group: _Group, measured: Sequence[Measured], base: Sequence[Measured]) -> Arm:
    estimates = {name: estimate(_metric(measured, name)) for name in game.metrics} if measured else {}
    curves = [Curve.of(run.metrics(), run.config.get("seed")) for run in group.trained]
    rollouts = [*_some_rollouts(group.trained), *_some_rollouts(group.evaluated)]
    reached: tuple[int | None, int | None] = (None, None)
    opened = None
    if base:
        level = estimate(_metric(base, "exploit_rate")).value
        reached = milestones(curves, level or 0.0) if curves else reached
        opened = _blind_spot(measured, base) if measured and group.trained else None
    return Arm(label, estimates, curves, rollouts, *reached, opened)


def _some_rollouts(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Rollouts of every run, each with its seed, from some of its steps, evenly spread."""
    rows = []
    for run in runs:
        steps = evenly_of(run.rollout_steps(), max(4, math.ceil(SHOWN_STEPS / len(runs))))
        rows += [{**row, "seed": run.config.get("seed")} for row in run.rollouts(steps)]
    return rows


def milestones(curves: Sequence[Curve], base: float) -> tuple[int | None, int | None]:
    """The steps of first appearance and of domination: the median over seeds, None if most never get there."""
    found = []
    for rule in (first_appearance, domination):
        reached = [rule(curve.exploit_rate, base, Thresholds()) for curve in curves]
        steps = [math.inf if at is None else curve.steps[at] for at, curve in zip(reached, curves, strict=True)]
        middle = statistics.median_high(steps)
        found.append(None if math.isinf(middle) else int(middle))
    return found[0], found[1]


def _metric(measured: Sequence[Measured], name: str) -> list[Sums]:
    return [sums[name] for sums in measured]


def _blind_spot(measured: Sequence[Measured], base: Sequence[Measured]) -> bool:
    def change(metric: str) -> Estimate:
        return difference(_metric(measured, metric), _metric(base, metric))

    return blind_spot(change("exploit_rate"), change("task_performance"))
