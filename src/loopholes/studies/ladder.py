"""The positive control of transfer: the same mechanism in a world that differs by a name or by its wording.

If what was learned moved to another game, it would first have to move to the same game in other words. So each rung
below is a pair of worlds, and only where a rung moves can the absence of transfer to another mechanism mean anything.
Both worlds of a rung hold the same tasks, and the untrained mini policies play both about equally well; the worlds
were chosen by that before anything was trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from loopholes.studies.base import StudyConfig
from loopholes.studies.channels import CHANNELS
from loopholes.studies.inputs import policy_card
from loopholes.studies.jobs import Evaluate, Train
from loopholes.studies.settings import Setting

Kind = Literal["same world", "renamed field", "another wording", "another mechanism"]
KINDS: tuple[Kind, ...] = ("same world", "renamed field", "another wording", "another mechanism")
"""How far the world that was trained on lies from the one that is measured, nearest first."""
CONTROLS: tuple[Kind, ...] = ("renamed field", "another wording")


@dataclass(frozen=True)
class World:
    """A game as it is studied, with parameters on top of the usual ones; ``change`` says in words what they change."""

    game: str
    change: str = ""
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """How the world is called in tables."""
        return f"{self.game} ({self.change})" if self.change else self.game

    def setting(self, config: StudyConfig) -> Setting:
        """How it is played and trained on."""
        usual = config.setting(self.game)
        return usual.with_parameters(**dict(self.parameters)) if self.parameters else usual

    def trained(self, config: StudyConfig, channel: str, seed: int) -> Train:
        """The first policy after one channel of this world."""
        return Train(self.setting(config), channel, config.policies[0], seed)


@dataclass(frozen=True)
class Step:
    """From the world that is trained on to the world that is measured."""

    kind: Kind
    source: World
    target: World

    @property
    def name(self) -> str:
        """How the pair is called in tables and cells."""
        return f"{self.source.name} to {self.target.name}"

    def evaluated(self, config: StudyConfig, channel: str) -> list[Evaluate]:
        """One evaluation per seed, in the target, of what a channel of the source made of the first policy."""
        target = self.target.setting(config)
        return [
            config.evaluation(target, self.source.trained(config, channel, seed), seed) for seed in config.seed_numbers
        ]


TAMPERING = World("reward-tampering")
RENAMED = World("reward-tampering", "score called points", (("protected", "points"),))
REWORDED = World("reward-tampering", "other wording", (("wording", "other"),))
FIRST_HALF = World("context-compliance", "first half of the wordings", (("wording", "first"),))
SECOND_HALF = World("context-compliance", "second half of the wordings", (("wording", "second"),))
GRADING = World("self-grading")
REWORDED_GRADING = World("self-grading", "other wording", (("wording", "other"),))
TWO_PASS = World("self-grading", "asked in a second pass", (("self_report", "two-pass"),))
SUMMARIES = World("proxy-metric")
REWORDED_SUMMARIES = World("proxy-metric", "other wording", (("wording", "other"),))

CONTROL_STEPS = (
    Step("renamed field", RENAMED, TAMPERING),
    Step("renamed field", TAMPERING, RENAMED),
    Step("another wording", REWORDED, TAMPERING),
    Step("another wording", TAMPERING, REWORDED),
    Step("another wording", FIRST_HALF, SECOND_HALF),
    Step("another wording", GRADING, REWORDED_GRADING),
    Step("another wording", GRADING, TWO_PASS),
    Step("another wording", SUMMARIES, REWORDED_SUMMARIES),
)
"""Three worlds are trained on for this alone; the other steps measure what is trained anyway."""


def control_steps(config: StudyConfig) -> list[Step]:
    """The rungs that can be climbed: in mini worlds, by a policy that answers terse prompts."""
    if policy_card(config.policies[0])[0] != "terse":
        return []
    of_files = {*config.train_tasks, *config.test_tasks}
    return [step for step in CONTROL_STEPS if step.source.game in config.games and step.source.game not in of_files]


def learned(steps: Sequence[Step]) -> list[Step]:
    """What was learned in each changed world that is trained on, measured in that world itself."""
    changed = dict.fromkeys(step.source for step in steps if step.source.change)
    return [Step("same world", world, world) for world in changed]


def game_steps(config: StudyConfig) -> list[Step]:
    """Every game to every game, itself included."""
    return [
        Step("same world" if source == target else "another mechanism", World(source), World(target))
        for source in config.games
        for target in config.games
    ]


def all_steps(config: StudyConfig) -> list[Step]:
    """Every pair that is measured, nearest rung first."""
    controls = control_steps(config)
    steps = [*game_steps(config), *learned(controls), *controls]
    return sorted(steps, key=lambda step: KINDS.index(step.kind))


def untrained(config: StudyConfig, world: World) -> list[Evaluate]:
    """One evaluation per seed of the first policy before any training."""
    return [config.evaluation(world.setting(config), config.policies[0], seed) for seed in config.seed_numbers]


def control_jobs(config: StudyConfig) -> Iterator[Evaluate]:
    """The runs of the rungs, seed by seed, so that all of them have the same seeds whenever it is interrupted."""
    controls = control_steps(config)
    steps = [*learned(controls), *controls]
    changed = dict.fromkeys(step.target for step in steps if step.target.change)
    for place in range(config.seeds):
        for step in steps:
            for channel in CHANNELS:
                yield step.evaluated(config, channel)[place]
        for world in changed:
            yield untrained(config, world)[place]
