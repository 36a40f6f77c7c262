"""A job that a test kills midway; its worker imports it by name, and imports nothing that trains."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopholes.progress import OnProgress, Progress
from loopholes.runs import Run
from loopholes.studies.jobs import Job


@dataclass(frozen=True)
class Killed(Job):
    """Six steps that are each recorded and reported; a run that begins anew waits after its third step to be killed."""

    after: tuple[Job, ...] = ()

    @property
    def label(self) -> str:
        return "second" if self.after else "first"

    @property
    def needs(self) -> tuple[Job, ...]:
        return self.after

    @property
    def steps(self) -> int | None:
        return 6

    def described(self) -> dict[str, Any]:
        return {"job": self.label}

    def run(self, root: Path, on_progress: OnProgress | None = None) -> None:
        assert on_progress is not None
        with Run.create(self.folder(root), self.described(), resume=True) as run:
            recorded = len(run.metrics())
            for step in range(recorded + 1, 7):
                run.log_metrics({"step": step, "recorded": recorded})
                on_progress(Progress("step", step, 6))
                if step == 3 and not self.after:
                    signal.pause()
