"""After one exploit was learned, is the next one found sooner?"""

from __future__ import annotations

from loopholes.studies.base import StudyConfig
from loopholes.studies.discovery import arm
from loopholes.studies.jobs import Job, Source, Train
from loopholes.studies.transfer import moved

BEFORE = ("base", "vulnerable", "secure")
LATE = ("reward-tampering", "proxy-metric")
"""Games whose exploit comes late or at very different steps, so that it can come sooner. In the others it appears in
every seed within the first ten steps, about as soon as the window of first appearance allows."""


def plan(config: StudyConfig) -> list[Job]:
    """Vulnerable training in each second game after each first one, and how far the exploit is there at the start."""
    jobs: list[Job] = []
    for first, second in pairs(config):
        jobs += [*arm(config, second, "base"), *arm(config, second, "vulnerable")]
        for before in BEFORE[1:]:
            jobs += [*moved(config, first, before, second), *continued(config, first, before, second)]
    return jobs


def pairs(config: StudyConfig) -> list[tuple[str, str]]:
    """Which game after which: all of them with ``full``, else those with a second game in :data:`LATE`."""
    seconds = [game for game in config.games if config.full or game in LATE]
    return [(first, second) for second in seconds for first in config.games if first != second]


def continued(config: StudyConfig, first: str, before: str, second: str) -> list[Train]:
    """One run a seed: vulnerable training in ``second`` of the base policy, or of what ``first`` made of it."""
    setting, base = config.setting(second), config.policies[0]

    def source(seed: int) -> Source:
        return base if before == "base" else config.trained(first, before, seed)

    return [Train(setting, "vulnerable", source(seed), seed) for seed in config.seed_numbers]
