"""The positive control of transfer: the same mechanism in a world that differs by a name or by its wording.

Anything that transfers to another game should first transfer to the same game in other words. So each rung below is a
pair of worlds, and the absence of transfer to another mechanism means something only in a game in which a rung moved.
Both worlds of a rung have the same tasks, and the untrained mini policies play both about equally well; the worlds were
chosen by this before anything was trained.
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
"""How much the world that is trained on differs from the measured one, nearest first."""
CONTROLS: tuple[Kind, ...] = ("renamed field", "another wording")


@dataclass(frozen=True)
class World:
    """A game of the studies with some parameters changed; ``change`` says in words what is different."""

    game: str
    change: str = ""
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """How the world is called in tables."""
        return f"{self.game} ({self.change})" if self.change else self.game

    def setting(self, config: StudyConfig) -> Setting:
        """The setting that the world is played and trained with."""
        usual = config.setting(self.game)
        return usual.with_parameters(**dict(self.parameters)) if self.parameters else usual

    def trained(self, config: StudyConfig, channel: str, seed: int) -> Train:
        """Training of the first policy on one channel of this world."""
        return Train(self.setting(config), channel, config.policies[0], seed)


@dataclass(frozen=True)
class Step:
    """A step from the world that is trained on (source) to the world that is measured (target)."""

    kind: Kind
    source: World
    target: World

    @property
    def name(self) -> str:
        """How the pair is called in tables and cells."""
        return f"{self.source.name} to {self.target.name}"

    def evaluated(self, config: StudyConfig, channel: str) -> list[Evaluate]:
        """One evaluation per seed in the target, of the first policy trained on a channel of the source."""
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
"""Three of the worlds are trained on only for this; the other steps evaluate policies that are trained anyway."""


def control_steps(config: StudyConfig) -> list[Step]:
    """The rungs that exist for a configuration: only for policies with terse prompts, and for generated tasks."""
    if policy_card(config.policies[0])[0] != "terse":
        return []
    of_files = {*config.train_tasks, *config.test_tasks}
    return [step for step in CONTROL_STEPS if step.source.game in config.games and step.source.game not in of_files]


def learned(steps: Sequence[Step]) -> list[Step]:
    """For each changed world that is trained on, the step that measures it in that world itself."""
    changed = dict.fromkeys(step.source for step in steps if step.source.change)
    return [Step("same world", world, world) for world in changed]


def game_steps(config: StudyConfig) -> list[Step]:
    """Steps from every game to every game, including itself."""
    return [
        Step("same world" if source == target else "another mechanism", World(source), World(target))
        for source in config.games
        for target in config.games
    ]


def all_steps(config: StudyConfig) -> list[Step]:
    """Every step that is measured, nearest rung first."""
    controls = control_steps(config)
    steps = [*game_steps(config), *learned(controls), *controls]
    return sorted(steps, key=lambda step: KINDS.index(step.kind))


def untrained(config: StudyConfig, world: World) -> list[Evaluate]:
    """One evaluation per seed of the untrained first policy."""
    return [config.evaluation(world.setting(config), config.policies[0], seed) for seed in config.seed_numbers]


def control_jobs(config: StudyConfig) -> Iterator[Evaluate]:
    """The runs of the rungs seed by seed, so that they have the same seeds even if the study is interrupted."""
    controls = control_steps(config)
    steps = [*learned(controls), *controls]
    changed = dict.fromkeys(step.target for step in steps if step.target.change)
    for place in range(config.seeds):
        for step in steps:
            for channel in CHANNELS:
                yield step.evaluated(config, channel)[place]
        for world in changed:
            yield untrained(config, world)[place]
