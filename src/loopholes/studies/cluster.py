"""The same plan on a Ray cluster, for people with more than one machine.

The study's folder has to be on a file system that all machines share: runs find their checkpoints and each other's
policies there. A run whose machine goes away begins again on another from its last checkpoint.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loopholes.errors import LoopholesError, MissingExtra, UsageError
from loopholes.runs import Run
from loopholes.studies.engine import DEATHS, Event, do
from loopholes.studies.jobs import Job

PATIENCE = 60.0  # seconds for a run to end its step and save a checkpoint


class RayCluster:
    """A :class:`loopholes.studies.engine.Backend`: one core a run, and ``gpus`` GPUs, or a share of one, if asked for.

    Raises :class:`UsageError` if there is no cluster at ``address`` (``auto`` finds one that runs on this machine).
    """

    def __init__(self, root: Path, address: str, gpus: float = 0.0) -> None:
        try:
            import ray
        except ImportError as error:
            raise MissingExtra("ray", "cluster") from error
        self._ray = ray
        self._root = root.resolve()
        self._running: dict[Any, Job] = {}
        self._told: dict[str, int] = {}
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UsageError(f"there is no Ray cluster at {address}: ray start --head makes one ({first})") from error
        self._do = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=DEATHS)(_do)
        self._slots = self._places(gpus)

    def _places(self, gpus: float) -> int:
        """How many runs fit at once; more are given to Ray than fit, so that a new machine finds work."""
        resources: dict[str, float] = self._ray.cluster_resources()  # type: ignore[no-untyped-call]
        places = resources.get("CPU", 1.0) if not gpus else resources.get("GPU", 0.0) / gpus
        if places < 1:
            raise UsageError(f"the cluster has no room for a run of one core and {gpus:g} GPUs")
        return int(places) + 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._ray.shutdown()

    @property
    def free(self) -> bool:
        return len(self._running) < self._slots

    def start(self, job: Job) -> None:
        self._running[self._do.remote(job, str(self._root))] = job

    def events(self) -> Iterator[Event]:
        done, _ = self._ray.wait(list(self._running), timeout=1.0)
        for reference in done:
            yield self._ended(reference)
        for job in self._running.values():
            yield from self._step(job)

    def _ended(self, reference: Any) -> Event:
        job = self._running.pop(reference)
        try:
            kind, about = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            first = str(error).strip().splitlines()[0]
            return Event(job, "failed", error=f"its worker was lost {DEATHS + 1} times: {first}", exit_code=4)
        return Event(job, kind, **about)

    def _step(self, job: Job) -> Iterator[Event]:
        """The last step that a run has logged, read from its directory: all that is needed for a progress bar."""
        with suppress(LoopholesError, OSError):
            lines = Run.open(job.folder(self._root)).metrics()
            if lines and lines[-1]["step"] != self._told.get(job.identity):
                self._told[job.identity] = lines[-1]["step"]
                yield Event(job, "step", metrics=lines[-1])

    def stop(self) -> None:
        """What runs ends its step and saves a checkpoint."""
        for reference in self._running:
            with suppress(self._ray.exceptions.RayError):
                self._ray.cancel(reference, force=False)
        end = time.monotonic() + PATIENCE
        while self._running and time.monotonic() < end:
            done, _ = self._ray.wait(list(self._running), timeout=1.0)
            for reference in done:
                del self._running[reference]


def _do(job: Job, root: str) -> tuple[str, dict[str, Any]]:
    """One job, on whatever machine Ray chose."""
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    try:
        do(job, Path(root))
    except LoopholesError as error:
        return "failed", {"error": str(error), "exit_code": error.exit_code}
    return "done", {}
