"""Studies without worker processes, each of which takes seconds to import what trains."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import torch

from loopholes.studies.engine import Event, attempt
from loopholes.studies.jobs import Job


class Serial:
    """A :class:`loopholes.studies.engine.Backend` with one place, in this process; used as LocalWorkers is."""

    def __init__(self, root: Path, count: int) -> None:
        self._root = root
        self._events: list[Event] = []

    def __enter__(self) -> Self:
        torch.set_num_threads(1)  # as in a worker, so that numbers are the same to the last digit
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def free(self) -> bool:
        return not self._events

    def start(self, job: Job) -> None:
        steps: list[Event] = []
        kind, about = attempt(job, self._root, lambda progress: steps.append(Event(job, "step", progress=progress)))
        self._events = [*steps, Event(job, kind, **about)]

    def events(self) -> Iterator[Event]:
        events, self._events = self._events, []
        yield from events

    def stop(self) -> None:
        """Nothing is under way."""
