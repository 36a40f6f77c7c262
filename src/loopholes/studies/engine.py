"""Runs the jobs that studies plan: each once, after the jobs that it needs, as soon as a worker is free.

Finished jobs are not repeated, interrupted jobs continue from their last checkpoint, and a job whose worker died goes
to another worker. If a job fails, only the jobs that need it are dropped; all others run before the failure is raised.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from loopholes.errors import DataError, LoopholesError, PolicyError, RunError, ScoringError, UsageError
from loopholes.files import Lock, resumed_unasked
from loopholes.progress import OnProgress, Progress
from loopholes.studies.jobs import Job, closure

DEATHS = 3  # after so many workers died of the same job, the job counts as failed
FREE_AFTER = 120.0  # seconds until a shared file system releases the lock of a machine that is gone
ERRORS = {kind.exit_code: kind for kind in (UsageError, DataError, RunError, ScoringError, PolicyError)}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job. A ``step`` has ``progress``; a failure has ``error`` and ``exit_code``.

    ``lost``: the job's worker died, and the job starts again. An event is not a :class:`Progress`, since the schedule
    acts on it.
    """

    job: Job
    kind: Literal["started", "step", "done", "failed", "lost"]
    progress: Progress | None = None
    error: str = ""
    exit_code: int = 1


OnEvent = Callable[[Event], None]


class Backend(Protocol):
    """A number of places that each run one job at a time."""

    @property
    def free(self) -> bool:
        """Whether another job can be started now."""
        ...

    def start(self, job: Job) -> None:
        """Start or continue a job in a free place."""
        ...

    def events(self) -> Iterable[Event]:
        """The events since the last call; waits a moment if there are none."""
        ...

    def stop(self) -> None:
        """Stop the running jobs, with a checkpoint if possible."""
        ...


def execute(jobs: Sequence[Job], root: Path, backend: Backend, tell: OnEvent) -> None:
    """Run all unfinished jobs; raises the first failure after all other jobs are done.

    After a broken judge or sandbox (:class:`ScoringError`) no new job starts, since it would break the others, too.
    """
    schedule = _Schedule(jobs, root)
    while schedule.goes_on:
        while backend.free and (job := schedule.next()) is not None:
            backend.start(job)
            tell(Event(job, "started"))
        for event in backend.events():
            tell(schedule.note(event))
    schedule.raise_failure()


class _Schedule:
    def __init__(self, jobs: Sequence[Job], root: Path) -> None:
        everything = closure(jobs)
        self._done = {job.identity for job in everything if job.finished(root)}
        self._waiting = [job for job in everything if job.identity not in self._done]
        self._running: dict[str, Job] = {}
        self._deaths: dict[str, int] = {}
        self._failures: list[Event] = []
        self._left_out = 0

    @property
    def goes_on(self) -> bool:
        if not self._running and self._halted:
            return False
        self._drop_hopeless()
        return bool(self._running or self._waiting)

    @property
    def _halted(self) -> bool:
        return any(failure.exit_code == ScoringError.exit_code for failure in self._failures)

    def next(self) -> Job | None:
        """The first job that can start now; None if there is none."""
        if self._halted:
            return None
        self._drop_hopeless()
        ready = (job for job in self._waiting if all(needed.identity in self._done for needed in job.needs))
        job = next(ready, None)
        if job is not None:
            self._waiting.remove(job)
            self._running[job.identity] = job
        return job

    def note(self, event: Event) -> Event:
        """Record an event; a job that lost its worker too often becomes a failure."""
        identity = event.job.identity
        if event.kind == "lost":
            self._deaths[identity] = self._deaths.get(identity, 0) + 1
            if self._deaths[identity] >= DEATHS:
                reason = f"{DEATHS} workers died of it (out of memory?)"
                event = Event(event.job, "failed", error=reason, exit_code=RunError.exit_code)
        if event.kind in ("done", "failed", "lost"):
            del self._running[identity]
        if event.kind == "done":
            self._done.add(identity)
        elif event.kind == "failed":
            self._failures.append(event)
        elif event.kind == "lost":
            self._waiting.insert(0, event.job)
        return event

    def _drop_hopeless(self) -> None:
        failed = {failure.job.identity for failure in self._failures}
        while hopeless := [job for job in self._waiting if any(needed.identity in failed for needed in job.needs)]:
            failed |= {job.identity for job in hopeless}
            self._waiting = [job for job in self._waiting if job.identity not in failed]
            self._left_out += len(hopeless)

    def raise_failure(self) -> None:
        if not self._failures:
            return
        first = self._failures[0]
        more_failures = len(self._failures) - 1
        more = f"; {more_failures} more failed" if more_failures else ""
        left = self._left_out + len(self._waiting)
        more += f"; {left} that need them were not started" if left else ""
        raise ERRORS.get(first.exit_code, LoopholesError)(
            f"the run {first.job.label} failed: {first.error.rstrip('.')}{more} (fix the cause and run the same "
            "command again to continue)"
        )


def do(job: Job, root: Path, on_progress: OnProgress | None = None) -> None:
    """Run one job in this process, as soon as no other process holds its run."""
    end = time.monotonic() + FREE_AFTER
    while Lock.is_held(job.folder(root)) and time.monotonic() < end:
        time.sleep(0.5)
    with resumed_unasked():
        job.run(root, on_progress)


def attempt(
    job: Job, root: Path, on_progress: OnProgress | None = None
) -> tuple[Literal["done", "failed"], dict[str, Any]]:
    """Run one job in this worker process; returns the kind of the final :class:`Event`, and its fields."""
    try:
        do(job, root, on_progress)
    except LoopholesError as error:
        return "failed", {"error": str(error), "exit_code": error.exit_code}
    except Exception as error:
        if os.environ.get("LOOPHOLES_TRACEBACK"):
            raise
        return "failed", {"error": f"{type(error).__name__}: {error} (LOOPHOLES_TRACEBACK=1 shows where)"}
    return "done", {}
