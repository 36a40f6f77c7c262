"""verl 0.9: ``trainer.rollout_data_dir`` and ``trainer.validation_data_dir`` hold ``STEP.jsonl``, one answer per line.

A line has ``input``, ``output``, ``gts`` (the ground truth), ``score`` and ``step``, and whatever else the reward
function returned. The prompt is decoded without special tokens, so only its words can be compared. An exported
game has the whole task as its ground truth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from loopholes.files import json_lines
from loopholes.traces.rollout import Rollout, number_in, task_in, text_in

WRITTEN_BY = (
    "verl writes input, output, score and step into STEP.jsonl with trainer.rollout_data_dir=FOLDER (or "
    "trainer.validation_data_dir)"
)


def files_in(folder: Path) -> list[Path]:
    """``STEP.jsonl``, by step."""
    return sorted((file for file in folder.glob("*.jsonl") if file.stem.isdigit()), key=lambda file: int(file.stem))


def read(path: Path) -> Iterator[Rollout | str]:
    """Every line of a file."""
    for number, row in json_lines(path):
        try:
            if isinstance(row, ValueError):
                raise row
            score = number_in(row, "score")
            task_id = row.get("task_id")
            yield Rollout(
                text_in(row, "output"),
                int(number_in(row, "step")),
                score if math.isfinite(score) else None,
                text_in(row, "input"),
                task_in(row.get("gts")),
                task_id if isinstance(task_id, str) else None,
            )
        except ValueError as error:
            yield f"line {number}: {error}"
