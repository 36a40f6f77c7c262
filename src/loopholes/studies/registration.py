"""Predictions that were committed to a file before the runs that test them.

The configuration of each such run holds the digest of the file, so changed predictions lead to different runs.
"""

from __future__ import annotations

import json
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Any


@cache
def predictions(study: str) -> dict[str, Any]:
    """The predictions of a study, from its ``NAME.json`` in this folder."""
    record: dict[str, Any] = json.loads(_written(study))
    return record


@cache
def digest(study: str) -> str:
    """The digest of a study's file of predictions, as 32 hexadecimal digits."""
    return blake2b(_written(study), digest_size=16).hexdigest()


def _written(study: str) -> bytes:
    return files("loopholes.studies").joinpath(f"{study}.json").read_bytes()
