"""What tests of the audit share: see ``auditing.py``."""

from __future__ import annotations

import pytest

from support.rewards import Inside


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Audits of this test run the reward in this process."""
    monkeypatch.setattr("loopholes.audit.engine.Scorer", Inside)
    monkeypatch.setattr("loopholes.audit.folder.Scorer", Inside)
    monkeypatch.setattr("loopholes.audit.truth.Scorer", Inside)
