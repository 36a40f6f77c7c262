"""A real model beside the mini policies (as published) and the paper's models (as reported): numbers, differences."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from loopholes import paper
from loopholes.config import MINI
from loopholes.numbers import Estimate, share
from loopholes.policies import MINIS
from loopholes.report.elements import Cell, Table
from loopholes.studies.base import StudyConfig
from loopholes.studies.channels import BOTH, CHANNELS
from loopholes.studies.jobs import Train
from loopholes.studies.settings import SETTINGS

ARMS = ("base", *CHANNELS)
PARAMETERS: Mapping[str, str] = {"mini": "0.8 million", "smollm2": "134.5 million"}
Numbers = Mapping[tuple[str, str, str], Estimate]
"""Estimates by (game, arm, metric)."""


@cache
def published() -> Mapping[tuple[str, str], Estimate]:
    """The mini policies' numbers by (cell, metric), from ``minis.json``; a cell is called ``game/arm/policy``."""
    records = json.loads(files("loopholes.studies").joinpath("minis.json").read_text())
    return {
        (row["cell"], row["metric"]): Estimate(*(row[key] for key in ("value", "low", "high", "n", "seeds")))
        for row in records
    }


def numbers_table(config: StudyConfig, numbers: Numbers) -> Table:
    """Every game and arm; a policy's cell is empty where its number is not known."""
    rows: list[list[Cell]] = []
    for game in config.games:
        for arm in ARMS:
            for metric in BOTH:
                theirs: list[Cell] = [_reported(model, game, arm, metric) for model in paper.PARAMETERS]
                minis: list[Cell] = [published().get((f"{game}/{arm}/{mini}", metric)) for mini in MINIS]
                rows.append([game, arm, metric.replace("_", " "), *theirs, *minis, numbers.get((game, arm, metric))])
    columns = ("game", "arm", "metric", *(f"{model} (paper)" for model in paper.PARAMETERS), *MINIS, config.policies[0])
    note = (
        "The paper's numbers (arXiv 2602.12124) are cited as reported and were not measured here; a cell is empty if "
        "a number is not known. The minis' numbers are those of discovery. All policies were trained by GRPO without "
        "a KL term, with advantages divided by the group's standard deviation. The next table lists what else "
        "differs: compare directions, not levels."
    )
    return Table("real-model-beside", "Beside the minis and the paper's models", columns, rows, note)


def _reported(model: str, game: str, arm: str, metric: str) -> str | None:
    rate = paper.reported(model, game, arm, metric)
    return None if rate is None else share(rate)


def differences_table(config: StudyConfig, trained: Sequence[Train]) -> Table:
    """The differences between the policies of :func:`numbers_table`; ``trained`` are the runs of the study's policy."""
    policy = config.policies[0]
    minis, ours = _minis(), _ours(config, trained)
    rows: list[list[Cell]] = [
        ["parameters", *paper.PARAMETERS.values(), PARAMETERS["mini"], PARAMETERS.get(policy, "not known")]
    ]
    rows += [[what, *[paper.SETUP[what]] * len(paper.PARAMETERS), minis[what], ours[what]] for what in paper.SETUP]
    columns = ("", *(f"{model} (paper)" for model in paper.PARAMETERS), "minis", policy)
    return Table("real-model-differences", "What differs", columns, rows)


def _minis() -> dict[str, str]:
    steps = [setting.steps for setting in SETTINGS.values() if setting.steps is not None]
    rates = sorted({setting.options.get("learning_rate", MINI["learning_rate"]) for setting in SETTINGS.values()})
    prompts = sorted(
        {setting.options.get("prompts_per_step", MINI["prompts_per_step"]) for setting in SETTINGS.values()}
    )
    return {
        "world": "mini worlds, generated",
        "self-grading": "claims within the answer",
        "weights trained": "all",
        "learning rate": _listed(rates),
        "answers a step": _listed([8 * count for count in prompts]),
        "training": f"{min(steps)} to {max(steps)} steps",
        "evaluated at": "temperature 1",
        "seeds": "ten (mini), five (mini-llama)",
    }


def _ours(config: StudyConfig, trained: Sequence[Train]) -> dict[str, str]:
    runs = [job.resolved() for job in trained]
    ranks = {run.peft.get("r", 8) if run.peft is not None else None for run in runs}
    sampled = [config.evaluation(job.setting, job, 0).sampling() for job in trained]
    return {
        "world": "the files that were named" if config.test_tasks else "worlds in English, generated",
        "self-grading": "claims within the answer",
        "weights trained": " or ".join(
            "all" if rank is None else f"an adapter (LoRA) of rank {rank}" for rank in ranks
        ),
        "learning rate": _listed(sorted({run.learning_rate or 0.0 for run in runs})),
        "answers a step": _listed(sorted({run.samples * (run.prompts_per_step or 0) for run in runs})),
        "training": _span([run.steps for run in runs if run.steps is not None]),
        "evaluated at": " or ".join(dict.fromkeys(f"temperature {each.temperature:g}" for each in sampled)),
        "seeds": f"{config.seeds} in the games played on both channels, one in the others",
    }


def _span(steps: Sequence[int]) -> str:
    if not steps:
        return "passes over the data"
    return f"{min(steps)} to {max(steps)} steps" if min(steps) < max(steps) else f"{steps[0]} steps"


def _listed(values: Sequence[float]) -> str:
    return " or ".join(f"{value:g}" for value in values)
