"""The first look: all four games, trained on the vulnerable and on the secure channel, side by side.

The demo is the study ``discovery`` with one seed and one policy, without the control. Each game is shown as soon as it
is finished. The runs are those of the study, so ``loopholes study discovery --out OUT`` continues from there.

::

    OUT/summary.json     policy, seeds and cells, for programs
    OUT/demo.json        everything that the page shows
    OUT/report.html      the page
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from loopholes.cores import cores
from loopholes.files import disk_errors, write_json
from loopholes.report import write_page
from loopholes.report.elements import Section
from loopholes.studies.base import Runs, StudyConfig, Summary
from loopholes.studies.channels import (
    CHANNELS,
    EXPLOIT,
    QUESTION,
    Played,
    answer,
    arm_cells,
    arms_charts,
    arms_table,
    read_arms,
)
from loopholes.studies.discovery import ARMS, arm_runs, evaluated
from loopholes.studies.engine import Event, execute
from loopholes.studies.jobs import Evaluate, Train
from loopholes.studies.runner import check_policies, opened, sections_of, write_summary
from loopholes.studies.settings import Setting
from loopholes.studies.workers import LocalWorkers

OnEvent = Callable[[dict[str, Any]], None]
NEAR_ZERO = 0.05
"""A secure channel whose exploit rate certainly lies above this is explained."""
UNSELECTED = {
    "reward-tampering": "In reward-tampering, the secure channel neither pays nor charges for an edited score, so "
    "nothing in its training selects for or against such edits, and how many there are drifts with the seed; "
    "loopholes study charge measures what a charge changes."
}
"""Why training on a game's secure channel does not keep the exploit rate near 0, by game."""


def run_demo(
    out: Path,
    *,
    policy: str = "mini",
    seeds: Sequence[int] = (0,),
    workers: int | None = None,
    settings: Sequence[Setting] | None = None,
    on_event: OnEvent | None = None,
) -> dict[str, Any]:
    """Run what is unfinished, write ``summary.json`` and ``report.html`` under ``out``, and return the summary.

    ``settings`` are the games to play, by default all four as the studies play them. ``on_event`` is called with every
    training step (``game``, ``arm``, ``seed``, ``steps`` and the step's metrics) and with every finished game
    (``game``, its ``table`` of results and a ``note`` on them, which may be empty). Raises :class:`RunError` if ``out``
    holds something else or a worker keeps dying.
    """
    config = StudyConfig.of(policies=[policy], seeds=len(seeds))
    check_policies(config)
    demo = _Demo(config, settings or [config.setting(game) for game in config.games], seeds, out, on_event)
    with opened(out):
        demo.show_finished()
        first, *others = demo.plans.values()  # then the longest, so that no worker is left alone with it at the end
        with LocalWorkers(out, workers or cores()) as backend:
            execute([job for plan in (first, *reversed(others)) for job in plan], out, backend, demo.hear)
        cells = [cell for pair in demo.played for cell in arm_cells(pair)]
        summary: dict[str, Any] = {"policy": policy, "seeds": list(seeds), "cells": cells}
        with disk_errors(out):
            write_json(out / "summary.json", summary)
        write_summary(Summary(demo.section(), cells), config, out)
        write_page(f"Loopholes: what {policy} learned", sections_of(out), out / "report.html")
    return summary


def secure_note(pair: Played) -> str:
    """Why a game's secure channel was still exploited; empty if its exploit rate is near 0, or nothing is known."""
    secure = pair.arms.get("secure")
    rate = None if secure is None else secure.estimates.get(EXPLOIT)
    exploited = rate is not None and (rate.low or 0.0) > NEAR_ZERO
    return UNSELECTED.get(pair.game, "") if exploited else ""


class _Demo:
    """The plan and its progress; a game is shown as soon as its last job is done."""

    def __init__(
        self,
        config: StudyConfig,
        settings: Sequence[Setting],
        seeds: Sequence[int],
        out: Path,
        on_event: OnEvent | None,
    ) -> None:
        self._config, self._settings, self._seeds, self._out = config, settings, seeds, out
        self._on_event = on_event or (lambda event: None)
        self._finished: dict[str, Played] = {}
        self._runs = Runs(out)
        self.plans = {setting.name: self._plan(setting) for setting in settings}
        self._left = {
            game: {job.identity for job in plan if not job.finished(out)} for game, plan in self.plans.items()
        }

    def _plan(self, setting: Setting) -> list[Evaluate]:
        """The evaluations of one game: both trained arms of a seed together, so that a comparison appears early."""
        (policy,) = self._config.policies
        return [
            job for seed in self._seeds for arm in ARMS for job in evaluated(self._config, setting, policy, arm, [seed])
        ]

    def hear(self, event: Event) -> None:
        """Handle one event of the engine."""
        if event.progress is not None and isinstance(event.job, Train):
            job = event.job
            about = {"game": job.setting.name, "arm": job.channel, "seed": job.seed, "steps": job.steps}
            self._on_event({**about, "step": event.progress.done, **event.progress.numbers})
        elif event.kind == "done":
            for left in self._left.values():
                left.discard(event.job.identity)
            self.show_finished()

    def show_finished(self) -> None:
        """Read every game whose jobs are all done, and pass on its table."""
        (policy,), thresholds = self._config.policies, self._config.thresholds
        for setting in self._settings:
            if not self._left[setting.name] and setting.name not in self._finished:
                arms = arm_runs(self._config, setting, policy, self._seeds)
                pair = read_arms(self._runs, setting.make(), setting.name, policy, arms, thresholds)
                self._finished[setting.name] = pair
                table, note = arms_table(setting.name, [pair], thresholds), secure_note(pair)
                self._on_event({"game": setting.name, "table": table, "note": note})

    @property
    def played(self) -> list[Played]:
        """The results of each game, in the order of the settings."""
        return [self._finished[setting.name] for setting in self._settings]

    def section(self) -> Section:
        """The section of the page: as in discovery, with a description of each game."""
        (policy,), thresholds = self._config.policies, self._config.thresholds
        games = [setting.make() for setting in self._settings]
        chosen = "".join(f" --seed {seed}" for seed in self._seeds)
        return Section(
            "demo",
            QUESTION,
            answer(self.played),
            charts=arms_charts("demo", self.played, thresholds.window),
            tables=[arms_table("demo", self.played, thresholds)],
            facts={game.name: f"Goal: {game.goal} Loophole: {game.loophole}" for game in games},
            command=f"loopholes demo --policy {policy}{chosen}",
            notes=[note for pair in self.played if (note := secure_note(pair))],
            rollouts={
                f"{setting.name}, {channel}": self._runs.rollouts(
                    [Train(setting, channel, policy, seed) for seed in self._seeds]
                )
                for setting in self._settings
                for channel in CHANNELS
            },
        )
