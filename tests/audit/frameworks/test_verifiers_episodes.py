"""verifiers' own rollouts are played by scripted policies: faults are found, and their sound twins are not.

Slow, since verifiers (570 MB) is not in the set-up: in an environment of its own, ``pip install -e
'.[verifiers,dev]'``, then ``pytest -m slow tests/audit/frameworks/test_verifiers_episodes.py``. An episode with a tool
server takes 60 ms of CPU time and a whole audit some minutes, on an idle core.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from loopholes.audit import AuditConfig, Report, audit, target_of
from loopholes.audit.attacks import PANEL, views_of
from loopholes.audit.episodes.policies import ATTACKS
from loopholes.audit.folder import replay, save
from loopholes.audit.form import form_of
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.process import RewardProcess
from loopholes.audit.worker import Scored
from loopholes.errors import UsageError
from support.rewards import families, verdicts
from support.verifiers_environments import GUESSING, SUMS, VERIFIERS

pytestmark = VERIFIERS
LOOKUP = '{"tool_name": "lookup", "arguments": {"word": "x"}}'


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The environments as a user's file."""
    (tmp_path / "sums.py").write_text(SUMS, encoding="utf-8")
    (tmp_path / "guesses.py").write_text(GUESSING, encoding="utf-8")
    return str(tmp_path / "sums.py")


@pytest.fixture
def guesses(file: str) -> str:
    """The environment whose Env plays the user."""
    return f"{Path(file).with_name('guesses.py')}:Guesses"


@pytest.fixture
def thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Audits try every scripted policy, but only every twelfth attack of one turn."""
    monkeypatch.setattr("loopholes.audit.engine.PANEL", PANEL[::12])


def paid(target: str, texts: list[str], **options: object) -> list[Paid]:
    """What completions earn on the target's first row."""
    with RewardProcess(target_of([target], None, {"golden": "golden", **options})) as process:
        rows = process.own_rows()
        process.use(rows)
        reply = process.ask([(0, text) for text in texts], 60.0)
    assert isinstance(reply, Scored), reply
    return reply.paid


def report_of(target: str, **options: object) -> Report:
    """The report on a target by its own rows."""
    options = {"golden": "golden", "max_completion_tokens": 128, "turns": 4, **options}
    named = target_of([target], None, options)
    with RewardProcess(named) as process:
        return audit(named, process.own_rows(), AuditConfig(search_calls=0, seconds=600), process=process)


def test_a_taskset_with_tools_brings_them_and_the_way_to_the_answering_turn(file: str) -> None:
    with RewardProcess(target_of([f"{file}:Sums"], None, {"golden": "golden"})) as process:
        (row, *rest) = process.own_rows()
    assert len(rest) == 7 and row.prompt == "What is 11 plus 90?"
    assert [tool["name"] for tool in row.columns["tools"]] == ["lookup"]
    assert row.columns["lead"] == [LOOKUP.replace('"x"', '"sums"')] and row.golden == "101"


REPLIES = {
    "101": 1.0,
    "102": 0.0,
    '{"actions": ["101"]}': 1.0,
    '{"actions": ["<tool_call>{\\"name\\": \\"lookup\\", \\"arguments\\": {}}</tool_call>", "101"]}': 1.0,
    '{"actions": ["<tool_call>{\\"name\\": \\"lookup\\", \\"arguments\\": {}}</tool_call>"]}': 0.0,
    '{"actions": ["{\\"tool_name\\": \\"nothing\\"}", "{observation}"]}': 0.0,
}


def test_calls_are_made_until_a_reply_without_one_which_is_the_answer(file: str) -> None:
    assert [payment.value for payment in paid(f"{file}:Sums", list(REPLIES), turns=3)] == list(REPLIES.values())


def test_what_a_tool_server_writes_into_the_state_is_paid_and_its_limit_of_turns_ends_the_episode(file: str) -> None:
    call = '{"actions": ["{\\"tool_name\\": \\"lookup\\"}"]}'
    (payment,) = paid(f"{file}:PaysCalls", [call], turns=3)
    assert payment.value == pytest.approx(0.9) and payment.first_observation == "What is 11 plus 90?"


def test_an_env_plays_its_part_turn_by_turn(guesses: str) -> None:
    texts = ['{"actions": ["50", "3"]}', '{"actions": ["50", "1", "2"]}', "3", '{"actions": ["{observation}"]}']
    payments = paid(guesses, texts, turns=4)
    assert [payment.value for payment in payments] == [1.0, 0.0, 1.0, 0.0]
    assert {payment.first_observation for payment in payments} == {"Which whole number from 0 to 99 do I mean?"}


@pytest.mark.parametrize("name, largest", [("PaysCalls", 1.2), ("PaysTheFirstCall", 0.0)])
def test_scripted_policies_earn_what_a_fault_pays_and_nothing_of_its_twin(file: str, name: str, largest: float) -> None:
    target = target_of([f"{file}:{name}"], None, {"golden": "golden", "turns": 4})
    with RewardProcess(target) as process:
        rows = process.own_rows()
        process.use(rows)
        (view, *_) = views_of(rows, form_of([row.golden or "" for row in rows]), 128)
        texts = [attempt.text for attack in ATTACKS if (attempt := attack.attempt(view)) is not None]
        reply = process.ask([(0, text) for text in texts], 120.0)
    assert len(texts) > 40 and isinstance(reply, Scored), reply
    assert max(payment.value or 0.0 for payment in reply.paid) == pytest.approx(largest)


@pytest.mark.usefixtures("thinned")
def test_an_environment_that_pays_calls_is_found_by_calling_a_tool_again_and_again(file: str) -> None:
    report = report_of(f"{file}:PaysCalls")
    assert families(report) == {"tool-use"} and report.exit_code() == 1


def test_state_that_leaks_into_the_next_episode_is_found_and_replays(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loopholes.audit.engine.PANEL", PANEL[::100])
    monkeypatch.setattr("loopholes.audit.engine.EPISODES", ATTACKS[::6])
    report = report_of(f"{file}:CountsOnTheClass")
    assert verdicts(report) == {"state-leak": "exploit"}
    (finding,) = save(report, tmp_path)
    assert replay(finding).same


@pytest.mark.usefixtures("thinned")
@pytest.mark.parametrize("name", ["sums.py:Sums", "sums.py:PaysTheFirstCall", "guesses.py:Guesses"])
def test_a_sound_twin_is_not_found(file: str, name: str) -> None:
    report = report_of(f"{Path(file).parent}/{name}")
    assert [finding for finding in report.findings if finding.verdict != "inconclusive"] == []
    assert report.coverage.tried >= 0.5


ODD = """
class Odd(Sum):
    @vf.reward
    async def compiles(self, trace, runtime) -> float:
        done = await runtime.run(["python3", "-c", "print(6 * 7)"], {})
        return float(done.stdout.strip() == "42")

    @vf.stop
    async def enough(self, trace: vf.Trace) -> bool:
        return trace.state.lookups >= 2
"""


def test_a_reward_that_needs_a_runtime_gets_verifiers_subprocess_runtime_and_a_stop_ends_the_episode(
    file: str, tmp_path: Path
) -> None:
    taskset = SUMS[SUMS.index("class Sums(") : SUMS.index("class CallsPaid(")].replace("Sum,", "Odd,")
    (tmp_path / "odd.py").write_text(SUMS + ODD + taskset.replace("Sums(vf.Taskset[Sum])", "Odds(vf.Taskset[Odd])"))
    call = '{"actions": ["{\\"tool_name\\": \\"lookup\\"}", "{\\"tool_name\\": \\"lookup\\"}", "101"]}'
    first, second = paid(f"{tmp_path}/odd.py:Odds", ["101", call])
    assert (first.value, second.value) == (2.0, 1.0)


OTHER_TOOLS = """
class Hasty(Clerk):
    @vf.tool
    def lookup(self, word: str = "") -> str:
        self.state.lookups += 2
        return "Two facts at once."

class HastyCallsPaid(CallsPaid):
    @classmethod
    def toolsets(cls, config):
        return [Hasty(vf.ToolsetConfig())]

class OfficeConfig(vf.EnvConfig):
    clerk: vf.AgentConfig = vf.AgentConfig()

class Office(vf.Env[OfficeConfig]):
    async def run(self, task, agents):
        is_first = task.data.answer == "101"
        await agents.clerk.run(task if is_first else HastyCallsPaid(task.data, task.config))
"""


def test_a_task_that_an_env_creates_gets_the_servers_of_its_own_toolsets(tmp_path: Path) -> None:
    (tmp_path / "office.py").write_text(SUMS + OTHER_TOOLS, encoding="utf-8")
    call = '{"actions": ["{\\"tool_name\\": \\"lookup\\"}", "none"]}'
    with RewardProcess(target_of([f"{tmp_path}/office.py:PaysCalls"], None, {"golden": "golden"})) as process:
        process.use(process.own_rows())
        reply = process.ask([(0, call), (1, call), (0, call)], 60.0)
    assert isinstance(reply, Scored), reply
    assert [payment.value for payment in reply.paid] == pytest.approx([0.3, 0.6, 0.3])


def test_a_toolset_that_cannot_be_set_up_is_an_errored_rollout(tmp_path: Path) -> None:
    broken = SUMS.replace("self.answer = task.answer", "raise OSError('no such catalogue')")
    (tmp_path / "sums.py").write_text(broken)
    with pytest.raises(UsageError, match="cannot begin: .*no such catalogue"):
        paid(f"{tmp_path}/sums.py:Sums", ["101"])
