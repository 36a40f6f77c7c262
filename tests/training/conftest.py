"""Small random checkpoints of two families, on disk, each made once a session, and a judge on loopback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "judges")]

from checkpoints import maker


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``checkpoint("qwen3")`` is the directory of a small random checkpoint."""
    return maker(tmp_path_factory.mktemp)
