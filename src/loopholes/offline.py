"""Scoring answers that were written elsewhere: files in, rewards and measurements out.

The door for other programs and other languages (``loopholes score``). Tasks come from the released parquet layout or
from JSON Lines of Task; completions from JSON Lines ``{"task": row or id, "completion": text}``, with ``"claim"`` or
``"harmful"`` where somebody already asked.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopholes.errors import DataError, RunError, UsageError
from loopholes.games.base import Game, draws
from loopholes.games.files import first_of, json_rows, load_rows
from loopholes.scored import Scored, estimates, score, warn_of_untrainable
from loopholes.storage import disk_errors, plain, replace_file
from loopholes.types import Completion, Task

if TYPE_CHECKING:
    from loopholes.stats import Estimate

log = logging.getLogger(__name__)

CHUNK = 128  # completions scored at once
Reference = int | str


@dataclass(frozen=True, slots=True)
class Scores:
    """Every completion of a file, scored by one channel, in the order of the file."""

    game: Game
    channel: str
    references: tuple[Reference, ...]
    scored: tuple[Scored, ...]

    def records(self) -> Iterator[dict[str, Any]]:
        """One a completion: ``task`` as the file names it, ``reward``, ``task_score``, ``exploit``, and the details.

        ``reason`` says why a reward is None, and is there only then.
        """
        samples = (sample for chunk in self.scored for sample in _samples(chunk, self.channel))
        for reference, (payment, outcome) in zip(self.references, samples, strict=True):
            unpaid = {"reason": payment.reason} if payment.reward is None else {}
            head = {"task": reference, "reward": payment.reward, **unpaid}
            yield {**head, "task_score": outcome.task_score, "exploit": outcome.exploit, **outcome.details}

    def estimates(self) -> dict[str, Estimate]:
        """Every metric of the game and the mean reward, with intervals over tasks."""
        return estimates(self.game, self.scored)

    def write(self, out: Path, *, overwrite: bool = False) -> None:
        """Write the records as JSON Lines, whole or not at all; raises :class:`RunError` if the file is there."""
        refuse_existing(out, overwrite)
        text = "".join(line + "\n" for line in self.lines())
        with disk_errors(out):
            replace_file(out, text.encode())

    def lines(self) -> Iterator[str]:
        """The records as lines of JSON, everything outside ASCII escaped."""
        return (json.dumps(plain(record), allow_nan=False) for record in self.records())


def score_files(
    game: Game,
    tasks: str | Path,
    completions: str | Path,
    *,
    channel: str = "vulnerable",
    seed: int = 0,
    skip_bad: bool = False,
    on_chunk: Callable[[int, int], None] | None = None,
) -> Scores:
    """Score a file of completions against a file of tasks.

    An audit draw depends on ``seed`` and on the completion's row. ``skip_bad`` leaves out, and counts, rows of either
    file that cannot be used. ``on_chunk`` is told how many completions are done, of how many. Raises
    :class:`DataError` for what is wrong with the files, :class:`ScoringError` if the sandbox or a judge is broken.
    """
    game.channel(channel)
    rows = load_rows(tasks, game, skip_bad=skip_bad)
    read = read_completions(Path(completions), rows, skip_bad=skip_bad)
    asked = [task for _, _, task, _ in read]
    warn_of_untrainable(game, {task.id: task for task in asked}.values())
    scored = []
    for start in range(0, len(read), CHUNK):
        chunk = read[start : start + CHUNK]
        numbers = draws(seed, 0, [row for row, *_ in chunk])
        answers = [answer for *_, answer in chunk]
        scored.append(score(game, asked[start : start + CHUNK], answers, channels=[channel], numbers=numbers))
        if on_chunk is not None:
            on_chunk(start + len(chunk), len(read))
    return Scores(game, channel, tuple(reference for _, reference, _, _ in read), tuple(scored))


Row = tuple[int, Reference, Task, Completion]


def read_completions(path: Path, tasks: Mapping[int, Task], *, skip_bad: bool = False) -> list[Row]:
    """The rows of a completions file: row number, the task as it is named there, that task, the completion.

    ``tasks`` are those of the tasks file by row. Raises :class:`DataError`.
    """
    if not path.is_file():
        raise DataError(f"{path} is not a file")
    known: dict[Reference, Task] = dict(tasks.items())
    known.update((task.id, task) for task in tasks.values())
    found: list[Row] = []
    bad = []
    for number, row in enumerate(json_rows(path)):
        try:
            if isinstance(row, ValueError):
                raise row
            found.append((number, row.get("task", ""), _task_of(row, known), completion_from_json(row)))
        except ValueError as error:
            bad.append(f"row {number}: {error}")
    if bad and not skip_bad:
        raise DataError(f"{path} cannot be scored: {first_of(bad)}; --skip-bad goes on without such rows")
    if bad:
        log.warning("%s: left out %d of %d rows; %s", path, len(bad), len(bad) + len(found), first_of(bad))
    if not found:
        raise DataError(f"{path} holds no completions")
    return found


def completion_from_json(row: Mapping[str, Any]) -> Completion:
    """The completion of a row ``{"completion", "claim"?, "harmful"?}``; raises ValueError."""
    if not isinstance(row.get("completion"), str):
        raise ValueError("completion is not a text")
    for key in ("claim", "harmful"):
        if not isinstance(row.get(key), bool | None):
            raise ValueError(f"{key} is neither true nor false")
    harmful = row.get("harmful")
    verdict = None if harmful is None else "harmful" if harmful else "safe"
    return Completion(row["completion"], claim=row.get("claim"), verdict=verdict)


def refuse_existing(out: Path, overwrite: bool) -> None:
    """Raise unless ``out`` can be written without losing anything unasked."""
    if out.exists() and not out.is_file():
        raise UsageError(f"{out} is not a file that can be written; choose another --out")
    if out.exists() and not overwrite:
        raise RunError(f"{out} is there already: choose another --out, or say --overwrite")
    if not out.parent.is_dir():
        raise RunError(f"there is no directory {out.parent} to write {out.name} into")


def _task_of(row: Mapping[str, Any], known: Mapping[Reference, Task]) -> Task:
    reference = row.get("task")
    if isinstance(reference, bool) or not isinstance(reference, int | str):
        raise ValueError("task is neither a row number nor an id")
    if reference not in known:
        what = f"row {reference}" if isinstance(reference, int) else f"id {reference!r}"
        raise ValueError(f"the tasks have no {what}")
    return known[reference]


def _samples(chunk: Scored, channel: str) -> Iterator[tuple[Any, Any]]:
    return zip(chunk.payments[channel], chunk.outcomes, strict=True)
