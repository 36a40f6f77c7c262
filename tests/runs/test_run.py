"""A run directory survives kills, refuses to overwrite, and holds any text without loss."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopholes.errors import RunError
from loopholes.files import Lock
from loopholes.records import Completion, Outcome, Payment, Task, well_formed
from loopholes.runs import Run, prompt_text, rollout_rows

CONFIG = {"game": "reward-tampering", "seed": 3, "training": {"steps": 60, "rate": 3e-4}}
ROW: dict[str, Any] = {"task": "t1", "prompt": "2 + 2?", "text": "4", "reward": 1.0, "task_score": 1.0, "exploit": 0.0}


def write_some(path: Path, steps: int = 3) -> Run:
    run = Run.create(path, CONFIG)
    for step in range(1, steps + 1):
        run.write_rollouts(step, [ROW, {**ROW, "task": "t2", "reward": None, "reason": "judge silent"}])
        run.log_metrics({"step": step, "reward": 0.5 * step})
    return run


def test_a_run_can_be_read_without_this_program(tmp_path: Path) -> None:
    with write_some(tmp_path / "run") as run:
        run.write_summary({"task_performance": 0.5})
    frame = pd.read_parquet(tmp_path / "run" / "rollouts")
    assert frame["task"].tolist() == ["t1", "t2"] * 3
    assert frame["step"].tolist() == [1, 1, 2, 2, 3, 3]
    assert frame["reward"].isna().tolist() == [False, True] * 3
    assert frame["reason"].tolist() == ["", "judge silent"] * 3
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"step": n, "reward": 0.5 * n} for n in (1, 2, 3)]
    assert json.loads((tmp_path / "run" / "config.json").read_text()) == CONFIG
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert (status["state"], status["step"], status["error"]) == ("finished", 3, None)
    environment = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert environment["packages"]["numpy"] == np.__version__
    assert environment["sandbox"] in ("isolated", "process")
    assert {"python", "platform", "cpus", "git"} <= set(environment)


def test_what_was_written_is_what_an_opened_run_reads(tmp_path: Path) -> None:
    write_some(tmp_path).finish("finished")
    run = Run.open(tmp_path)
    assert run.config == CONFIG
    assert run.summary is None
    assert run.rollout_steps() == [1, 2, 3]
    assert [row["sample"] for row in run.rollouts(steps={2})] == [0, 1]
    assert run.rollouts(steps=[2])[0] == {
        **ROW,
        "step": 2,
        "sample": 0,
        "reason": "",
        "details": {},
        "truncated": False,
    }


def test_rollout_rows_keep_a_missing_reward_apart_from_zero() -> None:
    task = Task("t", ({"role": "system", "content": "be short"}, {"role": "user", "content": "2 + 2?"}))
    rows = rollout_rows(
        [task, task],
        [Completion("4"), Completion("", truncated=True)],
        [Payment(0.0), Payment(None, "no verdict")],
        [Outcome(1.0, 0.0, {"pass_share": 1.0}), Outcome(None, None)],
    )
    assert [(row["reward"], row["reason"], row["truncated"]) for row in rows] == [
        (0.0, "", False),
        (None, "no verdict", True),
    ]
    assert rows[0]["prompt"] == "system: be short\n\nuser: 2 + 2?"
    assert prompt_text(task.prompt[1:]) == "2 + 2?"


def something_else(path: Path) -> None:
    path.mkdir()
    (path / "thesis.tex").write_text("years of work")


def a_model(path: Path) -> None:
    path.mkdir()
    (path / "config.json").write_text('{"model_type": "qwen3"}')


REFUSED: list[tuple[str, Callable[[Path], object], dict[str, Any], bool, str]] = [
    ("somebody's files", something_else, CONFIG, True, "not a run's; choose another --out"),
    ("a model, which has a config.json too", a_model, CONFIG, True, "not a run's; choose another --out"),
    ("a file", lambda path: path.write_text("x"), CONFIG, False, "is a file; choose another --out"),
    ("the same run", lambda path: write_some(path).close(), CONFIG, False, "use --resume"),
    (
        "the same run, finished",
        lambda path: write_some(path).finish("finished"),
        CONFIG,
        False,
        "finished: use --resume",
    ),
    (
        "another seed",
        lambda path: write_some(path).close(),
        CONFIG | {"seed": 4},
        True,
        r"\(seed: 3 there, 4 asked for\)",
    ),
    (
        "another nested value",
        lambda path: write_some(path).close(),
        CONFIG | {"training": {"steps": 61, "rate": 3e-4}},
        True,
        r"\(training.steps: 60 there, 61 asked for\)",
    ),
    ("another seed, finished", lambda path: write_some(path).finish("finished"), CONFIG | {"seed": 4}, True, "seed"),
    ("a key more", lambda path: write_some(path).close(), CONFIG | {"peft": True}, True, r"\(peft: null there"),
    ("a run being written", lambda path: globals().update(busy=write_some(path)), CONFIG, True, "another process"),
]


@pytest.mark.parametrize(
    ("name", "prepare", "config", "resume", "sentence"), REFUSED, ids=[case[0] for case in REFUSED]
)
def test_create_refuses_and_changes_nothing(
    tmp_path: Path, name: str, prepare: Callable[[Path], object], config: dict[str, Any], resume: bool, sentence: str
) -> None:
    path = tmp_path / "out"
    prepare(path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with pytest.raises(RunError, match=sentence) as caught:
        Run.create(path, config, resume=resume)
    assert "\n" not in str(caught.value)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
    globals().pop("busy", None)


def test_an_empty_directory_and_one_left_by_a_kill_before_the_start_are_new(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / ".config.json.tmp").write_text('{"se')
    with Run.create(tmp_path, CONFIG) as run:
        assert run.metrics() == [] and run.checkpoints.is_dir() and not run.policy.exists()


def test_a_resumed_run_goes_on_where_it_is_told_to(tmp_path: Path) -> None:
    write_some(tmp_path, steps=5).close()
    with Run.create(tmp_path, CONFIG, resume=True) as run:
        run.truncate_after(3)
        assert (run.status.state, run.status.step) == ("running", 3)
        run.write_rollouts(4, [{**ROW, "text": "again"}])
        run.log_metrics({"step": 4, "reward": 9.0})
    assert [line["reward"] for line in run.metrics()] == [0.5, 1.0, 1.5, 9.0]
    assert run.rollout_steps() == [1, 2, 3, 4] and run.rollouts([4])[0]["text"] == "again"


def test_a_run_that_is_written_does_not_read_its_status_back(tmp_path: Path) -> None:
    with write_some(tmp_path, steps=2) as run:
        (tmp_path / "status.json").write_text("damaged meanwhile")
        run.log_metrics({"step": 3})
        assert (Run.open(tmp_path).status.state, Run.open(tmp_path).status.step) == ("running", 3)


def test_a_finished_run_that_is_resumed_stays_finished_and_closed(tmp_path: Path) -> None:
    write_some(tmp_path).finish("finished")
    run = Run.create(tmp_path, CONFIG, resume=True)
    assert run.status.state == "finished"
    with pytest.raises(RunError, match="reading only"):
        run.log_metrics({"step": 4})


def test_a_step_is_not_written_twice(tmp_path: Path) -> None:
    with write_some(tmp_path) as run, pytest.raises(RunError, match=r"truncate_after\(1\)"):
        run.write_rollouts(2, [ROW])


@pytest.mark.parametrize("tail", ['{"step": 4, "rew', '{"step": 4, "reward": 2.0', '{"step"', "\x00\x00\x00"])
def test_a_last_line_cut_short_by_a_kill_is_dropped(tmp_path: Path, tail: str) -> None:
    write_some(tmp_path).close()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write(tail)
    assert [line["step"] for line in Run.open(tmp_path).metrics()] == [1, 2, 3]
    with Run.create(tmp_path, CONFIG, resume=True) as run:
        run.log_metrics({"step": 4})
    assert [line["step"] for line in run.metrics()] == [1, 2, 3, 4]


DAMAGES = [
    ("metrics.jsonl", '{"step": 1}\nhello\n{"step": 3}\n', lambda run: run.metrics(), "line 2 of"),
    ("metrics.jsonl", '{"loss": 1}\n{"step": 3}\n', lambda run: run.metrics(), "line 1 of"),
    ("rollouts/000002.parquet", "PAR1", lambda run: run.rollouts(), "cannot be read as rollouts"),
    ("status.json", '{"state": "fini', lambda run: run.status, "cannot be read as JSON"),
    ("status.json", '{"mood": "good"}', lambda run: run.status, "not a run's status"),
    ("config.json", "[]", lambda run: Run.open(run.path), "does not hold a JSON object"),
]


@pytest.mark.parametrize(("file", "content", "read", "sentence"), DAMAGES)
def test_a_damaged_file_is_one_sentence(
    tmp_path: Path, file: str, content: str, read: Callable[[Run], object], sentence: str
) -> None:
    write_some(tmp_path).close()
    run = Run.open(tmp_path)
    (tmp_path / file).write_text(content)
    with pytest.raises(RunError, match=sentence):
        read(run)


ENDINGS = [
    (KeyboardInterrupt(), "interrupted", None),
    (ValueError("loss is nan"), "failed", "loss is nan"),
    (ZeroDivisionError(), "failed", "ZeroDivisionError"),
]


@pytest.mark.parametrize(("error", "state", "said"), ENDINGS)
def test_how_a_run_ended_is_written_down(tmp_path: Path, error: BaseException, state: str, said: str | None) -> None:
    with pytest.raises(type(error)), write_some(tmp_path):
        raise error
    status = Run.open(tmp_path).status
    assert (status.state, status.step, status.error) == (state, 3, said)
    assert status.started is not None and status.ended is not None


KILLED = """
import os, sys
from loopholes.runs import Run
if __name__ == "__main__":
    run = Run.create(sys.argv[1], {"seed": 1})
    if os.fork():                      # an orphan stays behind, as a data loader may
        run.log_metrics({"step": 1})
        print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_killed_run_is_interrupted_and_can_be_resumed_though_a_child_of_it_lives(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "run")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        assert Run.open(tmp_path / "run").status.state == "running"
        with pytest.raises(RunError, match="another process is writing"):
            Run.create(tmp_path / "run", {"seed": 1}, resume=True)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert Run.open(tmp_path / "run").status.state == "interrupted"
        with Run.create(tmp_path / "run", {"seed": 1}, resume=True) as run:
            assert [line["step"] for line in run.metrics()] == [1]


def _create_and_count(path: Path, barrier: Any, results: Any) -> None:
    barrier.wait()
    try:
        run = Run.create(path, {"pid": os.getpid()})
    except RunError:
        results.put(0)
    else:
        results.put(1)
        barrier.wait()
        run.close()
        return
    barrier.wait()


def test_of_processes_that_start_at_once_exactly_one_gets_the_directory(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(4), context.Queue()
    workers = [context.Process(target=_create_and_count, args=(tmp_path / "run", barrier, results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    assert sum(results.get(timeout=30) for _ in workers) == 1
    for worker in workers:
        worker.join()


def test_no_disk_space_is_one_sentence_and_keeps_what_was_there(tmp_path: Path) -> None:
    run = write_some(tmp_path)
    before = run.metrics()
    (tmp_path / "metrics.jsonl").rename(tmp_path / "kept")
    (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
    with pytest.raises(RunError, match="no space is left for .*: free some, then continue with --resume"):
        run.log_metrics({"step": 4})
    (tmp_path / "kept").replace(tmp_path / "metrics.jsonl")
    assert run.metrics() == before


def test_a_file_that_cannot_be_written_whole_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_some(tmp_path)
    run.write_summary({"a": 1})

    class Full(io.FileIO):
        def write(self, content: Any, /) -> int:
            super().write(bytes(content)[: len(content) // 2])
            raise OSError(28, "No space left on device")

        def writelines(self, lines: Any, /) -> None:
            for line in lines:
                self.write(line)

    def half(self: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
        return Full(self, "w") if mode == "wb" else whole(self, mode, *args, **options)

    whole = Path.open
    monkeypatch.setattr(Path, "open", half)
    writes: tuple[Callable[[], object], ...] = (
        lambda: run.write_summary({"a": 2}),
        lambda: run.write_rollouts(9, [ROW]),
    )
    for write in writes:
        with pytest.raises(RunError, match="no space is left"):
            write()
    assert run.summary == {"a": 1}
    assert run.rollout_steps() == [1, 2, 3]
    assert list(tmp_path.rglob("*.tmp")) == []


HOSTILE = [
    "\ud83d",
    "\x00",
    "\\ud83d",
    "\\\\ud83d\ud83d",
    "\ud83d\ude00",
    "😀\u2028",
    "a\\\ud800",
    "\\udead\\",
    "\\uD800",
]


def test_any_text_comes_back_from_parquet_as_it_went_in_but_for_lone_surrogates(tmp_path: Path) -> None:
    rows = [{**ROW, "text": text, "reason": text, "details": {text: [text, {"deep": text}]}} for text in HOSTILE]
    with Run.create(tmp_path, CONFIG) as run:
        run.write_rollouts(1, rows)
    back, expected = run.rollouts(), [well_formed(text) for text in HOSTILE]
    assert [row["text"] for row in back] == expected
    assert [row["reason"] for row in back] == expected
    assert [row["details"] for row in back] == [{text: [text, {"deep": text}]} for text in expected]
    assert pd.read_parquet(tmp_path / "rollouts")["text"].tolist() == expected


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=["\\", "u", "d", "8", "\ud800", "\udfff", "é", "\x00", "😀"], max_size=30) | st.text())
def test_well_formed_text_has_utf8_and_all_its_other_characters(text: str) -> None:
    lone = ["\ud800" <= letter <= "\udfff" for letter in text]
    formed = well_formed(text)
    assert formed.encode().decode() == formed
    assert [letter for letter, bad in zip(formed, lone, strict=True) if not bad] == [
        letter for letter, bad in zip(text, lone, strict=True) if not bad
    ]
    assert {letter for letter, bad in zip(formed, lone, strict=True) if bad} <= {"\ufffd"}


def test_metrics_are_strict_json_whatever_numbers_come_in(tmp_path: Path) -> None:
    with Run.create(tmp_path, CONFIG) as run:
        run.log_metrics(
            {"step": np.int64(1), "a": float("nan"), "b": np.float32(0.5), "c": np.arange(2), "d": Path("x")}
        )

    def fail(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    line = json.loads((tmp_path / "metrics.jsonl").read_text(), parse_constant=fail)
    assert line == {"step": 1, "a": None, "b": 0.5, "c": [0, 1], "d": "x"}


def test_a_resume_in_another_environment_is_recorded_beside_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_some(tmp_path).close()
    Run.create(tmp_path, CONFIG, resume=True).close()
    assert not (tmp_path / "environment.2.json").exists()
    monkeypatch.setattr("loopholes.runs.run.describe_environment", lambda: {"python": "4.0"})
    Run.create(tmp_path, CONFIG, resume=True).close()
    assert json.loads((tmp_path / "environment.2.json").read_text()) == {"python": "4.0"}
    assert Run.open(tmp_path).environment["python"] != "4.0"


def test_there_is_no_run_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no run in"):
        Run.open(tmp_path)


def test_nobody_holds_the_lock_of_a_directory_without_a_run(tmp_path: Path) -> None:
    assert not Lock.is_held(tmp_path)


def test_a_lock_is_seen_on_a_network_file_system_where_only_files_open_for_writing_can_be_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = fcntl.flock

    def network(file: IO[str], operation: int) -> None:
        if not file.writable():
            raise OSError(errno.EBADF, "Bad file descriptor")
        local(file, operation)

    monkeypatch.setattr(fcntl, "flock", network)
    lock = Lock(tmp_path)
    assert Lock.is_held(tmp_path)
    lock.release()
    assert not Lock.is_held(tmp_path)
