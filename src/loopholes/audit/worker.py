"""The process in which a user's reward runs: loads it, is asked, answers. See :mod:`loopholes.audit.scorer`."""

from __future__ import annotations

import importlib
import mmap
import os
import resource
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any

from loopholes.audit.frameworks import FRAMEWORKS
from loopholes.audit.frameworks.base import FIXED, Rejected, Reward, Row, copied, raised
from loopholes.audit.results import Target
from loopholes.errors import LoopholesError, UsageError
from loopholes.sandbox.inside.relatives import end_with_parent

PLACE = struct.Struct("q")
NOWHERE = -1
"""The place before anything of a request was looked at."""


class Watched(list[str]):
    """Texts that tell, as they are taken one by one, which of them is being looked at."""

    def __init__(self, texts: Sequence[str], place: mmap.mmap) -> None:
        super().__init__(texts)
        self._place = place

    def __iter__(self) -> Iterator[str]:
        for number, text in enumerate(super().__iter__()):
            PLACE.pack_into(self._place, 0, number)
            yield text


def main() -> None:
    """Serve until the other end closes. All that the reward prints goes nowhere.

    Arguments: the descriptor of the channel, bytes of memory, the descriptor of the file that tells the place.
    """
    channel, memory, place = map(int, sys.argv[1:4])
    end_with_parent()
    pipe = Connection(channel)
    shared = mmap.mmap(place, PLACE.size)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        target, rows = pipe.recv()
        module = importlib.import_module(FRAMEWORKS[target.framework])
        if rows is None:
            pipe.send(("rows", _rows(module, target)))
            return
        reward: Reward = module.build(target.parts, target.options)
        together = reward.batched or getattr(reward, "together", False)
        pipe.send(("ready", {"batched": reward.batched, "together": together, "notes": list(reward.notes)}))
        process = os.getpid()
        while True:
            answer = _answer(reward, rows, pipe.recv(), shared)
            if os.getpid() != process:  # the reward forked, and this is the child
                os._exit(0)
            pipe.send(answer)
    except LoopholesError as error:
        pipe.send(("rejected", str(error)))
    except (EOFError, OSError):
        return
    except Exception as error:
        pipe.send(("rejected", f"the reward cannot be loaded: {raised(error).removeprefix('raised ')}"))


def _rows(module: Any, target: Target) -> list[Row]:
    """The rows that a target brings along."""
    if not hasattr(module, "rows"):
        raise UsageError(f"{target.label} brings no rows along: give --data")
    return list(module.rows(target.parts, target.options))


def _answer(reward: Reward, rows: Sequence[Row], calls: Sequence[tuple[Row | int, str]], place: mmap.mmap) -> Any:
    """What one request is answered: payments, the seconds they took, and whether rows were changed."""
    given = [rows[row] if isinstance(row, int) else row for row, _ in calls]
    asked = [fresh(row) for row in given]
    PLACE.pack_into(place, 0, 0)
    started = time.perf_counter()
    try:
        paid = reward(asked, Watched([text for _, text in calls], place))
    except Rejected as error:
        return "rejected", str(error)
    seconds = time.perf_counter() - started
    return "paid", (paid, seconds, changed(asked, given), list(getattr(reward, "not_covered", ())))


def fresh(row: Row) -> Row:
    """The row with columns of its own where they could be changed: a trainer, too, reads a row anew each time."""
    nested = {key: copied(value) for key, value in row.columns.items() if not isinstance(value, FIXED)}
    if not nested:
        return row
    return Row(row.number, row.prompt, row.golden, row.floor, {**row.columns, **nested})  # replace takes 3 microseconds


def changed(asked: Sequence[Row], given: Sequence[Row]) -> bool:
    """Whether columns that were handed out are no longer what they were."""
    return any(
        mine is not row and not _alike(mine.columns, row.columns) for mine, row in zip(asked, given, strict=True)
    )


def _alike(mine: Any, others: Any) -> bool:
    try:
        return bool(mine == others)
    except ValueError:  # of arrays
        return repr(mine) == repr(others)
