"""The reference data: real files and what the paper's released scorers say of them, where this machine has them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

BESIDE = Path(__file__).parents[1].parent / "shared" / "reference"


@pytest.fixture(scope="session")
def released() -> Callable[[str], Path]:
    """``released("proxy_metric.jsonl")`` is that file; without it the test skips and says so."""
    folder = Path(os.environ.get("LOOPHOLES_REFERENCE", BESIDE))

    def find(name: str) -> Path:
        if not (folder / name).exists():
            pytest.skip(f"{folder / name} is absent; set LOOPHOLES_REFERENCE to the folder of the reference data")
        return folder / name

    return find
