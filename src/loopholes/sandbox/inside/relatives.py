"""A process's parent, with which it can be made to end, and its descendants.

The fork server needs both, and so do the trusted processes that run users' rewards and studies. They share this file,
which stands here because what runs beside hostile code imports nothing from outside this folder.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from loopholes.sandbox.inside import kernel

POLL_SECONDS = 1.0


def end_with_parent() -> None:
    """Have this process killed when its parent ends, for whatever reason.

    On Linux the kernel does it, whatever this process is doing; the parent is the thread that started it. Elsewhere
    a thread checks once a second, so that a call which holds the interpreter's lock finishes first.
    """
    if sys.platform == "linux":
        kernel.control(kernel.DIE_WITH_PARENT, signal.SIGKILL, "die with the parent")
    else:
        threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os._exit(1)


def descendants(process: int) -> list[int]:
    """Ids of the processes that ``process`` started, and of those that these did; empty where /proc does not list them.

    A process that starts or ends meanwhile may be missed: to end all of them, stop them first and list them again.
    """
    below: list[int] = []
    to_visit = [process]
    while to_visit:
        parent = to_visit.pop()
        try:
            threads = os.listdir(f"/proc/{parent}/task")
            texts = [Path(f"/proc/{parent}/task/{thread}/children").read_text() for thread in threads]
        except OSError:
            continue
        children = [int(child) for text in texts for child in text.split()]
        below += children
        to_visit += children
    return below
