"""What a run directory is made of: whole-file writes, one writer at a time, and reversible text."""

from __future__ import annotations

import errno
import fcntl
import json
import math
import os
import re
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from loopholes.errors import LoopholesError, RunError

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


def plain(value: Any) -> Any:
    """What strict JSON can hold: arrays and tensors as numbers, paths as text, numbers that are not finite as None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | bool | int):
        return value
    if hasattr(value, "tolist"):  # NumPy and torch, scalars and arrays alike
        return plain(value.tolist())
    return str(value)


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object from disk; raises :class:`RunError` if it is missing or damaged."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        raise RunError(f"{file} cannot be read as JSON; the run was edited or damaged") from None
    if not isinstance(found, dict):
        raise RunError(f"{file} does not hold a JSON object; the run was edited or damaged")
    return found


def write_json(file: Path, value: Mapping[str, Any]) -> None:
    """One JSON object, whole or not at all; everything outside ASCII is escaped."""
    replace_file(file, (json.dumps(plain(value), indent=2, allow_nan=False) + "\n").encode())


def replace_file(file: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a whole file under a temporary name and rename it: a kill leaves the old content or the new."""
    temporary = file.with_name(f".{file.name}.tmp")
    try:
        if isinstance(content, bytes):
            temporary.write_bytes(content)
        else:
            with temporary.open("wb") as written:
                written.writelines(content)
        temporary.replace(file)
    except BaseException:  # the content may be made while it is written, and making it may fail
        temporary.unlink(missing_ok=True)
        raise


RESUME = "go on with --resume"
AGAIN = "run the same command again"


@contextmanager
def disk_errors(path: Path, then: str = AGAIN) -> Iterator[None]:
    """Turn what a file system refuses into one sentence (:class:`RunError`), which says what to do ``then``."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RunError(f"no space is left for {path}: free some, then {then}") from error
        raise RunError(f"{path} cannot be written ({error.strerror or error}); choose another --out") from error


@contextmanager
def resumed_unasked() -> Iterator[None]:
    """For runs of a command that resumes them by itself and has no --resume: it is run again."""
    try:
        yield
    except LoopholesError as error:
        error.args = (str(error).replace(RESUME, AGAIN),)
        raise


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
    details = json.dumps(escape_all(plain(row["details"])), ensure_ascii=False, allow_nan=False)
    return {**row, **{key: escape(row[key]) for key in _STRINGS}, "details": details}


def _from_stored(row: Mapping[str, Any]) -> dict[str, Any]:
    texts = {key: unescape(row[key]) for key in _STRINGS}
    return {**row, **texts, "details": unescape_all(json.loads(row["details"]))}


class Lock:
    """An exclusive lock on a directory, gone with the process that holds it, however that ends.

    A child made by fork does not inherit it: an orphan must not keep a killed run from being resumed.
    """

    _held: ClassVar[weakref.WeakSet[Lock]] = weakref.WeakSet()

    def __init__(self, directory: Path, patience: float = 0.5) -> None:
        """Raises :class:`RunError` if somebody else holds it for longer than ``patience`` seconds.

        The patience is for :meth:`is_held`, which takes the lock for a moment.
        """
        self._file: IO[str] | None = None
        self._file = (directory / ".lock").open("a")
        end = time.monotonic() + patience
        while not _try_lock(self._file):
            if time.monotonic() > end:
                self.release()
                raise RunError(f"another process is writing {directory}; wait for it, or choose another --out")
            time.sleep(0.02)
        Lock._held.add(self)

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __del__(self) -> None:
        self.release()

    @staticmethod
    def is_held(directory: Path) -> bool:
        """Whether anybody holds the lock of this directory now."""
        try:
            file = directory / ".lock"
            # NFS gives an exclusive lock only on a file that is open for writing.
            with file.open("r+" if os.access(file, os.W_OK) else "r") as opened:
                return not _try_lock(opened)
        except OSError:
            return False

    @staticmethod
    def _forget_after_fork() -> None:
        for lock in list(Lock._held):
            lock.release()


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


os.register_at_fork(after_in_child=Lock._forget_after_fork)
