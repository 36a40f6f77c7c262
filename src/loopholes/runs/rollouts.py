"""Rollouts on disk: one parquet file per step, with reversible text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from loopholes.errors import RunError
from loopholes.files import jsonable

ROLLOUTS = pa.schema(
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


_STRINGS = ("task", "prompt", "text", "reason")


_DEFAULTS = {"prompt": "", "reason": "", "details": {}, "truncated": False}


_TO_ESCAPE = re.compile(r"(?<!\\)(?:(\\*)([\ud800-\udfff])|(\\+)(?=ud[89a-f][0-9a-f]{2}))")


_ESCAPED = re.compile(r"(?<!\\)(\\+)(ud[89a-f][0-9a-f]{2})")


def escape(text: str) -> str:
    r"""Text that has a UTF-8 form: a lone surrogate becomes ``\udXXX``; all other text stays as it is.

    Backslashes directly before a surrogate, or before text that already reads ``udXXX``, are doubled, so that
    :func:`unescape` gives back exactly what went in.
    """
    return _TO_ESCAPE.sub(_escape_one, text)


def unescape(text: str) -> str:
    """The inverse of :func:`escape`."""
    return _ESCAPED.sub(_unescape_one, text) if "\\ud" in text else text


def _escape_one(match: re.Match[str]) -> str:
    if match[2]:
        return match[1] * 2 + f"\\u{ord(match[2]):04x}"
    return match[3] * 2


def _unescape_one(match: re.Match[str]) -> str:
    slashes, rest = match[1], match[2]
    half = slashes[: len(slashes) // 2]
    return half + (chr(int(rest[1:], 16)) if len(slashes) % 2 else rest)


def escape_all(value: Any) -> Any:
    """:func:`escape` for every string in nested mappings and lists."""
    return _map_strings(value, escape)


def unescape_all(value: Any) -> Any:
    """The inverse of :func:`escape_all`."""
    return _map_strings(value, unescape)


def _map_strings(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(str(key)): _map_strings(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_map_strings(item, change) for item in value]
    return value


def encode_rollouts(step: int, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A zstd parquet file of one step's rows; the columns are those of ``ROLLOUTS``, ``details`` is JSON."""
    filled = [{**_DEFAULTS, "sample": position, **row, "step": step} for position, row in enumerate(rows)]
    buffer = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_pylist([_to_stored(row) for row in filled], schema=ROLLOUTS), buffer, compression="zstd"
    )
    return bytes(buffer.getvalue())


def read_rollouts(file: Path) -> list[dict[str, Any]]:
    """The rows that were written; raises :class:`RunError` if the file is missing or damaged."""
    try:
        rows = pq.read_table(file, schema=ROLLOUTS).to_pylist()
        return [_from_stored(row) for row in rows]
    except (OSError, ValueError, TypeError, pa.ArrowException):
        raise RunError(f"{file} cannot be read as rollouts; the run was edited or damaged") from None


def _to_stored(row: Mapping[str, Any]) -> dict[str, Any]:
    details = json.dumps(escape_all(jsonable(row["details"])), ensure_ascii=False, allow_nan=False)
    return {**row, **{key: escape(row[key]) for key in _STRINGS}, "details": details}


def _from_stored(row: Mapping[str, Any]) -> dict[str, Any]:
    texts = {key: unescape(row[key]) for key in _STRINGS}
    return {**row, **texts, "details": unescape_all(json.loads(row["details"]))}
