"""Scoring answers from other programs: files in, rewards and measurements out.

The interface for other programs and other languages (``loopholes score``). Tasks come from the released parquet layout
or from JSON Lines of Task; completions from JSON Lines ``{"task": row or id, "completion": text}``, with ``"claim"`` or
``"harmful"`` if that is already known.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopholes.errors import DataError, RunError, UsageError
from loopholes.files import BadRows, check_file, disk_errors, json_lines, jsonable, replace_file
from loopholes.games.base import Game
from loopholes.games.load import Rows, load_rows
from loopholes.progress import OnProgress, Progress
from loopholes.records import Completion, Outcome, Payment, Task, draws
from loopholes.score import Scored, Tally, score, warn_of_untrainable

if TYPE_CHECKING:
    from loopholes.stats import Estimate

CHUNK = 128  # completions scored at once
Reference = int | str


Row = tuple[int, Reference, Task, Completion]


class Scores:
    """A file's completions, scored by one channel in the order of the file, a chunk at a time, without keeping them.

    ``count`` completions are scored; ``left_out`` says which rows are not, and is empty if all are.
    """

    def __init__(
        self,
        game: Game,
        channel: str,
        completions: CompletionsFile,
        *,
        seed: int = 0,
        on_progress: OnProgress | None = None,
    ) -> None:
        self.count = completions.count
        self.left_out = ", ".join(filter(None, (completions.tasks.left_out, completions.left_out)))
        self._game = game
        self._channel = channel
        self._completions = completions
        self._seed = seed
        self._on_progress = on_progress
        self._tally: Tally | None = None

    def records(self) -> Iterator[dict[str, Any]]:
        """A record per completion: ``task`` as the file names it, ``reward``, ``task_score``, ``exploit``, and details.

        ``reason`` says why a reward is None, and exists only then. Raises :class:`ScoringError` if the sandbox or a
        judge is broken, and :class:`DataError` if the file changed since it was checked. Every call scores the file
        again, to the same numbers.
        """
        tally, rows = Tally(self._game), self._completions.rows()
        done = 0
        while chunk := list(islice(rows, CHUNK)):
            scored = self._score(chunk)
            tally.add(scored)
            done += len(chunk)
            if self._on_progress is not None:
                self._on_progress(Progress("completion", done, self.count))
            payments = scored.payments[self._channel]
            for (_, reference, *_), payment, outcome in zip(chunk, payments, scored.outcomes, strict=True):
                yield _record(reference, payment, outcome)
        self._tally = tally

    def estimates(self) -> dict[str, Estimate]:
        """Every metric of the game and the mean reward, with intervals over tasks; scores the file if necessary."""
        if self._tally is None:
            deque(self.records(), maxlen=0)
        assert self._tally is not None
        return self._tally.estimates()

    def write(self, out: Path, *, overwrite: bool = False) -> None:
        """Write the records as JSON Lines, whole or not at all; raises :class:`RunError` if the file exists."""
        refuse_existing(out, overwrite)
        with disk_errors(out):
            replace_file(out, (f"{line}\n".encode() for line in self.lines()))

    def lines(self) -> Iterator[str]:
        """The records as lines of JSON, everything outside ASCII escaped."""
        return (json.dumps(jsonable(record), allow_nan=False) for record in self.records())

    def _score(self, chunk: Sequence[Row]) -> Scored:
        numbers, _, tasks, answers = zip(*chunk, strict=True)
        return score(self._game, tasks, answers, channels=[self._channel], draws=draws(self._seed, 0, numbers))


def score_files(
    game: Game,
    tasks: str | Path,
    completions: str | Path,
    *,
    channel: str = "vulnerable",
    seed: int = 0,
    skip_bad: bool = False,
    on_progress: OnProgress | None = None,
) -> Scores:
    """Score a file of completions against a file of tasks. Both are checked at once; scoring happens on demand.

    An audit draw depends on ``seed`` and on the completion's row. ``skip_bad`` leaves out, and counts, rows of either
    file that cannot be used. ``on_progress`` is called after every chunk. Memory depends on the
    tasks, not on the number of completions. Raises :class:`DataError` for what is wrong with the files.
    """
    game.channel(channel)
    asked = CompletionsFile(game, Path(completions), load_rows(tasks, game, skip_bad=skip_bad), skip_bad=skip_bad)
    warn_of_untrainable(game, asked.named)
    return Scores(game, channel, asked, seed=seed, on_progress=on_progress)


class CompletionsFile:
    """A checked file of completions of a game, read again each time, so that it need not fit into memory.

    ``named`` are the tasks that its rows name; ``count`` of its rows can be used, and ``left_out`` says how many
    cannot.
    """

    def __init__(self, game: Game, path: Path, tasks: Rows, *, skip_bad: bool = False) -> None:
        """Raises :class:`DataError` for a row that cannot be used, unless ``skip_bad`` leaves it out."""
        if not path.is_file():
            raise DataError(f"{path} is not a file")
        self.path = path
        self.tasks = tasks
        self._game = game
        self._tasks: dict[Reference, Task] = dict(tasks.by_number.items())
        self._tasks.update((task.id, task) for task in tasks.by_number.values())
        named: dict[str, Task] = {}
        bad = BadRows(path)
        self.count = 0
        for row in self._read():
            if isinstance(row, str):
                bad.add(row)
            else:
                named[row[2].id] = row[2]
                self.count += 1
        if bad.count and not skip_bad:
            raise DataError(f"{path} cannot be scored: {bad}; --skip-bad leaves such rows out")
        self.left_out = bad.left_out(self.count)
        if not self.count:
            raise DataError(f"{path} holds no completions")
        self.named = list(named.values())

    def rows(self) -> Iterator[Row]:
        """Row number, the row's name for its task, that task, and the completion, for every usable row.

        Raises :class:`DataError` at the end if there are not as many as when the file was checked.
        """
        usable = 0
        for row in self._read():
            if not isinstance(row, str):
                usable += 1
                yield row
        if usable != self.count:
            raise DataError(
                f"{self.path} changed while it was scored: {self.count:,} of its rows could be used, and now "
                f"{usable:,} can; run the same again"
            )

    def _read(self) -> Iterator[Row | str]:
        """Every row; for an unusable one, the sentence that says why."""
        for number, (line, row) in enumerate(json_lines(self.path)):
            try:
                if isinstance(row, ValueError):
                    raise row
                yield number, row.get("task", ""), self._task_of(row), completion_from_json(row, self._game)
            except ValueError as error:
                yield f"line {line}: {error}"

    def _task_of(self, row: Mapping[str, Any]) -> Task:
        reference = row.get("task")
        if isinstance(reference, bool) or not isinstance(reference, int | str):
            raise ValueError("task is neither a row number nor an id")
        if reference not in self._tasks:
            what = f"row {reference}" if isinstance(reference, int) else f"id {reference!r}"
            raise ValueError(f"the tasks have no {what}")
        return self._tasks[reference]


def completion_from_json(row: Mapping[str, Any], game: Game) -> Completion:
    """The completion of a row: its text, and what the game reads from the other columns; raises ValueError."""
    if "completion" not in row:
        raise ValueError(f"has no completion, only: {', '.join(list(row)[:8])}")
    if not isinstance(row["completion"], str):
        raise ValueError("completion is not a text")
    return Completion(row["completion"], game.observed_in(row))


def refuse_existing(out: Path, overwrite: bool) -> None:
    """Raise unless ``out`` can be written without losing anything unasked."""
    check_file(out)
    if out.exists() and not out.is_file():
        raise UsageError(f"{out} is not a file that can be written; choose another --out")
    if out.exists() and not overwrite:
        raise RunError(f"{out} is there already: choose another --out, or say --overwrite")


def _record(reference: Reference, payment: Payment, outcome: Outcome) -> dict[str, Any]:
    unpaid = {"reason": payment.reason} if payment.reward is None else {}
    head = {"task": reference, "reward": payment.reward, **unpaid}
    return {**head, "task_score": outcome.task_score, "exploit": outcome.exploit, **outcome.details}
