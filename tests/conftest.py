"""What all tests share: the reference data, where this machine has it, and a way to run programs here."""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis  # noqa: F401  -- its plugins look up who refers to their state, which a freeze hides
import pytest

from loopholes.errors import ScoringError
from loopholes.sandbox import server

os.environ["HF_HUB_OFFLINE"] = "1"  # what asks a hub for a name is told no at once, instead of after many tries
gc.set_threshold(50_000, 20, 100)  # with PyTorch imported, the usual thresholds take a fifteenth of the suite's time
HERE = Path(__file__).parent / "reference"
LONG = (
    "studies/test_studying.py",
    "studies/test_demo.py",
    "sandbox/test_attacks.py",
    "test_tutorials.py",
    "training/test_grpo.py",
    "training/test_launch.py",
    "test_terminal.py",
    "test_wheel.py",
)
"""Files whose tests take longest; they begin first, so that no process has one left when the others are done."""
BESIDE = Path(__file__).parents[2] / "shared" / "reference"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONG))


def pytest_collection_finish() -> None:
    """Let no garbage collection look through what was imported: each training begins with one."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def released() -> Callable[[str], Path]:
    """``released("proxy_metric.jsonl")`` is that file; without it the test skips and says so."""
    folders = [HERE, Path(os.environ.get("LOOPHOLES_REFERENCE", BESIDE))]

    def find(name: str) -> Path:
        for folder in folders:
            if (folder / name).exists():
                return folder / name
        pytest.skip(f"no released {name} in {folders[1]}; set LOOPHOLES_REFERENCE to the folder that has it")

    return find


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``checkpoint("qwen3")`` is the directory of a small random checkpoint."""
    from support.checkpoints import checkpoint_maker

    return checkpoint_maker(tmp_path_factory.mktemp)


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Audits of this test run the reward in this process."""
    from support.rewards import InProcess

    for module in ("process", "engine", "folder", "truth"):
        monkeypatch.setattr(f"loopholes.audit.{module}.RewardProcess", InProcess)


@pytest.fixture
def few_attacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Audits try a fifth of the attacks, for tests of what becomes of findings, which take half as long then.

    These are all of *shotgun* and eight of each other family, as they are and in the form of right answers.
    """
    from loopholes.audit.attacks import PANEL

    families = Counter[str]()
    few = []
    for attack in PANEL:
        if attack.form in ("raw", "golden"):
            families[attack.family] += 1
            few += [attack] if attack.family == "shotgun" or families[attack.family] <= 8 else []
    monkeypatch.setattr("loopholes.audit.engine.PANEL", few)


@pytest.fixture(autouse=True)
def search_path() -> Iterator[None]:
    """A user's file finds its neighbours, in this process where a test loads it here; the next test is not slowed down
    by a search path of hundreds of folders."""
    before = list(sys.path)
    yield
    sys.path[:] = before


@pytest.fixture(scope="session", autouse=True)
def sandbox() -> None:
    """Where programs cannot be isolated (macOS, most containers), what is not about isolation is tested without it."""
    try:
        server.start("isolated").close()
    except ScoringError:
        os.environ[server.VARIABLE] = "process"


@pytest.fixture(scope="session")
def isolation(sandbox: None) -> None:
    """For tests of isolation itself: they skip where there is none."""
    if os.environ.get(server.VARIABLE) == "process":
        pytest.skip("programs cannot be isolated on this machine")
