"""The GitHub Action's shell steps, run here as GitHub runs them, and the hook for pre-commit.

What GitHub itself does (expressions, the upload of SARIF, the permissions of a comment) is not run anywhere.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.rewards import SOUND_AND_NOT, save_rows, sums, write_rewards

ROOT = Path(__file__).parents[1]
ACTION: Mapping[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS: Mapping[str, Mapping[str, Any]] = {step["id"]: step for step in ACTION["runs"]["steps"]}
ARGUMENTS = "--budget-seconds 30 --search-calls 0"
GH = """#!/bin/bash
printf '%s\\n' "$*" >> "$CALLS"
if [[ "$*" == *--paginate* ]]; then cat "$COMMENTS"; fi
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with two rewards, and commands that stand in for those on GitHub's machine."""
    write_rewards(tmp_path, SOUND_AND_NOT)
    save_rows(tmp_path, sums(golden=None))
    commands = {
        "loopholes": f'#!/bin/bash\nexec {shlex.quote(sys.executable)} -m loopholes "$@"\n',
        "python": '#!/bin/bash\nprintf "%s\\n" "$@" > installed\n',
        "gh": GH,
    }
    (tmp_path / "bin").mkdir()
    for name, text in commands.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def step(name: str, folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """Run one shell step; what it takes from an expression is given, or empty."""
    taken = dict.fromkeys(STEPS[name].get("env", {}), "")
    files = {file.upper(): str(folder / file) for file in ("calls", "comments", "github_output", "github_step_summary")}
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]],
        cwd=folder,
        env={**os.environ, **taken, **files, "PATH": path, **given},
        capture_output=True,
        text=True,
        check=False,
    )


def audit(folder: Path, reward: str, **given: str) -> str:
    """The status that the audit's step hands on."""
    names = {"TARGET": f"rewards.py:{reward}", "DATA": "rows.jsonl", "GOLDEN": "<answer>{answer}</answer>"}
    ended = step("audit", folder, **{**names, "OUT": "findings", "ARGUMENTS": ARGUMENTS, **given})
    assert ended.returncode == 0, ended.stderr
    name, _, status = (folder / "github_output").read_text().splitlines()[-1].partition("=")
    assert name == "status"
    return status


def test_an_exploit_is_shown_before_the_last_step_fails(folder: Path) -> None:
    status = audit(folder, "contains")
    assert status == "1" and step("verdict", folder, STATUS=status).returncode == 1
    shown = (folder / "github_step_summary").read_text()
    assert "**EXPLOITABLE:" in shown and "| exploit | shotgun |" in shown
    results = json.loads((folder / "loopholes.sarif").read_text())["runs"][0]["results"]
    assert results and (folder / "findings" / "0001.json").is_file()


def test_only_what_is_new_fails_beside_a_baseline_and_one_that_is_not_there_is_ignored(folder: Path) -> None:
    assert audit(folder, "contains", BASELINE="findings-of-main") == "1"
    (folder / "findings").rename(folder / "findings-of-main")
    assert audit(folder, "contains", BASELINE="findings-of-main") == "0"
    assert "exploit (in the baseline)" in (folder / "github_step_summary").read_text()


def test_a_sound_reward_passes(folder: Path) -> None:
    status = audit(folder, "accuracy")
    assert status == "0" and step("verdict", folder, STATUS=status).returncode == 0


def test_an_audit_that_cannot_run_fails_with_its_own_status_and_shows_no_old_result(folder: Path) -> None:
    (folder / "loopholes.md").write_text("of an earlier run")
    assert audit(folder, "nothing") == "2"
    assert not (folder / "loopholes.md").exists() and not (folder / "github_step_summary").exists()


def test_what_is_to_be_installed_is_handed_to_pip_word_by_word(folder: Path) -> None:
    assert step("install", folder, REQUIREMENTS="loopholes[parquet] .").returncode == 0
    assert (folder / "installed").read_text().split()[-2:] == ["loopholes[parquet]", "."]


COMMENT = {"TARGET": "rewards.py:contains", "REPOSITORY": "us/ours", "NUMBER": "7"}


def comment(folder: Path, comments: str) -> str:
    """The last call of the step that comments, where a pull request has these comments."""
    (folder / "comments").write_text(comments)
    (folder / "loopholes.md").write_text("### a table\n")
    ended = step("comment", folder, **COMMENT)
    assert ended.returncode == 0, ended.stderr
    return (folder / "calls").read_text().splitlines()[-1]


def test_the_first_comment_is_written_and_the_next_run_replaces_it(folder: Path) -> None:
    written = comment(folder, "3\tLooks good to me\n")
    assert written == "api -X POST repos/us/ours/issues/7/comments -F body=@loopholes-comment.md"
    mark = (folder / "loopholes-comment.md").read_text().splitlines()[0]
    replaced = comment(folder, f"3\tLooks good to me\n4\t{mark}\n5\t{mark}\n")
    assert replaced == "api -X PATCH repos/us/ours/issues/comments/4 -F body=@loopholes-comment.md"
    assert "### a table" in (folder / "loopholes-comment.md").read_text()


def test_every_shell_step_takes_inputs_from_its_environment_alone() -> None:
    for step in STEPS.values():
        assert "${{" not in step.get("run", ""), "an expression within a script is an injection"


def test_the_hook_of_pre_commit_is_the_command(folder: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["language"] == "python" and hook["pass_filenames"] is False
    arguments = ["rewards.py:contains", "--data", "rows.jsonl", *ARGUMENTS.split()]
    ended = subprocess.run(
        [str(folder / "bin" / "loopholes"), *hook["entry"].split()[1:], *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1 and "EXPLOITABLE" in ended.stdout
