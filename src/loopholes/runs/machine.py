"""The machine and what is installed on it, as a run's record describes it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from loopholes.sandbox import mode


def describe_environment() -> dict[str, Any]:
    """Versions of everything installed, Python, the package's git commit if it is a checkout, the machine, and how
    model-written programs run on it."""
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "sandbox": mode(),
        "git": _git_state(),
        "packages": dict(_packages()),
    }


# A process runs the code that it has loaded, whatever is installed or committed later.
@cache
def _packages() -> tuple[tuple[str, str], ...]:
    """Names and versions of all that is installed, by name."""
    packages = {package.metadata["Name"]: package.version for package in distributions()}
    return tuple(sorted(packages.items(), key=lambda item: str(item[0]).lower()))


@cache
def _git_state() -> dict[str, Any] | None:
    """Commit and whether the package's files differ from it; None outside a checkout of this package."""
    here = Path(__file__).parents[1]
    # The package may be installed inside another project's checkout, whose commit would say nothing.
    if _git(here, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit, changes = _git(here, "rev-parse", "HEAD"), _git(here, "status", "--porcelain", "--", ".")
    return {"commit": commit, "dirty": bool(changes)}


def _git(directory: Path, *arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(directory), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
