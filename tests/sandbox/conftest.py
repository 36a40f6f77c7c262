"""What tests of the sandbox share: servers of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loopholes.sandbox import pool

# private _memory, _pool: the package has one of each per process, and a test starts with neither answers nor servers


@pytest.fixture
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is remembered from another test."""
    monkeypatch.setattr(pool, "_memory", pool.Memory())


@pytest.fixture
def own_pool(monkeypatch: pytest.MonkeyPatch, nothing_remembered: None) -> Iterator[pool.Pool]:
    """Servers that this test starts and no other one sees."""
    servers = pool.Pool()
    monkeypatch.setattr(pool, "_pool", servers)
    yield servers
    servers.close()
