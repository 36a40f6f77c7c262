"""Does what was learned in one game show in another, on which nothing was trained?"""

from __future__ import annotations

from loopholes.studies.base import StudyConfig
from loopholes.studies.discovery import arm
from loopholes.studies.jobs import Evaluate, Job

CHANNELS = ("vulnerable", "secure")


def plan(config: StudyConfig) -> list[Job]:
    """Every trained policy on every game; the untrained one, too."""
    trained = [
        job
        for channel in CHANNELS
        for source in config.games
        for target in config.games
        for job in moved(config, source, channel, target)
    ]
    return [*(job for game in config.games for job in arm(config, game, "base")), *trained]


def moved(config: StudyConfig, source: str, channel: str, target: str) -> list[Evaluate]:
    """One evaluation a seed, on ``target``, of what ``channel`` of ``source`` made of the first policy."""
    setting = config.setting(target)
    return [config.evaluation(setting, config.trained(source, channel, seed), seed) for seed in config.seed_numbers]
