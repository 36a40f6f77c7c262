"""Code that is suggested: it is the user's own function, closes what it is shown with, and says what it replaces."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from loopholes.audit import AuditConfig, Report, rows_from, target_of
from loopholes.audit.engine import audited as observed
from loopholes.audit.hints import asks_judge, hints_of
from loopholes.audit.observations import Observations
from loopholes.audit.results import FAMILIES, Finding
from loopholes.audit.snippets import GATE, KEEP, Suggestions
from loopholes.rewards import REMEDIES
from loopholes.rewards.remedies import QUOTED
from support.rewards import sums, write_rewards

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


def audit_of(folder: Path, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> tuple[Observations, Report]:
    file = write_rewards(folder, REWARDS)
    target = target_of([f"{file}:{name}" for name in names], None, {"max_completion_tokens": 1024})
    return observed(target, rows_from(rows), AuditConfig(search_calls=0, seconds=600.0))


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
    seen, report = audit_of(tmp_path, [case.name], case.rows)
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


@pytest.mark.usefixtures("inside")
def test_a_reward_that_asks_a_judge_gets_words_and_any_other_gets_code_for_its_own_column(tmp_path: Path) -> None:
    for name, has_code in (("judged", False), ("total", True)):
        seen, report = audit_of(tmp_path, [name], GOLDS)
        exploit = next(finding for finding in report.findings if finding.verdict == "exploit")
        forged = replace(exploit, family="judge-injection", name="verdict-json")
        snippet = Suggestions(seen, asks_judge=asks_judge(hints_of(seen.target))).closing(forged)
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
    _, report = audit_of(tmp_path, ["terms"], GOLDS)
    code = {finding.snippet for finding in report.findings if finding.family in ("shotgun", "near-miss")}
    assert code and all(KEEP in snippet and "0.5 if same_number(" in snippet for snippet in code)
    _, report = audit_of(tmp_path, ["total"], GOLDS)
    assert not any(KEEP in finding.snippet or GATE in finding.snippet for finding in report.findings)


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
