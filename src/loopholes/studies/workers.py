"""Processes on this machine, each doing one job after another with its own share of the cores.

One thread each where there are as many workers as cores: two runs of one thread finish sooner than one run of two
threads, twice (``benchmarks/threads.py``). A worker ends with its parent, however that ends.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import TracebackType
from typing import Self

from loopholes.cores import cores
from loopholes.sandbox.inside.relatives import end_with_parent
from loopholes.studies.engine import Event, attempt
from loopholes.studies.jobs import Job

PATIENCE = 60.0  # seconds for a worker to end the step under way and save a checkpoint


@dataclass
class _Worker:
    process: SpawnProcess
    pipe: Connection
    job: Job | None = None


class LocalWorkers:
    """``count`` processes: a :class:`loopholes.studies.engine.Backend`. They end with the ``with`` block."""

    def __init__(self, root: Path, count: int) -> None:
        self._root = root
        self._threads = max(1, cores() // count)
        self._workers: list[_Worker | None] = [None] * count

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def free(self) -> bool:
        return any(worker is None or worker.job is None for worker in self._workers)

    def start(self, job: Job) -> None:
        place = next(place for place, worker in enumerate(self._workers) if worker is None or worker.job is None)
        worker = self._workers[place] or self._hire(place)
        self._workers[place] = worker
        worker.job = job
        with suppress(OSError):  # it died while idle: events() will tell
            worker.pipe.send(job)

    def events(self) -> Iterator[Event]:
        busy = {id(worker.pipe): place for place, worker in enumerate(self._workers) if worker and worker.job}
        pipes = [worker.pipe for worker in self._workers if worker and worker.job]
        for pipe in wait(pipes, timeout=0.5):
            yield from self._heard(busy[id(pipe)])

    def _heard(self, place: int) -> Iterator[Event]:
        worker = self._workers[place]
        assert worker is not None and worker.job is not None
        job = worker.job
        try:
            kind, about = worker.pipe.recv()
        except (EOFError, OSError):
            self._dismiss(place)
            yield Event(job, "lost")
            return
        if kind == "step":
            yield Event(job, "step", progress=about)
            return
        worker.job = None
        yield Event(job, kind, **about)

    def _hire(self, place: int) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, str(self._root), self._threads, place), daemon=False)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _dismiss(self, place: int) -> None:
        worker = self._workers[place]
        self._workers[place] = None
        if worker is not None:
            worker.process.join(PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()  # not before: it still tells of its last step

    def stop(self) -> None:
        """Busy workers end their step and save a checkpoint; a second Ctrl-C does not wait for that."""
        for worker in self._workers:
            if worker is not None and worker.job is not None and worker.process.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(worker.process.pid, signal.SIGINT)
            elif worker is not None:
                worker.pipe.close()
        try:
            for place in range(len(self._workers)):
                self._dismiss(place)
        except KeyboardInterrupt:
            for worker in self._workers:
                if worker is not None:
                    worker.process.kill()
            raise


def _serve(pipe: Connection, root: str, threads: int, place: int) -> None:
    """A worker's life: one job after another until nobody sends any more."""
    _settle(threads, place)
    end_with_parent()
    with suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            pipe.send(attempt(pipe.recv(), Path(root), lambda progress: pipe.send(("step", progress))))
            gc.collect()
            if "torch" in sys.modules and sys.modules["torch"].cuda.is_available():
                sys.modules["torch"].cuda.empty_cache()


def _settle(threads: int, place: int) -> None:
    """One group of its own, so that Ctrl-C comes once, from the parent; few threads; one GPU of several."""
    os.setpgrp()
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch

    torch.set_num_threads(threads)
    devices = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(torch.cuda.device_count()))))
    if "," in devices:
        names = devices.split(",")
        os.environ["CUDA_VISIBLE_DEVICES"] = names[place % len(names)]
