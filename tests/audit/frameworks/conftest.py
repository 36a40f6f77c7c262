"""Files of rewards, and TRL beside them, which is imported once."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "training")]

from rewarding import Theirs, Written, trl_side, write


@pytest.fixture(scope="session")
def theirs() -> Theirs:
    """``theirs(calls, rows, texts)``: what TRL makes of functions, outside of a trainer."""
    return trl_side()


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """``written(*bodies)``: a part of a reward for each, in a file of its own."""
    return functools.partial(write, tmp_path)
