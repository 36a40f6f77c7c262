"""A survey audits everything that a package offers: it imports once, and reuses finished audits."""

from __future__ import annotations

import json
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import target_of
from loopholes.audit.process import RewardProcess
from loopholes.audit.worker import Scored
from loopholes.cli import main
from loopholes.errors import UsageError
from support.packages import package
from support.wheels import REASONING_GYM

COUNTED = "import pathlib, os\nwith open('imports.txt', 'a') as counted:\n    counted.write('x')\n"
ARGUMENTS = ["survey", "reasoning_gym", "--budget-seconds", "20", "--rows", "16", "--json"]


@pytest.fixture(autouse=True)
def at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, REASONING_GYM)
    utils = tmp_path / "reasoning_gym" / "factory.py"
    utils.write_text(COUNTED + utils.read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


def lines(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    return {line["target"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}


def test_everything_in_a_package_is_audited_in_forks_of_one_import_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = [name for names in ("anything", "broken", "sums", "unanswered") for name in ("--only", names)]
    assert main([*ARGUMENTS, *named]) == 1
    audits = lines(capsys)
    statuses = {name.partition(":")[2]: line["status"] for name, line in audits.items()}
    assert statuses == {"anything": 1, "broken": 2, "sums": 0, "unanswered": 7}
    assert "cannot generate entry 0" in audits["reasoning_gym:broken"]["problem"]
    assert audits["reasoning_gym:sums"]["rows"] == 16
    assert (tmp_path / "imports.txt").read_text() == "x"
    page = (tmp_path / "survey" / "survey.html").read_text()
    assert all(name in page for name in audits)
    assert (tmp_path / "survey" / "reasoning_gym-anything" / "audit.json").is_file()


def test_an_interrupted_survey_continues_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ARGUMENTS, "--only", "anything"]) == 1
    first = (tmp_path / "survey" / "survey.jsonl").read_text()
    (tmp_path / "survey" / "survey.jsonl").write_text(first + '{"target": "cut sh')
    lines(capsys)
    assert main([*ARGUMENTS, "--only", "anything", "--only", "sums"]) == 1
    audits = lines(capsys)
    assert audits.keys() == {"reasoning_gym:anything", "reasoning_gym:sums"}
    content = (tmp_path / "survey" / "survey.jsonl").read_text()
    assert content.startswith(first) and content.count('"reasoning_gym:anything"') == 1
    assert main([*ARGUMENTS, "--only", "sums"]) == 0
    assert lines(capsys)["reasoning_gym:sums"]["seconds"] == audits["reasoning_gym:sums"]["seconds"]
    assert main([*ARGUMENTS, "--only", "sums", "--rows", "8"]) == 0
    assert lines(capsys)["reasoning_gym:sums"]["rows"] == 8


def test_a_data_set_generates_each_entry_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    factory = tmp_path / "reasoning_gym" / "factory.py"
    counted = "        print(place, file=open('generated.txt', 'a'))\n        left, right ="
    factory.write_text(factory.read_text().replace("        left, right =", counted))
    assert main([*ARGUMENTS, "--only", "sums"]) == 0
    assert (tmp_path / "generated.txt").read_text().split() == [str(place) for place in range(16)]


def started(folder: Path) -> list[str]:
    """The commands of all processes that the package in ``folder`` left behind."""
    commands = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended since it was listed
            commands.append(file.read_text())
    return [command for command in commands if "sleep" in command and f"{folder}/reasoning_gym/" in command]


def test_processes_that_a_target_starts_end_before_the_next_target_is_forked(tmp_path: Path) -> None:
    with closing(RewardProcess(target_of(["reasoning_gym:"], None, {}))) as host:
        host.prepare("reasoning_gym")
        for _ in range(2):
            target = target_of(["reasoning_gym:leaving"], None, {"rows": 1})
            with RewardProcess(target, host=host) as process:
                process.use(process.own_rows())
                assert isinstance(process.ask([(0, "20")], 30.0), Scored)
                # the kernel lets a process go on before the program that it started has a command line
                assert any(len(started(tmp_path)) == 1 for _ in range(500))
            # a killed process may be listed for a moment
            assert any(not started(tmp_path) for _ in range(500))


def test_a_hanging_target_is_a_line_and_the_processes_that_it_started_end_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["survey", "reasoning_gym", "--budget-seconds", "4", "--rows", "2", "--json"]
    main([*arguments, "--only", "hanging", "--only", "leaving", "--only", "anything"])
    audits = {name.partition(":")[2]: line for name, line in lines(capsys).items()}
    assert audits["hanging"]["status"] == 2 and "rows" in audits["hanging"]["problem"]
    assert audits["anything"]["rows"] == 2
    assert any(not started(tmp_path) for _ in range(500))


def test_a_package_that_lists_no_names_is_read_like_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "scorers/__init__.py": "",
        "scorers/sums.py": "def reward(completion, answer): return float(answer in completion)",
    }
    package(tmp_path, files)
    rows = [{"prompt": f"{n}+{n}?", "answer": str(2 * n), "golden": str(2 * n)} for n in range(10, 26)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert main(["survey", "scorers.sums", "--data", "rows.jsonl", "--budget-seconds", "10", "--json"]) == 1
    listed, line = map(json.loads, capsys.readouterr().out.splitlines())
    assert listed["target"] == line["target"] == "scorers.sums:reward"


def test_a_folder_is_audited_although_one_of_its_environments_cannot_be_installed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reward = "def contains_reward(completion, answer): return float(answer in completion)"
    package(tmp_path / "project", {"a.py": reward, "b.py": reward})
    rows = [{"prompt": f"{n}+{n}?", "answer": str(2 * n), "golden": str(2 * n)} for n in range(10, 26)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))

    def refusing(names: list[str], *rest: Any) -> Any:
        if "a.py" in names[0]:
            raise UsageError("it cannot be installed")
        return target_of(names, *rest)

    monkeypatch.setattr("loopholes.audit.targets.target_of", refusing)
    code = main(["audit", "project", "--data", "rows.jsonl", "--budget-seconds", "10", "--json"])
    *_, lost, audited = map(json.loads, capsys.readouterr().out.splitlines())
    assert (lost["target"], lost["problem"]) == ("project/a.py:contains_reward", "it cannot be installed")
    assert code == audited["status"] == 1


@pytest.mark.parametrize("command", ["survey", "audit"])
def test_an_option_that_no_framework_of_a_folder_takes_is_refused_before_anything_is_audited(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    functions = {
        "a.py": "def reward(completion, answer): return 0.0",
        "b.py": "def reward_func(completions, answer, **columns): return [0.0]",
    }
    package(tmp_path / "project", functions)
    (tmp_path / "rows.jsonl").write_text(json.dumps({"prompt": "1+1?", "answer": "2"}))
    assert main([command, "project", "--data", "rows.jsonl", "--set", "chanel=secure"]) == 2
    sentence = "there is no plain or trl option 'chanel'; choose from: group, max_completion_tokens, tokenizer\n"
    assert capsys.readouterr() == ("", sentence)
    assert not list(tmp_path.glob("*/survey.jsonl"))


def test_an_option_goes_to_the_frameworks_of_a_folder_that_take_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    functions = {
        "a.py": "def reward(completion, answer): return float(completion.strip() == answer)",
        "b.py": "def compute_score(data_source, solution_str, ground_truth, extra_info=None): return 1.0",
    }
    package(tmp_path / "project", functions)
    (tmp_path / "rows.jsonl").write_text(json.dumps({"prompt": "1+1?", "answer": "2", "ground_truth": "2"}))
    main(["survey", "project", "--data", "rows.jsonl", "--set", "manager=nobody", "--budget-seconds", "2", "--json"])
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    problems = {line["target"]: line["problem"] for line in listed if "problem" in line}
    assert "nobody" in problems["project/b.py:compute_score"]
    assert "nobody" not in problems["project/a.py:reward"]


@pytest.mark.parametrize(
    "arguments, sentence, code",
    [
        (["survey", "reasoning_gym", "--only", "nothing"], "there is no target of reasoning_gym 'nothing'", 2),
        (["survey", "nowhere"], "nowhere is neither a folder nor a package that can be imported here", 2),
        (["survey", "json"], "json has no reward, scorer or environment", 2),
        (["survey", "reasoning_gym/__pycache__"], "has no reward, scorer or environment", 2),
        (["survey", "nowhere", "--out", "a-file"], "a-file is a file; choose another --out", 4),
    ],
)
def test_a_survey_that_is_impossible_ends_with_one_sentence(
    arguments: list[str], sentence: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reasoning_gym" / "__pycache__").mkdir(exist_ok=True)
    Path("a-file").write_text("precious")
    assert main(arguments) == code
    assert sentence in capsys.readouterr().err
