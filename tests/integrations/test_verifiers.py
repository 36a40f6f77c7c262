"""An exported taskset under verifiers itself: its loader, its ``Task.score``, its ``vf-validate`` and ``vf-init``.

The tests are slow, since verifiers is not in the set-up: in an environment of its own,
``pip install -e '.[verifiers,games,dev]'``, then ``pytest -m slow tests/integrations/test_verifiers.py`` (half a minute
of CPU time).
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import loopholes
from loopholes.cli import main
from loopholes.games.isolation import without_truth
from loopholes.integrations.own_tasks import TaskFiles
from loopholes.integrations.packing import pack
from loopholes.records import KINDS, task_to_json
from loopholes.runs import Run
from support.exports import CHANNELS, GAMES, Answer, answers, exported, packed
from support.frameworks import needs
from support.judge_server import JudgeServer, Reply

pytestmark = needs("verifiers")

Load = Callable[..., Any]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """``load(folder)``: the exported taskset, found by verifiers' own loader."""

    def loaded(folder: Path, **config: Any) -> Any:
        import verifiers.v1 as vf
        from verifiers.v1.utils.loaders import taskset_config_type

        (package,) = folder.glob("loopholes_*")
        monkeypatch.syspath_prepend(str(folder))
        for name in [name for name in sys.modules if name.startswith("loopholes_")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        return vf.load_taskset(taskset_config_type(package.name)(id=package.name, **config))

    return loaded


def traced(task: Any, *replies: str) -> Any:
    """A trace of a task in which a model gave these replies, committed by verifiers itself."""
    import verifiers.v1 as vf
    from verifiers.v1.graph import prepare_turn
    from verifiers.v1.state import state_cls

    about = vf.TraceTask(type=type(task).__name__, data=task.data, key=task.key, hash=task.hash)
    agent = vf.AgentInfo(config=vf.AgentConfig())
    trace = vf.Trace(task=about, state=state_cls(type(task))(), agent=agent)
    turns: list[Any] = [vf.UserMessage(content=task.data.prompt_text)]
    for reply in replies:
        turn = prepare_turn(trace, turns)
        answer = vf.AssistantMessage(content=reply)
        turn.commit(vf.Response(id="0", created=0, model="m", message=answer, finish_reason="stop"))
        turns = [*turns, answer, vf.UserMessage(content="Is it correct?")]
    return trace


def scored(task: Any, answer: Answer, asks: bool) -> Any:
    """A trace of a scripted answer, scored by verifiers."""
    trace = traced(task, answer.text, *([answer.verdict] if asks else []))
    asyncio.run(task.score(trace))
    return trace


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(("name", "set_"), GAMES, ids=str)
def test_rewards_and_metrics_are_those_of_the_game(
    name: str, set_: dict[str, Any], channel: str, tmp_path: Path, load: Load
) -> None:
    package = packed(name, set_, channel)
    tasks = list(load(exported("verifiers", package, tmp_path / "env")))
    assert [task.data.id for task in tasks] == [task.id for task in package.tasks["train"]]
    asks = name == "self-grading" and "self_report" not in set_
    for answer in answers(package):
        trace = scored(tasks[answer.number], answer, asks)
        assert trace.reward == answer.reward(trace.id)
        assert {key: value for key, value in trace.metrics.items() if value is not None} == answer.truth


@pytest.mark.parametrize(("name", "set_"), GAMES[:2], ids=str)
def test_a_truth_that_raises_changes_no_reward(name: str, set_: dict[str, Any], tmp_path: Path, load: Load) -> None:
    package = packed(name, set_, "vulnerable")
    tasks = list(load(exported("verifiers", package, tmp_path / "env")))
    shown = answers(package)
    seeing = [scored(tasks[answer.number], answer, False).reward for answer in shown]
    with without_truth(package.game):
        traces = [scored(tasks[answer.number], answer, False) for answer in shown]
    assert [trace.reward for trace in traces] == seeing
    assert len(set(seeing)) > 1
    assert all(trace.metrics == {} for trace in traces)


def test_a_second_question_that_was_not_answered_is_an_error_and_no_reward(tmp_path: Path, load: Load) -> None:
    package = packed("self-grading", {}, "vulnerable")
    (task, *_) = load(exported("verifiers", package, tmp_path / "env"))
    trace = traced(task, "42")
    with pytest.raises(Exception, match="task GameTask scoring"):
        asyncio.run(task.score(trace))
    assert trace.rewards == {"reward": None}


def test_the_splits_share_no_task_and_a_policy_sees_the_prompt_alone(tmp_path: Path, load: Load) -> None:
    package = packed("self-grading", {"world": "mini"}, "vulnerable")
    folder = exported("verifiers", package, tmp_path / "env")
    ids = {split: [task.data.id for task in load(folder, split=split)] for split in ("train", "test")}
    assert ids == {split: [task.id for task in tasks] for split, tasks in package.tasks.items()}
    (task, *_) = load(folder)
    system, user = package.tasks["train"][0].prompt
    assert (task.data.system_prompt, task.data.prompt) == (system["content"], user["content"])


def ran(command: str, folder: Path, *arguments: str, **variables: str) -> None:
    """A command of verifiers, as its console script runs it, with an exported package on the path."""
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); from verifiers.v1.cli.{command} import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **variables},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def module_in(folder: Path) -> str:
    (package,) = folder.glob("loopholes_*")
    return package.name


def validated(folder: Path, out: Path) -> Any:
    """The summary of ``vf-validate``, called as the export's README says."""
    call = ["--runtime.type", "subprocess"]
    assert f"vf-validate {module_in(folder)} {' '.join(call)}\n" in (folder / "README.md").read_text()
    ran("validate", folder, module_in(folder), *call, "--no-rich", "-o", str(out))
    (summary,) = [json.loads(path.read_text()) for path in out.rglob("summary.json")]
    return summary


@pytest.mark.parametrize(("name", "set_"), [GAMES[0], GAMES[3], GAMES[5], GAMES[7], GAMES[9]], ids=str)
def test_verifiers_own_validation_is_green(name: str, set_: dict[str, Any], tmp_path: Path) -> None:
    folder = exported("verifiers", packed(name, set_, "vulnerable", count=2), tmp_path / "env")
    summary = validated(folder, tmp_path / "out")
    assert (summary["valid_rate"], summary["outcomes"]["valid"]) == (1.0, 2), summary
    assert {check: counts["valid"] for check, counts in summary["checks"].items()} == {"gold": 2, "noop": 2}


def test_a_task_from_a_file_that_no_script_solves_is_unchecked_and_not_invalid(tmp_path: Path) -> None:
    solved, unsolved = loopholes.game("reward-tampering").tasks("train", count=2, prompts="chat", trainable=True)
    truth = {field: value for field, value in unsolved.truth.items() if field != "solution"}
    unsolved = dataclasses.replace(unsolved, truth=truth)
    for name, tasks in {"train": [solved, unsolved], "test": [solved]}.items():
        rows = [json.dumps(task_to_json(task)) + "\n" for task in tasks]
        (tmp_path / f"{name}.jsonl").write_text("".join(rows))
    files = TaskFiles(tmp_path / "train.jsonl", tmp_path / "test.jsonl")
    folder = exported("verifiers", pack("reward-tampering", files=files), tmp_path / "env")
    outcomes = validated(folder, tmp_path / "out")["outcomes"]
    assert (outcomes["valid"], outcomes["unchecked"], outcomes["invalid"]) == (1, 1, 0)


def streamed(text: str) -> Reply:
    """A chat completion in pieces, which is how verifiers asks for it."""
    pieces: list[dict[str, Any]] = [
        {"delta": {"role": "assistant", "content": text}},
        {"delta": {}, "finish_reason": "stop"},
    ]
    chunk = {"id": "0", "object": "chat.completion.chunk", "created": 0, "model": "some/model"}
    lines = [json.dumps({**chunk, "choices": [{"index": 0, **piece}]}) for piece in pieces]
    body = "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"])
    return Reply(body, headers={"Content-Type": "text/event-stream"})


def test_vf_eval_plays_two_passes_in_two_turns_and_its_traces_become_a_run(tmp_path: Path) -> None:
    package = packed("self-grading", {"world": "mini"}, "secure")
    folder = exported("verifiers", package, tmp_path / "env")
    script = {
        answer.task.prompt[-1]["content"]: answer for answer in answers(package) if answer.kind == KINDS[answer.number]
    }
    server = JudgeServer()

    def reply(prompt: str) -> Reply:
        turns = [turn["content"] for turn in server.bodies[-1]["messages"] if turn["role"] == "user"]
        return streamed(script[turns[0]].text if len(turns) == 1 else script[turns[0]].verdict)

    server.reply = reply
    with server.serving():
        where = ["--client.base-url", server.url, "--client.api-key-var", "NO_KEY", "--model", "some/model"]
        options = ["--no-push", "--no-rich", "-n", "3", "-c", "1", "-o", str(tmp_path / "out")]
        ran("eval.main", folder, module_in(folder), *where, *options, NO_KEY="none")
    assert sorted(len(body["messages"]) for body in server.bodies) == [2, 2, 2, 4, 4, 4]
    score = ["score", "self-grading", "--set", "world=mini", "--channel", "secure", "--evaluation", "base"]
    out = tmp_path / "run"
    assert main([*score, "--format", "verifiers", str(tmp_path / "out"), "--out", str(out)]) == 0
    run = Run.open(out)
    rows = {row["task"]: (row["reward"], row["task_score"], row["exploit"]) for row in run.rollouts()}
    expected = {answer.task.id: (answer.reward("audited"), *answer.truth.values()) for answer in script.values()}
    assert rows == expected and len(set(rows.values())) == 3
    assert run.summary is not None and run.summary["rewards_unlike_channel"] == 0


@pytest.mark.skipif(
    importlib.util.find_spec("prime_rl") is None,
    reason="needs prime-rl-configs, a folder of prime-rl's repository: put its src on the path",
)
def test_prime_rl_reads_the_configuration_in_the_docs(tmp_path: Path) -> None:
    folder = exported("verifiers", packed("self-grading", {}, "vulnerable"), tmp_path / "env")
    page = (Path(__file__).parents[2] / "docs" / "integrations.md").read_text()
    documented = page.split("```toml\n")[1].split("```")[0]
    (tmp_path / "rl.toml").write_text(textwrap.dedent(documented))
    code = (
        f"import sys; sys.path.insert(0, {str(folder)!r}); from pydantic_config import cli; "
        "from prime_rl.configs.rl import RLConfig; config = cli(RLConfig).orchestrator; "
        "print(config.train.source[0].env.agent.harness.id, config.eval.source[0].env.taskset.split)"
    )
    command = [sys.executable, "-c", code, "@", str(tmp_path / "rl.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "null test\n", done.stderr


def test_the_layout_is_that_of_init(tmp_path: Path) -> None:
    from verifiers.v1.cli.init import scaffold
    from verifiers.v1.configs.cli.init import InitConfig

    theirs = scaffold(InitConfig(name="loopholes-reward-tampering", path=str(tmp_path / "theirs")))
    ours = exported("verifiers", packed("reward-tampering", {}, "secure"), tmp_path / "ours")
    layouts = [
        {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} for folder in (theirs, ours)
    ]
    assert layouts[0] <= layouts[1]
    assert {path.split("/")[1] for path in layouts[1] - layouts[0]} == {"game"}


def test_another_version_of_verifiers_is_one_sentence(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = exported("verifiers", packed("reward-tampering", {}, "secure"), tmp_path / "env")
    monkeypatch.setattr("loopholes.integrations.packing.distribution_version", lambda package: "0.3.1")
    with pytest.raises(Exception, match=r"verifiers 0\.3\.1 is installed, and this was written for 0\.4"):
        load(folder)
