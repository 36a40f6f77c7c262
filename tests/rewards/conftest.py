"""What tests of the audit share: see ``tests/support/rewards.py``."""

from __future__ import annotations

import pytest

from support.rewards import InProcess


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Audits of this test run the reward in this process."""
    for module in ("process", "engine", "folder", "truth"):
        monkeypatch.setattr(f"loopholes.audit.{module}.RewardProcess", InProcess)
