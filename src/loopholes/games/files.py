"""Files of tasks: the parquet layout that the paper's authors released, and JSON Lines of Task.

Every file a user hands over can be wrong. A broken file is named with what is wrong; broken rows are named by
number, and ``skip_bad`` goes on without them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopholes.errors import DataError
from loopholes.types import Message, Task

if TYPE_CHECKING:
    import pyarrow as pa

    from loopholes.games.base import Game

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rows:
    """The tasks of a file by their row, counted from zero; ``left_out`` says how many rows are missing, if any."""

    by_number: Mapping[int, Task]
    left_out: str = ""


class BadRows:
    """What is wrong with the rows of a file: how many there are, and the first few of them in words."""

    def __init__(self, path: Path) -> None:
        self.count = 0
        self._path = path
        self._shown: list[str] = []

    def add(self, complaint: str) -> None:
        """One more, as ``row NUMBER: what is wrong``."""
        self.count += 1
        if len(self._shown) < 3:
            self._shown.append(complaint if len(complaint) <= 200 else f"{complaint[:199]}…")

    def __str__(self) -> str:
        more = f" (and {self.count - len(self._shown)} more)" if self.count > len(self._shown) else ""
        return "; ".join(self._shown) + more

    def left_out(self, used: int) -> str:
        """Log, and say for the summary, how many rows were left out beside ``used`` good ones; empty if none were."""
        if not self.count:
            return ""
        share = f"{self.count:,} of {self.count + used:,} rows"
        logger.warning("%s: left out %s; %s", self._path, share, self)
        return f"{share} of {self._path.name}"


def load_tasks(path: str | Path, game: Game, *, skip_bad: bool = False) -> list[Task]:
    """All tasks of a file, in order; raises :class:`DataError` on anything that is not one."""
    return list(load_rows(path, game, skip_bad=skip_bad).by_number.values())


def load_rows(path: str | Path, game: Game, *, skip_bad: bool = False) -> Rows:
    """All tasks of a file by their row; rows that ``skip_bad`` leaves out keep their number.

    Raises :class:`DataError`.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path} is not a file")
    released = path.suffix.lower() == ".parquet"
    tasks: dict[int, Task] = {}
    row_of: dict[str, int] = {}
    bad, odd = BadRows(path), BadRows(path)
    for number, row in enumerate(parquet_rows(path, "prompt") if released else json_rows(path)):
        try:
            if isinstance(row, ValueError):
                raise row
            task = game.from_released(row, number) if released else task_from_json(row)
            game.check(task)
            if doubt := game.doubt(task):
                (bad if skip_bad else odd).add(f"row {number}: {doubt}")
            if not (doubt and skip_bad):
                if (first := row_of.setdefault(task.id, number)) != number:
                    raise ValueError(f"id {task.id!r} is that of row {first}")
                tasks[number] = task
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            bad.add(f"row {number}: {error}")
    if bad.count and not skip_bad:
        raise DataError(f"{path} does not fit {game.name}: {bad}; --skip-bad goes on without such rows")
    if odd.count:
        logger.warning("%s: %d of %d rows are odd, --skip-bad leaves them out; %s", path, odd.count, len(tasks), odd)
    left_out = bad.left_out(len(tasks))
    if not tasks:
        raise DataError(f"{path} holds no tasks")
    return Rows(tasks, left_out)


def messages(prompt: object) -> tuple[Message, ...]:
    """A prompt column as messages: a list of ``{role, content}``, or the JSON text of one; raises ValueError."""
    if isinstance(prompt, str):
        try:
            prompt = json.loads(prompt)
        except (ValueError, RecursionError):
            raise ValueError("prompt is a text, but not the JSON text of a list of messages") from None
    if not isinstance(prompt, (list, tuple)) or not prompt:
        raise ValueError("prompt is not a list of messages")
    for turn in prompt:
        if not isinstance(turn, Mapping) or not all(isinstance(turn.get(key), str) for key in ("role", "content")):
            raise ValueError("prompt is not a list of {role, content}")
    return tuple({"role": turn["role"], "content": turn["content"]} for turn in prompt)


def section(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A column that holds a record, empty where it is missing; raises ValueError where it holds something else."""
    value = row.get(name)
    if not isinstance(value, (Mapping, type(None))):
        raise ValueError(f"{name} is not a record of fields")
    return value or {}


def task_from_json(row: Mapping[str, Any]) -> Task:
    """A Task from its JSON object; raises ValueError."""
    if not isinstance(row.get("id"), str):
        raise ValueError("a task needs an id (a string)")
    for key in ("truth", "info"):
        if not isinstance(row.get(key, {}), Mapping):
            raise ValueError(f"{key} is not an object")
    return Task(row["id"], messages(row.get("prompt")), row.get("truth", {}), row.get("info", {}))


def task_to_json(task: Task) -> dict[str, Any]:
    """The JSON object of a Task."""
    return {"id": task.id, "prompt": list(task.prompt), "truth": dict(task.truth), "info": dict(task.info)}


def json_rows(path: Path) -> Iterator[dict[str, Any] | ValueError]:
    """The objects of a JSON Lines file; a line that is none comes as the ValueError that says why."""
    try:
        with path.open("rb") as lines:
            for line in lines:
                if line.strip():
                    yield _json_row(line)
    except OSError as error:
        raise DataError(f"{path} cannot be read as JSON Lines: {error}") from None


def _json_row(line: bytes) -> dict[str, Any] | ValueError:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return ValueError("not UTF-8")
    except (ValueError, RecursionError) as error:
        return ValueError(f"not JSON: {error}")
    return row if isinstance(row, dict) else ValueError("not a JSON object")


def parquet_rows(path: Path, needs: str = "") -> Iterator[dict[str, Any] | ValueError]:
    """The rows of a parquet file, which has to have a column ``needs``; a row that Python cannot hold is its error."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            if needs and needs not in file.schema_arrow.names:
                names = ", ".join(file.schema_arrow.names[:8])
                raise DataError(f"{path} is not of the released layout: it has no column {needs!r}, only: {names}")
            for batch in file.iter_batches(batch_size=256):
                yield from _batch_rows(batch)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as parquet: {str(error).partition(chr(10))[0]}") from None


def _batch_rows(batch: pa.RecordBatch) -> list[dict[str, Any] | ValueError]:
    """The rows of a batch; where Python has no such value (text that is not UTF-8, a far date) a row is its error."""
    try:
        return list(batch.to_pylist())
    except (ValueError, OverflowError) as error:
        if batch.num_rows > 1:
            return [row for number in range(batch.num_rows) for row in _batch_rows(batch.slice(number, 1))]
        return [ValueError("not UTF-8" if isinstance(error, UnicodeDecodeError) else f"cannot be read: {error}")]
