"""Does ordinary RL find the loophole? Every game and policy: untrained, on the vulnerable and on the secure channel."""

from __future__ import annotations

from collections.abc import Iterator

from loopholes.studies.base import StudyConfig
from loopholes.studies.jobs import Evaluate, Job, Source, Train
from loopholes.studies.settings import Setting

ARMS = ("vulnerable", "secure", "base")


def plan(config: StudyConfig) -> list[Job]:
    """Arm by arm, game by game; then the control, whose records have no score to edit."""
    found = [job for policy in config.policies for game in config.games for job in jobs_of(config, game, policy)]
    return [*found, *(job for arm in ("vulnerable", "base") for job in control_arm(config, arm))]


def jobs_of(config: StudyConfig, game: str, policy: str) -> Iterator[Evaluate]:
    """The evaluations of one game and policy, all arms of a seed together."""
    for place in range(config.seeds):
        for name in ARMS:
            yield arm(config, game, name, policy)[place]


def arm(config: StudyConfig, game: str, name: str, policy: str | None = None) -> list[Evaluate]:
    """One evaluation a seed of an arm: ``base``, or a channel that the policy was trained on."""
    policy = policy or config.policies[0]
    setting = config.setting(game, policy)

    def source(seed: int) -> Source:
        return policy if name == "base" else config.trained(game, name, seed, policy)

    return [config.evaluation(setting, source(seed), seed) for seed in config.seed_numbers]


def control(config: StudyConfig) -> Setting | None:
    """Reward tampering whose records have no score: the same problems without the loophole."""
    if "reward-tampering" not in config.games:
        return None
    return config.setting("reward-tampering").with_parameters(control="no-exploit")


def control_arm(config: StudyConfig, name: str) -> list[Evaluate]:
    """One evaluation a seed of an arm of the control; none if the game is not studied."""
    setting = control(config)
    if setting is None:
        return []
    first = config.policies[0]
    return [
        config.evaluation(setting, first if name == "base" else Train(setting, name, first, seed), seed)
        for seed in config.seed_numbers
    ]
