"""Every job runs once, after the jobs that it needs; a failure or a death stops no more than it must."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from loopholes.errors import PolicyError, RunError, ScoringError
from loopholes.progress import OnProgress
from loopholes.runs import Run
from loopholes.studies.engine import DEATHS, Event, execute
from loopholes.studies.jobs import Job


@dataclass(frozen=True)
class Small(Job):
    """A job that does nothing but finish its run."""

    name: str
    after: tuple[Job, ...] = ()

    @property
    def label(self) -> str:
        return self.name

    @property
    def needs(self) -> tuple[Job, ...]:
        return self.after

    @property
    def steps(self) -> int | None:
        return 1

    def described(self) -> dict[str, Any]:
        return {"name": self.name, "after": [job.identity for job in self.after]}

    def run(self, root: Path, on_progress: OnProgress | None = None) -> None:
        with Run.create(self.folder(root), self.described(), resume=True):
            pass


@dataclass
class Places:
    """A backend in this process: :meth:`events` finishes the job that was started last, or ends it as ``ends`` says."""

    root: Path
    count: int = 2
    ends: dict[str, list[Event]] = field(default_factory=dict)
    running: list[Job] = field(default_factory=list)
    started: list[str] = field(default_factory=list)

    @property
    def free(self) -> bool:
        return len(self.running) < self.count

    def start(self, job: Job) -> None:
        assert self.free
        assert all(needed.finished(self.root) for needed in job.needs)
        self.started.append(job.label)
        self.running.append(job)

    def events(self) -> Iterator[Event]:
        job = self.running.pop()
        if self.ends.get(job.label):
            yield self.ends[job.label].pop(0)
            return
        job.run(self.root)
        yield Event(job, "done")

    def stop(self) -> None:
        pass


A, B = Small("a"), Small("b")
C = Small("c", (A, B))
D = Small("d", (C,))
E = Small("e")


def failing(job: Job, exit_code: int = PolicyError.exit_code) -> Event:
    return Event(job, "failed", error="it broke.", exit_code=exit_code)


def run(root: Path, ends: dict[str, list[Event]] | None = None, jobs: tuple[Job, ...] = (D, E)) -> Places:
    places = Places(root, ends=ends or {})
    execute(jobs, root, places, lambda event: None)
    return places


def test_each_job_begins_once_after_what_it_needs(tmp_path: Path) -> None:
    assert sorted(run(tmp_path).started) == ["a", "b", "c", "d", "e"]


def test_what_is_finished_is_not_done_again(tmp_path: Path) -> None:
    run(tmp_path, jobs=(C,))
    assert sorted(run(tmp_path).started) == ["d", "e"]
    assert run(tmp_path).started == []


def test_a_failure_takes_along_what_needs_it_and_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"the run b failed: it broke; 2 that need them were not started") as raised:
        run(tmp_path, {"b": [failing(B)]})
    assert "run the same command again to continue" in str(raised.value)
    assert A.finished(tmp_path) and E.finished(tmp_path)
    assert not C.folder(tmp_path).exists()
    assert sorted(run(tmp_path).started) == ["b", "c", "d"]


def test_a_broken_judge_lets_nothing_new_begin(tmp_path: Path) -> None:
    more = tuple(Small(f"later-{number}") for number in range(5))
    places = Places(tmp_path, ends={"b": [failing(B, ScoringError.exit_code)]})
    with pytest.raises(ScoringError, match="the run b failed"):
        execute((A, B, *more), tmp_path, places, lambda event: None)
    assert places.started == ["a", "b"]
    assert A.finished(tmp_path)  # the engine still waits for running jobs


def test_a_job_that_lost_its_worker_is_started_again(tmp_path: Path) -> None:
    lost = [Event(B, "lost")] * (DEATHS - 1)
    assert run(tmp_path, {"b": lost}).started.count("b") == DEATHS
    assert D.finished(tmp_path)


def test_a_job_that_keeps_killing_its_worker_fails_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=f"the run b failed: {DEATHS} workers died of it"):
        run(tmp_path, {"b": [Event(B, "lost")] * DEATHS})
    assert E.finished(tmp_path)


def test_a_run_that_was_edited_is_named(tmp_path: Path) -> None:
    run(tmp_path, jobs=(A,))
    status = A.folder(tmp_path) / "status.json"
    status.write_text(json.dumps({"state": "finished", "colour": "red"}))
    with pytest.raises(RunError, match=r"status\.json is not a run's status"):
        run(tmp_path, jobs=(A,))
