"""The blind sets: as they were sealed, and each demonstration paid as it says."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

import catalogue

DEMONSTRATIONS_ALONE = """
import sys
sys.path.insert(0, sys.argv[1])
import check
check.every_row = lambda bad: None  # pays every row dozens of completions
sys.exit(check.main())
"""
pytestmark = pytest.mark.parametrize("name", list(catalogue.SEALED))


def sealed_files(folder: Path) -> list[Path]:
    """Every file under the seal, sorted as ``sort`` does in the C locale."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted((path for path in files if path.name != "SEAL"), key=lambda path: f"./{path.relative_to(folder)}")


def test_the_set_is_as_its_author_sealed_it_before_the_audit_ran_on_it(name: str) -> None:
    folder = catalogue.FOLDER / name
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  ./{path.relative_to(folder)}\n"
        for path in sealed_files(folder)
    ]
    seal = (folder / "SEAL").read_text().split()[0]
    assert hashlib.sha256("".join(lines).encode()).hexdigest() == seal


def test_it_has_thirty_pairs_and_ten_honest_rewards_that_no_published_set_has(name: str) -> None:
    fixtures = catalogue.SEALED[name]
    assert sum(fixture.vulnerable for fixture in fixtures) == 30 and len(fixtures) == 70
    others = {fixture.name for fixture in catalogue.ALL if fixture.half not in (name, "development")}
    assert not {fixture.name for fixture in fixtures} & others
    for fixture in fixtures:
        assert (catalogue.FOLDER / fixture.file).is_file() and (catalogue.FOLDER / "data" / fixture.data).is_file()


def test_every_demonstration_is_paid_what_it_says(name: str) -> None:
    checked("-c", DEMONSTRATIONS_ALONE, str(catalogue.FOLDER / name))


@pytest.mark.slow
def test_every_row_is_paid_as_its_author_checked(name: str) -> None:
    checked(str(catalogue.FOLDER / name / "check.py"))


def checked(*program: str) -> None:
    check = subprocess.run([sys.executable, "-B", *program], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout
    assert " demonstrations, 0 wrong" in check.stdout
