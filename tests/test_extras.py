"""Each extra can be left out: what needs it says so in one sentence, which names it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import loopholes
from loopholes.audit.frameworks import framework
from loopholes.audit.frameworks.base import Part
from loopholes.cli.console import in_our_words
from loopholes.errors import MissingExtra
from loopholes.files import parquet_rows
from loopholes.policies.fetch import fetch
from loopholes.stats import mean_over_seeds
from loopholes.studies.cluster import RayCluster
from loopholes.training.config import TrainConfig
from loopholes.training.settings import peft_config

CHECKOUT = Path(__file__).parents[1]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = set(PROJECT["optional-dependencies"]) - {"dev", "docs"}
"""The extras of the package; the others are for its own developers."""
FILES = {"rewards.py": "class Sums: ...\n", "rows.parquet": "PAR1"}


def build(name: str) -> Callable[[Path], object]:
    """Load a reward of a framework, as the process of an audit does."""
    return lambda folder: framework(name).build([Part(str(folder / "rewards.py"), "Sums")], {})


def train(**options: object) -> Callable[[Path], object]:
    return lambda folder: loopholes.train("self-grading", out=folder / "run", **options)  # type: ignore[arg-type]


USES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "parquet": ("pyarrow", lambda folder: list(parquet_rows(folder / "rows.parquet"))),
    "games": ("scipy", lambda folder: mean_over_seeds([0.1, 0.3])),
    "train": ("torch", train()),
    "gguf": ("gguf", lambda folder: fetch("smollm2")),
    "peft": ("peft", lambda folder: peft_config(TrainConfig(game="self-grading", out=folder / "run", peft={}))),
    "vllm": ("vllm", train(use_vllm=True)),
    "cluster": ("ray", lambda folder: RayCluster(folder, "auto").__enter__()),
    "endpoints": (
        "openai",
        lambda folder: loopholes.evaluate("http://[::1]/v1#m", "proxy-metric", out=folder / "run"),
    ),
    "openenv": ("openenv", build("openenv")),
    "verifiers": ("verifiers", build("verifiers")),
    "inspect": ("inspect_ai", lambda folder: __import__("loopholes.integrations.inspect")),
}
"""For each extra a package of it, and what cannot be done without that package."""


def test_every_extra_has_something_that_needs_it() -> None:
    assert USES.keys() == EXTRAS


@pytest.mark.parametrize("extra", sorted(USES))
def test_what_needs_an_extra_names_it_in_one_sentence(
    extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, use = USES[extra]
    for name in [name for name in sys.modules if name.startswith((f"{package}.", "loopholes.integrations.inspect"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    monkeypatch.setenv("LOOPHOLES_CACHE", str(tmp_path / "cache"))
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    with pytest.raises((MissingExtra, ModuleNotFoundError)) as missing:
        use(tmp_path)
    error = missing.value if isinstance(missing.value, MissingExtra) else in_our_words(missing.value)
    assert str(error) == f"this needs {package}, which is not installed: pip install 'loopholes[{extra}]'"
    assert {path.name for path in tmp_path.iterdir()} == set(FILES), "nothing is begun that cannot be finished"


@pytest.mark.slow
@pytest.mark.parametrize("extra", ["", *sorted(EXTRAS)])
def test_an_extra_can_be_installed_by_itself(extra: str, tmp_path: Path) -> None:
    """Resolves every dependency in an environment that has nothing; downloads what pip has to look into."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    python = tmp_path / "env" / "bin" / "python"
    wanted = f"{CHECKOUT}[{extra}]" if extra else str(CHECKOUT)
    command = [str(python), "-m", "pip", "install", "--quiet", "--dry-run", wanted]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run(command, check=True, env=environment)
