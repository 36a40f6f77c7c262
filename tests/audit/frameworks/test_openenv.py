"""OpenEnv's rubrics, environments and servers pay as they do in OpenEnv.

The tests are slow, since openenv (480 MB) is not in the set-up and conflicts with verifiers: in an environment of
its own, ``pip install -e '.[openenv,dev]'``, then ``pytest -m slow tests/audit/frameworks/test_openenv.py``.
"""

from __future__ import annotations

import json
import math
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import AuditConfig, audit, target_of
from loopholes.audit.episodes.scripts import script
from loopholes.audit.frameworks.base import Paid, Part, Row
from loopholes.audit.offers import tools_of
from loopholes.audit.process import RewardProcess
from loopholes.errors import ScoringError, UsageError
from support.openenv_server import OPENENV, SOURCE, served, write_environment

# private _url: reading an address needs no server; calling it does


pytestmark = OPENENV
ROW = Row(3, "3+3?", columns={"answer": "6"})


@pytest.fixture
def file(tmp_path: Path) -> str:
    return write_environment(tmp_path)


@pytest.fixture
def module() -> Any:
    """The adapter, which can be imported only if openenv is installed."""
    from loopholes.audit.frameworks import openenv

    return openenv


def pay(module: Any, part: Part, *texts: str, row: Row = ROW, **options: Any) -> list[Paid]:
    """The payment of each text, without its first observation."""
    payments: list[Paid] = module.build([part], options)([row] * len(texts), texts)
    return [paid._replace(first_observation="") for paid in payments]


RUBRICS = {
    "class": ("Exact", ["6", "7"], [1.0, 0.0]),
    "async class": ("Brief", ["6", "much too long"], [1.0, 0.0]),
    "instance with an async child": ("weighed", ["6", "    6     ", "7"], [1.0, 0.75, 0.25]),
    "function": ("made", ["6", "6", "7"], [1.0, 1.0, 0.0]),
    "trajectories": ("Steps", ["6", "6", "6"], [1.0, 1.0, 1.0]),
    "trajectories within": ("nested", ["6", "6", "6"], [1.0, 1.0, 1.0]),
}


@pytest.mark.parametrize("name", RUBRICS)
def test_a_rubric_pays_each_completion_as_if_it_were_the_first(module: Any, file: str, name: str) -> None:
    target, texts, values = RUBRICS[name]
    assert [payment.value for payment in pay(module, Part(file, target), *texts)] == values


def test_a_rubric_that_returns_no_number_is_a_problem_and_nan_goes_through(module: Any, file: str) -> None:
    nan, none, raises = pay(module, Part(file, "Returns"), "nan", "none", "raises")
    assert nan.value is not None and math.isnan(nan.value)
    assert none == Paid(None, "returned None, which is not a reward")
    assert raises == Paid(None, "raised ZeroDivisionError: division by zero")


def test_a_rubric_sees_a_plain_observation_or_that_of_an_environment(module: Any, file: str) -> None:
    plain = module.build([Part(file, "NeedsPrompt")], {})
    assert plain([ROW], ["3"])[0].problem == "raised AttributeError: 'Observation' object has no attribute 'prompt'"
    assert plain.notes == [
        "the completion is the text of an action; the observation is a plain, final Observation with the row's columns "
        "as metadata"
    ]
    (paid,) = pay(module, Part(file, "NeedsPrompt"), "", environment="Adding")
    assert paid == Paid(1.0)


@pytest.mark.parametrize("name", ["Adding", "served"])
def test_an_environment_is_reset_once_before_every_completion(module: Any, file: str, name: str) -> None:
    with served(file) as (url, running):
        part = Part(url, "") if name == "served" else Part(file, name)
        reward = module.build([part], {})
        if name == "Adding":
            running = sys.modules["loopholes_user_adding"]
        running.Adding.RESETS.clear()
        paid = reward([ROW] * 3, ["6", "7", "a long way to 6"])
        assert [(payment.value, payment.problem) for payment in paid] == [(1.0, ""), (0.25, ""), (0.0, "")]
        assert running.Adding.RESETS == [3, 3, 3]
        other = Row(3, "", columns={"seed": 4, "reset": {"twice": False}})
        assert reward([other], ["4"])[0].value == 1.0
        assert reward([ROW], ["on"])[0].value == 2.5, "until the tenth turn"


@pytest.mark.parametrize("name", ["Corridor", "served"])
def test_an_episode_is_played_to_its_end_and_its_steps_are_summed(module: Any, file: str, name: str) -> None:
    with served(file, "Corridor") as (url, _):
        part = Part(url, "") if name == "served" else Part(file, name)
        texts = ["open", script("open", "linger"), script("{observation}"), script("linger", "{observation}")]
        assert [payment.value for payment in pay(module, part, *texts)] == [0.75, 0.25, 3.0, 2.0]
        assert [payment.value for payment in pay(module, part, "open", turns=2)] == [0.5]
        last = module.build([part], {"return": "last"})([ROW], [script("{observation}", "open")])
        assert last[0].value == 0.25
        assert pay(module, part, "linger")[0].problem


def test_a_rubric_sees_one_step_of_an_environment_that_continues(module: Any, file: str) -> None:
    reward = module.build([Part(file, "NeedsPrompt")], {"environment": "Corridor"})
    assert reward([ROW], ["door 1"])[0].value == 1.0
    assert reward.not_covered == [
        "an environment continued after its first step: the rubric does not score later steps"
    ]


def test_state_that_one_episode_leaves_to_the_next_is_found_in_forks_of_the_process(file: str) -> None:
    target = target_of([f"{file}:Counting"], None, {"rows": 4})
    with RewardProcess(target) as process:
        rows = process.own_rows()
        report = audit(target, rows, AuditConfig(search_calls=0, seconds=60), process=process)
    assert {finding.name: finding.verdict for finding in report.findings}["state-leak"] == "exploit"


TOOLS = """
from fastmcp import FastMCP
from openenv.core.env_server.mcp_environment import MCPEnvironment
from openenv.core.env_server.types import Observation, State

class Clock(MCPEnvironment):
    def __init__(self):
        server = FastMCP("clock")

        @server.tool
        def read(zone: str = "here") -> str:
            return f"noon {zone}"

        super().__init__(server)

    def reset(self, seed=None, episode_id=None, **more):
        self.calls = 0
        return Observation()

    async def step_async(self, action, timeout_s=None, **more):
        seen = await super().step_async(action)
        self.calls += 1
        seen.reward = 0.5 * (getattr(seen, "error", None) is None)
        seen.done = self.calls == 4
        return seen

    def _step_impl(self, action, timeout_s=None, **more):
        raise ValueError("calls only")

    @property
    def state(self):
        return State()
"""


def test_an_environment_of_tools_takes_calls_and_ends_at_any_other_text(module: Any, tmp_path: Path) -> None:
    part = Part(write_environment(tmp_path, TOOLS), "Clock")
    call = '{"tool_name": "read", "arguments": {}}'
    texts = [call, script(call, "It is noon."), "It is noon.", '{"tool_name": "wind", "arguments": {}}']
    assert [payment.value for payment in pay(module, part, *texts)] == [2.0, 0.5, 0.0, 0.0]
    rows = module.rows([part], {"rows": 1})
    assert [tool["name"] for tool in rows[0].columns["tools"]] == ["read"] and tools_of(rows[0]) == ("read",)


def test_a_folder_is_its_only_environment(module: Any, tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    file = write_environment(tmp_path / "server", TOOLS)
    with pytest.raises(UsageError, match="has no openenv.yaml"):
        target_of([f"openenv:{tmp_path}"], None, {})
    (tmp_path / "openenv.yaml").write_text("name: clock\n", encoding="utf-8")
    target = target_of([f"openenv:{tmp_path}"], None, {})
    assert target.framework == "openenv" and target.parts == (Part(file, "Clock"),)
    write_environment(tmp_path, SOURCE)
    with pytest.raises(UsageError, match="has to have one class of Environment or MCPEnvironment.*Adding.*Clock"):
        target_of([f"openenv:{tmp_path}"], None, {})


def test_an_error_in_an_episode_is_a_problem(module: Any, file: str) -> None:
    here = pay(module, Part(file, "Adding"), "crash", "nan")
    assert here[0] == Paid(None, "raised RuntimeError: the disk is full")
    assert here[1].value is not None and math.isnan(here[1].value)
    with served(file) as (url, _):
        there = pay(module, Part(url, ""), "crash", "nan", "x" * 70_000, "6", timeout=20)
    assert there == [
        Paid(None, "raised RuntimeError: step failed (EXECUTION_ERROR)"),
        Paid(None, "no step of the episode had a reward"),
        Paid(0.0),
        Paid(1.0),
    ]


def test_an_episode_that_takes_too_long_ends(module: Any, file: str) -> None:
    with served(file) as (url, _):
        (late,) = pay(module, Part(url, ""), "linger", timeout=1)
    assert late == Paid(None, "raised TimeoutError: step ended 1 s after the episode began, or never")


def test_a_server_that_is_gone_stops_the_audit_and_one_that_never_was_is_refused(module: Any, file: str) -> None:
    with served(file) as (url, _):
        reward = module.build([Part(url, "")], {})
    with pytest.raises(ScoringError, match=f"the server at {url} no longer answers .*: start it again"):
        reward([ROW], ["6"])
    with pytest.raises(UsageError, match=f"no OpenEnv server answers at {url} .*: start it and name its address"):
        module.build([Part(url, "")], {})


def test_an_episode_waits_for_a_free_session_but_not_forever(module: Any, file: str) -> None:
    from websockets.sync.client import connect

    with served(file) as (url, _):
        address = f"ws{url.removeprefix('http')}/ws"
        with connect(address) as other:
            other.send('{"type": "reset", "data": {}}')
            other.recv()
            with pytest.raises(ScoringError, match="has no free session"):
                pay(module, Part(url, ""), "6", timeout=0.3)
            release = threading.Timer(0.3, other.close)
            release.start()
            assert pay(module, Part(url, ""), "6", timeout=20) == [Paid(1.0)]
            release.join()


def test_a_reset_gets_the_arguments_that_it_takes(module: Any, tmp_path: Path) -> None:
    own = "\nclass Fixed(Adding):\n    def reset(self):\n        return super().reset(seed=5)\n"
    row = Row(3, "", columns={"reset": {"unknown": 1}})
    file = write_environment(tmp_path, SOURCE + own)
    assert pay(module, Part(file, "Fixed"), "10", row=row) == [Paid(1.0)]
    with served(file, "Fixed") as (url, _):
        assert pay(module, Part(url, ""), "10", row=row) == [Paid(1.0)]


def test_an_address_may_have_been_split_at_any_colon(module: Any) -> None:
    url = "http://localhost:8000/env"
    for part in (Part(url, ""), Part("http", "//localhost:8000/env"), Part("http://localhost", "8000/env")):
        assert module._url(part) == url
    assert module._url(Part("http_rewards.py", "Exact")) is None


TWO = SOURCE + "\nclass Other(Action):\n    text: str\n    more: str\n"
REFUSED = {
    "two actions": (TWO, "Exact", {}, "action has to name the Action class; .* has: Answer, Other"),
    "two texts": (TWO, "Exact", {"action": "Other"}, "which text of Other is the completion; texts: text, more"),
    "more is needed": (TWO, "Exact", {"action": "Other", "action_field": "text"}, "Other also needs more"),
    "no such field": (SOURCE, "Exact", {"action_field": "completion"}, "Answer has no completion; it has: text"),
    "no such action": (SOURCE, "Exact", {"action": "Reply"}, "has no Reply; it has: Answer,"),
    "no action": (SOURCE, "Exact", {"action": "Question"}, "Question is not an Action class"),
    "no rubric": (SOURCE, "Answer", {}, "Answer is neither a Rubric nor an Environment"),
    "no environment": (SOURCE, "Exact", {"environment": "Brief"}, "Brief is not an Environment"),
    "docker": (SOURCE, "NeedsDocker", {}, "cannot be created here without arguments, it raised RuntimeError: Docker"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_target_that_cannot_run_is_refused_in_one_sentence(module: Any, tmp_path: Path, name: str) -> None:
    source, target, options, words = REFUSED[name]
    with pytest.raises(UsageError, match=words) as refused:
        module.build([Part(write_environment(tmp_path, source), target)], options)
    assert "\n" not in str(refused.value)


def test_an_action_that_the_file_imported_is_the_very_class_that_the_file_knows(module: Any, tmp_path: Path) -> None:
    (tmp_path / "actions.py").write_text(
        "from openenv.core.env_server.types import Action\nclass Said(Action):\n    words: str\n", encoding="utf-8"
    )
    (tmp_path / "judged.py").write_text(
        "from actions import Said\nfrom openenv.core.rubrics import Rubric\nclass Known(Rubric):\n"
        "    def forward(self, action, observation):\n        return float(isinstance(action, Said))\n",
        encoding="utf-8",
    )
    choices: tuple[dict[str, Any], ...] = ({}, {"action": "Said"}, {"action": f"{tmp_path / 'actions.py'}:Said"})
    for options in choices:
        assert pay(module, Part(str(tmp_path / "judged.py"), "Known"), "6", **options) == [Paid(1.0)]


@pytest.mark.parametrize("name", ["Adding", "served"])
def test_an_environment_has_rows_and_a_rubric_has_none(module: Any, file: str, name: str) -> None:
    with served(file) as (url, _):
        part = Part(url, "") if name == "served" else Part(file, name)
        rows = module.rows([part], {"rows": 2})
        assert [(entry.number, entry.prompt, entry.golden) for entry in rows] == [(0, "0+0?", None), (1, "1+1?", None)]
        assert json.loads(json.dumps(rows[1].columns))["seed"] == 1
        assert pay(module, part, "2", row=rows[1]) == [Paid(1.0)]
        with pytest.raises(UsageError, match="the observation has no question; it has: "):
            module.rows([part], {"rows": 1, "prompt_field": "question"})
    with pytest.raises(UsageError, match="is a Rubric, which has no rows"):
        module.rows([Part(file, "Exact")], {})
