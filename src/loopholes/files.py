"""Files that survive a kill and files from users: atomic writes, locks, JSON Lines and parquet rows.

Also the folder of files that can be downloaded or computed again: :func:`cache_folder`.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import math
import os
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

from loopholes.errors import DataError, LoopholesError, RunError, UsageError
from loopholes.records import well_formed

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger(__name__)

DEEPEST = 100
"""Maximum depth of lists and objects in a user's data. Python cannot pickle, copy or write much deeper ones."""
_LEAVES = frozenset({str, int, bool, type(None)})
"""What most values in JSON are; asked first, since ``Mapping`` takes six times as long to say no."""


def jsonable(value: Any) -> Any:
    """The value in strict JSON: arrays and tensors as numbers, paths as text, numbers that are not finite as None."""
    if type(value) in _LEAVES:
        return value
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str | int):
        return value
    if hasattr(value, "tolist"):  # NumPy and torch, scalars and arrays alike
        return jsonable(value.tolist())
    return str(value)


def is_too_deep(value: Any, depth: int = DEEPEST) -> bool:
    """Whether lists and objects are nested deeper in a value than ``depth``."""
    if type(value) in _LEAVES:
        return False
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else None
    return inner is not None and (depth == 0 or any(is_too_deep(part, depth - 1) for part in inner))


def cache_folder() -> Path:
    """The directory that LOOPHOLES_CACHE names, else ``loopholes`` in the user's cache; it may not exist yet.

    Raises :class:`UsageError` if the user has no home.
    """
    chosen, users = os.environ.get("LOOPHOLES_CACHE"), os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(chosen) if chosen else (Path(users) if users else Path.home() / ".cache") / "loopholes"
    except RuntimeError as error:
        raise UsageError(f"{error}: let LOOPHOLES_CACHE name a directory for what is kept") from None


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object from disk; raises :class:`RunError` if it is missing or damaged."""
    try:
        value = json.loads(file.read_bytes())
    except (OSError, ValueError):
        raise RunError(f"{file} cannot be read as JSON; the run was edited or damaged") from None
    if not isinstance(value, dict):
        raise RunError(f"{file} does not hold a JSON object; the run was edited or damaged")
    return value


def write_json(file: Path, value: Mapping[str, Any]) -> None:
    """One JSON object, whole or not at all; everything outside ASCII is escaped."""
    replace_file(file, (json.dumps(jsonable(value), indent=2, allow_nan=False) + "\n").encode())


def replace_file(file: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file under a temporary name and rename it, so that a kill leaves either the old or the new content.

    Through a link or into a device, such as ``/dev/stdout``, it is written directly: a rename would replace the link.
    """
    parts = (content,) if isinstance(content, bytes) else content
    if file.is_symlink() or (file.exists() and not file.is_file()):
        with file.open("wb") as written:
            written.writelines(parts)
        return
    temporary = file.with_name(f".{file.name}.tmp")
    try:
        with temporary.open("wb") as written:
            written.writelines(parts)
        temporary.replace(file)
    except BaseException:  # the content may be computed while it is written, and that may fail
        temporary.unlink(missing_ok=True)
        raise


RESUME = "continue with --resume"
AGAIN = "run the same command again"


@contextmanager
def disk_errors(path: Path, then: str = AGAIN) -> Iterator[None]:
    """Turn errors of the file system into one sentence (:class:`RunError`), which ends with what to do ``then``."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise RunError(f"no space is left for {path}: free some, then {then}") from error
        raise RunError(f"{path} cannot be written ({error.strerror or error}); choose another --out") from error


def check_folder(folder: Path) -> None:
    """Raise :class:`RunError` if nothing can be written into a folder, which may be new. Called before long work."""
    place = next(place for place in (folder, *folder.parents) if place.exists())
    if not place.is_dir():
        raise RunError(f"{place} is a file; choose another --out")
    if not os.access(place, os.W_OK | os.X_OK):
        raise RunError(f"{place} cannot be written (Permission denied); choose another --out")


def check_file(file: Path, option: str = "--out") -> None:
    """Raise :class:`RunError` if no file can be written here. Called before long work."""
    if file.is_dir():
        raise RunError(f"{file} is a directory, and {option} names a file")
    if not file.parent.is_dir():
        raise RunError(f"there is no directory {file.parent} to write {file.name} into")


@contextmanager
def resumed_unasked() -> Iterator[None]:
    """Rewords "continue with --resume" for commands that resume by themselves: "run the same command again"."""
    try:
        yield
    except LoopholesError as error:
        error.args = (str(error).replace(RESUME, AGAIN),)
        raise


class Lock:
    """An exclusive lock on a directory, released when the process that holds it ends, for whatever reason.

    A child made by fork does not inherit it: an orphan must not keep a killed run from being resumed.
    """

    _held: ClassVar[weakref.WeakSet[Lock]] = weakref.WeakSet()

    def __init__(self, directory: Path, patience: float = 0.5) -> None:
        """Raises :class:`RunError` if another process holds it for longer than ``patience`` seconds.

        The wait is for :meth:`is_held`, which takes the lock for a moment.
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
        """Release the lock; a second call does nothing."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __del__(self) -> None:
        self.release()

    @staticmethod
    def is_held(directory: Path) -> bool:
        """Whether a process holds the lock of this directory now."""
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


class BadRows:
    """What is wrong with the rows of a file: how many there are, and the first few of them in words."""

    def __init__(self, path: Path) -> None:
        self.count = 0
        self._path = path
        self._shown: list[str] = []

    def add(self, complaint: str) -> None:
        """Add a complaint, as ``PLACE: what is wrong``; the place is that of :func:`placed_rows`."""
        self.count += 1
        if len(self._shown) < 3:
            self._shown.append(complaint if len(complaint) <= 200 else f"{complaint[:199]}…")

    def __str__(self) -> str:
        more = f" (and {self.count - len(self._shown)} more)" if self.count > len(self._shown) else ""
        return "; ".join(self._shown) + more

    def left_out(self, used: int) -> str:
        """Log how many rows were left out beside ``used`` good ones, and return it as text; empty if none were."""
        if not self.count:
            return ""
        share = f"{self.count:,} of {self.count + used:,} rows"
        logger.warning("%s: left out %s; %s", self._path, share, self)
        return f"{share} of {self._path.name}"


Read = dict[str, Any] | ValueError
"""A row of a file, or the error that says why it is none."""


def placed_rows(path: Path, needs: str = "") -> Iterator[tuple[str, Read]]:
    """The rows of a file, each with its place: ``row 0`` of a parquet file, ``line 1`` of a file of JSON Lines.

    Lines are counted as editors count them, blank ones included. A parquet file must have a column ``needs``.
    """
    if path.suffix.lower() == ".parquet":
        yield from ((f"row {number}", row) for number, row in enumerate(parquet_rows(path, needs)))
    else:
        yield from ((f"line {number}", row) for number, row in json_lines(path))


def json_rows(path: Path) -> Iterator[Read]:
    """The objects of a JSON Lines file; for a line that is not an object, the ValueError that says why."""
    return (row for _, row in json_lines(path))


def json_lines(path: Path) -> Iterator[tuple[int, Read]]:
    """The lines of :func:`json_rows`, each with its number, which counts blank lines and starts at 1.

    Lone surrogates in any text are replaced (:func:`loopholes.records.well_formed`).
    """
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, _json_row(line)
    except OSError as error:
        raise DataError(f"{path} cannot be read as JSON Lines: {error}") from None


def _json_row(line: bytes) -> Read:
    try:
        row = json.loads(line.decode("utf-8-sig"))
        if b"\\ud" in line.lower():
            row = _well_formed(row)
    except UnicodeDecodeError:
        return ValueError("not UTF-8")
    except (ValueError, RecursionError) as error:
        return ValueError(_not_json(error, line))
    return row if isinstance(row, dict) else ValueError("not a JSON object")


def _not_json(error: Exception, line: bytes) -> str:
    """Why a line is not JSON, with the place in the line."""
    if not isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error}"
    if not error.doc[error.pos :].strip() or error.msg.startswith("Unterminated"):
        return f"not JSON: the line ends too early, after {error.doc.strip()[-20:]!r}"
    return f"not JSON: {error.msg[:1].lower()}{error.msg[1:]} at column {error.pos + 1}"


def _well_formed(value: Any) -> Any:
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, dict):
        return {well_formed(key): _well_formed(item) for key, item in value.items()}
    return [_well_formed(item) for item in value] if isinstance(value, list) else value


def parquet_rows(path: Path, needs: str = "") -> Iterator[Read]:
    """The rows of a parquet file, which must have a column ``needs``; an error for a row that Python cannot hold."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            if needs and needs not in file.schema_arrow.names:
                names = ", ".join(file.schema_arrow.names[:8])
                raise DataError(f"{path} is not of the released layout: it has no column {needs!r}, only: {names}")
            for batch in file.iter_batches(batch_size=256):
                yield from _batch_rows(batch)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as parquet: {str(error).partition(chr(10))[0]}") from None


def _batch_rows(batch: pa.RecordBatch) -> list[Read]:
    """The rows of a batch; an error for a row that Python cannot hold (text that is not UTF-8, a far date)."""
    try:
        return list(batch.to_pylist())
    except (ValueError, OverflowError) as error:
        if batch.num_rows > 1:
            return [row for number in range(batch.num_rows) for row in _batch_rows(batch.slice(number, 1))]
        return [ValueError("not UTF-8" if isinstance(error, UnicodeDecodeError) else f"cannot be read: {error}")]
