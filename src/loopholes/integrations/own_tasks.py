"""A user's own tasks for an export, in place of generated ones."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loopholes.errors import DataError
from loopholes.games.base import Game, split_of
from loopholes.records import Split, Task

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaskFiles:
    """Files of tasks: ``train``, and ``test`` for the test split.

    Without ``test``, the tasks of ``train`` are dealt out: one that names its split (``info["split"]``) goes there, and
    of the others a tenth, chosen by id, is for testing.
    """

    train: Path
    test: Path | None = None
    skip_bad: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files, without their folders."""
        return tuple(file.name for file in (self.train, self.test) if file is not None)

    def load(self, game: Game) -> dict[Split, Sequence[Task]]:
        """The tasks of both splits, without those on which nothing can be earned.

        Raises :class:`DataError` for a file that does not fit the game, and for a split without tasks.
        """
        train = game.load(self.train, skip_bad=self.skip_bad)
        if self.test is not None:
            test = game.load(self.test, skip_bad=self.skip_bad)
        else:
            test = [task for task in train if _is_test(task)]
            train = [task for task in train if not _is_test(task)]
        return {"train": self._trainable(game, "train", train), "test": self._trainable(game, "test", test)}

    def _trainable(self, game: Game, split: Split, tasks: Sequence[Task]) -> Sequence[Task]:
        reasons = [game.untrainable_because(task) for task in tasks]
        kept = [task for task, reason in zip(tasks, reasons, strict=True) if not reason]
        why = next(filter(None, reasons), "")
        if not kept:
            because = f" ({why})" if why else ""
            raise DataError(
                f"no task for the split {split} in {' and '.join(self.names)}{because}: --tasks FILE has those for "
                "training, and --test-tasks FILE those for testing"
            )
        if why:
            log.warning("left out %d of %d tasks for the split %s: %s", len(tasks) - len(kept), len(tasks), split, why)
        return kept


def _is_test(task: Task) -> bool:
    return bool(task.info.get("split", split_of(task.id)) == "test")
