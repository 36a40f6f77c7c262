"""The wheel alone has everything: it imports, validates a game and audits a reward where there is no torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest

import loopholes
from support.rewards import SOUND_AND_NOT, save_rows, sums, write

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
ABSENT = ("accelerate", "datasets", "openai", "ray", "tokenizers", "torch", "transformers", "trl")
REFUSE = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""

IMPORT_ALL = """
import json, loopholes
try:
    import torch
except ModuleNotFoundError:
    hidden = True
names = [name for name in loopholes.__all__ if getattr(loopholes, name)]
print(json.dumps([hidden, loopholes.__file__, names]))
"""


def run(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """What a program of the test environment's Python printed."""
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    built = run("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    assert built.returncode == 0, built.stderr
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a Python that has the wheel, what it depends on, and nothing of the extras.

    It has this environment's packages; an import hook, which processes started there have too, hides those of extras.
    """
    target = tmp_path_factory.mktemp("installed")
    done = run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target), str(wheel))
    assert done.returncode == 0, done.stderr
    (target / "sitecustomize.py").write_text(REFUSE)
    return {**os.environ, "PYTHONPATH": str(target), "PYTHONSAFEPATH": "1"}


def files(folder: Path) -> set[str]:
    """The files of the package in the checkout, as a wheel names them."""
    found = (file for file in (folder / "loopholes").rglob("*") if file.is_file() and file.suffix != ".pyc")
    return {str(file.relative_to(folder)) for file in found}


def test_the_wheel_holds_the_package_with_its_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (about,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        version = Parser().parsestr(archive.read(about).decode())["Version"]
    assert {name for name in names if ".dist-info/" not in name} == files(SOURCE)
    assert {"loopholes/minis/mini/model.safetensors", "loopholes/report/page.css", "loopholes/py.typed"} <= names
    assert version == loopholes.__version__


def test_every_public_name_is_there_without_torch(installed: dict[str, str], tmp_path: Path) -> None:
    done = run("-c", IMPORT_ALL, env=installed, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    hidden, place, names = json.loads(done.stdout)
    assert hidden and Path(place).is_relative_to(installed["PYTHONPATH"])
    assert sorted(names) == sorted(loopholes.__all__)


def test_a_game_proves_itself_and_a_loophole_is_found_without_torch(installed: dict[str, str], tmp_path: Path) -> None:
    done = run("-m", "loopholes", "games", "proxy-metric", "--validate", env=installed, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    write(tmp_path, SOUND_AND_NOT)
    save_rows(tmp_path, sums())
    audit = ["audit", "rewards.py:contains", "--data", "rows.jsonl", "--json"]
    done = run("-m", "loopholes", *audit, env=installed, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    (report,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert "exploit" in {finding["verdict"] for finding in report["findings"]}


def test_what_needs_an_extra_says_how_to_install_it(installed: dict[str, str], tmp_path: Path) -> None:
    done = run("-m", "loopholes", "train", "proxy-metric", "--out", "run", env=installed, cwd=tmp_path)
    assert done.returncode == 2
    assert "pip install 'loopholes[train]'" in done.stderr and len(done.stderr.splitlines()) == 1
