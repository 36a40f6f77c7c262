"""Whatever is wrong with a target: one sentence or a finding, nothing of it outlives the audit, and nothing is passed.

What only an environment that is built for a target shows (its home, a package for a newer Python) is in
test_environments.py.
"""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from loopholes.cli import main

ROWS = [{"prompt": f"{n} + {n} = ?", "answer": str(2 * n), "golden": str(2 * n)} for n in range(10, 26)]
SOUND = "def reward(completion, answer):\n    return float(completion == answer)\n"
LEAVES = """
import subprocess, sys
def reward(completion, answer):
    command = [sys.executable, "-c", "import time; time.sleep(600)", __file__]
    if len(completion) == 1:
        subprocess.Popen(command, start_new_session=True)
    return float(completion == answer)
"""
ENDS = """
import os
def reward(completion, answer):
    return float(completion == answer) if completion else os._exit(1)
"""
FAULTS = {
    "hangs at import": ("import time; time.sleep(600)\n" + SOUND, 2, "took longer than 3 s while it was loaded"),
    "exits at import": ("import os; os._exit(0)\n" + SOUND, 2, "ended the process that it ran in while it was loaded"),
    "exits when called": ("import os\ndef reward(completion, answer): os._exit(0)", 2, "ended the process"),
    "is for a newer Python": ("type Number = float =\n" + SOUND, 2, "is not Python"),
    "prints to every pipe": (
        "import os, sys\ndef reward(completion, answer):\n    for number in range(3, 64):\n        try:\n"
        "            os.write(number, b'paid: 1.0')\n        except OSError:\n            pass\n    return 1.0\n",
        2,
        "wrote into the audit's own pipe",
    ),
    "leaves processes behind": (LEAVES, 0, ""),
    "listens at a port": (
        "import socket\nlistening = socket.create_server(('127.0.0.1', PORT))\n" + SOUND,
        0,
        "",
    ),
    "changes between two calls": (
        "import random\nchance = random.SystemRandom()\ndef reward(completion, answer):\n"
        "    return float(completion == answer) - 0.1 * chance.random()\n",
        0,
        "",
    ),
}
"""Faults: the file, the exit code, and words of the only sentence where that is 2. Code 0 is for sound payments."""


def running(file: Path) -> list[str]:
    """Commands that name a file."""
    commands = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended since it was listed
            commands.append(entry.read_text())
    return [command for command in commands if "sleep" in command and str(file) in command]


@pytest.fixture
def port() -> int:
    """A port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number: int = listening.getsockname()[1]
    return number


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_a_target_is_one_sentence_and_nothing_of_it_outlives_the_audit(
    name: str, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, code, words = FAULTS[name]
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "rewards.py"
    file.write_text(source.replace("PORT", str(port)))
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    budget = "3" if "hangs" in name else "60"
    arguments = ["--data", "rows.jsonl", "--rows", "8", "--search-calls", "0", "--budget-seconds", budget, "--json"]
    ended = main(["audit", "rewards.py:reward", "--framework", "plain", *arguments])
    printed = capsys.readouterr()
    assert (ended, words in printed.err) == (code, True)
    assert "Traceback" not in printed.err and (not words or "no exploit" not in printed.out)
    assert any(not running(file) for _ in range(500))
    socket.create_server(("127.0.0.1", port)).close()  # nobody listens there any more
    findings = json.loads(printed.out)["findings"] if printed.out else []
    is_unsteady = "nondeterministic" in {finding["name"] for finding in findings}
    assert is_unsteady is (name == "changes between two calls")


def test_the_report_counts_how_often_the_reward_ended_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rewards.py").write_text(f"{SOUND.replace('reward', 'sound')}{ENDS}")
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    deaths = []
    for name in ("sound", "reward"):
        main(["audit", f"rewards.py:{name}", "--data", "rows.jsonl", "--rows", "4", "--search-calls", "0", "--json"])
        coverage = json.loads(capsys.readouterr().out)["coverage"]
        deaths.append(coverage["deaths"])
        assert any("ended or had to be killed" in note for note in coverage["notes"]) is (coverage["deaths"] > 0)
    assert deaths[0] == 0 < deaths[1]


def test_a_target_without_data_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rewards.py").write_text(SOUND)
    assert main(["audit", f"{tmp_path}/rewards.py:reward"]) == 2
    assert "has no rows of its own: give --data" in capsys.readouterr().err
