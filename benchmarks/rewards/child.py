"""A Python process of its own for model-written code: no site packages, an empty folder, a short time."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LIMIT = 2.0
LONGEST = 100_000


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended; ``status`` is None if its time was up."""

    status: int | None
    output: str


def run(source: str, stdin: str = "", files: Mapping[str, str] | None = None, limit: float = LIMIT) -> Ended:
    """Run a program with some files in its folder; what it started ends with it."""
    with tempfile.TemporaryDirectory(prefix="fixture-") as folder:
        for name, content in (files or {}).items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", source],
            cwd=folder,
            env={"PYTHONIOENCODING": "utf-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(stdin, timeout=limit)
            return Ended(process.returncode, output[:LONGEST])
        except subprocess.TimeoutExpired:
            return Ended(None, "")
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """End the whole session, and wait for the process."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def code(completion: str) -> str:
    """The last fenced block of a completion, or all of it."""
    blocks = re.findall(r"```(?:python|py)?\n(.*?)```", completion, re.DOTALL)
    return passable(blocks[-1] if blocks else completion)


def passable(text: str) -> str:
    """What can be an argument of a process: not too long, without null characters and halves of characters."""
    return text[:20_000].replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
