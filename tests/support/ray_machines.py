"""Processes that act as the machines of a Ray cluster; a test starts them and kills them as by a power cut."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from support.processes import alive, children

SOURCE = Path(__file__).parents[2] / "src"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE), "RAY_USAGE_STATS_ENABLED": "0"}
START = "--num-cpus 1 --num-gpus 0 --object-store-memory 80000000 --disable-usage-stats --block".split()


class Machine:
    """One node with one core."""

    def __init__(self, folder: Path, *where: str) -> None:
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *where, "--temp-dir", str(folder), *START]
        self._process = subprocess.Popen(
            command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def processes(self) -> list[int]:
        """All processes of the node: the raylet, its workers, and their children."""
        return [self._process.pid, *children(self._process.pid)]

    def holds(self, file: Path) -> bool:
        """Whether a process of the node has this file open."""
        return any(file in open_files(pid) for pid in self.processes())

    def kill(self) -> None:
        """Kill all processes of the node at once, and wait until they are gone."""
        ours = self.processes()
        for pid in ours:
            if alive(pid):
                os.kill(pid, 9)
        self._process.wait()
        wait_until(lambda: not any(map(alive, ours)))


class Cluster:
    """A head and further machines, as a context manager that leaves no process behind."""

    def __init__(self) -> None:
        # It holds Ray's sockets, and the path of a socket must be short.
        self._folder = Path(tempfile.mkdtemp(prefix="ray"))
        self.machines: list[Machine] = []

    def __enter__(self) -> Cluster:
        self.machines.append(Machine(self._folder, *"--head --port 0 --include-dashboard=false".split()))
        wait_until(lambda: bool(self.address))
        return self

    @property
    def address(self) -> str:
        """The address of the head; empty before it is started."""
        file = self._folder / "ray_current_cluster"
        return file.read_text().strip() if file.exists() else ""

    def add(self) -> Machine:
        """Add a machine."""
        self.machines.append(Machine(self._folder, "--address", self.address))
        return self.machines[-1]

    def __exit__(self, *_: object) -> None:
        for machine in reversed(self.machines):
            machine.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def open_files(pid: int) -> set[Path]:
    """The files that a process has open."""
    files = set()
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            files.add(link.readlink())
        except OSError:
            continue
    return files


def wait_until(happened: Callable[[], bool], seconds: float = 120) -> None:
    """Wait until ``happened`` is true; fail after ``seconds``."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
