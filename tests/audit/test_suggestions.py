"""Code that is suggested: it is the user's own function, closes what it is shown with, and says what it replaces."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from loopholes.audit import AuditConfig, Report, rows_from, target_of
from loopholes.audit.advice import FAMILIES
from loopholes.audit.engine import audited as observed
from loopholes.audit.hints import asks_judge, hints_of
from loopholes.audit.observations import Observations
from loopholes.audit.results import Finding
from loopholes.audit.snippets import GATE, KEEP, Suggestions
from loopholes.rewards import REMEDIES
from loopholes.rewards.remedies import QUOTED
from support.rewards import sums, write_rewards

pytestmark = pytest.mark.usefixtures("few_attacks")

REWARDS = """
    LIMIT = 4

    def total(solution: str, gold: "str", limit: int = LIMIT, strict=True) -> float:
        return float(gold in solution)

    def named(completions: list, gold: list, **kwargs) -> list:
        return [2.0 if right in text else 0.0 for text, right in zip(completions, gold)]

    async def chatty(completions, gold, **kwargs):
        return [1.0 if right in turns[0]["content"] else -1.0 for turns, right in zip(completions, gold)]

    def scored(data_source, solution_str, ground_truth, extra_info=None):
        return float(ground_truth in solution_str)

    def tags(completions, **kwargs):
        return [float(text.startswith("<answer>") and text.endswith("</answer>")) for text in completions]

    def terms(completion, gold):
        return 0.5 * (gold in completion) + 0.25 * ("<answer>" in completion)

    def calls(completion, entry_point, tests):
        space = {}
        try:
            exec(completion.split("```python")[1].split("```")[0], space)
            return float(all(space[entry_point](*test["args"]) == test["expected"] for test in tests))
        except BaseException:
            return 0.0

    def responded(response, gold):
        return float(gold in response)

    def objects(completion, note, metadata):
        return float(note.split()[-1] in completion and completion.startswith("{"))

    def collecting(completion, **info):
        return float(info["info"] in completion)

    def taking_all(completion, **row):
        return float(row["class"] in completion)

    def mentioned(completion, entry_point, tests):
        return 1.0 if entry_point in completion else -1.0

    def judged(completion, gold):
        prompt = f"Grade this answer: {completion}"
        return float(gold in prompt)
"""
GOLDS = [{"prompt": row["prompt"], "gold": row["answer"], "golden": row["golden"]} for row in sums(8)]


def with_messages(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "prompt": [{"role": "user", "content": row["prompt"]}]} for row in rows]


def for_verl(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"prompt": row["prompt"], "golden": row["golden"], "data_source": "sums"}
        | {"reward_model": {"ground_truth": row["gold"]}}
        for row in rows
    ]


def tasks() -> list[dict[str, Any]]:
    return [
        {
            "prompt": f"Write a Python function add_{place}(values) that adds {place} to every number.",
            "entry_point": f"add_{place}",
            "tests": [{"args": [[at, 5]], "expected": [at + place, 5 + place]} for at in (3, 40)],
            "golden": f"```python\ndef add_{place}(values):\n    return [n + {place} for n in values]\n```",
        }
        for place in range(4)
    ]


class Case(NamedTuple):
    """A reward, its rows, its parameters, and how a trainer calls it."""

    name: str
    rows: Sequence[Mapping[str, Any]]
    parameters: list[str]
    pay: Callable[[Callable[..., Any], str, Mapping[str, Any]], float]


def alone(*columns: str) -> Callable[[Callable[..., Any], str, Mapping[str, Any]], float]:
    return lambda reward, text, row: reward(text, **{name: row[name] for name in columns})


def in_batch(reward: Callable[..., Any], text: str, row: Mapping[str, Any]) -> float:
    chat = not isinstance(row["prompt"], str)
    completion = [{"role": "assistant", "content": text}] if chat else text
    paid = reward(completions=[completion], prompts=[row["prompt"]], gold=[row["gold"]])
    return float((asyncio.run(paid) if inspect.iscoroutine(paid) else paid)[0])


def as_verl_does(reward: Callable[..., Any], text: str, row: Mapping[str, Any]) -> float:
    truth = row["reward_model"]["ground_truth"]
    return float(reward(data_source="sums", solution_str=text, ground_truth=truth, extra_info={}))


CASES = {
    "plain": Case("total", GOLDS, ["solution", "gold", "limit", "strict"], alone("gold")),
    "TRL": Case("named", GOLDS, ["completions", "gold", "kwargs"], in_batch),
    "TRL, chat, async": Case("chatty", with_messages(GOLDS), ["completions", "gold", "kwargs"], in_batch),
    "verl": Case(
        "scored", for_verl(GOLDS), ["data_source", "solution_str", "ground_truth", "extra_info"], as_verl_does
    ),
    "several terms": Case("terms", GOLDS, ["completion", "gold"], alone("gold")),
    "programs": Case("calls", tasks(), ["completion", "entry_point", "tests"], alone("entry_point", "tests")),
}


def audit_of(
    folder: Path, names: Sequence[str], rows: Sequence[Mapping[str, Any]], seconds: float = 600.0
) -> tuple[Observations, Report]:
    file = write_rewards(folder, REWARDS)
    target = target_of([f"{file}:{name}" for name in names], None, {"max_completion_tokens": 1024})
    return observed(target, rows_from(rows), AuditConfig(search_calls=0, seconds=seconds))


def findings_like(finding: Finding) -> list[Finding]:
    """The finding as each family, each near miss and each check that has a remedy would report it."""
    return [
        replace(finding, family=name if name in FAMILIES else "contract", name=name)
        for name in REMEDIES
        if name != "refused-equivalents"
    ]


def pasted(snippet: str) -> Callable[..., Any]:
    space: dict[str, Any] = {}
    exec(snippet, space)
    (name,) = re.findall(r"(?m)^(?:async )?def (\w+)", snippet)
    function: Callable[..., Any] = space[name]
    return function


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_all_code_that_can_be_suggested_is_the_users_function_and_closes_the_finding(
    tmp_path: Path, case: Case, request: pytest.FixtureRequest
) -> None:
    runs_programs = case.name == "calls"  # attacks on it end the process that runs them, and its code is slow to try
    if not runs_programs:
        request.getfixturevalue("inside")
    seen, report = audit_of(tmp_path, [case.name], case.rows, 12.0 if runs_programs else 600.0)
    exploit = next(finding for finding in report.findings if finding.verdict == "exploit" and finding.snippet)
    suggestions = Suggestions(seen)
    for finding in [exploit, replace(exploit, family="format")] if runs_programs else findings_like(exploit):
        snippet = suggestions.closing(finding)
        assert snippet, finding.name
        reward = pasted(snippet)
        assert reward.__name__ == case.name, snippet
        assert list(inspect.signature(reward).parameters) == case.parameters, snippet
        assert finding.evidence is not None
        wrong = case.pay(reward, finding.evidence.completion, case.rows[finding.evidence.row])
        assert all(case.pay(reward, row["golden"], row) > max(0.0, wrong) for row in case.rows), snippet


def first_exploit(report: Report) -> Finding:
    return next(finding for finding in report.findings if finding.verdict == "exploit")


def refusal_of(right: str, exploit: Finding) -> Finding:
    """A finding that this right answer is refused, on the row of an exploit."""
    assert exploit.evidence is not None
    evidence = replace(exploit.evidence, completion=right)
    return replace(exploit, family="contract", name="refused-equivalents", evidence=evidence)


@pytest.mark.usefixtures("inside")
def test_a_column_with_the_name_of_the_completion_is_not_compared_with_itself(tmp_path: Path) -> None:
    rows = [{**row, "response": row["gold"], "golden": row["gold"]} for row in GOLDS]
    seen, report = audit_of(tmp_path, ["responded"], rows)
    exploit = first_exploit(report)
    assert exploit.evidence is not None
    right = rows[exploit.evidence.row]["golden"]
    for finding in (exploit, refusal_of(right, exploit)):
        reward = pasted(Suggestions(seen).closing(finding))
        assert [reward("1", gold=row["gold"]) for row in rows] == [0.0] * len(rows)
        assert [reward(row["golden"], gold=row["gold"]) for row in rows] == [1.0] * len(rows)


@pytest.mark.usefixtures("inside")
def test_code_that_pays_honest_wrong_answers_is_not_suggested_for_right_ones_that_are_refused(tmp_path: Path) -> None:
    """The only column that any comparison can use holds the field that all right answers share."""
    unit = {"unit": "m"}
    rows = [
        {"prompt": row["prompt"], "note": f"It is {row['gold']}", "metadata": unit}
        | {"golden": json.dumps({**unit, "sum": row["gold"]})}
        for row in GOLDS
    ]
    seen, report = audit_of(tmp_path, ["objects"], rows)
    exploit = first_exploit(report)
    assert exploit.evidence is not None
    assert Suggestions(seen).closing(refusal_of(rows[exploit.evidence.row]["golden"], exploit)) == ""


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize(("name", "column"), [("collecting", "info"), ("taking_all", "class")])
def test_a_column_that_cannot_be_a_parameter_is_in_no_code(tmp_path: Path, name: str, column: str) -> None:
    rows = [{"prompt": row["prompt"], "golden": row["golden"], column: row["gold"]} for row in GOLDS]
    _, report = audit_of(tmp_path, [name], rows)
    assert first_exploit(report).change and not any(finding.snippet for finding in report.findings)


class Runs:
    """Stands in for the sandbox: programs of :func:`tasks` pass if they add the right number. ``count`` is of runs."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, source: str | None, entry_point: str, tests: Sequence[Any]) -> int:
        self.count += 1
        number = entry_point.removeprefix("add_")
        return len(tests) if source is not None and f"return [n + {number} for" in source else 0


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    counting = Runs()
    monkeypatch.setattr("loopholes.rewards.calls_passed", counting)
    return counting


def pairs() -> list[dict[str, Any]]:
    return [{**row, "tests": [[test["args"], test["expected"]] for test in row["tests"]]} for row in tasks()]


@pytest.mark.usefixtures("inside", "runs")
def test_code_that_runs_programs_pays_wrong_ones_what_the_reward_pays_them(tmp_path: Path) -> None:
    seen, report = audit_of(tmp_path, ["mentioned"], pairs())
    snippet = Suggestions(seen).closing(replace(first_exploit(report), family="code"))
    assert snippet.endswith("    return -1.0 + 2 * calls_passed(program(completion), entry_point, tests) / len(tests)")


@pytest.mark.usefixtures("inside")
def test_no_program_is_run_twice_and_none_when_there_is_no_time(tmp_path: Path, runs: Runs) -> None:
    seen, report = audit_of(tmp_path, ["mentioned"], pairs())
    exploit, runs.count = replace(first_exploit(report), family="code"), 0
    assert Suggestions(seen, has_time=lambda: False).closing(exploit) == "" and runs.count == 0
    times = iter([True, True])  # enough for the right answers, and not for the wrong one
    assert Suggestions(seen, has_time=lambda: next(times, False)).closing(exploit) == "" and runs.count == 2
    suggestions = Suggestions(seen)
    snippet, before = suggestions.closing(exploit), runs.count
    assert snippet and suggestions.closing(exploit) == snippet and runs.count == before


@pytest.mark.usefixtures("inside")
def test_code_that_runs_no_programs_is_suggested_even_if_the_time_is_over(tmp_path: Path) -> None:
    seen, report = audit_of(tmp_path, ["total"], GOLDS)
    assert Suggestions(seen, has_time=lambda: False).closing(first_exploit(report))


@pytest.mark.usefixtures("inside")
def test_functions_of_one_name_are_told_apart_by_their_files(tmp_path: Path) -> None:
    files = [
        write_rewards(tmp_path, "def reward(completion, gold):\n    return float(gold in completion)", "a.py"),
        write_rewards(tmp_path, "def reward(completion):\n    return float(completion.startswith('<answer>'))", "b.py"),
    ]
    target = target_of([f"{file}:reward" for file in files], None, {"max_completion_tokens": 1024})
    _, report = observed(target, rows_from(GOLDS), AuditConfig(search_calls=0, seconds=600.0))
    remarks = {line for finding in report.findings for line in finding.snippet.splitlines() if "Replaces" in line}
    first, second = (part.label for part in target.parts)
    assert f"    # Replaces {first}: keep {second}, and all weights." in remarks


@pytest.mark.usefixtures("inside")
def test_a_reward_that_asks_a_judge_gets_words_and_any_other_gets_code_for_its_own_column(tmp_path: Path) -> None:
    for name, has_code in (("judged", False), ("total", True)):
        seen, report = audit_of(tmp_path, [name], GOLDS)
        exploit = first_exploit(report)
        forged = replace(exploit, family="judge-injection", name="verdict-json")
        suggestions = Suggestions(seen, asks_judge=asks_judge(hints_of(seen.target)))
        for finding in (forged, replace(exploit, family="near-miss", name="equated")):
            snippet = suggestions.closing(finding)
            assert bool(snippet) == has_code and "ask_judge" not in snippet
        assert "quoted" in forged.change


@pytest.mark.usefixtures("inside")
def test_of_a_sum_the_code_replaces_the_function_that_pays_and_says_what_to_keep(tmp_path: Path) -> None:
    _, report = audit_of(tmp_path, ["tags", "named"], GOLDS)
    exploit = next(finding for finding in report.findings if finding.family == "shotgun")
    assert "def named(" in exploit.snippet and "# Replaces named: keep tags, and all weights." in exploit.snippet
    assert "2.0 if same_number(" in exploit.snippet


@pytest.mark.usefixtures("inside")
def test_a_function_with_other_terms_is_told_to_keep_them_and_one_without_is_not(tmp_path: Path) -> None:
    seen, report = audit_of(tmp_path, ["terms"], GOLDS)
    code = {finding.snippet for finding in report.findings if finding.family in ("shotgun", "near-miss")}
    assert code and all(KEEP in snippet and "0.5 if same_number(" in snippet for snippet in code)
    padded = replace(first_exploit(report), family="format", name="tags")
    assert GATE in Suggestions(seen).closing(padded)
    seen, report = audit_of(tmp_path, ["total"], GOLDS)
    padded = replace(first_exploit(report), family="format", name="tags")
    codes = [Suggestions(seen).closing(padded), *(finding.snippet for finding in report.findings)]
    assert codes[0] and not any(word in code for code in codes for word in (KEEP, GATE, "gated("))


@pytest.mark.usefixtures("inside")
def test_nothing_is_suggested_that_needs_a_column_which_the_data_lacks(tmp_path: Path) -> None:
    rows = [{"prompt": row["prompt"], "golden": row["golden"]} for row in GOLDS]
    source = """
        def summed(completion, prompt):
            return float(str(sum(map(int, re.findall("[0-9]+", prompt)))) in completion)
    """
    target = target_of([f"{write_rewards(tmp_path, source)}:summed"], None, {})
    _, report = observed(target, rows_from(rows), AuditConfig(search_calls=0, seconds=600.0))
    assert "shotgun" in {finding.family for finding in report.findings if finding.verdict == "exploit"}
    assert not any(finding.snippet for finding in report.findings)


def test_the_remedy_for_judges_is_the_only_one_that_needs_something_of_the_users() -> None:
    builtins = {"float", "len", "bool"}
    for name, remedy in REMEDIES.items():
        code = compile(remedy.snippet, name, "exec")
        function = next(constant for constant in code.co_consts if inspect.iscode(constant))
        imported = set(re.findall(r"\w+", remedy.snippet.splitlines()[0].partition("import ")[2]))
        assert set(function.co_names) - builtins - imported <= {"startswith", "count"}, name
        assert (remedy is QUOTED) == ("ask_judge" in function.co_varnames), name
