"""Rollouts on disk: one parquet file per step, readable without this program."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopholes.errors import RunError
from loopholes.files import jsonable
from loopholes.records import well_formed

if TYPE_CHECKING:
    import pyarrow as pa

_STRINGS = ("task", "prompt", "text", "reason")
_DEFAULTS = {"prompt": "", "reason": "", "details": {}, "truncated": False}


@cache
def rollout_schema() -> pa.Schema:
    """The columns of a file of rollouts."""
    import pyarrow as pa

    return pa.schema(
        [
            ("step", pa.int64()),
            ("sample", pa.int64()),
            ("task", pa.string()),
            ("prompt", pa.string()),
            ("text", pa.string()),
            ("reward", pa.float64()),
            ("reason", pa.string()),
            ("task_score", pa.float64()),
            ("exploit", pa.float64()),
            ("details", pa.string()),
            ("truncated", pa.bool_()),
        ]
    )


def encode_rollouts(step: int, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A zstd parquet file of one step's rows; the columns are those of :func:`rollout_schema`, ``details`` is JSON.

    Lone surrogates, which a user's game may make, have no UTF-8; they are replaced
    (:func:`loopholes.records.well_formed`).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    filled = [{**_DEFAULTS, "sample": position, **row, "step": step} for position, row in enumerate(rows)]
    buffer = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_pylist([_to_stored(row) for row in filled], schema=rollout_schema()), buffer, compression="zstd"
    )
    return bytes(buffer.getvalue())


def read_rollouts(file: Path) -> list[dict[str, Any]]:
    """The rows of a file; raises :class:`RunError` if the file is missing or damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(file, schema=rollout_schema()).to_pylist()
        return [_from_stored(row) for row in rows]
    except (OSError, ValueError, TypeError, pa.ArrowException):
        raise RunError(f"{file} cannot be read as rollouts; the run was edited or damaged") from None


def _to_stored(row: Mapping[str, Any]) -> dict[str, Any]:
    details = json.dumps(jsonable(row["details"]), ensure_ascii=False, allow_nan=False)
    return {**row, **{key: well_formed(row[key]) for key in _STRINGS}, "details": well_formed(details)}


def _from_stored(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "details": json.loads(row["details"])}
