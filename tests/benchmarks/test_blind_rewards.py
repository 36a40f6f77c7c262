"""The blind set: as it was sealed, and each of its demonstrations paid as it says."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import catalogue

FOLDER = catalogue.FOLDER / "blind"


def sealed_files() -> list[Path]:
    """Every file under the seal, sorted as ``sort`` does in the C locale."""
    files = (path for path in FOLDER.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sorted((path for path in files if path.name != "SEAL"), key=lambda path: f"./{path.relative_to(FOLDER)}")


def test_the_set_is_as_its_author_sealed_it_before_the_audit_ran_on_it() -> None:
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  ./{path.relative_to(FOLDER)}\n" for path in sealed_files()
    ]
    seal = (FOLDER / "SEAL").read_text().split()[0]
    assert hashlib.sha256("".join(lines).encode()).hexdigest() == seal


def test_it_has_thirty_pairs_and_ten_honest_rewards_of_sources_that_no_other_set_has() -> None:
    vulnerable = [fixture for fixture in catalogue.BLIND if fixture.vulnerable]
    assert len(vulnerable) == 30 and len(catalogue.BLIND) == 70
    assert not {fixture.name for fixture in catalogue.BLIND} & {fixture.name for fixture in catalogue.FIXTURES}
    for fixture in catalogue.BLIND:
        assert (catalogue.FOLDER / fixture.file).is_file() and (catalogue.FOLDER / "data" / fixture.data).is_file()


def test_every_demonstration_is_paid_what_it_says() -> None:
    command = [sys.executable, "-B", str(FOLDER / "check.py")]
    check = subprocess.run(command, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout
    assert "40 demonstrations, 0 wrong" in check.stdout
