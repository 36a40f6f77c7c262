"""Targets that are named as their users name them, in imitations of the real packages.

The real packages are audited by tests marked slow, each in an environment of its own that the audit builds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from loopholes.audit import target_of
from loopholes.audit.discovery import discovered
from loopholes.audit.frameworks.base import Row
from loopholes.audit.process import RewardProcess
from loopholes.audit.worker import Scored
from loopholes.cli import main
from loopholes.errors import UsageError
from support.packages import INSPECT, NEMO_GYM, SKYRL_GYM, VERL, package

TASKS = """
from inspect_ai import Sample, Task, task
from inspect_ai.scorer import choice, match

@task
def sums():
    return Task([Sample("1+1?", "2"), Sample("2+2?", "4")], match(numeric=True))

@task
def letters():
    return Task([Sample("Which is a vowel?", "B", choices=["x", "e"])], [choice(), match()])
"""


@pytest.fixture(autouse=True)
def at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Imitated packages in the current folder, which take precedence over installed ones."""
    for files in (SKYRL_GYM, VERL, INSPECT, NEMO_GYM, {"tasks.py": TASKS}):
        package(tmp_path, files)
    monkeypatch.chdir(tmp_path)


def paid(name: str, text: str, columns: dict[str, object], **options: object) -> float | None:
    """The payment of a target for a completion under a row with these columns."""
    with RewardProcess(target_of([name], None, options)) as process:
        process.use([Row(0, "1+1?", columns=columns)])
        reply = process.ask([(0, text)], 30.0)
    assert isinstance(reply, Scored), reply
    return reply.paid[0].value


@pytest.mark.parametrize(
    "name, text, columns, reward",
    [
        ("skyrl_gym:sums", "2", {"reward_spec": {"ground_truth": "2"}}, 1.0),
        ("skyrl_gym:sums", "2", {"answer": "2"}, 1.0),
        ("skyrl_gym:sums", "3", {"answer": "2"}, 0.0),
        ("verl:openai/gsm8k", "#### 2", {"reward_model": {"ground_truth": "2"}}, 1.0),
        ("verl:openai/gsm8k", "2", {"reward_model": {"ground_truth": "2"}}, 0.0),
        ("inspect_ai.scorer:match(numeric=True)", "2", {"target": "2"}, 1.0),
        ("inspect_ai.scorer:match", "2", {"target": "2"}, 0.5),
        ("inspect_ai:match(numeric=True)", "2", {"target": "2"}, 1.0),
        ("inspect_ai.scorer:match", "2", {"answer": "2"}, 0.5),
        ("inspect_ai.scorer:choice()", "ANSWER: B", {"target": "B", "choices": ["x", "y"]}, 1.0),
        ("inspect_ai.scorer:choice()", "B", {"target": "B", "choices": ["x", "y"]}, 0.0),
        ("tasks.py:sums", "2", {"target": "2"}, 1.0),
        ("sums/app.py:SumsServer", "2", {"expected_answer": "2"}, 1.0),
        ("sums/app.py:SumsServer", "3", {"expected_answer": "2"}, 0.0),
    ],
)
def test_a_named_target_pays_what_its_own_package_pays(
    name: str, text: str, columns: dict[str, object], reward: float
) -> None:
    assert paid(name, text, columns) == reward


def test_options_of_a_framework_reach_the_target() -> None:
    assert paid("sums/app.py:SumsServer", "2", {"expected_answer": "2"}, config={"reward": 3.0}) == 3.0
    assert paid("tasks.py:letters", "B", {"target": "B", "choices": ["x", "y"]}, scorer=1) == 0.5
    assert paid("inspect_ai.scorer:match", "2", {"key": "2", "target": "3"}, target="key") == 0.5
    assert paid("skyrl_gym:configured", "2", {"answer": "3"}, env_config={"answers": ["2"]}) == 1.0


@pytest.mark.parametrize("text, reward", [("2", 1.0), ("3", 0.0)])
def test_a_nemo_gym_server_can_read_the_response_as_dicts(text: str, reward: float) -> None:
    assert paid("dumped/app.py:DumpedServer", text, {"expected_answer": "2"}) == reward


@pytest.mark.parametrize(
    "name, prompts",
    [
        ("tasks.py:sums", ["1+1?", "2+2?"]),
        ("sums/app.py:SumsServer", ["1+1?", "2+2?"]),
        (
            "tasks.py:letters",
            [
                "Which is a vowel?\nA) x\nB) e\nThe last line of your response should be of the following format: "
                "'ANSWER: $LETTER'."
            ],
        ),
    ],
)
def test_data_comes_from_the_target_if_it_has_any(name: str, prompts: list[str]) -> None:
    with RewardProcess(target_of([name], None, {})) as process:
        assert [row.text for row in process.own_rows()] == prompts


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("skyrl_gym:nothing", "there is no environment of skyrl-gym 'nothing'; choose from: configured, sums, turns"),
        ("skyrl_gym:sums", "has no rows of its own: give --data"),
        ("inspect_ai.scorer:match", "is a scorer, which has no rows: give --data with a column target"),
    ],
)
def test_a_missing_package_is_one_sentence(name: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence), RewardProcess(target_of([name], None, {})) as process:
        process.own_rows()


TASKSET = """
import verifiers.v1 as vf
class Sum(vf.Task): ...
class Sums(vf.Taskset[Sum]): ...
"""
PROJECT = """
[project]
name = "sums-v1"
dependencies = ["verifiers", "sympy"]
"""


def test_a_folder_of_verifiers_is_its_only_taskset_and_says_what_it_requires(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(tmp_path / "env", {"pyproject.toml": PROJECT, "sums_v1/__init__.py": "", "sums_v1/taskset.py": TASKSET})
    monkeypatch.setattr("loopholes.audit.targets.is_here", lambda module: False)
    installed: list[str] = []

    def built(requirements: Sequence[str], say: object) -> str:
        installed.extend(requirements)
        return "python"

    monkeypatch.setattr("loopholes.audit.targets.built", built)
    target = target_of(["verifiers:env"], None, {})
    assert (target.framework, target.parts[0].label) == ("verifiers", "env/sums_v1/taskset.py:Sums")
    assert installed == ["verifiers~=0.4.0", "verifiers", "sympy"] and target.python == "python"
    (tmp_path / "env" / "other.py").write_text(TASKSET)
    with pytest.raises(UsageError, match="has to have one class of Taskset, .* it has: env/other.py:Sums, env/"):
        target_of(["verifiers:env"], None, {})


def test_a_taskset_of_a_package_keeps_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loopholes.audit.targets.built", lambda wanted, say: "")
    target = target_of(["verifiers:owner/sums-v1@2"], None, {})
    assert (target.framework, target.parts[0].label) == ("verifiers", "verifiers:owner/sums-v1@2")


@pytest.mark.parametrize(
    "name, members", [("verl", ("HuggingFaceH4/MATH-500", "aime", "openai/gsm8k")), ("inspect_ai", ("choice", "match"))]
)
def test_a_package_lists_what_can_be_named(name: str, members: tuple[str, ...]) -> None:
    with closing(RewardProcess(target_of([f"{name}:"], None, {}))) as host:
        assert host.prepare(name) == members


def test_an_episode_that_continues_is_named_as_not_covered() -> None:
    with RewardProcess(target_of(["skyrl_gym:turns"], None, {})) as process:
        reply = process.ask([(Row(0, "1+1?", columns={"answer": "2"}), "2")], 30.0)
    assert isinstance(reply, Scored) and "continues after the first action" in reply.not_covered[0]


def test_a_folder_with_one_target_is_audited_as_if_it_were_named(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["audit", "sums", "--search-calls", "0", "--budget-seconds", "10", "--json"])
    record = json.loads(capsys.readouterr().out)
    assert record["framework"] == "nemo_gym" and record["parts"][0]["name"] == "SumsServer"
    assert code in (0, 7) and math.isclose(record["golden"]["value"], 1.0)


FOLDER = {
    "rewards.py": """
        import json
        raise RuntimeError("nothing here is run")
        def contains_reward(completion, answer):
            return float(answer in completion)
        def clean(text):
            return text.strip()
        def batch(completions, **kwargs):
            return [0.0 for _ in completions]
        def _reward(completion):
            return 0.0
    """,
    "deep/scorers.py": """
        import no_such_package
        from inspect_ai.scorer import scorer
        @scorer(metrics=[])
        def mine():
            ...
    """,
    "tests/test_rewards.py": "def reward(completion, answer): return 0.0",
    "broken.py": "def reward(completion:",
}


def test_classes_that_a_target_with_rows_uses_are_audited_with_it_and_not_listed(tmp_path: Path) -> None:
    source = """
        import verifiers.v1 as vf
        class Sum(vf.Task): ...
        class Loose(vf.Task): ...
        class Sums(vf.Taskset[Sum]): ...
    """
    package(tmp_path / "project", {"sums.py": source})
    candidates = {candidate.name.partition(":")[2]: candidate for candidate in discovered(tmp_path / "project")}
    assert {name: candidate.needs(False) for name, candidate in candidates.items()} == {
        "Loose": "rows (--data FILE)",
        "Sums": "",
    }


def test_a_folder_is_read_and_each_target_is_listed_with_what_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package(tmp_path / "project", FOLDER)
    assert main(["audit", "project", "--json"]) == 2
    printed = capsys.readouterr()
    listed = [json.loads(line) for line in printed.out.splitlines()]
    assert [(Path(line["target"]).name, line["framework"], line["needs"]) for line in listed] == [
        ("scorers.py:mine", "inspect_ai", "rows (--data FILE) and the module no_such_package (--with PACKAGE)"),
        ("rewards.py:contains_reward", "plain", "rows (--data FILE)"),
        ("rewards.py:batch", "trl", "rows (--data FILE)"),
    ]
    assert "none of them can be audited as they are" in printed.err
