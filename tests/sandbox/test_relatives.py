"""A process ends with its parent, and its descendants can be listed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from loopholes.sandbox.inside.relatives import descendants

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")

CHILD = """
import sys, time
from loopholes.sandbox.inside import relatives
relatives.sys.platform = {platform!r}
relatives.POLL_SECONDS = 0.02
relatives.end_with_parent()
print("ready", flush=True)
time.sleep(60)
"""
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


def soon(holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold within ten seconds."""
    end = time.monotonic() + 10
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def ended(process: int) -> bool:
    """Whether a process is gone, or only waits to be reaped."""
    try:
        with open(f"/proc/{process}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_process_ends_with_its_parent_however_that_ends(platform: str) -> None:
    command = [sys.executable, "-c", PARENT, CHILD.format(platform=platform)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert descendants(parent.pid) == [child] and set(descendants(os.getpid())) >= {parent.pid, child}
        parent.kill()
    assert soon(lambda: ended(child))


def test_a_process_that_is_gone_has_no_descendants() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert descendants(process.pid) == []
