"""Processes on this machine that each run one job after another with a share of the cores.

With as many workers as cores, each has one thread: two runs of one thread finish sooner than two runs after each other
with two threads (``benchmarks/threads.py``). A worker ends when its parent does, in whatever way.
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

PATIENCE = 60.0  # seconds that a worker has to finish its step and save a checkpoint


@dataclass
class _Worker:
    process: SpawnProcess
    pipe: Connection
    job: Job | None = None


class LocalWorkers:
    """A :class:`loopholes.studies.engine.Backend` of ``count`` processes, which end with the ``with`` block."""

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
        with suppress(OSError):  # it died while idle; events() reports that
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
            worker.pipe.close()  # not earlier, since it still reports its last step

    def stop(self) -> None:
        """Let busy workers finish their step and save a checkpoint; a second Ctrl-C does not wait for this."""
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
    """The loop of a worker: one job after another until the pipe is closed."""
    _settle(threads, place)
    end_with_parent()
    with suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            pipe.send(attempt(pipe.recv(), Path(root), lambda progress: pipe.send(("step", progress))))
            gc.collect()
            if "torch" in sys.modules and sys.modules["torch"].cuda.is_available():
                sys.modules["torch"].cuda.empty_cache()


def _settle(threads: int, place: int) -> None:
    """Set up a worker: its own process group (Ctrl-C comes once, from the parent), its threads, one of the GPUs."""
    os.setpgrp()
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch

    torch.set_num_threads(threads)
    devices = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(torch.cuda.device_count()))))
    if "," in devices:
        names = devices.split(",")
        os.environ["CUDA_VISIBLE_DEVICES"] = names[place % len(names)]
