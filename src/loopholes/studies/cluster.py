"""The same plan on a Ray cluster, for people with more than one machine.

All machines share the study's folder, where runs find their checkpoints and each other's policies, and have the same
version of this package installed. A run whose machine went away begins again on another from its last checkpoint;
machines that join later get work. Nothing is sent to Ray's makers (``RAY_USAGE_STATS_ENABLED``).
"""

from __future__ import annotations

import gc
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loopholes.errors import LoopholesError, MissingExtra, RunError, UsageError
from loopholes.progress import Progress
from loopholes.runs import Run
from loopholes.studies.engine import Event, attempt
from loopholes.studies.jobs import Job
from loopholes.version import __version__

PATIENCE = 60.0  # seconds for a run to end its step and save a checkpoint
REACH = 5.0  # seconds for a cluster's head to answer
UNREADY = "a machine cannot do it: install the same loopholes on all"
PASSED_ON = ("LOOPHOLES_SANDBOX", "LOOPHOLES_TRACEBACK")  # the driver's word counts; all else is each machine's own


@dataclass(frozen=True)
class Here:
    """What of the driver's process a worker, which is no child of it, has to be told."""

    folder: str
    variables: dict[str, str]
    version: str = __version__


class RayCluster:
    """A :class:`loopholes.studies.engine.Backend`: one core a run, and ``gpus`` GPUs, or a share of one, if asked for.

    ``address`` is HOST:PORT of the head, or ``auto`` for a cluster that this machine belongs to (it has to, either
    way). Raises :class:`UsageError` if there is none, or if it has no room.
    """

    def __init__(self, root: Path, address: str, gpus: float = 0.0) -> None:
        if gpus > 1 and gpus != int(gpus):
            raise UsageError(f"--gpus {gpus:g} cannot be given to a run: above 1 it has to be a whole number")
        self._ray = _joined(address)
        self._root = root.resolve()
        self._gpus = gpus
        self._running: dict[Any, Job] = {}
        self._told: dict[str, int] = {}  # by job: the size of its metrics when they were last read
        self._here = Here(os.getcwd(), {name: os.environ[name] for name in PASSED_ON if name in os.environ})
        # No retries of Ray's own: the engine counts deaths and tells of them, here as for local workers.
        self._do = self._ray.remote(num_cpus=1, num_gpus=gpus, max_retries=0)(_do)
        self._places = self._room()
        if not self._places:
            self._ray.shutdown()
            raise UsageError(f"the cluster at {address} has no room for a run of one core and {gpus:g} GPUs")

    def _room(self) -> int:
        """How many runs fit at once on the machines that are there now."""
        return sum(_fit(node["Resources"], self._gpus) for node in self._ray.nodes() if node["Alive"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            self._ray.shutdown()

    @property
    def free(self) -> bool:
        return len(self._running) < self._places

    def start(self, job: Job) -> None:
        self._running[self._do.remote(job, str(self._root), self._here)] = job

    def events(self) -> Iterator[Event]:
        if not self._running:
            time.sleep(1.0)  # every machine has gone; one may come back
        else:
            done, _ = self._ray.wait(list(self._running), timeout=1.0)
            for reference in done:
                yield self._ended(reference)
        for job in self._running.values():
            yield from self._step(job)
        self._places = self._room()

    def _ended(self, reference: Any) -> Event:
        job, failures = self._running.pop(reference), self._ray.exceptions
        gone = (failures.WorkerCrashedError, failures.NodeDiedError, failures.OutOfMemoryError)
        try:
            kind, about = self._ray.get(reference)
        except (*gone, failures.ObjectLostError, failures.TaskCancelledError):
            return Event(job, "lost")
        except failures.RayError as error:
            if os.environ.get("LOOPHOLES_TRACEBACK"):
                raise
            return Event(job, "failed", error=f"{UNREADY} ({_last_line(error)})")
        return Event(job, kind, **about)

    def _step(self, job: Job) -> Iterator[Event]:
        """The last step that a run has logged, read from its directory: all that is needed for a progress bar."""
        with suppress(LoopholesError, OSError):
            folder = job.folder(self._root)
            size = (folder / "metrics.jsonl").stat().st_size
            if size and size != self._told.get(job.identity):
                self._told[job.identity] = size
                line = Run.open(folder).metrics()[-1]
                yield Event(job, "step", progress=Progress.of("step", line, line.get("steps", job.steps)))

    def stop(self) -> None:
        """What runs ends its step and saves a checkpoint; a second Ctrl-C does not wait for that."""
        for reference in self._running:
            with suppress(self._ray.exceptions.RayError):
                self._ray.cancel(reference, force=False)
        end = time.monotonic() + PATIENCE
        while self._running and time.monotonic() < end:
            done, _ = self._ray.wait(list(self._running), timeout=1.0)
            for reference in done:
                del self._running[reference]


def _joined(address: str) -> Any:
    """The module ``ray``, as a driver of the cluster at ``address``."""
    address = os.environ.get("RAY_ADDRESS") or address if address == "auto" else address
    if address != "auto":
        _check_answers(address)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_gcs_server_port_wait_time_s", "1")  # one attempt to connect, of 40 s, in place of 20
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("ray", "cluster") from error
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(
            f"no Ray cluster at {address} can be joined: start one here with ray start ({said})"
        ) from error
    return ray


def _check_answers(address: str) -> None:
    """Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in address:
        raise UsageError(f"--cluster {address} is no address: give HOST:PORT of the cluster's head, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=REACH).close()
    except (OSError, OverflowError) as error:
        raise UsageError(f"there is no Ray cluster at {address}: ray start --head makes one ({error})") from error


def _fit(resources: dict[str, float], gpus: float) -> int:
    """How many runs fit on one machine; shares of a GPU do not reach over two."""
    cores = int(resources.get("CPU", 0))
    if not gpus:
        return cores
    devices = resources.get("GPU", 0)
    return min(cores, int(devices) * int(1 / gpus) if gpus < 1 else int(devices // gpus))


def _last_line(error: Exception) -> str:
    """What Ray's errors say after the worker's traceback."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


def _do(job: Job, root: str, here: Here) -> tuple[str, dict[str, Any]]:
    """One job, on whatever machine Ray chose."""
    if here.version != __version__:
        told = f"{socket.gethostname()} has loopholes {__version__}, the study is run by {here.version}: install one"
        return "failed", {"error": f"{told} version on all machines", "exit_code": UsageError.exit_code}
    if not Path(root).is_dir():
        told = f"{socket.gethostname()} has no {root}: the study's folder has to be on a file system that all share"
        return "failed", {"error": told, "exit_code": RunError.exit_code}
    os.environ.update(here.variables)
    with suppress(OSError):
        os.chdir(here.folder)  # policies and files of tasks may be named from there
    import torch

    torch.set_num_threads(1)
    try:
        return attempt(job, Path(root))
    finally:
        gc.collect()
