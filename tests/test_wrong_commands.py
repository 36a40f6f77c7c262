"""What a newcomer gets wrong is one sentence that says what is wrong and, where it can be guessed, what was meant."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from loopholes.cli import main
from loopholes.errors import DataError, PolicyError, RunError, UsageError, exit_codes
from loopholes.policies import locate

REWARDS = """
MOST = 4

def accuracy_reward(completion, answer):
    return float(answer in completion)

def format_reward(completion):
    return 1.0

def _helper(text):
    return text
"""
GAME = """
from loopholes import Game

class Pay:
    pass

class OddOneOut(Game):
    pass
"""
AUDIT = "audit my_rewards.py:accuracy_reward"
ROWS = f"{AUDIT} --data prompts.jsonl"
USAGE, DATA = UsageError.exit_code, DataError.exit_code
COMMANDS = [
    # what to audit
    (
        "audit my_rewards.py",
        USAGE,
        "my_rewards.py defines accuracy_reward, format_reward; write my_rewards.py:accuracy",
    ),
    ("audit my_rewards", USAGE, "my_rewards.py defines accuracy_reward, format_reward"),
    ("audit my_rewards.accuracy_reward", USAGE, "did you mean my_rewards.py:accuracy_reward?"),
    ("audit my_rewards.py::accuracy_reward", USAGE, "did you mean my_rewards.py:accuracy_reward?"),
    ("audit json.loads", USAGE, "did you mean json:loads?"),
    ("audit nothing.py", USAGE, "defines no function and no class"),
    ("audit nowhere", USAGE, "nowhere does not name a reward: write FILE.py:NAME"),
    (f"{ROWS} --truth my_rewards.py", USAGE, "my_rewards.py defines accuracy_reward"),
    (f"{AUDIT} prompts.jsonl", USAGE, "rows are given with an option: --data prompts.jsonl"),
    ("audit my_rewards.py accuracy_reward", USAGE, "TARGET is FILE.py:NAME in one word"),
    (f"{AUDIT} my_rewards.py:format_reward", USAGE, "one TARGET is audited at a time: sum several with --reward"),
    (AUDIT, USAGE, "give --data a file with a column prompt"),
    # its options
    (f"{ROWS} --against", USAGE, "requires an argument; see loopholes audit --help"),
    (f"{ROWS} --golden {{anser}}", USAGE, "none of its columns (prompt, answer); did you mean {answer}?"),
    (f"{ROWS} --golden answer", USAGE, "write a column's name in braces, such as {answer}"),
    (
        f"{ROWS} --golden {{gold}}",
        USAGE,
        "none of its columns (prompt, answer); {gold} is not a column: write the one with the right answer, such as "
        "{answer}",
    ),
    (f"{ROWS} --weight 0.5", USAGE, "a weight belongs to its reward: --reward FILE.py:NAME=WEIGHT"),
    (f"{ROWS} --weight=0.5", USAGE, "a weight belongs to its reward: --reward FILE.py:NAME=WEIGHT"),
    (f"{ROWS} --advantage groups", USAGE, "'--advantage': 'groups' is not one of 'group', 'batch', 'none'"),
    (f"{ROWS} --rows 0", USAGE, "'--rows': input should be greater than or equal to 1; see loopholes audit --help"),
    (f"{ROWS} --framework verlo", USAGE, "did you mean 'verl'?"),
    (f"{ROWS} --call-seconds inf", USAGE, "'--call-seconds': input should be less than or equal to 86400"),
    (f"{ROWS} --memory-gb inf", USAGE, "'--memory-gb': input should be less than or equal to 1000000"),
    (f"{AUDIT} --replay findings/0001.json", USAGE, "--selftest and --replay need no TARGET"),
    ("audit --selftest --replay findings/0001.json", USAGE, "only one of them can be given"),
    ("survey folder --only reward", USAGE, "--only is for packages that offer targets by name"),
    ("score self-grading --tasks a --completions b --evaluation base", USAGE, "give --format, too"),
    ("score self-grading --tasks a --completions b --resume", USAGE, "give --format, too"),
    ("study discovery --tasks selfgrading=prompts.jsonl", USAGE, "there is no game 'selfgrading'; did you mean"),
    ("study discovery --test-tasks nope=prompts.jsonl", USAGE, "there is no game 'nope'; choose from"),
    # files and directories to read
    (f"{AUDIT} --data rows.csv", DATA, "rows.csv is a CSV file, and --data reads JSON Lines, parquet and datasets"),
    (f"{AUDIT} --data rows.json", DATA, "this makes it JSON Lines: python -c"),
    (f"{AUDIT} --data nowhere.jsonl", DATA, "there is no file nowhere.jsonl"),
    (f"{ROWS} --baseline nowhere", DATA, "there is no file nowhere"),
    ("audit --replay nowhere.json", DATA, "there is no file nowhere.json"),
    ("report nowhere", DATA, "there is no directory nowhere"),
    ("audit nowhere.py", DATA, "there is no file nowhere.py"),
    ("audit nowhere.py:reward --data prompts.jsonl", DATA, "there is no file nowhere.py"),
    (f"{ROWS} --truth nowhere.py:truth", DATA, "there is no file nowhere.py"),
    (f"{ROWS} --against nowhere.py:reward", DATA, "there is no file nowhere.py"),
    (f"{ROWS} --python nowhere", DATA, "there is no file"),
    ("games nowhere.py", DATA, "there is no file nowhere.py"),
    ("games nowhere.py:Game", DATA, "there is no file nowhere.py"),
    ("train nowhere.py:Game --out new", DATA, "nowhere.py"),
    ("train self-grading --tasks nowhere.jsonl --out new", DATA, "nowhere.jsonl is not a file"),
    ("eval ./nowhere --game self-grading --out new", DATA, "there is no directory ./nowhere"),
    # names
    ("games colors.py --validate", USAGE, "colors.py does not say which game: write colors.py:OddOneOut"),
    ("train colors.py", USAGE, "colors.py does not say which game: write colors.py:OddOneOut"),
    ("games nothing.py", USAGE, "nothing.py does not say which game: it defines no Game class"),
    ("train selfgrading", USAGE, "there is no game 'selfgrading'; did you mean 'self-grading'?"),
    ("eval scripted:honest --out new", USAGE, "scripted:honest is not a run, so nothing says what it plays"),
    (
        "train self_grading --out new",
        USAGE,
        "there is no game 'self_grading'; did you mean 'self-grading'? Choose from:",
    ),
    ("train self-grading --channel secur --out new", USAGE, "did you mean 'secure'?"),
    ("games self-grading --set audit_probabilty=1", USAGE, "did you mean 'audit_probability'? It has: world"),
    ("export verifier self-grading --out new", USAGE, "did you mean 'verifiers'?"),
    ("study discvery", USAGE, "did you mean 'discovery'?"),
    ("report . --threshold apears=0.1", USAGE, "there is no threshold 'apears'; did you mean 'appears'?"),
    (
        "train self-grading --policy minni --out new",
        PolicyError.exit_code,
        "there is no policy 'minni'; did you mean 'mini'?",
    ),
    ("eval smollm --game self-grading --out new", PolicyError.exit_code, "did you mean 'smollm2'?"),
    (
        "eval folder --game self-grading --out new",
        PolicyError.exit_code,
        "name a training run's directory or a checkpoint's",
    ),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A newcomer's working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    Path("my_rewards.py").write_text(REWARDS)
    Path("nothing.py").write_text("X = 1\n")
    Path("colors.py").write_text(GAME)
    rows = [{"prompt": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(3)]
    Path("prompts.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    Path("rows.json").write_text(json.dumps(rows, indent=1))
    Path("rows.csv").write_text("prompt,answer\nWhat is 1 + 1?,2\n")
    Path("folder").mkdir()
    return tmp_path


@pytest.mark.parametrize(("command", "code", "words"), COMMANDS, ids=[command for command, _, _ in COMMANDS])
def test_a_wrong_command_is_answered_with_one_sentence(
    capsys: pytest.CaptureFixture[str], command: str, code: int, words: str
) -> None:
    assert main(shlex.split(command)) == code
    printed = capsys.readouterr()
    (sentence,) = (line for line in printed.err.splitlines() if not line.startswith("audit:"))
    assert words in sentence


@pytest.mark.parametrize("name", ["rows.csv", "rows.json"])
def test_the_command_that_converts_rows_makes_what_is_read(capsys: pytest.CaptureFixture[str], name: str) -> None:
    main([*AUDIT.split(), "--data", name])
    command = capsys.readouterr().err.partition("JSON Lines: python")[2].strip()
    subprocess.run(f"{sys.executable} {command}", shell=True, check=True)
    made = [json.loads(line) for line in Path("rows.jsonl").read_text().splitlines()]
    assert made[0].keys() == {"prompt", "answer"}


def test_a_policy_s_name_that_resembles_ours_is_not_looked_up_and_a_hub_s_is_left_alone() -> None:
    with pytest.raises(PolicyError, match="did you mean 'mini-llama'"):
        locate("mini_lama")
    assert locate("gpt2") == "gpt2"
    assert locate("someone/minni") == "someone/minni"
    Path("minni").mkdir()
    assert locate("minni") == "minni"


def test_missing_files_and_missing_directories_have_one_documented_code() -> None:
    assert exit_codes()[DataError.exit_code] == "a file or a directory to read is missing or cannot be used"
    assert DataError.exit_code != RunError.exit_code
