"""What is released: the wheel and its base dependencies audit rewards and play games; what needs an extra says so."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from email.message import Message
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import loopholes
from support.rewards import SOUND_AND_NOT, save_rows, sums, write_rewards

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
ABSENT = (
    *("accelerate", "datasets", "openai", "peft", "ray", "tokenizers", "torch", "transformers", "trl"),
    *("matplotlib", "nltk", "pandas", "pyarrow", "rapidfuzz", "scipy"),
)
LARGEST = 120e6
"""Bytes that an install for auditing may take."""
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


def build(kind: str, folder: Path) -> Path:
    """The file of a distribution, ``wheel`` or ``sdist``, that hatchling builds into a folder without a network."""
    process = run("-m", "hatchling", "build", "-t", kind, "-d", str(folder), cwd=ROOT)
    assert process.returncode == 0, process.stderr
    (file,) = folder.iterdir()
    return file


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    return build("wheel", tmp_path_factory.mktemp("wheel"))


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
    paths = (file for file in (folder / "loopholes").rglob("*") if file.is_file() and file.suffix != ".pyc")
    return {str(file.relative_to(folder)) for file in paths}


def metadata(wheel: Path) -> Message:
    """What a wheel says of itself; the long description is its payload."""
    with zipfile.ZipFile(wheel) as archive:
        (about,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(about).decode())


def test_the_wheel_holds_the_package_with_its_data_and_its_documentation_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    pages = {f"loopholes/{page.relative_to(ROOT)}" for page in (ROOT / "docs").rglob("*.md")}
    assert {name for name in names if ".dist-info/" not in name} == files(SOURCE) | pages
    assert {"loopholes/minis/mini/model.safetensors", "loopholes/report/page.css", "loopholes/py.typed"} <= names
    assert metadata(wheel)["Version"] == loopholes.__version__


def test_the_long_description_has_whole_addresses_in_place_of_links_into_the_repository(wheel: Path) -> None:
    about = metadata(wheel)
    links = re.findall(r"\]\(([^)\s]+)\)", str(about.get_payload()))
    home = dict(line.split(", ") for line in about.get_all("Project-URL", []))["Source"]
    inside = [link.removeprefix(f"{home}/") for link in links if link.startswith(home)]
    assert all(link.startswith(("https://", "#")) for link in links)
    assert inside and all((ROOT / path).exists() for path in (re.sub(r"^(blob|raw)/HEAD/|#.*", "", x) for x in inside))
    assert any(link.startswith("raw/HEAD/") for link in inside) == ("![" in (ROOT / "README.md").read_text("utf-8"))


def test_the_version_is_written_in_one_place() -> None:
    pattern = re.compile(rf"(?<![\d.]){re.escape(loopholes.__version__)}(?![\d.])")
    places = [file for file in sorted(SOURCE.rglob("*.py")) if pattern.search(file.read_text(encoding="utf-8"))]
    assert places == [SOURCE / "loopholes" / "version.py"]
    for name in ("pyproject.toml", "CITATION.cff", "README.md", "action.yml"):
        assert f"version: {loopholes.__version__}" not in (ROOT / name).read_text(encoding="utf-8")
        assert f'version = "{loopholes.__version__}"' not in (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, built from the checkout and unpacked."""
    file = build("sdist", tmp_path_factory.mktemp("sdist"))
    subprocess.run(["tar", "-xzf", file, "-C", file.parent], check=True)
    return file.parent / file.name.removesuffix(".tar.gz")


def test_the_source_distribution_holds_every_file_of_the_repository(unpacked: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no checkout, as in a source distribution itself")
    missing = [name for name in listed.stdout.split("\0") if name and not (unpacked / name).is_file()]
    assert [name for name in missing if (ROOT / name).is_file()] == []


def test_tests_run_from_the_source_distribution(unpacked: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(unpacked / "src")}
    done = run("-m", "pytest", "-p", "no:cacheprovider", "tests/rewards/test_readers.py", cwd=unpacked, env=environment)
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d+ passed", done.stdout)


def test_every_public_name_is_there_without_torch(installed: dict[str, str], tmp_path: Path) -> None:
    done = run("-c", IMPORT_ALL, env=installed, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    hidden, place, names = json.loads(done.stdout)
    assert hidden and Path(place).is_relative_to(installed["PYTHONPATH"])
    assert names == loopholes.__all__


def test_an_install_for_auditing_takes_under_120_megabytes(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    waiting = _needed(metadata(wheel).get_all("Requires-Dist", []))
    packages: dict[str, int] = {}
    while waiting:
        name = waiting.pop()
        if name not in packages:
            package = distribution(name)
            packages[name] = sum(_bytes(Path(str(file.locate()))) for file in package.files or ())
            waiting += _needed(package.requires or ())
    assert {"numpy", "pydantic", "rich", "typer"} <= packages.keys()
    assert packages.keys().isdisjoint(ABSENT)
    assert size + sum(packages.values()) < LARGEST, packages


def _needed(requirements: Sequence[str]) -> list[str]:
    """The packages that are required here without an extra."""
    parsed = [Requirement(text) for text in requirements]
    return [canonicalize_name(one.name) for one in parsed if one.marker is None or one.marker.evaluate({"extra": ""})]


def _bytes(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def test_games_prove_themselves_without_extras(installed: dict[str, str], tmp_path: Path) -> None:
    done = run("-m", "loopholes", "games", "self-grading", "--validate", env=installed, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    audit = "audit game:any-box --rows 3 --search-calls 0 --json"
    done = run("-m", "loopholes", *audit.split(), env=installed, cwd=tmp_path)
    assert done.returncode == 1, done.stderr


def test_a_loophole_is_found_and_shown_on_a_page_without_extras(installed: dict[str, str], tmp_path: Path) -> None:
    write_rewards(tmp_path, SOUND_AND_NOT)
    save_rows(tmp_path, sums())
    audit = ["audit", "rewards.py:contains", "--data", "rows.jsonl", "--json"]
    done = run("-m", "loopholes", *audit, env=installed, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    (report,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert "exploit" in {finding["verdict"] for finding in report["findings"]}
    pages = {finding["page"].partition("#")[0] for finding in report["findings"]}
    assert all(page.startswith("https://") or (tmp_path / page).is_file() for page in pages)
    done = run("-m", "loopholes", "report", "findings", env=installed, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "rewards.py:contains" in (tmp_path / "findings" / "report.html").read_text()


@pytest.mark.parametrize(
    "command, extra",
    [
        ("train proxy-metric --out run", "train"),
        ("games proxy-metric --validate", "games"),
        ("audit game:proxy-metric", "games"),
        ("audit rewards.py:contains --data rows.parquet", "parquet"),
    ],
)
def test_what_needs_an_extra_says_how_to_install_it(
    installed: dict[str, str], tmp_path: Path, command: str, extra: str
) -> None:
    write_rewards(tmp_path, SOUND_AND_NOT)
    (tmp_path / "rows.parquet").write_bytes(b"PAR1")
    done = run("-m", "loopholes", *command.split(), env=installed, cwd=tmp_path)
    assert done.returncode == 2
    assert f"pip install 'loopholes[{extra}]'" in done.stderr and len(done.stderr.splitlines()) == 1
