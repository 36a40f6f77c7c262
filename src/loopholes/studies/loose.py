"""Runs that belong to no study, grouped by game and arm, so that they are summarized like the runs of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopholes.errors import DataError, LoopholesError, RunError
from loopholes.evaluation import eval_command, task_options
from loopholes.modules import without_folder
from loopholes.report.elements import Section
from loopholes.runs import Run
from loopholes.sandbox.server import DEFAULT
from loopholes.stats import Thresholds
from loopholes.studies.base import Runs
from loopholes.studies.channels import ArmRuns, answer, arms_charts, arms_table, read_arms
from loopholes.studies.samples import sampled
from loopholes.studies.settings import Setting
from loopholes.untrained import untrained_section

QUESTION = "What does a policy learn from a reward with this loophole, and would the task metric show it?"
ORDER = ("base", "vulnerable", "secure")


@dataclass(frozen=True)
class LooseRun:
    """A run with the facts of its configuration; see :class:`loopholes.studies.base.Finished`.

    ``options`` are those of ``eval`` that name its tasks and its sandbox.
    """

    path: Path
    setting: Setting
    seed: int | None
    kind: str
    arm: str
    policy: str
    options: tuple[str, ...] = ()

    @classmethod
    def of(cls, run: Run) -> LooseRun:
        """From a run's configuration."""
        config = run.config
        arm = config.get("channel") if config["kind"] == "train" else config.get("arm", "base")
        setting = Setting(str(config.get("game")), None, config.get("parameters") or {})
        sandbox = run.environment.get("sandbox")
        options = tuple(task_options(config, None if sandbox == DEFAULT else sandbox))
        return cls(run.path, setting, config.get("seed"), config["kind"], str(arm), str(config.get("policy")), options)

    @property
    def identity(self) -> str:
        return str(self.path.resolve())

    def folder(self, root: Path) -> Path:
        return self.path

    @property
    def title(self) -> str:
        """The game, with its parameters."""
        parameters = ", ".join(f"{key}={value}" for key, value in sorted(self.setting.parameters.items()))
        game = without_folder(self.setting.game)
        return f"{game} ({parameters})" if parameters else game


def find_runs(folder: Path, without: Sequence[Path] = ()) -> list[Run]:
    """Every run in a directory or below it, sorted by path, except those in the directories ``without``.

    Raises :class:`DataError` if there is no such directory, and :class:`RunError` if there is no run in it and
    ``without`` is empty.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a directory" if folder.exists() else f"there is no directory {folder}")
    places = sorted(file.parent for file in folder.rglob("status.json") if (file.parent / "config.json").is_file())
    places = [place for place in places if not any(place.is_relative_to(other) for other in without)]
    if not places and not without:
        raise RunError(f"there is no run, study or audit in {folder}: loopholes train, eval, study and audit make them")
    return [Run.open(place) for place in places]


def loose_sections(folder: Path, thresholds: Thresholds = Thresholds(), without: Sequence[Path] = ()) -> list[Section]:
    """One section per game (with its parameters) that runs under ``folder`` were trained or evaluated on.

    A policy that was only evaluated untrained, in several games, has a section of its own before these, with one table
    of all games.
    """
    games: dict[tuple[str, str], list[LooseRun]] = {}
    for run in find_runs(folder, without):
        if run.config.get("kind") in ("train", "eval"):
            loose = LooseRun.of(run)
            games.setdefault((loose.setting.game, loose.title), []).append(loose)
    sections = [_section(title, members, Runs(folder), thresholds) for (_, title), members in games.items()]
    return [*_untrained([run for members in games.values() for run in members]), *sections]


def _untrained(runs: Sequence[LooseRun]) -> list[Section]:
    """One section per policy, if all runs are evaluations before any training and cover several games."""
    policies = {run.policy for run in runs if all((other.kind, other.arm) == ("eval", "base") for other in runs)}
    cells = {
        policy: {run.setting.game: _cells(run.path) for run in runs if run.policy == policy}
        for policy in sorted(policies)
    }
    return [untrained_section(policy, games) for policy, games in cells.items() if len(games) > 1]


def _cells(path: Path) -> Sequence[Mapping[str, Any]]:
    summary: Mapping[str, Sequence[Mapping[str, Any]]] = Run.open(path).summary or {}
    return summary.get("cells", ())


def _section(title: str, members: Sequence[LooseRun], runs: Runs, thresholds: Thresholds) -> Section:
    try:
        game = members[0].setting.make()
    except LoopholesError as error:  # a game of the user whose file is gone
        return Section(title, QUESTION, "", notes=[f"The numbers of these runs need their game: {error}."])
    groups = arms_by_policy(members)
    played = [read_arms(runs, game, game.name, policy, arms, thresholds) for policy, arms in groups.items()]
    evaluated = any(run.kind == "eval" for run in members)
    section = Section(
        title,
        QUESTION,
        answer(played),
        charts=arms_charts(title, played, thresholds.window),
        tables=[arms_table(f"{title}-arms", played, thresholds)] if evaluated else [],
        facts={"Goal": game.goal, "Loophole": game.loophole},
        notes=_unevaluated(members),
        rollouts=_rollouts(runs, groups),
    )
    return sampled(section)


def _unevaluated(members: Sequence[LooseRun]) -> list[str]:
    """A sentence for each training run that was not measured on held-out tasks, with the command that does it."""
    evaluated = {(run.policy, run.arm) for run in members if run.kind == "eval"}
    trained = [run for run in members if run.kind == "train"]
    notes = [
        f"{run.arm} with {run.policy} is not evaluated yet: {_command(str(run.path), run, '-eval')}"
        for run in trained
        if (run.policy, run.arm) not in evaluated
    ]
    first = {run.policy: run for run in reversed(trained) if (run.policy, "base") not in evaluated}
    return notes + [
        f"{policy} itself is not evaluated yet, so nothing says what training changed: {_command(policy, run, '-base')}"
        for policy, run in first.items()
    ]


def _command(policy: str, run: LooseRun, ending: str) -> str:
    out = run.path.with_name(f"{run.path.name}{ending}")
    return eval_command(policy, run.setting.game, run.setting.parameters, out, run.options)


def arms_by_policy(members: Sequence[LooseRun]) -> dict[str, dict[str, ArmRuns]]:
    """The arms of each starting policy: base first, then the channels, then the others by name."""
    groups: dict[str, dict[str, ArmRuns]] = {}
    for policy in sorted({run.policy for run in members}):
        names = {run.arm for run in members if run.policy == policy}
        order = [*(name for name in ORDER if name in names), *sorted(names - {*ORDER})]
        groups[policy] = {
            name: ArmRuns(
                *([run for run in members if (run.policy, run.arm, run.kind) == (policy, name, kind)]
                  for kind in ("eval", "train"))
            )
            for name in order
        }  # fmt: skip
    return groups


def _rollouts(runs: Runs, groups: dict[str, dict[str, ArmRuns]]) -> dict[str, list[dict[str, Any]]]:
    """Rollouts by arm; if there are several policies, the name includes the policy."""
    rollouts = {}
    for policy, arms in groups.items():
        for name, arm in arms.items():
            rollouts[f"{name} {policy}" if len(groups) > 1 else name] = runs.rollouts([*arm.trained, *arm.evaluated])
    return {name: rows for name, rows in rollouts.items() if rows}
