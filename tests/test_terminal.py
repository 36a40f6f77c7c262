"""The output in a pipe, a log or CI has the same words as on a terminal; JSON is for programs that ask for it."""

from __future__ import annotations

import functools
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from loopholes import progress
from loopholes.cli import console, display, main
from loopholes.cli.display import INTERVAL, SOON, LiveBars, PlainLines
from loopholes.progress import Progress

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
REWARD = "def contains(completion, answer):\n    return float(answer in completion)\n"
SPACE = re.compile(r"\s+")
TIMES = re.compile(r"a call takes .*?(?=\n  - )|\d+\.\d+ s(?=;|$)", re.DOTALL | re.MULTILINE)
EVAL = "eval scripted:exploiting --game self-grading --samples 2 --count 64 --out run"
SCORE = "score self-grading --tasks tasks.jsonl --completions completions.jsonl"
AUDIT = "audit rewards.py:contains --data rows.jsonl --search-calls 0 --rows 4"


def fill(folder: Path) -> Path:
    """A folder with a reward that can be gamed, rows for it, and completions to score."""
    (folder / "rewards.py").write_text(REWARD)
    rows = [{"prompt": f"What is {i} + 1?", "answer": str(i + 1), "golden": str(i + 1)} for i in range(20, 28)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = {"id": "t", "prompt": [{"role": "user", "content": "x"}], "truth": {"reference": "a"}}
    (folder / "tasks.jsonl").write_text(json.dumps(task))
    (folder / "completions.jsonl").write_text('{"task": "t", "completion": "a", "claim": true}\n' * 300)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory for one test."""
    return fill(tmp_path)


@pytest.fixture(scope="module")
def piped(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[str, str]]:
    """``piped(command)`` runs a command once, in its own directory, and returns its piped output and error."""
    return functools.cache(lambda command: in_a_pipe(command, fill(tmp_path_factory.mktemp("piped"))))


def environment(**variables: str) -> dict[str, str]:
    """This environment without the variables that change how a terminal is used."""
    changing = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "GITHUB_ACTIONS"}
    return {**{key: value for key, value in os.environ.items() if key not in changing}, "TERM": "xterm", **variables}


def in_a_pipe(command: str, folder: Path, **variables: str) -> tuple[str, str]:
    """Standard output and standard error of a command whose output is read by another program."""
    words = [sys.executable, "-m", "loopholes", *command.split()]
    done = subprocess.run(
        words, capture_output=True, cwd=folder, env=environment(**variables), stdin=subprocess.DEVNULL
    )
    assert b"Traceback" not in done.stderr
    return done.stdout.decode(), done.stderr.decode()


def on_a_terminal(command: str, folder: Path, *, columns: int = 100, **variables: str) -> str:
    """Everything that a command writes to a terminal with so many columns, including control codes."""
    ours, theirs = pty.openpty()
    os.environ.pop("COLUMNS", None)
    subprocess.run(["stty", "cols", str(columns), "rows", "40"], stdin=theirs, check=True)
    words = [sys.executable, "-m", "loopholes", *command.split()]
    process = subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment(**variables)
    )
    os.close(theirs)
    text = b"".join(read(ours)).decode()
    process.wait()
    return text.replace("\r\n", "\n")


def read(terminal: int) -> Iterator[bytes]:
    """The output until the program on the other side ends."""
    with suppress(OSError):
        while part := os.read(terminal, 65536):
            yield part
    os.close(terminal)


def result(text: str) -> str:
    """The lines of an output without control codes, overwritten bars and measured times."""
    plain = (CONTROL.sub("", line).rpartition("\r")[2].rstrip() for line in text.splitlines())
    return TIMES.sub("TIME", "\n".join(line for line in plain if line))


@pytest.mark.parametrize("command", ["games", "games context-compliance", EVAL, f"{SCORE} --out scores.jsonl", AUDIT])
def test_a_pipe_gets_the_words_of_a_terminal_and_no_control_code(
    command: str, folder: Path, piped: Callable[[str], tuple[str, str]]
) -> None:
    terminal_output = on_a_terminal(command, folder)
    text, errors = piped(command)
    assert not set("\x1b\r") & set(text + errors)
    assert result(terminal_output).endswith(result(text))
    assert max(map(len, text.splitlines())) <= 100
    assert len(errors.splitlines()) <= 4


@pytest.mark.parametrize("columns", [80, 60])
@pytest.mark.parametrize("command", ["games context-compliance", AUDIT])
def test_no_word_is_broken_on_a_narrower_terminal(
    command: str, columns: int, folder: Path, piped: Callable[[str], tuple[str, str]]
) -> None:
    wide, narrow = result(piped(command)[0]), result(on_a_terminal(command, folder, columns=columns))
    strange = set(SPACE.split(narrow)) - set(SPACE.split(wide))
    assert not [word for word in strange if re.fullmatch(r"[a-z-]{2,}", word)]


@pytest.mark.parametrize(
    "command", ["games", "games self-grading --validate", EVAL, AUDIT, f"{SCORE} --out scores.jsonl"]
)
def test_json_makes_every_line_of_standard_output_one_for_programs(command: str, folder: Path) -> None:
    piped, errors = in_a_pipe(f"{command} --json", folder)
    assert [json.loads(line) for line in piped.splitlines()]
    assert errors == ""


def test_records_are_alone_on_standard_output_and_the_summary_is_on_standard_error(folder: Path) -> None:
    piped, errors = in_a_pipe(SCORE, folder)
    assert len([json.loads(line) for line in piped.splitlines()]) == 300
    assert "task performance" in errors and "100.0 %" in errors
    piped, errors = in_a_pipe(f"{SCORE} --json", folder)
    assert len(piped.splitlines()) == 300 and json.loads(errors)["count"] == 300


def test_every_command_has_json(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("games", "pretrain", "train", "eval", "score", "study", "audit", "report", "demo"):
        assert main([command, "--help"]) == 0
        assert "--json" in capsys.readouterr().out, command


@pytest.mark.parametrize("colour", ["", "1"])
def test_a_dumb_terminal_is_never_drawn_over(colour: str, folder: Path) -> None:
    assert not set("\x1b\r") & set(on_a_terminal(EVAL, folder, TERM="dumb", NO_COLOR=colour))


def test_forced_colours_in_a_log_are_colours_and_nothing_else(folder: Path) -> None:
    piped, errors = in_a_pipe(AUDIT, folder, FORCE_COLOR="1")
    codes = re.findall(r"\x1b\[[0-9;?]*[A-Za-z]", piped + errors)
    assert codes and all(code.endswith("m") for code in codes)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, set by a test."""
    seconds = [0.0]
    monkeypatch.setattr(console.stderr, "_width", 100)  # private: of Rich, which reads the size of the real terminal
    return seconds


def lines(clock: list[float], seconds: float, steps: int, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The plain lines for a number of steps that each take a number of seconds."""
    with PlainLines("a game", display.NUMBERS, clock=lambda: clock[0]) as progress:
        for step in range(1, steps + 1):
            clock[0] += seconds
            progress.show(
                Progress("step", step, steps, {"reward": 0.517, "task_performance": 0.48, "exploit_rate": None})
            )
    return capsys.readouterr().err.splitlines()


def test_long_work_has_a_line_soon_few_a_minute_and_the_last(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    printed = lines(clock, 0.5, 600, capsys)
    assert printed[0] == f"a game: step {int(SOON / 0.5)} of 600  reward 0.517  task 48 %  exploit -"
    assert printed[-1].startswith("a game: step 600 of 600")
    assert 3 <= len(printed) <= 300 / INTERVAL + 2 and INTERVAL >= 20
    assert lines(clock, 0.001, 600, capsys) == []


def test_several_runs_share_one_line(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with PlainLines("discovery", display.NUMBERS, clock=lambda: clock[0]) as progress:
        progress.show(Progress("runs done", 12, 40))
        progress.show(Progress("step", 1, 70), "train-b")
        progress.show(
            Progress("step", 40, 70, {"reward": 0.5, "task_performance": 0.25, "exploit_rate": 0.75}), "train-a"
        )
        clock[0] = SOON
        progress.show(
            Progress("step", 41, 70, {"reward": 0.5, "task_performance": 0.25, "exploit_rate": 0.75}), "train-a"
        )
        progress.drop("train-a")
        clock[0] += INTERVAL
        progress.show(Progress("step", 2, 70, {"exploit_rate": 0.75}), f"train-{'b' * 60}")
    first, second = capsys.readouterr().err.splitlines()
    assert first == "discovery: runs done 12 of 40; train-a: step 41 of 70  reward 0.5  task 25 %  exploit 75 %"
    assert second == f"discovery: runs done 12 of 40; train-{'b' * 60}: step 2 of 70"


def test_long_work_within_a_step_is_shown_until_it_is_done(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with PlainLines("a game", {}, clock=lambda: clock[0]) as lines_shown:
        lines_shown.show(Progress("step", 1, 9))
        for seconds, done in ((SOON, 3), (2 * INTERVAL, 4)):
            clock[0] = seconds
            progress.report(Progress("answer judged", done, 4))
    progress.report(Progress("answer judged", 1, 4))  # no display is active any more
    assert capsys.readouterr().err.splitlines() == ["a game: step 1 of 9; answer judged 3 of 4", "a game: step 1 of 9"]


def test_a_bar_of_a_part_is_gone_when_the_part_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def last_frame(*steps: int) -> str:
        monkeypatch.setattr(console.stderr, "_force_terminal", True)
        monkeypatch.setattr(console.stderr, "is_interactive", True)
        with LiveBars("whole", {}) as bars:
            bars.show(Progress("step", 0, 2))
            for done in steps:
                progress.report(Progress("answer judged", done, 4))
        return capsys.readouterr().err.rpartition("whole")[2]

    assert "judged" in last_frame(2, 3) and "3/4" in last_frame(2, 3)
    assert "0/2" in last_frame(3, 4) and "judged" not in last_frame(3, 4)
