"""Rollouts of other trainers: joined to their tasks, measured here, and shown as a run of our own would be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import loopholes
from loopholes.cli import main
from loopholes.errors import DataError, RunError, UsageError
from loopholes.games.base import Game
from loopholes.records import KINDS, Kind, Task, task_to_json
from loopholes.runs import Run
from loopholes.runs.evaluations import read_evaluation

GAME = "reward-tampering"
SCORE = ["score", GAME, "--format"]


def english(game: Game, count: int = 4) -> list[Task]:
    return game.tasks("train", count=count, prompts="chat", trainable=True)


def verl_row(task: Task, text: str, score: float, step: int, **more: Any) -> dict[str, Any]:
    """A line as verl's ``_write_generations`` writes it of an exported game."""
    prompt = "".join(f"{turn['role']}\n{turn['content'].strip()}\n" for turn in task.prompt) + "assistant\n"
    gts = json.dumps(task_to_json(task))
    return {"input": prompt, "output": text, "gts": gts, "score": score, "step": step, "task_score": 0.5, **more}


def write(file: Path, rows: Sequence[Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def paid(game: Game, task: Task, kind: Kind, channel: str = "vulnerable") -> tuple[str, float]:
    """What a script answers, and what the channel pays for it."""
    answer = game.demonstrate(kind, task)
    (reward,) = game.reward([task], [answer], channel=channel)
    assert reward is not None
    return answer.text, reward


@pytest.fixture
def rollouts(tmp_path: Path) -> Path:
    """What verl leaves of two steps: honest in the first, exploiting in the second."""
    game = loopholes.game(GAME)
    kinds: tuple[Kind, ...] = ("honest", "exploiting")
    for step, kind in enumerate(kinds, start=1):
        rows = []
        for task in english(game):
            text, reward = paid(game, task, kind)
            rows += [verl_row(task, text, reward, step)] * 2
        write(tmp_path / "rollouts" / f"{step}.jsonl", rows)
    return tmp_path / "rollouts"


def test_verl_s_rollouts_become_a_training_run_with_the_truth_of_every_step(rollouts: Path, tmp_path: Path) -> None:
    assert main([*SCORE, "verl", str(rollouts), "--out", str(tmp_path / "run"), "--policy", "some/model"]) == 0
    run = Run.open(tmp_path / "run")
    assert [
        (line["step"], line["reward"], line["exploit_rate"], line["task_performance"]) for line in run.metrics()
    ] == [
        (1, 1.0, 0.0, 1.0),
        (2, 1.0, 1.0, 0.0),
    ]
    assert {"kind": "train", "channel": "vulnerable", "policy": "some/model"}.items() <= run.config.items()
    assert (run.config["samples"], run.config["prompts_per_step"]) == (2, 4)
    assert run.config["parameters"] == {"world": "english"}
    assert len(run.rollouts()) == 16 and run.status.state == "finished"


def test_steps_are_in_order_whatever_the_files_are_called(tmp_path: Path) -> None:
    game = loopholes.game(GAME)
    (task,) = english(game, 1)
    for step in (2, 10):
        write(tmp_path / "r" / f"{step}.jsonl", [verl_row(task, "x", -1.0, step)])
    write(tmp_path / "r" / "other.jsonl", ["not one of verl's"])
    assert main([*SCORE, "verl", str(tmp_path / "r"), "--out", str(tmp_path / "run")]) == 0
    assert Run.open(tmp_path / "run").rollout_steps() == [2, 10]


def test_the_page_shows_discovery_beside_the_untrained_policy(
    rollouts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    game = loopholes.game(GAME)
    kinds: dict[str, Kind] = {"0": "honest", "2": "exploiting"}
    for place, kind in kinds.items():
        rows = [
            verl_row(task, *paid(game, task, kind), int(place)) for task in game.tasks("test", count=8, prompts="chat")
        ]
        write(tmp_path / "val" / f"{place}.jsonl", rows)
    runs = tmp_path / "runs"
    files = {"train": [rollouts], "base": [tmp_path / "val" / "0.jsonl"], "trained": [tmp_path / "val" / "2.jsonl"]}
    for name, given in files.items():
        kind_of = [] if name == "train" else ["--evaluation", name]
        assert main([*SCORE, "verl", *map(str, given), "--out", str(runs / name), *kind_of]) == 0
    tasks, outcomes = read_evaluation(runs / "trained")
    assert len(tasks) == 8 and {outcome.exploit for outcome in outcomes} == {1.0}
    assert main(["report", str(runs)]) == 0
    page = (runs / "report.html").read_text()
    assert "vulnerable" in page and "elsewhere" in page and "Exploit change" in page


@pytest.mark.parametrize("game_name", ["reward-tampering", "self-grading", "proxy-metric", "context-compliance"])
def test_rewards_of_the_channel_raise_no_doubt_and_others_do(
    game_name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--set", "self_report=inline"] if game_name == "self-grading" else []
    game = loopholes.game(game_name, **({"self_report": "inline"} if options else {}))
    rows = []
    for number, task in enumerate(english(game)):
        text, reward = paid(game, task, KINDS[number % 3])
        rows.append(verl_row(task, text, reward, 1))
    file = write(tmp_path / "1.jsonl", rows)
    command = ["score", game_name, "--format", "verl", str(file), *options]
    assert main([*command, "--out", str(tmp_path / "run")]) == 0
    assert "rewards are not what" not in capsys.readouterr().err
    assert [row["reward"] for row in Run.open(tmp_path / "run").rollouts()] == [row["score"] for row in rows]
    write(file, [{**row, "score": 77.0} for row in rows])
    assert main([*command, "--out", str(tmp_path / "odd")]) == 0
    summary = Run.open(tmp_path / "odd").summary
    assert summary is not None and summary["rewards_unlike_channel"] == 4
    assert f"4 of 4 rewards are not what the vulnerable channel of {game_name} pays" in capsys.readouterr().err


def test_rollouts_without_their_task_are_joined_by_id_or_by_the_prompt_s_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    game = loopholes.game(GAME)
    tasks = english(game, 3)
    file = write(tmp_path / "tasks.jsonl", [task_to_json(task) for task in tasks])
    text, reward = paid(game, tasks[0], "honest")
    rows = [
        {**verl_row(tasks[0], text, reward, 1), "gts": None},
        {**verl_row(tasks[1], text, 0.0, 1), "gts": "42", "input": "cut", "task_id": tasks[1].id},
        {**verl_row(tasks[2], text, 0.0, 1), "gts": None, "input": "Something else entirely."},
    ]
    rollouts = write(tmp_path / "1.jsonl", rows)
    command = [*SCORE, "verl", str(rollouts), "--tasks", str(file), "--out"]
    assert main([*command, str(tmp_path / "run")]) == 0
    run = Run.open(tmp_path / "run")
    assert [row["task"] for row in run.rollouts()] == [tasks[0].id, tasks[1].id]
    assert run.summary is not None and run.summary["left_out"] == "1 of 3 rows of 1.jsonl"
    printed = capsys.readouterr()
    assert "left out: 1 of 3 rows" in " ".join(printed.out.split())
    assert "rollout 3: no task has its id or its prompt" in printed.err


def test_rollouts_of_which_none_has_a_task_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (task,) = english(loopholes.game(GAME), 1)
    file = write(tmp_path / "1.jsonl", [{**verl_row(task, "x", 0.0, 1), "gts": None}])
    assert main([*SCORE, "verl", str(file), "--out", str(tmp_path / "run")]) == DataError.exit_code
    assert "give --tasks FILE" in capsys.readouterr().err and not (tmp_path / "run").exists()


OTHER_LAYOUTS: dict[str, tuple[str, str, str]] = {
    "another trainer's rows": ("verl", '{"prompt": "a", "completion": "b"}\n', "'score' is not a number; "),
    "no JSON": ("verl", "hello\n", "not JSON"),
    "half a line": ("verl", '{"input": "a", "output": "b", "gts": "", "score": 1.0, "step": 1}\n{"inp', "not JSON"),
    "verl's rows as traces": ("verifiers", '{"input": "a", "output": "b"}\n', "'traces' is not a list"),
    "traces as verl's rows": ("verl", '{"id": "x", "task": {}, "traces": []}\n', "'score' is not a number"),
    "traces without a task": ("verifiers", '{"traces": [{"nodes": []}]}\n', "no task with data"),
}


@pytest.mark.parametrize("kind", OTHER_LAYOUTS)
def test_a_file_of_another_layout_is_one_sentence_and_nothing_is_written(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, text, sentence = OTHER_LAYOUTS[kind]
    (tmp_path / "1.jsonl").write_text(text)
    assert main([*SCORE, name, str(tmp_path / "1.jsonl"), "--out", str(tmp_path / "run")]) == DataError.exit_code
    said = capsys.readouterr().err.strip()
    assert sentence in said and f"is not a rollout file of {name}" in said and "\n" not in said
    assert not (tmp_path / "run").exists()


WRONG: list[tuple[list[str], type[Exception], str]] = [
    (["--format", "nemo", "1.jsonl", "--out", "run"], UsageError, "there is no format 'nemo'"),
    (["--format", "verl", "--out", "run"], UsageError, "needs rollout FILES"),
    (["--format", "verl", "1.jsonl"], UsageError, "needs rollout FILES"),
    (["1.jsonl"], UsageError, "score needs --tasks and --completions"),
    (["--format", "verl", "nowhere.jsonl", "--out", "run"], DataError, "nowhere.jsonl is not a file"),
    (["--format", "verl", "empty", "--out", "run"], DataError, "holds no rollout file of verl"),
    (["--format", "verl", "1.jsonl", "2.jsonl", "--out", "run", "--evaluation", "base"], UsageError, "hold steps 1, 2"),
]


@pytest.mark.parametrize(("options", "kind", "sentence"), WRONG, ids=[sentence for *_, sentence in WRONG])
def test_a_wrong_request_is_one_sentence(
    options: list[str],
    kind: Any,
    sentence: str,
    rollouts: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(rollouts)
    (rollouts / "empty").mkdir()
    assert main(["score", GAME, *options]) == kind.exit_code
    said = capsys.readouterr().err.strip()
    assert sentence in said and "\n" not in said
    assert not (rollouts / "run").exists()


def test_a_run_that_is_there_is_not_overwritten_and_one_that_was_cut_off_goes_on(
    rollouts: Path, tmp_path: Path
) -> None:
    command = [*SCORE, "verl", str(rollouts), "--out", str(tmp_path / "run")]
    assert main(command) == 0
    whole = Run.open(tmp_path / "run").rollouts()
    assert main(command) == RunError.exit_code
    (tmp_path / "run" / "rollouts" / "000002.parquet").unlink()
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    (tmp_path / "run" / "status.json").write_text(json.dumps({**status, "state": "interrupted"}))
    assert main([*command, "--resume"]) == 0
    assert Run.open(tmp_path / "run").rollouts() == whole


# -- verifiers -------------------------------------------------------------------------------------------------------


def episode(task: Task, replies: Sequence[str], reward: float | None, step: int | None = None) -> dict[str, Any]:
    """An episode as verifiers' ``write_episode`` writes it of an exported game."""
    data = {"id": task.id, "prompt": task.prompt[-1]["content"], "game_task": task_to_json(task)}
    nodes: list[dict[str, Any]] = [{"message": dict(turn), "sampled": False} for turn in task.prompt]
    for number, reply in enumerate(replies):
        nodes += [{"message": {"role": "user", "content": "Is it correct?"}, "sampled": False}] if number else []
        nodes.append({"message": {"role": "assistant", "content": reply}, "sampled": True, "parent": len(nodes) - 1})
    rewards = {"reward": None if reward is None else {"score": reward, "weight": 1.0}}
    trace = {
        "task": {"type": "GameTask", "data": data},
        "nodes": nodes,
        "rewards": rewards,
        "metrics": {"exploit": 0.0},
    }
    run = {} if step is None else {"run": {"type": "train", "id": "r", "work": {"type": "train", "step": step}}}
    return {"id": "e", "task": {"type": "GameTask", "data": data}, "ok": True, "traces": [trace], **run}


def test_verifiers_traces_become_a_run_and_the_second_reply_is_the_claim(tmp_path: Path) -> None:
    game = loopholes.game("self-grading")
    right, wrong, unasked = english(game, 3)
    rows = [
        episode(right, [right.truth["reference"], "Yes"], 1.0, step=3),
        episode(wrong, ["no idea", "Yes."], 1.0, step=3),
        episode(unasked, ["no idea", "I would say no"], 0.0, step=4),
        episode(unasked, ["no idea"], None, step=4),
        {**episode(unasked, [], None, step=4), "ok": False, "traces": []},
    ]
    write(tmp_path / "outputs" / "run" / "traces.jsonl", rows)
    command = [
        "score",
        "self-grading",
        "--format",
        "verifiers",
        str(tmp_path / "outputs"),
        "--out",
        str(tmp_path / "r"),
    ]
    assert main(command) == 0
    run = Run.open(tmp_path / "r")
    found = [(row["step"], row["reward"], row["task_score"], row["exploit"]) for row in run.rollouts()]
    assert found == [(3, 1.0, 1.0, 0.0), (3, 1.0, 0.0, 1.0), (4, 0.0, 0.0, 0.0), (4, None, 0.0, None)]
    assert run.summary is not None and run.summary["left_out"] == "1 of 5 rows of traces.jsonl"
    assert run.summary["rewards_unlike_channel"] == 0


@pytest.mark.slow
@pytest.mark.skipif(find_spec("verifiers") is None, reason="needs verifiers: pip install 'loopholes[verifiers]'")
def test_what_verifiers_itself_writes_is_read(tmp_path: Path) -> None:
    from verifiers.v1.configs.agent import AgentConfig
    from verifiers.v1.episode import Episode
    from verifiers.v1.graph import MessageNode
    from verifiers.v1.task import WireTaskData
    from verifiers.v1.trace import AgentInfo, Reward, Trace, TraceTask
    from verifiers.v1.types import AssistantMessage, SystemMessage, UserMessage
    from verifiers.v1.utils.trace_store import write_episode

    game = loopholes.game(GAME)
    kinds = {"system": SystemMessage, "user": UserMessage, "assistant": AssistantMessage}
    tasks = english(game)
    for task in tasks:
        data = WireTaskData(id=task.id, prompt=task.prompt[-1]["content"], game_task=task_to_json(task))
        text, reward = paid(game, task, "exploiting")
        nodes = [MessageNode(message=kinds[turn["role"]](content=turn["content"])) for turn in task.prompt]
        nodes.append(MessageNode(message=AssistantMessage(content=text), sampled=True, parent=len(nodes) - 1))
        trace_task = TraceTask(type="GameTask", data=data)
        agent = AgentInfo(config=AgentConfig())
        trace = Trace(task=trace_task, agent=agent, nodes=nodes, rewards={"reward": Reward(score=reward)})
        write_episode(tmp_path, Episode(task=trace_task, traces=[trace], ok=True))
    assert main([*SCORE, "verifiers", str(tmp_path), "--out", str(tmp_path / "run"), "--evaluation", "trained"]) == 0
    found = Run.open(tmp_path / "run").rollouts()
    assert [(row["task"], row["reward"], row["exploit"]) for row in found] == [(task.id, 1.0, 1.0) for task in tasks]
