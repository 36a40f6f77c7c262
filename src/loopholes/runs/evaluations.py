"""Reading the run of an evaluation: its tasks, and what the answers really did."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loopholes.errors import DataError, RunError
from loopholes.files import json_rows
from loopholes.records import Outcome, Task, task_from_json
from loopholes.runs.run import Run

TASKS = "tasks.jsonl"


def read_evaluation(path: str | Path) -> tuple[list[Task], list[Outcome]]:
    """The tasks and outcomes of an evaluation's run, sample by sample, as :meth:`loopholes.stats.Sums.of` takes them.

    Raises :class:`RunError`.
    """
    run = Run.open(path)
    tasks = {task.id: task for task in read_tasks(run)}
    rows = run.rollouts()
    missing = next((row["task"] for row in rows if row["task"] not in tasks), None)
    if missing is not None:
        raise RunError(f"{run.path / TASKS} lacks the task {missing!r}; the run was edited or damaged")
    return [tasks[row["task"]] for row in rows], [outcome_of(row) for row in rows]


def outcome_of(row: Mapping[str, Any]) -> Outcome:
    """The outcome that a row of rollouts holds."""
    return Outcome(row["task_score"], row["exploit"], row["details"])


def read_tasks(run: Run) -> list[Task]:
    """The tasks of an evaluation's run, each once; raises :class:`RunError`."""
    file = run.path / TASKS
    if not file.is_file():
        raise RunError(f"{run.path} is not the run of an evaluation: it has no {TASKS}")
    try:
        return [task_from_json(row) for row in json_rows(file) if not isinstance(row, ValueError)]
    except (DataError, ValueError):
        raise RunError(f"{file} cannot be read as tasks; the run was edited or damaged") from None
