"""docs/studies.md and docs/clusters.md are true: every command has a plan, and numbers are those of the code."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from loopholes.cli import main
from loopholes.stats import Thresholds
from loopholes.studies import STUDIES

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "studies.md").read_text() + (DOCS / "clusters.md").read_text()
BLOCKS = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", "")
# Real models are looked up where they come from; no test goes there.
LINES = [line.partition("#")[0] for line in BLOCKS.splitlines()]
COMMANDS = [line for line in LINES if line.startswith("loopholes ") and "Qwen" not in line]


def planned(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, int]:
    """The runs that a command plans, by study."""
    assert main([*options, "--dry-run", "--json"]) == 0
    return {line["study"]: line["runs"] for line in map(json.loads, capsys.readouterr().out.splitlines())}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_plan(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert planned(capsys, *shlex.split(command)[1:])
    assert list(tmp_path.iterdir()) == []


def test_the_numbers_of_runs_are_those_of_the_plans(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ("study", "all", "--out", str(tmp_path / "out"))
    usual, full = planned(capsys, *out), planned(capsys, *out, "--full")
    assert f"plans {sum(usual.values()):,} runs" in PAGE and f"`--full` plans {sum(full.values()):,}" in PAGE
    assert re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE) == list(STUDIES)
    assert list(usual) == [name for name, study in STUDIES.items() if study.for_minis]


def test_the_thresholds_are_the_defaults() -> None:
    for name in Thresholds.__dataclass_fields__:
        match = re.search(rf"`{name}`\s+([0-9.]+)", PAGE)
        assert match is not None and float(match[1].rstrip(".")) == getattr(Thresholds(), name)


def test_the_help_names_every_study(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "--help"]) == 0
    words = re.findall(r"[a-z-]+", capsys.readouterr().out)
    assert set(STUDIES) <= set(words)


def test_all_leaves_out_the_studies_of_games_that_are_not_named(capsys: pytest.CaptureFixture[str]) -> None:
    plans = planned(capsys, "study", "all", "--game", "proxy-metric", "--game", "self-grading", "--seeds", "1")
    assert set(STUDIES) - set(plans) == {"charge", "best-of-n", "real-model"}
