"""verifiers' own Task.score pays, and rewards that it cannot pay here are named.

The tests are slow, since verifiers (570 MB) is not in the set-up and conflicts with openenv: in an environment of
its own, ``pip install -e '.[verifiers,dev]'``, then ``pytest -m slow tests/audit/frameworks/test_verifiers.py``.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit.frameworks.base import Paid, Part, Row, load
from loopholes.errors import UsageError
from support.frameworks import needs

pytestmark = needs("verifiers", warnings="ignore::DeprecationWarning")

HEAD = """
from __future__ import annotations
import asyncio
import verifiers.v1 as vf


class AddData(vf.TaskData):
    answer: str
    level: int = 1

class AddConfig(vf.TaskConfig):
    longest: int = 20

class AddsConfig(vf.TasksetConfig):
    task: AddConfig = AddConfig()
"""
TASK = """
class AddTask(vf.Task[AddData, vf.State, AddConfig]):
    @vf.reward(weight=0.75)
    async def exact(self, trace: vf.Trace) -> float:
        return float(trace.last_reply.split()[-1] == self.data.answer)

    @vf.reward(weight=0.25)
    async def brief(self, task: vf.TaskData, trace: vf.Trace) -> float:
        return float(len(trace.last_reply) <= self.config.longest)
"""
TASKSET = """
class AddTaskset(vf.Taskset[AddTask, AddsConfig]):
    def load(self):
        for number in range(3):
            yield AddTask(AddData(prompt=f"{number}+{number}?", answer=str(2 * number)), self.config.task)
"""


@pytest.fixture
def module() -> Any:
    """The adapter, which can be imported only if verifiers is installed."""
    from loopholes.audit.frameworks import verifiers

    return verifiers


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, str], list[Part]]:
    def write(body: str, name: str) -> list[Part]:
        (tmp_path / "adding.py").write_text(HEAD + body, encoding="utf-8")
        return [Part(str(tmp_path / "adding.py"), name)]

    return write


def task(reward: str, **more: str) -> str:
    """A task with one reward, as in a user's file."""
    lines = "\n    ".join([*more.values(), *reward.strip().splitlines()])
    return f"class AddTask(vf.Task[AddData, vf.State, AddConfig]):\n    {lines}\n"


def row(number: int = 0, **columns: Any) -> Row:
    return Row(number, "2+2?", columns={"answer": "4", **columns})


def pay(module: Any, parts: list[Part], *texts: str, task_row: Row | None = None, **options: Any) -> list[Paid]:
    payments: list[Paid] = module.build(parts, options)([task_row or row()] * len(texts), texts)
    return payments


def test_a_taskset_brings_its_rows_and_pays_the_weighted_sum(
    module: Any, written: Callable[[str, str], list[Part]]
) -> None:
    parts = written(TASK + TASKSET, "AddTaskset")
    rows = module.rows(parts, {"rows": 2, "golden": "answer"})
    assert [(each.number, each.prompt, each.golden) for each in rows] == [(0, "0+0?", "0"), (1, "1+1?", "2")]
    assert rows[1].columns == {"idx": 1, "prompt": "1+1?", "answer": "2", "level": 1}
    assert json.loads(json.dumps(rows[1].columns)) == rows[1].columns
    reward = module.build(parts, {})
    paid = reward([rows[1]] * 3, ["2", "after long and careful thought it is 2", "3"])
    assert [(payment.value, payment.problem) for payment in paid] == [(1.0, ""), (0.75, ""), (0.25, "")]
    assert paid[1].parts == (0.0, 1.0)  # brief, exact: verifiers' order
    assert reward.not_covered == [] and reward.notes[0].startswith("one reply to the prompt")


def test_every_payment_equals_verifiers_own_score_of_a_turn_that_it_committed_itself(
    module: Any, written: Callable[[str, str], list[Part]]
) -> None:
    """The reference: the Taskset's own tasks, and turns committed by verifiers itself."""
    import verifiers.v1 as vf
    from verifiers.v1.graph import prepare_turn

    parts = written(TASK + TASKSET, "AddTaskset")
    texts = ["4", "  4\n", "the sum of both numbers is 4", "5", "4 or 5"]
    taskset = load(parts[0])(load(Part(parts[0].source, "AddsConfig"))())
    for number, of_taskset in enumerate(taskset):
        payments = module.build(parts, {})([module.rows(parts, {})[number]] * len(texts), texts)
        for text, paid in zip(texts, payments, strict=True):
            about = vf.TraceTask(type="AddTask", data=of_taskset.data)
            trace = vf.Trace(task=about, state=vf.State(), agent=vf.AgentInfo(config=vf.AgentConfig()))
            turn = prepare_turn(trace, [vf.UserMessage(content=of_taskset.data.prompt)])
            reply = vf.AssistantMessage(content=text)
            turn.commit(vf.Response(id="0", created=0, model="m", message=reply, finish_reason="stop"))
            asyncio.run(of_taskset.score(trace))
            assert paid.value == trace.reward


REWARDS = {
    "none": ("return None", None, "raised TypeError: float() argument"),
    "raises": ("raise KeyError('x')", None, "raised KeyError: 'x'"),
    "text": ("return 'abc'", None, "raised ValueError: could not convert"),
    "number in a text": ("return '0.5'", 1.0, ""),
    "infinite": ("return float('inf')", math.inf, ""),
    "dict": ("return {'a': 1.0, 'b': 0.5}", 3.0, ""),
    "empty dict": ("return {}", 0.0, "no reward was recorded, which pays 0"),
    "no reply": ("return float(trace.num_turns)", 2.0, ""),
    "counts tokens": ("return float(trace.num_output_tokens)", 4.0, ""),
    "sees the prompt": ("return float([one.role for one in trace.messages] == ['user', 'assistant'])", 2.0, ""),
    "sees the row": ("return float(self.data.level)", 14.0, ""),
}


@pytest.mark.parametrize("name", REWARDS)
def test_a_return_value_pays_as_in_a_rollout(module: Any, written: Callable[[str, str], list[Part]], name: str) -> None:
    body, value, problem = REWARDS[name]
    parts = written(task(f"@vf.reward(weight=2.0)\nasync def one(self, trace):\n    {body}"), "AddTask")
    (paid,) = pay(module, parts, "4", task_row=row(level=7))
    assert paid.value == value
    assert paid.problem.startswith(problem) and bool(paid.problem) == bool(problem)
    assert paid.keys == (("a", "b") if name == "dict" else ())


def test_a_reward_that_is_not_a_number_stays_none(module: Any, written: Callable[[str, str], list[Part]]) -> None:
    parts = written(task("@vf.reward\nasync def one(self, trace):\n    return float('nan')"), "AddTask")
    (paid,) = pay(module, parts, "4")
    assert paid.value is not None and math.isnan(paid.value)


ASYNC = "@vf.reward\nasync def one(self, trace):\n    return 1.0"
REFUSED = {
    "plain def": (task("@vf.reward\ndef one(self, trace):\n    return 1.0"), "AddTask", "write async def"),
    "old names": (
        task("@vf.reward\nasync def one(self, completion, answer):\n    return 1.0"),
        "AddTask",
        "one that takes completion, answer, but verifiers only passes task, trace, runtime",
    ),
    "container": (task(ASYNC, box="NEEDS_CONTAINER = True"), "AddTask", "AddTask needs a container"),
    "no reward": (task("pass"), "AddTask", "no reward that can be scored here: decorate one with @vf.reward"),
    "no data": (task(ASYNC), "AddData", "neither a Taskset nor a Task"),
    "missing column": (task(ASYNC), "AddTask", "row 0 does not make a AddData: answer: Field required"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_trainer_could_use_is_refused_in_one_sentence(
    module: Any, written: Callable[[str, str], list[Part]], name: str
) -> None:
    body, target, words = REFUSED[name]
    task_row = Row(0, "2+2?") if name == "missing column" else row()
    with pytest.raises(UsageError, match=words) as refused:
        pay(module, written(body, target), "4", task_row=task_row)
    assert "\n" not in str(refused.value)


BESIDE = """
class BestConfig(vf.EnvConfig):
    first: vf.AgentConfig = vf.AgentConfig()
    second: vf.AgentConfig = vf.AgentConfig()

class Best(vf.Env[BestConfig]):
    async def run(self, task, agents):
        pass

    async def finalize(self, task, episode):
        pass
"""


def test_every_part_that_pays_elsewhere_is_named(module: Any, written: Callable[[str, str], list[Part]]) -> None:
    parts = written(task(ASYNC) + BESIDE, "AddTask")
    judges = {"judges": [{"id": "reference", "name": "taste", "weight": 0.5}]}
    reward = module.build(parts, {"config": judges})
    assert reward.not_covered == [
        "the judge taste (weight 0.5) calls a model, which an audit does not do",
        "Best lets 2 agents play (first, second), and only single agents are played here",
    ]
    assert reward([row()], ["4"]) == [Paid(1.0, parts=(1.0,))]
    assert reward([row(image="python:3.11")], ["4"])[0].value is None


def test_setup_and_finalize_that_need_no_runtime_run_before_and_after_the_reply(
    module: Any, written: Callable[[str, str], list[Part]]
) -> None:
    more = {
        "setup": "async def setup(self, trace):\n        trace.info['before'] = trace.num_turns\n",
        "finalize": "async def finalize(self, trace):\n        trace.info['after'] = trace.num_turns\n",
    }
    reward = "@vf.reward\nasync def one(self, trace):\n    return 10.0 * trace.info['before'] + trace.info['after']"
    parts = written(task(reward, **more), "AddTask")
    assert module.build(parts, {}).not_covered == []
    assert pay(module, parts, "4") == [Paid(1.0, parts=(1.0,))]


def test_a_config_sets_weights_and_knobs_of_the_taskset_s_own_type(
    module: Any, written: Callable[[str, str], list[Part]]
) -> None:
    parts = written(TASK + TASKSET, "AddTaskset")
    config = {"task": {"rewards": {"exact": {"weight": 3.0}}}}
    assert pay(module, parts, "4", config=config)[0].value == 3.25
    assert pay(module, written(TASK, "AddTask"), "4", config={"longest": 0})[0].value == 0.75
    with pytest.raises(UsageError, match="the config does not fit .*AddTask: longer: "):
        module.build(written(TASK, "AddTask"), {"config": {"longer": 0}})


def test_scoring_that_takes_too_long_pays_what_was_recorded(
    module: Any, written: Callable[[str, str], list[Part]]
) -> None:
    parts = written(task("@vf.reward\nasync def one(self, trace):\n    await asyncio.sleep(5)"), "AddTask")
    (paid,) = pay(module, parts, "4", task_row=row(timeout={"scoring": 0.01}))
    assert (paid.value, paid.problem) == (0.0, "scoring timed out, which pays what was recorded by then")


def test_a_chat_prompt_and_a_system_prompt_reach_the_row_and_the_trace(
    module: Any, written: Callable[[str, str], list[Part]]
) -> None:
    body = """
class AddTask(vf.Task[AddData]):
    @vf.reward
    async def roles(self, trace):
        return float([one.role for one in trace.messages] == ["system", "user", "assistant"])

class AddTaskset(vf.Taskset[AddTask, AddsConfig]):
    INFINITE = True

    def load(self):
        while True:
            prompt = [vf.UserMessage(content="2+2?")]
            yield AddTask(AddData(prompt=prompt, system_prompt="Be brief.", answer="4"), self.config.task)
"""
    parts = written(body, "AddTaskset")
    with pytest.raises(UsageError, match="has no end: say how many"):
        module.rows(parts, {})
    (task_row,) = module.rows(parts, {"rows": 1})
    assert task_row.prompt == ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"})
    assert pay(module, parts, "4", task_row=task_row)[0].value == 1.0


@pytest.mark.parametrize(
    ("body", "options", "words"),
    [
        (TASK, {}, "is a Task, which has no rows"),
        (TASK + TASKSET.replace("range(3)", "range(0)"), {}, "has no tasks"),
        (TASK + TASKSET.replace("range(3)", "1 / 0"), {}, "cannot load its tasks: it raised ZeroDivisionError"),
        (TASK + TASKSET, {"golden": "solution"}, "the tasks have no solution; they have: answer, idx, level, prompt"),
    ],
)
def test_missing_rows_are_refused(
    module: Any, written: Callable[[str, str], list[Part]], body: str, options: Mapping[str, Any], words: str
) -> None:
    parts = written(body, "AddTaskset" if "AddTaskset" in body else "AddTask")
    with pytest.raises(UsageError, match=words):
        module.rows(parts, options)


def test_a_thousand_completions_share_one_event_loop(
    module: Any, written: Callable[[str, str], list[Part]], monkeypatch: pytest.MonkeyPatch
) -> None:
    reward = module.build(written(TASK, "AddTask"), {})
    reward([row()], ["4"])
    monkeypatch.setattr(asyncio, "new_event_loop", lambda: pytest.fail("another event loop"))
    begun = time.perf_counter()
    for text in map(str, range(1000)):
        reward([row()], [text])
    spent = time.perf_counter() - begun
    print(f"{1000 * spent / 1000:.2f} ms a completion", file=sys.stderr)
    assert spent < 20


def test_two_parts_or_a_weight_are_refused(module: Any, written: Callable[[str, str], list[Part]]) -> None:
    (part,) = written(TASK, "AddTask")
    for parts in ([part, part], [Part(part.source, part.name, 0.5)]):
        with pytest.raises(UsageError, match="weights belong in its @vf.reward"):
            module.build(parts, {})
