"""Fixtures for rewards in files, and for TRL, which is imported once."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from support.framework_rewards import Theirs, Written, trl_rewards, write_parts


@pytest.fixture(scope="session")
def theirs() -> Theirs:
    """``theirs(calls, rows, texts)``: TRL's rewards of functions, without a trainer."""
    return trl_rewards()


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """``written(*bodies)``: a part for each body, in a file of its own."""
    return functools.partial(write_parts, tmp_path)
