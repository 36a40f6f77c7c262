"""The pytest plugin, in separate runs of pytest."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from support.rewards import SOUND_AND_NOT, save_rows, sums, write_rewards

ROOT = Path(__file__).parents[2]
PLUGIN = "loopholes.audit.pytest_plugin"
TESTS = """
import pytest
from rewards import accuracy, contains

pytestmark = pytest.mark.loopholes(data="rows.jsonl", seconds=30, golden="nothing")

@pytest.mark.loopholes(golden="<answer>{answer}</answer>")
def test_sound(not_gameable):
    assert not_gameable(accuracy).exit_code() == 0

def test_gameable(not_gameable):
    not_gameable(contains, golden="<answer>{answer}</answer>")
"""


def run(folder: Path, tests: str, *options: str) -> tuple[int, str]:
    """The exit code and the output of pytest on a file of tests, with this plugin and no other."""
    (folder / "test_rewards.py").write_text(tests)
    command = [sys.executable, "-m", "pytest", "-p", PLUGIN, "-p", "no:cacheprovider", "-q", "--strict-markers"]
    alone = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # importing the others takes most of a run's time
    ended = subprocess.run([*command, *options], cwd=folder, env=alone, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_rewards(tmp_path, SOUND_AND_NOT)
    save_rows(tmp_path, sums(golden=None))
    return tmp_path


def test_a_gameable_reward_fails_its_test_and_every_verdict_is_listed(folder: Path) -> None:
    code, output = run(folder, TESTS, "--loopholes-out", "out")
    assert code == 1 and "1 failed, 1 passed" in output
    assert "rewards.py:contains can be gamed:" in output
    listed = output.partition("audited rewards")[2]
    assert "rewards.py:accuracy: NO EXPLOIT FOUND" in listed and "rewards.py:contains: EXPLOITABLE" in listed
    assert [file.name for file in (folder / "out").iterdir()] == ["test_rewards.py-test_gameable"]
    assert (folder / "out" / "test_rewards.py-test_gameable" / "0001.json").is_file()


def test_audits_can_be_left_out_by_their_marker(folder: Path) -> None:
    assert "2 deselected" in run(folder, TESTS, "-m", "not loopholes")[1]


def test_a_test_without_data_is_told_how_to_name_it(folder: Path) -> None:
    code, output = run(folder, "def test_it(not_gameable):\n    not_gameable('rewards.py:accuracy')\n")
    assert code == 1 and "no data: use @pytest.mark.loopholes(data=...)" in output


WRONG = """
import pytest
from rewards import accuracy

@pytest.mark.loopholes("rows.jsonl", goldn="<answer>{answer}</answer>")
def test_misspelt(not_gameable):
    not_gameable(accuracy)

@pytest.mark.loopholes("rows.jsonl", seconds="5")
def test_text_for_a_number(not_gameable):
    not_gameable(accuracy)

@pytest.mark.loopholes("rows.jsonl", data="rows.jsonl")
def test_two_data(not_gameable):
    not_gameable(accuracy)
"""


def test_a_wrong_option_is_one_sentence_at_the_line_of_the_test(folder: Path) -> None:
    code, output = run(folder, WRONG)
    assert code == 1 and "2 failed, 1 error" in output and "takes one data, and everything else by its name" in output
    assert "there is no plain option 'goldn'" in output and "seconds is a number above 0, not '5'" in output
    assert output.count(">       not_gameable(accuracy)") == 2 and "report_on" not in output


def test_a_run_without_audits_prints_nothing(folder: Path) -> None:
    assert "audited rewards" not in run(folder, "def test_it():\n    pass\n")[1]


def test_pytest_finds_the_plugin_by_its_entry_point() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    assert declared == {"loopholes": PLUGIN}
