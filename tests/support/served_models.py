"""``transformers serve`` on loopback, for tests that are marked slow; pip install 'transformers[serving]'."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

MISSING = [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]
START = 180.0  # seconds until the server must run; importing is most of it
NEEDS_SERVER = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"needs {' and '.join(MISSING)}: pip install 'transformers[serving]'"),
]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server that loads whichever model it is asked for; what it says is kept in ``folder``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [sys.executable, "-m", "transformers.cli.transformers", "serve", "--host", "127.0.0.1", "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    said = folder / "said.txt"
    with (
        said.open("w") as file,  # a pipe that nobody reads would fill up and stop the server
        subprocess.Popen([*serve, "--port", str(port)], env=environment, stdout=file, stderr=file) as process,
    ):
        try:
            wait_until_it_runs(process, said, time.monotonic() + START)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            stop(process)


def wait_until_it_runs(process: subprocess.Popen[bytes], said: Path, deadline: float) -> None:
    """Return once it says so; fail, with what it said, where it ends before that or takes too long."""
    while "running on" not in said.read_text():
        with suppress(subprocess.TimeoutExpired):
            pytest.fail(f"the server ended with {process.wait(0.1)}: {said.read_text()}")
        if time.monotonic() > deadline:
            pytest.fail(f"the server takes too long to start: {said.read_text()}")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
