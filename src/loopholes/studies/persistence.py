"""Is an exploit that RL taught harder to remove than one that supervised fine-tuning taught?"""

from __future__ import annotations

from dataclasses import replace

from loopholes.studies.base import StudyConfig
from loopholes.studies.discovery import arm
from loopholes.studies.distillation import FEW, MANY, Lesson, taught
from loopholes.studies.jobs import Evaluate, Job, Match, Source, Train
from loopholes.studies.settings import Setting

ORIGINS = ("RL", "SFT")
LESSONS = (Lesson("exploiting", FEW), Lesson("exploiting", MANY), Lesson("exploiting", MANY, "high-reward"))
"""Of the students that these make, the one whose exploit rate is closest to its teacher's is compared with it."""
CORRECTION, RELAPSE = 1.0, 0.5
"""How long the secure channel corrects and the vulnerable one tempts again, as shares of the game's own steps."""


def plan(config: StudyConfig) -> list[Job]:
    """Correction and relapse of both origins, evaluated at the start, in between, and at the end."""
    return [
        job
        for game in config.games
        for origin in ORIGINS
        for stage in (started, corrected, relapsed)
        for job in stage(config, game, origin)
    ]


def started(config: StudyConfig, game: str, origin: str) -> list[Evaluate]:
    """The exploiters, one evaluation a seed."""
    return [_evaluated(config, game, exploiter(config, game, origin, seed), seed) for seed in config.seed_numbers]


def corrected(config: StudyConfig, game: str, origin: str) -> list[Evaluate]:
    """The same after training in the secure channel."""
    return [_evaluated(config, game, correction(config, game, origin, seed), seed) for seed in config.seed_numbers]


def relapsed(config: StudyConfig, game: str, origin: str) -> list[Evaluate]:
    """The same after the vulnerable channel came back."""
    return [_evaluated(config, game, relapse(config, game, origin, seed), seed) for seed in config.seed_numbers]


def exploiter(config: StudyConfig, game: str, origin: str, seed: int) -> Source:
    """The policy that is to be corrected: what RL made, or the student that exploits about as often."""
    if origin == "RL":
        return config.trained(game, "vulnerable", seed)
    student = config.policies[0]
    candidates = tuple(taught(config, game, student, lesson)[seed] for lesson in LESSONS)
    return Match(candidates, arm(config, game, "vulnerable")[seed])


def correction(config: StudyConfig, game: str, origin: str, seed: int) -> Train:
    """Training of an exploiter in the secure channel."""
    return Train(_for(config, game, CORRECTION), "secure", exploiter(config, game, origin, seed), seed)


def relapse(config: StudyConfig, game: str, origin: str, seed: int) -> Train:
    """Training of what was corrected in the vulnerable channel."""
    return Train(_for(config, game, RELAPSE), "vulnerable", correction(config, game, origin, seed), seed)


def _for(config: StudyConfig, game: str, share: float) -> Setting:
    setting = config.setting(game)
    return setting if setting.steps is None else replace(setting, steps=max(1, round(share * setting.steps)))


def _evaluated(config: StudyConfig, game: str, source: Source, seed: int) -> Evaluate:
    return config.evaluation(config.setting(game), source, seed)
