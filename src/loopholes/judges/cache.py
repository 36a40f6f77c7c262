"""Verdicts kept on disk, so that no question is paid for twice and a resumed run is judged as it was.

One SQLite file with a write-ahead log, shared by every process of a user: a kill at any moment leaves it whole, with
all verdicts that had come by then. It holds digests and verdicts, no texts.
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
from typing import Self, get_args

from loopholes.errors import ScoringError
from loopholes.files import cache_folder
from loopholes.records import Verdict

WAIT = 60.0  # seconds for another process to finish writing
KNOWN: dict[str | None, Verdict | None] = {None: None, **{verdict: verdict for verdict in get_args(Verdict)}}


def cache_file() -> Path:
    """``verdicts.sqlite`` in :func:`loopholes.files.cache_folder`."""
    return cache_folder() / "verdicts.sqlite"


def key_of(*parts: str | int) -> bytes:
    """A digest of everything that a verdict depends on."""
    return blake2b(json.dumps(parts).encode(), digest_size=20).digest()


class VerdictCache:
    """The file at ``path``, open for one block; raises :class:`ScoringError` where it cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        with self._explained():
            if not self._path.exists():
                _create(self._path)
            self._file = sqlite3.connect(self._path, timeout=WAIT, isolation_level=None)
            self._file.execute("PRAGMA synchronous = NORMAL")
        return self

    def __exit__(self, *_: object) -> None:
        with self._explained():
            self._file.close()

    def known(self, keys: Iterable[bytes]) -> dict[bytes, Verdict | None]:
        """What was kept under those of ``keys`` that are here."""
        query = "SELECT verdict FROM verdicts WHERE key = ?"
        with self._explained():
            rows = [(key, verdict) for key in keys for (verdict,) in self._file.execute(query, (key,))]
        return {key: KNOWN[verdict] for key, verdict in rows if verdict in KNOWN}

    def put(self, key: bytes, verdict: Verdict | None) -> None:
        """Keep a verdict; a kill from here on does not lose it. The first one kept under a key stays."""
        with self._explained():
            self._file.execute("INSERT OR IGNORE INTO verdicts VALUES (?, ?)", (key, verdict))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise ScoringError(
                f"the judge's verdicts cannot be kept in {self._path} ({error}): repair that or delete the file, which "
                "only means asking again, or let LOOPHOLES_CACHE name another directory"
            ) from error


def _create(path: Path) -> None:
    """An empty file, made under another name: one that came to be in place could be met half made.

    The write-ahead log, which SQLite cannot switch on while others open the file, is then on for good.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = mkstemp(prefix=f"{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    unfinished = Path(name)
    with closing(sqlite3.connect(unfinished)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("CREATE TABLE verdicts (key BLOB PRIMARY KEY, verdict TEXT) WITHOUT ROWID")
    with suppress(FileExistsError):  # another process was first
        os.link(unfinished, path)
    unfinished.unlink()
