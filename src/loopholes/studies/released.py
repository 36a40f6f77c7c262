"""Evaluations on the paper's released test files, if these are available.

The files are not part of this project. The environment variable ``LOOPHOLES_REFERENCE`` names the folder with them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from loopholes.report.elements import Cell, Table
from loopholes.score import cells as scored_cells
from loopholes.studies.base import Runs, StudyConfig
from loopholes.studies.channels import EXPLOIT, TASK
from loopholes.studies.jobs import Evaluate, Source

VARIABLE = "LOOPHOLES_REFERENCE"
FILES: Mapping[str, str] = {
    "reward-tampering": "reward_tampering_test.parquet",
    "self-grading": "self_grading_test.parquet",
    "proxy-metric": "proxy_gaming_test.parquet",
}
"""The files by game. Those of context compliance are left out: their requests are harmful and need a judge."""
SAMPLES = 1
"""Answers per prompt; prompts are long, and more prompts say more than more answers."""
ANSWERING: Mapping[str, Any] = {"skip_bad": True, "max_tokens": 256, "batch_size": 8}
"""Small batches, since prompts of thousands of tokens fill the memory; prompts beyond the context are left out."""


def released_file(game: str) -> Path | None:
    """The released test file of a game; None if it is not available."""
    folder = os.environ.get(VARIABLE)
    if folder is None or game not in FILES:
        return None
    file = Path(folder) / FILES[game]
    return file if file.is_file() else None


def answered(config: StudyConfig, game: str, source: Source) -> list[Evaluate]:
    """The evaluation of a policy on a game's released test file with seed 0; empty without the file."""
    file = released_file(game)
    if file is None:
        return []
    usual = config.setting(game)
    setting = replace(usual, test_tasks=file, answering={**usual.answering, **ANSWERING})
    return [Evaluate(setting, source, 0, config.count, SAMPLES)]


Arms = Mapping[tuple[str, str], Sequence[Evaluate]]
"""Evaluations by (game, arm), including those of the untrained policy (``base``)."""


def released_table(arms: Arms, runs: Runs) -> Table:
    """Every finished arm on the released prompts."""
    rows: list[list[Cell]] = []
    for (game, arm), jobs in arms.items():
        if not jobs or not runs.finished(*jobs):
            continue
        numbers, too_long = runs.estimates(jobs), sum(runs.summary(job)["too_long"] for job in jobs)
        base = arms[game, "base"]
        change = runs.change(jobs, base, EXPLOIT) if arm != "base" and runs.finished(*base) else None
        rows.append([game, arm, numbers[TASK].n, too_long, numbers[TASK], numbers[EXPLOIT], change])
    columns = ("game", "arm", "prompts", "left out", "task performance", "exploit rate", "exploit change")
    note = (
        f"The paper's released test prompts, answered {'once' if SAMPLES == 1 else f'{SAMPLES} times'} each with at "
        f"most {ANSWERING['max_tokens']} tokens, in one seed, with intervals over prompts. Left out: prompts that "
        "exceed the model's context. Context compliance is not included: its released prompts are harmful requests "
        "that need a judge."
    )
    return Table("real-model-released", "On the released test files", columns, rows, note, changes=columns[-1:])


def released_cells(arms: Arms, runs: Runs, policy: str) -> list[dict[str, Any]]:
    """The finished arms as records for programs."""
    finished = {key: jobs for key, jobs in arms.items() if jobs and runs.finished(*jobs)}
    return [
        record
        for (game, arm), jobs in finished.items()
        for record in scored_cells(f"{game} (released)/{arm}/{policy}", runs.estimates(jobs))
    ]
