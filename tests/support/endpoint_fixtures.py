"""Fixtures for a local chat model with a cache of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.judge_server import JudgeServer


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This test's own cache of answers."""
    monkeypatch.setenv("LOOPHOLES_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JudgeServer]:
    """A server that answers; without keys and proxies in the environment."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(cache.parent))  # each client would read all of the machine's certificates
    for name in [
        name for name in os.environ if name.startswith(("OPENAI_", "LOOPHOLES_JUDGE_KEY", "LOOPHOLES_POLICY_KEY"))
    ]:
        monkeypatch.delenv(name)
    with JudgeServer().serving() as running:
        yield running


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the client would have waited between tries. It does not wait."""
    import anyio

    seconds_waited: list[float] = []

    async def wait(seconds: float) -> None:
        seconds_waited.append(seconds)

    monkeypatch.setattr(anyio, "sleep", wait)
    return seconds_waited
