"""Files of tasks: the parquet layout that the paper's authors released, and JSON Lines of Task.

Every file from a user can be wrong. Messages name a broken file with what is wrong, and broken rows by number;
``skip_bad`` leaves such rows out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from loopholes.errors import DataError
from loopholes.files import BadRows, placed_rows
from loopholes.records import Task, task_from_json

logger = logging.getLogger(__name__)


class Reader(Protocol):
    """What loading needs from a game."""

    @property
    def name(self) -> str:
        """The game's name, for messages."""
        ...

    def from_released(self, row: Mapping[str, Any], number: int) -> Task:
        """One row of the released layout; raises ValueError."""
        ...

    def check(self, task: Task) -> None:
        """Raises ValueError if the task lacks what the game scores with."""
        ...

    def doubt(self, task: Task) -> str:
        """Why a task may be mislabelled; empty if nothing is odd."""
        ...


@dataclass(frozen=True, slots=True)
class Rows:
    """The tasks of a file by their row, counted from zero; ``left_out`` says how many rows are missing, if any."""

    by_number: Mapping[int, Task]
    left_out: str = ""


def load_tasks(path: str | Path, game: Reader, *, skip_bad: bool = False) -> list[Task]:
    """All tasks of a file, in order; raises :class:`DataError` on anything that is not one."""
    return list(load_rows(path, game, skip_bad=skip_bad).by_number.values())


def load_rows(path: str | Path, game: Reader, *, skip_bad: bool = False) -> Rows:
    """All tasks of a file by their row; rows that ``skip_bad`` leaves out keep their number.

    Raises :class:`DataError`.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path} is not a file")
    released = path.suffix.lower() == ".parquet"
    tasks: dict[int, Task] = {}
    place_of: dict[str, str] = {}
    bad, odd = BadRows(path), BadRows(path)
    for number, (place, row) in enumerate(placed_rows(path, "prompt")):
        try:
            if isinstance(row, ValueError):
                raise row
            task = game.from_released(row, number) if released else task_from_json(row)
            game.check(task)
            if doubt := game.doubt(task):
                (bad if skip_bad else odd).add(f"{place}: {doubt}")
            if not (doubt and skip_bad):
                if (first := place_of.setdefault(task.id, place)) != place:
                    raise ValueError(f"id {task.id!r} is that of {first}")
                tasks[number] = task
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            bad.add(f"{place}: {error}")
    if bad.count and not skip_bad:
        raise DataError(f"{path} does not fit {game.name}: {bad}; --skip-bad leaves such rows out")
    if odd.count:
        logger.warning("%s: %d of %d rows are odd, --skip-bad leaves them out; %s", path, odd.count, len(tasks), odd)
    left_out = bad.left_out(len(tasks))
    if not tasks:
        raise DataError(f"{path} holds no tasks")
    return Rows(tasks, left_out)


def bools(row: Mapping[str, Any], *names: str) -> dict[str, bool]:
    """The columns that hold true or false; missing ones and nulls are left out. Raises ValueError for anything else."""
    for name in names:
        if not isinstance(row.get(name), bool | None):
            raise ValueError(f"{name} is neither true nor false")
    return {name: row[name] for name in names if row.get(name) is not None}


def section(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A column that holds a record, empty where it is missing; raises ValueError where it holds something else."""
    value = row.get(name)
    if not isinstance(value, (Mapping, type(None))):
        raise ValueError(f"{name} is not a record of fields")
    return value or {}
