"""Answers kept on disk, so that no question is paid for twice and a resumed run continues with the same answers.

One SQLite file with a write-ahead log, shared by all processes of a user: a kill at any moment leaves it whole, with
every answer that had arrived.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from tempfile import mkstemp
from typing import Self

from loopholes.endpoints.address import Party

WAIT = 60.0  # seconds for another process to finish writing


def key_of(*parts: str | int) -> bytes:
    """A digest of everything that an answer depends on."""
    return blake2b(json.dumps(parts).encode(), digest_size=20).digest()


class TextCache:
    """The file at ``path``, open for one block, with a text or None under each key.

    ``what`` names one entry (``verdict``, ``answer``) in the file and in messages. Raises the party's error if the
    file cannot be used.
    """

    def __init__(self, path: Path, what: str, party: Party) -> None:
        self._path = path
        self._what = what
        self._party = party

    def __enter__(self) -> Self:
        with self._explained():
            if not self._path.exists():
                _create(self._path, self._what)
            self._file = sqlite3.connect(self._path, timeout=WAIT, isolation_level=None)
            self._file.execute("PRAGMA synchronous = NORMAL")
        return self

    def __exit__(self, *_: object) -> None:
        with self._explained():
            self._file.close()

    def lookup(self, keys: Iterable[bytes]) -> dict[bytes, str | None]:
        """The texts stored under ``keys``; keys without one are left out."""
        query = f"SELECT {self._what} FROM {self._what}s WHERE key = ?"
        with self._explained():
            return {key: text for key in keys for (text,) in self._file.execute(query, (key,))}

    def put(self, key: bytes, text: str | None) -> None:
        """Store a text, so that a later kill does not lose it. The first one stored under a key stays."""
        with self._explained():
            self._file.execute(f"INSERT OR IGNORE INTO {self._what}s VALUES (?, ?)", (key, text))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._party.error(
                f"the {self._party.title}'s {self._what}s cannot be kept in {self._path} ({error}): repair that or "
                "delete the file, which only means asking again, or let LOOPHOLES_CACHE name another directory"
            ) from error


def _create(path: Path, what: str) -> None:
    """Create an empty file under another name and link it, so that no process meets it half made.

    SQLite cannot switch the write-ahead log on while others open the file; here it is on from the start.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = mkstemp(prefix=f"{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    unfinished = Path(name)
    with closing(sqlite3.connect(unfinished)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute(f"CREATE TABLE {what}s (key BLOB PRIMARY KEY, {what} TEXT) WITHOUT ROWID")
    with suppress(FileExistsError):  # another process was first
        os.link(unfinished, path)
    unfinished.unlink()
