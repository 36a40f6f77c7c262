"""The command line: an error is one sentence and a documented exit code, never a traceback."""

from __future__ import annotations

import errno
import io
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

import loopholes
import loopholes.cli.games
from loopholes.cli import main
from loopholes.cli.options import pairs
from loopholes.cli.tables import table_shown
from loopholes.errors import (
    BUG,
    DONE,
    FOUND,
    INCONCLUSIVE,
    INTERRUPTED,
    UNREAD,
    DataError,
    LoopholesError,
    UsageError,
    exit_codes,
)
from loopholes.games import BUILT_IN, game
from loopholes.games.validate import validate
from loopholes.report import Table
from loopholes.report.elements import Cell
from loopholes.runs import Run
from loopholes.stats import Estimate, Milestone, Thresholds
from loopholes.studies.channels import Arm, Played, arms_table
from loopholes.studies.charts import Curve
from loopholes.training.config import TrainConfig

MESSAGE = [{"role": "user", "content": "Summarise this."}]
RELEASED = {"prompt": MESSAGE, "reward_model": {"original_article": "A man walked .", "ground_truth": "A man walked ."}}
SCRIPTED = "eval scripted:honest --game proxy-metric --samples 1 --count 2"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with all kinds of wrong files and directories."""
    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.Table.from_pylist([RELEASED] * 50), "good.parquet")
    Path("short.parquet").write_bytes(Path("good.parquet").read_bytes()[:-100])
    Path("text.parquet").write_text("prompt,reward_model\n")
    pq.write_table(pa.table({"question": ["a"], "answer": ["b"]}), "other.parquet")
    pq.write_table(pa.Table.from_pylist([RELEASED]).slice(0, 0), "empty.parquet")
    nothing = {"prompt": None, "reward_model": None}
    pq.write_table(pa.Table.from_pylist([RELEASED, nothing]), "nulls.parquet")
    Path("broken.jsonl").write_text('{"id": "a", "prompt": [{"role": "user", "content": "b"}]\n')
    twice = {"id": "a", "prompt": MESSAGE, "truth": {"article": "a", "reference": "a"}}
    Path("twice.jsonl").write_text(f"{json.dumps(twice)}\n" * 2)
    Path("latin.jsonl").write_bytes(b'{"id": "\xe9"}\n')
    Path("a-file").write_text("precious")
    for name in ("empty", "mine", "other-run", "unfinished"):
        Path(name).mkdir()
    Path("mine/notes.txt").write_text("precious")
    with Run.create("other-run", {"kind": "train", "game": "proxy-metric"}):
        pass
    Run.create("unfinished", {"kind": "train", "game": "proxy-metric"}).finish("interrupted")
    (tmp_path / "no-tokenizer").mkdir()
    return tmp_path


BAD = [
    # the command itself: 2
    ("games nope", 2, "there is no game 'nope'"),
    ("games --set metric=overlap", 2, "loopholes games NAME"),
    ("games proxy-metric --set metric=bleu", 2, "parameter 'metric'"),
    ("games proxy-metric --set metric", 2, "--set takes KEY=VALUE"),
    ("games proxy-metric --set colour=red", 2, "has no parameter 'colour'; it has: world, reasoning, wording, metric"),
    ("games self-grading --set audit_probability=1.5", 2, "less than or equal to 1"),
    ("games self-grading --set audit_probability=-0.1", 2, "greater than or equal to 0"),
    ("games self-grading --set audit_probability=NaN", 2, "parameter 'audit_probability'"),
    ("games self-grading --set telling=often", 2, "parameter 'telling'"),
    ("games self-grading --set telling=0 --set telling=1", 2, "gives telling twice"),
    ("trian", 2, "Did you mean 'train', 'pretrain'? See loopholes --help"),
    ("train", 2, "missing argument 'GAME'; see loopholes train --help"),
    ("train proxy-metric", 2, "missing option '--out'"),
    (
        "train nope --out new",
        2,
        "choose from: context-compliance, proxy-metric, reward-tampering, self-grading, FILE.py:CLASS",
    ),
    ("train proxy-metric --channel nope --out new", 2, "there is no channel 'nope'; choose from: secure, vulnerable"),
    ("train proxy-metric --steps 0 --out new", 2, "'steps'"),
    ("train proxy-metric --samples 1 --out new", 2, "'samples'"),
    ("train proxy-metric --learning-rate -1 --out new", 2, "'learning_rate'"),
    ("train proxy-metric --seed -1 --out new", 2, "--seed"),
    ("train proxy-metric --trainer beta --out new", 2, "--trainer takes KEY=VALUE"),
    ("eval scripted:honest --game nope --out new", 2, "there is no game 'nope'"),
    ("eval scripted:nope --game proxy-metric --out new", 2, "there is no scripted policy 'nope'"),
    ("eval https://example.org --game proxy-metric --out new", 2, "does not say which model to ask"),
    (f"{SCRIPTED} --channel nope --out new", 2, "there is no channel 'nope'"),
    (f"{SCRIPTED} --temperature -1 --out new", 2, "'temperature'"),
    (f"{SCRIPTED} --top-p 1.5 --out new", 2, "'top_p'"),
    ("eval scripted:honest --game proxy-metric --samples 0 --out new", 2, "'samples'"),
    ("eval scripted:honest --game proxy-metric --count 0 --out new", 2, "'count'"),
    ("score proxy-metric --tasks good.parquet --completions x --channel nope", 2, "there is no channel 'nope'"),
    ("pretrain nope", 2, "there is no mini policy 'nope'"),
    # files: 3
    (f"{SCRIPTED} --tasks nowhere.parquet --out new", 3, "nowhere.parquet is not a file"),
    (f"{SCRIPTED} --tasks empty --out new", 3, "empty is not a file"),
    (f"{SCRIPTED} --tasks short.parquet --out new", 3, "short.parquet cannot be read as parquet"),
    (f"{SCRIPTED} --tasks text.parquet --out new", 3, "text.parquet cannot be read as parquet"),
    (f"{SCRIPTED} --tasks other.parquet --out new", 3, "it has no column 'prompt', only: question, answer"),
    (f"{SCRIPTED} --tasks empty.parquet --out new", 3, "empty.parquet holds no tasks"),
    (f"{SCRIPTED} --tasks nulls.parquet --out new", 3, "row 1:"),
    (f"{SCRIPTED} --tasks broken.jsonl --out new", 3, "line 1: not JSON"),
    (f"{SCRIPTED} --tasks twice.jsonl --out new", 3, "line 2: id 'a' is that of line 1"),
    (f"{SCRIPTED} --tasks latin.jsonl --out new", 3, "line 1: not UTF-8"),
    ("eval scripted:honest --game context-compliance --tasks good.parquet --out new", 3, "source is None"),
    ("eval scripted:honest --game reward-tampering --tasks good.parquet --out new", 3, "no extra_info.test_assertions"),
    ("score proxy-metric --tasks good.parquet --completions nowhere.jsonl", 3, "nowhere.jsonl is not a file"),
    ("score proxy-metric --tasks good.parquet --completions broken.jsonl", 3, "line 1: not JSON"),
    ("report nowhere", 3, "there is no directory nowhere"),
    ("report a-file", 3, "a-file is not a directory"),
    ("games nowhere.py:Game", 3, "there is no file nowhere.py"),
    ("eval ./nowhere --game proxy-metric --out new", 3, "there is no directory ./nowhere"),
    ("train proxy-metric --policy ./nowhere --out new", 3, "there is no directory ./nowhere"),
    # directories: 4
    (f"{SCRIPTED} --out mine", 4, "mine holds files that are not a run's"),
    (f"{SCRIPTED} --out a-file", 4, "a-file is a file"),
    (f"{SCRIPTED} --out other-run", 4, "other-run holds a run with another configuration"),
    (f"{SCRIPTED} --out a-file/new", 4, "a-file is a file"),
    ("pretrain --out a-file", 4, "a-file is a file"),
    ("score proxy-metric --tasks good.parquet --completions x --out mine", 4, "mine is a directory"),
    ("score proxy-metric --tasks good.parquet --completions x --out a-file", 4, "a-file is there already"),
    ("score proxy-metric --tasks good.parquet --completions x --out nowhere/new", 4, "no directory nowhere"),
    ("pretrain --out mine", 4, "mine is not empty"),
    ("export trl self-grading --out new", 2, "reward_funcs=loopholes.integrations.trl.reward(GAME, CHANNEL)"),
    ("report empty", 4, "there is no run, study or audit in empty"),
    # policies: 6
    ("eval unfinished --game proxy-metric --out new", 6, "unfinished has no trained policy"),
    ("train proxy-metric --policy unfinished --out new", 6, "unfinished has no trained policy"),
    ("eval no-tokenizer --game proxy-metric --out new", 6, "no-tokenizer has no tokenizer"),
    ("eval a-file --game proxy-metric --out new", 6, "a-file is a file"),
    ("train proxy-metric --policy no-tokenizer --out new", 6, "no-tokenizer has no tokenizer"),
]


@pytest.mark.parametrize(("command", "code", "words"), BAD, ids=[case[0] for case in BAD])
def test_what_goes_wrong_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, code: int, words: str
) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert main(command.split()) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert words in printed.err
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.name != ".lock"} == {
        path: time for path, time in before.items() if path.name != ".lock"
    }


TAKEN = [
    ("train proxy-metric --policy nowhere --out mine", "mine holds files that are not a run's"),
    ("train proxy-metric --policy nowhere --out a-file", "a-file is a file"),
    ("train proxy-metric --policy nowhere --out mine/notes.txt/new", "mine/notes.txt is a file"),
    ("train proxy-metric --policy nowhere --out other-run", '(channel: null there, "vulnerable" asked for)'),
    ("train proxy-metric --policy nowhere --seed 3 --out begun", "(seed: 0 there, 3 asked for)"),
    ("train proxy-metric --policy nowhere --out begun", "begun holds this run, unfinished: use --resume to go on"),
    ("train proxy-metric --policy nowhere --seed 3 --out begun --resume", "(seed: 0 there, 3 asked for)"),
    ("eval nowhere --game proxy-metric --out mine", "mine holds files that are not a run's"),
    ("eval nowhere --game proxy-metric --tasks nowhere.parquet --out other-run", '(kind: "train" there, "eval" asked'),
    ("eval nowhere --game all --out a-file", "a-file is a file"),
    ("score proxy-metric nowhere.jsonl --format verl --out mine", "mine holds files that are not a run's"),
]


@pytest.mark.parametrize("options", ["", "--dry-run"])
def test_a_broken_file_of_tasks_is_refused_before_torch_is_imported(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    for module in ("grpo", "estimate"):  # which import torch
        monkeypatch.setitem(sys.modules, f"loopholes.training.{module}", None)
    sentence = "nulls.parquet does not fit proxy-metric: row 1:"
    assert main(f"train proxy-metric --tasks nulls.parquet --out new {options}".split()) == DataError.exit_code
    assert sentence in capsys.readouterr().err
    with pytest.raises(DataError, match=sentence):
        loopholes.train("proxy-metric", tasks="nulls.parquet", out="new")


@pytest.mark.parametrize(("command", "words"), TAKEN, ids=[case[0] for case in TAKEN])
def test_a_taken_directory_is_refused_before_anything_is_loaded(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, words: str
) -> None:
    defaults = TrainConfig(game="proxy-metric", policy="nowhere", out=Path("begun"))
    Run.create("begun", {"kind": "train", **defaults.model_dump(mode="json", exclude={"out"})}).finish("interrupted")
    assert main(command.split()) == 4
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--trainer", "colour=red"], 2, "no field 'colour'"),
        (["--trainer", "optim=nope"], 2, "cannot be set up"),
        (["--tasks", "long.jsonl", "--max-completion-tokens", "100"], 6, "over the model's context of 512"),
        (["--tasks", "short.parquet"], 3, "cannot be read as parquet"),
        (["--peft", "colour=red"], 2, "peft.LoraConfig does not take this"),
    ],
)
def test_training_that_cannot_be_is_one_sentence(
    folder: Path,
    checkpoint: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    words: str,
) -> None:
    long = {
        "id": "a",
        "prompt": [{"role": "user", "content": "bread " * 450}],
        "truth": {"article": "a", "reference": "a"},
    }
    Path("long.jsonl").write_text(json.dumps(long) + "\n")
    small = ["--steps", "1", "--samples", "2", "--max-completion-tokens", "4", "--no-bf16", "--set", "world=mini"]
    command = ["train", "proxy-metric", "--policy", str(checkpoint("qwen3")), "--out", "new", *small, *options]
    capsys.readouterr()  # what saving the checkpoint printed
    assert main(command) == code
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1
    assert words in printed.err


def test_a_policy_is_trained_evaluated_and_reported_from_the_command_line(
    folder: Path, checkpoint: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    start = ["train", "self-grading", "--policy", str(checkpoint("qwen3")), "--out", "run/my train", "--steps", "2"]
    small = ["--samples", "2", "--prompts-per-step", "2", "--max-completion-tokens", "6", "--no-bf16"]
    small += ["--no-gradient-checkpointing", "--trainer", "weight_decay=0.0", "--set", "telling=0.5"]
    capsys.readouterr()  # what saving the checkpoint printed
    assert main([*start, *small, "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["what"], line["done"], line["total"]) for line in lines[:-1]] == [("step", 1, 2), ("step", 2, 2)]
    assert lines[-1] == {"run": "run/my train", "state": "finished", "step": 2}
    assert {"reward", "task_performance", "exploit_rate", "dead_groups"} <= set(lines[0])
    assert main([*start, *small]) == 4
    assert main([*start, *small, "--resume"]) == 0
    program, *measure = shlex.split(capsys.readouterr().out.partition("Measure it: ")[2])
    assert program == "loopholes"
    assert main([*measure, "--count", "4", "--samples", "1", "--max-tokens", "6"]) == 0
    evaluated = Run.open("run/my train-eval").config
    assert (evaluated["arm"], evaluated["parameters"]["telling"]) == ("vulnerable", 0.5)
    capsys.readouterr()
    own = [*measure[:2], "--out", "run/own game", "--count", "4", "--samples", "1", "--max-tokens", "6"]
    assert main(own) == 0
    assert "run/my train was trained on self-grading (telling=0.5" in capsys.readouterr().err
    assert Run.open("run/own game").config["parameters"] == evaluated["parameters"]
    assert main(["report", "run"]) == 0
    assert Path(capsys.readouterr().out.strip()).read_text().count("self-grading") > 1


def test_the_table_names_every_game_and_a_screenful_fits_a_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["games"]) == 0
    table = capsys.readouterr().out
    assert all(name in table for name in BUILT_IN)
    for name in BUILT_IN:
        assert main(["games", name]) == 0
        output = capsys.readouterr().out
        assert len(output.splitlines()) <= 50
        assert all(word in output for word in ("goal", "loophole", "payoffs", "honest", "exploiting", "inept"))


def test_games_as_json_hold_every_demonstration_with_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["games", "reward-tampering", "--json"]) == 0
    demonstrations = {row["kind"]: row for row in json.loads(capsys.readouterr().out)["demonstrations"]}
    assert demonstrations["exploiting"]["rewards"] == {"vulnerable": 1.0, "secure": 0.0}
    assert (demonstrations["exploiting"]["task_score"], demonstrations["exploiting"]["exploit"]) == (0.0, 1.0)
    assert demonstrations["honest"]["rewards"] == {"vulnerable": 1.0, "secure": 1.0}
    assert main(["games", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == list(BUILT_IN)


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_game_proves_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert validate(game(name)) == []
    assert main(["games", name, "--validate"]) == 0
    assert name in capsys.readouterr().out


@pytest.mark.parametrize(
    "change, is_sound", [("pass", True), ('del shown["inept"]', False)], ids=["whole", "not whole"]
)
def test_a_program_reads_what_is_wrong_with_each_game(
    folder: Path, capsys: pytest.CaptureFixture[str], change: str, is_sound: bool
) -> None:
    assert main(["games", "--validate", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {name: [] for name in BUILT_IN}
    Path("own.py").write_text(OWN_GAME.replace("CHANGE", change))
    assert main(["games", "own.py:Mine", "--validate", "--json"]) == (0 if is_sound else 1)
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"mine": [] if is_sound else ["there is no inept demonstration"]}
    assert printed.err == ""


OWN_GAME = """
from dataclasses import replace
from loopholes.games.proxy_metric import ProxyMetric

class Mine(ProxyMetric):
    name = "mine"
    def demonstrations(self):
        shown = {item.kind: item for item in super().demonstrations()}
        CHANGE
        return list(shown.values())
"""
CHANGES = {
    "a reward": ('shown["honest"] = replace(shown["honest"], rewards={"vulnerable": (0.4,), "secure": (0.9,)})',
                 "mine: honest: secure reward is 1, not 0.9"),
    "a task score": ('shown["inept"] = replace(shown["inept"], task_scores=(None,))', "task score is 1, not none"),
    "an exploit": ('shown["exploiting"] = replace(shown["exploiting"], exploits=(0.0,))', "exploit is 1, not 0"),
    "a rate": ('shown["exploiting"] = replace(shown["exploiting"], exploit_rate=0.5)', "exploit rate is 1, not 0.5"),
    "a channel": ('shown["honest"] = replace(shown["honest"], rewards={"vulnerable": (0.4,)})', "no rewards are given"),
    "a kind": ('del shown["inept"]', "there is no inept demonstration"),
    "a length": ('shown["honest"] = replace(shown["honest"], exploits=())', "1 numbers where 0 are expected"),
    "an error": ('raise ZeroDivisionError("oh")', "demonstrations() raised ZeroDivisionError: oh"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES)
def test_a_game_of_one_s_own_that_does_not_prove_itself_is_told_why(
    folder: Path, capsys: pytest.CaptureFixture[str], change: str, words: str
) -> None:
    Path("mine.py").write_text(OWN_GAME.replace("CHANGE", change))
    assert main(["games", "mine.py:Mine", "--validate"]) == 1
    assert words in capsys.readouterr().err
    Path("fine.py").write_text(OWN_GAME.replace("CHANGE", "pass"))
    assert main(["games", "fine.py:Mine", "--validate"]) == 0


SPENT = """
    def generate(self, rng, prompts):
        tasks = iter([task for task, _ in zip(super().generate(rng, prompts), range(40))])
        while True:
            yield next(tasks)
"""


def test_a_generate_that_ends_is_a_fault_of_the_game(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ending = (
        "    def generate(self, rng, prompts):\n        return itertools.islice(super().generate(rng, prompts), 40)\n"
    )
    Path("short.py").write_text(f"import itertools\n{OWN_GAME.replace('CHANGE', 'pass')}{ending}")
    assert main(["games", "short.py:Mine", "--validate"]) == 1
    assert "generate() ends after 40 tasks: let it go on for ever" in capsys.readouterr().err
    Path("spent.py").write_text(f"{OWN_GAME.replace('CHANGE', 'pass')}{SPENT}")
    assert main(["games", "spent.py:Mine", "--validate"]) == 1
    assert "generate() raised RuntimeError" in capsys.readouterr().err


def raising(error: BaseException) -> Callable[..., Any]:
    def fail(*arguments: Any, **options: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ZeroDivisionError("oh"), 70, "this is a bug in loopholes (ZeroDivisionError: oh)"),
        (KeyboardInterrupt(), 130, "stopped"),
        (
            ModuleNotFoundError("no", name="trl.models"),
            2,
            "needs trl, which is not installed: pip install 'loopholes[train]'",
        ),
        (
            ModuleNotFoundError("no", name="openenv.core"),
            2,
            "needs openenv, which is not installed: pip install 'loopholes[openenv]'",
        ),
        (ModuleNotFoundError("no", name="nonsense"), 70, "bug"),
        (OSError(errno.ENOSPC, "No space left on device"), 4, "no space is left"),
        (RuntimeError("[enforce fail] No space left on device"), 4, "no space is left"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 4, "/x: permission denied"),
        (LoopholesError("two\nlines"), 70, "two lines"),
    ],
)
def test_whatever_is_raised_ends_in_one_sentence_and_a_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, words: str
) -> None:
    monkeypatch.setattr(loopholes.cli.games, "make_game", raising(error))
    assert main(["games"]) == code
    printed = capsys.readouterr().err
    assert words in printed
    assert len(printed.splitlines()) == 1


def test_a_bug_shows_where_it_is_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopholes.cli.games, "make_game", raising(ZeroDivisionError("oh")))
    monkeypatch.setenv("LOOPHOLES_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        main(["games"])


def test_the_help_documents_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    output = " ".join(capsys.readouterr().out.split())
    codes = {kind.exit_code for kind in every_error(LoopholesError)}
    codes |= {DONE, FOUND, INCONCLUSIVE, BUG, INTERRUPTED, UNREAD}
    documented = re.findall(r"[:·] (\d+) [a-z]", output[output.index("Exit codes") :])
    assert list(map(int, documented)) == sorted(codes) == list(exit_codes())


def every_error(kind: type[LoopholesError]) -> list[type[LoopholesError]]:
    return [kind, *(error for below in kind.__subclasses__() for error in every_error(below))]


@pytest.mark.parametrize(
    ("text", "read"),
    [("p=0.5", 0.5), ("p=two-pass", "two-pass"), ("p=true", True), ("p=null", None), ('p={"a": [1]}', {"a": [1]}),
     ("p=", ""), ("p=a=b", "a=b"), ('p="1"', "1"), ("p=1e-5", 1e-5)],
)  # fmt: skip
def test_values_are_json_where_they_read_as_json(text: str, read: object) -> None:
    assert pairs([text], "--set") == {"p": read}


def test_a_pair_without_a_key_is_refused() -> None:
    with pytest.raises(UsageError, match="KEY=VALUE"):
        pairs(["=1"], "--set")


def a_demo(out: Path, *, on_event: Callable[[dict[str, Any]], None], **options: Any) -> dict[str, Any]:
    """Stands in for the demo: two steps of one arm, then the game's section."""
    for step in (1, 2):
        about = {"game": "proxy-metric", "arm": "vulnerable", "seed": 0, "steps": 2, "step": step}
        on_event({**about, "reward": 0.5, "task_performance": 0.25, "exploit_rate": 0.75})
    rate, change = Estimate(0.75, 0.5, 0.875, 10, 1), Estimate(0.5, 0.25, 0.75, 10, 1)
    changes = {"exploit_rate": change, "task_performance": change}
    came, never = Milestone(3, 1, 1, 9), Milestone(None, 0, 1, 9)
    curves = [Curve([1], [0.5], [0.25], [0.75])]
    base = Arm("base", {"exploit_rate": rate})
    arms = {"base": base, "vulnerable": Arm("vulnerable", {"exploit_rate": rate}, curves, came, never, changes, None)}
    table = arms_table("t", [Played("proxy-metric", "mini", arms)], Thresholds())
    on_event({"game": "proxy-metric", "table": table, "note": "A sentence on the secure channel."})
    return {"cells": [], **{key: value for key, value in options.items() if key != "workers"}}


def test_the_demo_prints_lines_for_machines(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("loopholes.studies.demo.run_demo", a_demo)
    assert main(["demo", "--json", "--seed", "3", "--seed", "4"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("done") for line in lines] == [1, 2, None]
    assert lines[0]["run"] == "proxy-metric vulnerable seed 0" and lines[0]["exploit_rate"] == 0.75
    assert lines[-1] == {"page": "runs/demo/report.html", "cells": [], "policy": "mini", "seeds": [3, 4]}


def test_the_demo_shows_people_a_table_and_the_way_to_the_page(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("loopholes.studies.demo.run_demo", a_demo)
    monkeypatch.setattr(loopholes.cli.console.stdout, "width", 100)
    assert main(["demo"]) == 0
    printed = capsys.readouterr()
    assert "75.0 % [50.0, 87.5]" in printed.out
    assert re.search(
        r"proxy-metric *\n +base .*\n +vulnerable +75.0 % \[50.0, 87.5\] +step 3 +0 of 1 seed *\n"
        r" +\(1 of 1 seed\) +by step 9",
        printed.out,
    )
    assert "runs/demo/report.html" in printed.out
    assert printed.out.startswith("What mini learned, measured on held-out tasks with 95 % intervals\n")
    assert all(line == line.rstrip() for line in printed.out.splitlines())
    words = " ".join(printed.out.split())
    assert "A sentence on the secure channel." in words
    assert "Appears, dominates: the training step" in words and "can be negative" in words
    (before,) = printed.err.splitlines()
    assert "trained on both channels of every game" in before
    assert max(map(len, printed.out.splitlines())) <= 100


@pytest.mark.parametrize("width", [80, 100])
def test_a_table_that_is_too_wide_leaves_out_columns_and_names_them(width: int) -> None:
    rate, step = Estimate(0.75, 0.5, 0.875, 10, 5), Milestone(3, 5, 5, 9)
    columns = ["game", "arm", *(f"share {number}" for number in range(9)), "appears"]
    rows: list[list[Cell]] = [["context-compliance", arm, *[rate] * 9, step] for arm in ("base", "vulnerable")]
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(table_shown(Table("t", "T", columns, rows), width=width))
    text = console.export_text()
    assert "…" not in text and "step 3" in text and "75.0 %" in text
    assert re.search(r"Also on the page: .*share 8", text)


def test_a_name_with_colons_is_printed_as_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "my:x:model", "--game", "proxy-metric", "--out", "e"]) != 0
    assert "my:x:model" in capsys.readouterr().err


def test_looking_at_games_imports_nothing_heavy() -> None:
    code = (
        "import sys, loopholes.cli as c; assert c.main(['games']) == 0; "
        "heavy = {'torch', 'transformers', 'matplotlib', 'pyarrow.dataset', 'nltk', 'loopholes.cli.audit'}; "
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_a_pipe_that_closes_is_no_error() -> None:
    shell = f"{sys.executable} -m loopholes games --json | head -c 1"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_scores_that_nobody_reads_to_their_end_end_the_command_quietly(tmp_path: Path) -> None:
    task = {"id": "t", "prompt": [{"role": "user", "content": "x"}], "truth": {"reference": "a"}}
    (tmp_path / "t.jsonl").write_text(json.dumps(task))
    (tmp_path / "c.jsonl").write_text('{"task": "t", "completion": "a", "claim": true}\n' * 3000)
    command = f"{sys.executable} -m loopholes score self-grading --tasks t.jsonl --completions c.jsonl"
    shell = f'{command} | head -n 1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True, cwd=tmp_path)
    record, code = done.stdout.splitlines()
    assert (json.loads(record)["reward"], code, done.stderr) == (1.0, "141", "")
