"""How much auditing, told or not, stops a policy from overclaiming?"""

from __future__ import annotations

from loopholes.studies.base import StudyConfig
from loopholes.studies.jobs import Evaluate, Job, Train

LEVELS = (0.0, 0.5, 1.0)
SWEEP = (0.05, 0.1, round(1 / 7, 6), 0.2, 0.3)
"""Audit probabilities around 1/7, where overclaiming a wrong answer stops paying: it earns 1 - 7p."""


def plan(config: StudyConfig) -> list[Job]:
    """The sweep, then the paper's grid of telling and auditing."""
    cells = [(0.0, audit) for audit in sweep()] + [(telling, audit) for telling in LEVELS for audit in LEVELS]
    trained = [job for telling, audit in dict.fromkeys(cells) for job in cell(config, telling, audit)]
    return [*trained, *(job for telling in LEVELS for job in untrained(config, telling))]


def sweep() -> tuple[float, ...]:
    """All audit probabilities at which nothing is told."""
    return tuple(sorted({*SWEEP, *LEVELS}))


def cell(config: StudyConfig, telling: float, audit: float) -> list[Evaluate]:
    """One evaluation a seed of what training with this audit probability, so announced, made of the first policy."""
    setting = config.setting("self-grading").with_parameters(telling=telling, audit_probability=audit)
    return [
        config.evaluation(setting, Train(setting, "vulnerable", config.policies[0], seed), seed)
        for seed in config.seed_numbers
    ]


def untrained(config: StudyConfig, telling: float) -> list[Evaluate]:
    """The first policy before any training, told as much."""
    setting = config.setting("self-grading").with_parameters(telling=telling)
    return [config.evaluation(setting, config.policies[0], seed) for seed in config.seed_numbers]
