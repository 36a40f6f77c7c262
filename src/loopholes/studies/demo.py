"""The first look: all four games, trained on the vulnerable and on the secure channel, side by side.

The demo is the study ``discovery`` with few seeds, told game by game as each is finished: the same runs in the same
folder, so that ``loopholes study discovery --out OUT`` goes on from what the demo has trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from loopholes.cores import cores
from loopholes.files import disk_errors, write_json
from loopholes.report import write_page
from loopholes.runs import Run
from loopholes.score import cells
from loopholes.stats import Estimate
from loopholes.studies.base import StudyConfig
from loopholes.studies.discovery import ARMS
from loopholes.studies.engine import Event, execute
from loopholes.studies.jobs import Evaluate, Train, closure
from loopholes.studies.loose import read_arms
from loopholes.studies.loose_page import GameSection, game_section
from loopholes.studies.runner import check_policies, opened
from loopholes.studies.settings import Setting
from loopholes.studies.workers import LocalWorkers

OnEvent = Callable[[dict[str, Any]], None]


def run_demo(
    out: Path,
    *,
    policy: str = "mini",
    seeds: Sequence[int] = (0,),
    workers: int | None = None,
    settings: Sequence[Setting] | None = None,
    on_event: OnEvent | None = None,
) -> dict[str, Any]:
    """Run what is not finished yet, write ``summary.json`` and ``report.html`` under ``out``, return the summary.

    ``settings`` are the games to play, by default all four as the studies play them. ``on_event`` is told of every
    training step (``game``, ``arm``, ``seed``, ``steps`` and the step's metrics) and of every game that is done
    (``game``, ``section``). Raises :class:`RunError` if ``out`` holds something else or a worker keeps dying.
    """
    config = StudyConfig.of(policies=[policy])
    check_policies(config)
    played = settings or [config.setting(game) for game in config.games]
    plans = {setting.name: list(_plan(config, setting, seeds)) for setting in played}
    tell = on_event or (lambda event: None)
    with opened(out):
        told = _Told(plans, out, tell)
        with LocalWorkers(out, workers or cores()) as backend:
            execute([job for plan in plans.values() for job in plan], out, backend, told.hear)
        sections = [told.sections[game] for game in plans]
        found = [cell for section in sections for cell in cells_of(section, policy)]
        summary: dict[str, Any] = {"policy": policy, "seeds": list(seeds), "cells": found}
        with disk_errors(out):
            write_json(out / "summary.json", summary)
        write_page(f"Loopholes: what {policy} learned", [game_section(one) for one in sections], out / "report.html")
    return summary


def _plan(config: StudyConfig, setting: Setting, seeds: Sequence[int]) -> Iterator[Evaluate]:
    """The evaluations of one game: both trained arms of a seed together, so that a comparison appears early."""
    (policy,) = config.policies
    for seed in seeds:
        for arm in ARMS:
            source = policy if arm == "base" else Train(setting, arm, policy, seed)
            yield config.evaluation(setting, source, seed)


class _Told:
    """Turns what happens to jobs into the demo's events; a game is told as soon as its last job is done."""

    def __init__(self, plans: dict[str, list[Evaluate]], out: Path, tell: OnEvent) -> None:
        self.sections: dict[str, GameSection] = {}
        self._plans = plans
        self._out = out
        self._tell = tell
        self._left = {game: {job.identity for job in plan if not job.finished(out)} for game, plan in plans.items()}
        self._show_finished()

    def hear(self, event: Event) -> None:
        """Take one event of the engine."""
        if event.progress is not None and isinstance(event.job, Train):
            job = event.job
            about = {"game": job.setting.name, "arm": job.channel, "seed": job.seed, "steps": job.steps}
            self._tell({**about, "step": event.progress.done, **event.progress.numbers})
        elif event.kind == "done":
            for left in self._left.values():
                left.discard(event.job.identity)
            self._show_finished()

    def _show_finished(self) -> None:
        for name, left in self._left.items():
            if not left and name not in self.sections:
                self.sections[name] = section = _section(self._plans[name], self._out)
                self._tell({"game": name, "section": section})


def _section(plan: Sequence[Evaluate], out: Path) -> GameSection:
    """A game's three arms as the page shows them, read from the runs of its plan."""
    setting = plan[0].setting
    game = setting.make()
    runs = [Run.open(job.folder(out)) for job in closure(plan)]
    return GameSection.of(game, read_arms(game, runs), _command(setting, runs))


def _command(setting: Setting, runs: Sequence[Run]) -> str:
    """What trains the vulnerable arm again, by itself."""
    one = next(run.config for run in runs if run.config.get("channel") == "vulnerable")
    given = "".join(f" --set {key}={value}" for key, value in setting.parameters.items())
    given += "".join(f" --{name.replace('_', '-')} {value}" for name, value in setting.options.items())
    return (
        f"loopholes train {setting.game} --channel vulnerable --policy {one['policy']} --steps {one['steps']} "
        f"--seed {one['seed']}{given} --out runs/{setting.name}"
    )


def cells_of(section: GameSection, policy: str) -> list[dict[str, Any]]:
    """The section's numbers, one flat record each: the layout of every machine-readable summary."""
    found = []
    for arm in section.arms:
        numbers = dict(arm.estimates)
        if arm.name != "base":
            for name in ("first_appearance", "domination", "blind_spot"):
                value = getattr(arm, name)
                numbers[name] = Estimate(None if value is None else float(value), None, None, 1, len(arm.curves))
        found += cells(f"{section.name}/{arm.name}/{policy}", numbers)
    return found
