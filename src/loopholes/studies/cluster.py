"""The jobs of studies on a Ray cluster, for people with more than one machine.

All machines share the study's folder, where runs find their checkpoints and each other's policies, and have the same
version of this package installed. If a machine goes away, its runs continue on another machine from their last
checkpoints; machines that join later get work. No usage data is sent to Ray (``RAY_USAGE_STATS_ENABLED``).
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

PATIENCE = 60.0  # seconds that a run has to finish its step and save a checkpoint
REACH = 5.0  # seconds that the head of a cluster has to answer
UNREADY = "a machine of the cluster cannot run it: install the same version of loopholes on all machines"
PASSED_ON = (
    "LOOPHOLES_SANDBOX",
    "LOOPHOLES_TRACEBACK",
)  # set by the driver; all other variables are those of each machine


@dataclass(frozen=True)
class Here:
    """The state of the driver that its workers need; they are not its child processes."""

    folder: str
    variables: dict[str, str]
    version: str = __version__


class RayCluster:
    """A :class:`loopholes.studies.engine.Backend` with one core and ``gpus`` GPUs (or a share of one) per run.

    ``address`` is HOST:PORT of the head, or ``auto`` to use the cluster of this machine. In both cases this machine
    must belong to the cluster. Raises :class:`UsageError` if there is no cluster or it has no room.
    """

    def __init__(self, root: Path, address: str, gpus: float = 0.0) -> None:
        if gpus > 1 and gpus != int(gpus):
            raise UsageError(f"--gpus {gpus:g} is not possible: above 1 it must be a whole number")
        self._ray = _joined(address)
        self._root = root.resolve()
        self._gpus = gpus
        self._running: dict[Any, Job] = {}
        self._sizes: dict[str, int] = {}  # by job: the size of its metrics when they were last read
        self._here = Here(os.getcwd(), {name: os.environ[name] for name in PASSED_ON if name in os.environ})
        # Ray does not retry: the engine counts deaths and reports them, as for local workers.
        self._do = self._ray.remote(num_cpus=1, num_gpus=gpus, max_retries=0)(_do)
        self._places = self._room()
        if not self._places:
            self._ray.shutdown()
            raise UsageError(f"the cluster at {address} has no room for a run with one core and {gpus:g} GPUs")

    def _room(self) -> int:
        """The number of runs that fit on the present machines at once."""
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
            time.sleep(1.0)  # every machine is gone; one may come back
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
        """The last step that a run logged, read from its directory, for the progress bar."""
        with suppress(LoopholesError, OSError):
            folder = job.folder(self._root)
            size = (folder / "metrics.jsonl").stat().st_size
            if size and size != self._sizes.get(job.identity):
                self._sizes[job.identity] = size
                line = Run.open(folder).metrics()[-1]
                yield Event(job, "step", progress=Progress.of("step", line, line.get("steps", job.steps)))

    def stop(self) -> None:
        """Let runs finish their step and save a checkpoint; a second Ctrl-C does not wait for this."""
        for reference in self._running:
            with suppress(self._ray.exceptions.RayError):
                self._ray.cancel(reference, force=False)
        end = time.monotonic() + PATIENCE
        while self._running and time.monotonic() < end:
            done, _ = self._ray.wait(list(self._running), timeout=1.0)
            for reference in done:
                del self._running[reference]


def _joined(address: str) -> Any:
    """The module ``ray``, connected to the cluster at ``address`` as a driver."""
    address = os.environ.get("RAY_ADDRESS") or address if address == "auto" else address
    if address != "auto":
        _check_answers(address)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_gcs_server_port_wait_time_s", "1")  # one attempt of 40 s instead of 20
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("ray", "cluster") from error
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(
            f"cannot join a Ray cluster at {address}: start one on this machine with ray start ({said})"
        ) from error
    return ray


def _check_answers(address: str) -> None:
    """Raise :class:`UsageError` if nobody answers at the address; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in address:
        raise UsageError(f"--cluster {address} is not an address: give HOST:PORT of the cluster's head, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=REACH).close()
    except (OSError, OverflowError) as error:
        raise UsageError(f"no Ray cluster answers at {address}: start one with ray start --head ({error})") from error


def _fit(resources: dict[str, float], gpus: float) -> int:
    """The number of runs that fit on one machine; a run's share of a GPU lies on a single GPU."""
    cores = int(resources.get("CPU", 0))
    if not gpus:
        return cores
    devices = resources.get("GPU", 0)
    return min(cores, int(devices) * int(1 / gpus) if gpus < 1 else int(devices // gpus))


def _last_line(error: Exception) -> str:
    """The last line of a Ray error, which comes after the worker's traceback."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


def _do(job: Job, root: str, here: Here) -> tuple[str, dict[str, Any]]:
    """Run one job on the machine that Ray chose."""
    if here.version != __version__:
        versions = f"{socket.gethostname()} has loopholes {__version__}, and the study was started with {here.version}"
        error = f"{versions}: install the same version on all machines"
        return "failed", {"error": error, "exit_code": UsageError.exit_code}
    if not Path(root).is_dir():
        error = f"{socket.gethostname()} has no {root}: the study's folder must be on a shared file system"
        return "failed", {"error": error, "exit_code": RunError.exit_code}
    os.environ.update(here.variables)
    with suppress(OSError):
        os.chdir(here.folder)  # policies and task files may be given by relative paths
    import torch

    torch.set_num_threads(1)
    try:
        return attempt(job, Path(root))
    finally:
        gc.collect()
