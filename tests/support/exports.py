"""Scripted answers to the tasks of an exported game, with what loopholes itself makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import loopholes
from loopholes.integrations import export
from loopholes.integrations.packing import Package, pack
from loopholes.integrations.scoring import draw
from loopholes.records import KINDS, Kind, Outcome, Task
from loopholes.score import measure, pay

WORLDS: list[dict[str, Any]] = [{"world": "mini"}, {"world": "english"}]
GAMES: list[tuple[str, dict[str, Any]]] = [
    *((name, world) for name in ("reward-tampering", "proxy-metric", "context-compliance") for world in WORLDS),
    *(("self-grading", {**world, "audit_probability": 0.5}) for world in WORLDS),
    *(("self-grading", {**world, "audit_probability": 0.5, "self_report": "inline"}) for world in WORLDS),
]
"""Every game in both worlds, self-grading in two passes and in one, with frequent audits, so that draws matter."""
ONE_PASS = [(name, set_) for name, set_ in GAMES if name != "self-grading" or "self_report" in set_]
CHANNELS = ("vulnerable", "secure")
SEED = 3


@dataclass(frozen=True)
class Answer:
    """A scripted answer: its text, the policy's reply to a second question, and its measured outcome."""

    kind: Kind
    number: int
    task: Task
    text: str
    verdict: str
    outcome: Outcome
    package: Package

    def reward(self, sample: str) -> float | None:
        """The reward that loopholes itself pays, with the claim in the answer and this sample's draw."""
        played = self.package
        completion = played.game.demonstrate(self.kind, self.task)
        numbers = [draw(played.seed, sample)]
        return pay(played.game, played.channel, [self.task], [completion], numbers)[0].reward

    @property
    def truth(self) -> dict[str, float]:
        """``task_score`` and ``exploit``, those that exist."""
        both = {"task_score": self.outcome.task_score, "exploit": self.outcome.exploit}
        return {name: value for name, value in both.items() if value is not None}


def packed(name: str, set_: dict[str, Any], channel: str, count: int = 3) -> Package:
    """A small package of a game."""
    return pack(name, channel=channel, seed=SEED, count=count, parameters=set_)


def exported(framework: str, package: Package, out: Path) -> Path:
    """Export a package; returns the folder."""
    export(framework, package, out)
    return out


def answers(package: Package) -> list[Answer]:
    """The answers of scripts of all three kinds to the training tasks."""
    game = loopholes.game(package.name, **package.game.parameters.model_dump())
    scripted = []
    for number, task in enumerate(package.tasks["train"]):
        for kind in KINDS:
            completion = game.demonstrate(kind, task)
            verdict = "Yes." if completion.observed.get("claim") else "No, it is not."
            (outcome,) = measure(game, [task], [completion])
            scripted.append(Answer(kind, number, task, completion.text, verdict, outcome, package))
    return scripted
