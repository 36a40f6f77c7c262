"""Progress of a piece of work: a record, and the type of callbacks that receive it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` pieces of work (``total`` is None while it is unknown) and the numbers worth watching.

    ``what`` is the word before the count: ``step``, ``batch``, ``runs done``. A number is None if it could not be
    measured; rates are shares in [0, 1].
    """

    what: str
    done: int
    total: int | None = None
    numbers: Mapping[str, float | None] = field(default_factory=dict)

    @classmethod
    def of(cls, what: str, metrics: Mapping[str, Any], total: int | None) -> Self:
        """From a line of a run's metrics, whose ``step`` counts from 1; only its numbers are kept."""
        numbers = {
            name: value
            for name, value in metrics.items()
            if name not in ("step", "steps") and (value is None or isinstance(value, int | float))
        }
        return cls(what, metrics["step"], total, numbers)


OnProgress = Callable[[Progress], None]
"""Called, in the process that asked for the work, each time a piece of it is done."""

_watcher: ContextVar[OnProgress | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(on_progress: OnProgress) -> Iterator[None]:
    """Call ``on_progress`` for whatever :func:`report` reports in this block.

    For long work deep inside a scorer, such as a judge's questions, where a callback would have to be passed through
    every game.
    """
    token = _watcher.set(on_progress)
    try:
        yield
    finally:
        _watcher.reset(token)


def report(progress: Progress) -> None:
    """Report progress inside a scorer to the callback of :func:`watched`, if there is one."""
    on_progress = _watcher.get()
    if on_progress is not None:
        on_progress(progress)
