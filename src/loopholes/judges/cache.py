"""Verdicts kept on disk: digests and verdicts, no texts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Self, get_args

from loopholes.endpoints import JUDGE, TextCache
from loopholes.files import cache_folder
from loopholes.records import Verdict

VERDICTS: dict[str | None, Verdict | None] = {None: None, **{verdict: verdict for verdict in get_args(Verdict)}}


def cache_file() -> Path:
    """``verdicts.sqlite`` in :func:`loopholes.files.cache_folder`."""
    return cache_folder() / "verdicts.sqlite"


class VerdictCache:
    """The file at ``path``, open for one block; raises :class:`ScoringError` if it cannot be used."""

    def __init__(self, path: Path) -> None:
        self._texts = TextCache(path, "verdict", JUDGE)

    def __enter__(self) -> Self:
        self._texts.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._texts.__exit__()

    def lookup(self, keys: Iterable[bytes]) -> dict[bytes, Verdict | None]:
        """The verdicts stored under ``keys``; keys without one are left out."""
        return {key: VERDICTS[text] for key, text in self._texts.lookup(keys).items() if text in VERDICTS}

    def put(self, key: bytes, verdict: Verdict | None) -> None:
        """Store a verdict; the first one stored under a key stays."""
        self._texts.put(key, verdict)
