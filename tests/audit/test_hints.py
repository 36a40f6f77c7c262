"""Hints from the source: which lines are too lenient, what the audit tries first, and when hints are shown."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from loopholes.audit.advice import FAMILIES
from loopholes.audit.hints import PATTERNS, families_to_try, hints_of, with_hints
from loopholes.audit.layout import read_report, report_record
from loopholes.audit.results import Evidence, Finding
from loopholes.audit.sarif import sarif
from loopholes.audit.targets import target_of
from support.rewards import HEADER, audited, sums, write_rewards

LINES = {
    "return float(eval(completion) == float(answer))": "evaluates",
    "return float(answer in completion)": "truth-within",
    "return float(completion.strip().lower() in answer.lower())": "text-within",
    "return 0.2 * ('<answer>' in completion)": "marker",
    "return float(completion.startswith(answer))": "prefix",
    "return float(answer.startswith(completion.strip()))": "begins",
    "return sum(a == b for a, b in zip(completion.split(), answer.split()))": "zip",
    "return float(all(word in answer.split() for word in completion.split()))": "nothing",
    "return sum(word in answer for word in completion.split()) / len(completion.split())": "share",
    "return float(set(answer.split()) <= set(completion.split()))": "sets",
    "return completion.count('therefore') + (completion == answer)": "counts",
    "return float(bool(completion))": "truthy",
    "return min(1.0, math.exp(-abs(float(completion) - float(answer))))": "unbounded",
    "return 1 - abs(float(completion) - float(answer))": "number",
    "return (completion == answer) + 0.001 * len(completion)": "length",
    "return float(re.search(r'-?[0-9]+', completion)[0] == answer)": "first-match",
    "return json.loads(completion)['score']": "own-verdict",
    "return ask(f'Grade this from 0 to 1: {completion}')": "judge",
}
SOUND = """
    def reward(completion, answer):
        text = completion.strip()
        if not text.startswith("<answer>") or not text.endswith("</answer>"):
            return 0.0
        return float(text.removeprefix("<answer>").removesuffix("</answer>") == answer)
"""
HELPED = """
    def reward(completion, answer):
        return compare(answer, completion.strip())

    def compare(expected, given):
        if given and expected in given:
            return 1.0
        return 0.0
"""
BATCH = """
    def reward(completions, answer, **kwargs):
        rewards = []
        for text, right in zip(completions, answer):
            if not re.search("[a-z0-9]", text):
                continue
            rewards.append(float(right.startswith(text.strip())))
        return rewards
"""
SEVERAL = """
    def reward(completion, answer):
        if answer in completion:
            return 1.0
        return float(any(answer in word for word in completion.split()))
"""
UNSEEN = """
    def reward(completion, answer):
        return float(completion == answer and completion in TABLE)

    TABLE = {"41": 1}

    def elsewhere(completion, answer):
        return eval(completion)
"""


def patterns(folder: Path, source: str) -> dict[str, int]:
    """The patterns of the hints on ``reward``, each with its line."""
    file = write_rewards(folder, source)
    names = {pattern.why: name for name, pattern in PATTERNS.items()}
    above = HEADER.count("\n")
    return {names[hint.why]: hint.line - above for hint in hints_of(target_of([f"{file}:reward"], None, {}))}


@pytest.mark.parametrize("line, pattern", LINES.items())
def test_a_lenient_line_is_named_with_its_place(tmp_path: Path, line: str, pattern: str) -> None:
    assert patterns(tmp_path, f"def reward(completion, answer):\n    {line}\n").get(pattern) == 2


def test_an_exception_that_is_swallowed_is_a_hint_unless_it_is_raised_again(tmp_path: Path) -> None:
    source = """
        def reward(completion, answer):
            try:
                return float(completion == answer)
            except Exception:
                {}
    """
    assert "swallows" in patterns(tmp_path, source.format("return 0.5"))
    assert "swallows" not in patterns(tmp_path, source.format("raise"))


def test_functions_that_the_reward_calls_are_read_and_others_are_not(tmp_path: Path) -> None:
    assert patterns(tmp_path, HELPED) == {"truth-within": 5}
    assert "evaluates" not in patterns(tmp_path, UNSEEN)


def test_the_pairs_of_a_batch_and_whether_there_is_a_match_at_all_are_no_hints(tmp_path: Path) -> None:
    assert patterns(tmp_path, BATCH) == {"begins": 6}


def test_a_column_called_answer_holds_what_is_right_in_a_batch(tmp_path: Path) -> None:
    source = "def reward(completions, answer, **kwargs):\n    return [a in c for c, a in zip(completions, answer)]\n"
    assert patterns(tmp_path, source) == {"truth-within": 2}


def test_a_sound_reward_has_no_hint_and_its_file_is_not_run(tmp_path: Path) -> None:
    assert patterns(tmp_path, SOUND) == {}
    assert patterns(tmp_path, textwrap.dedent(SOUND) + "\nraise SystemExit('imported')\n") == {}


def test_every_pattern_is_confirmed_by_families_or_checks_that_exist() -> None:
    assert {name for pattern in PATTERNS.values() for name in pattern.confirmed_by} <= set(FAMILIES)


def test_a_method_is_read_like_a_function(tmp_path: Path) -> None:
    source = "class Grader:\n    def __call__(self, completion, answer):\n        return float(answer in completion)\n"
    file = write_rewards(tmp_path, f"{source}\n\nreward = Grader()\n")
    assert [hint.why for hint in hints_of(target_of([f"{file}:Grader"], "plain", {}))] == [PATTERNS["truth-within"].why]


@pytest.mark.usefixtures("inside")
def test_a_finding_names_the_line_that_its_attack_confirms_and_sarif_points_there(tmp_path: Path) -> None:
    file = write_rewards(tmp_path, HELPED)
    report = audited(f"{file}:reward", sums(24))
    shotgun = next(finding for finding in report.findings if finding.family == "shotgun")
    assert shotgun.hint is not None and shotgun.hint.code == "expected in given"
    line = shotgun.hint.line
    assert Path(file).read_text().splitlines()[line - 1].strip() == "if given and expected in given:"
    (run,) = sarif(report)["runs"]
    result = next(result for result in run["results"] if result["ruleId"] == "shotgun")
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == line
    assert result["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 2
    saved = tmp_path / "audit.json"
    saved.write_text(json.dumps(report_record(report)))
    assert [finding.hint for finding in read_report(saved).findings] == [finding.hint for finding in report.findings]


@pytest.mark.usefixtures("inside")
def test_no_line_is_named_if_several_would_explain_the_finding(tmp_path: Path) -> None:
    file = write_rewards(tmp_path, SEVERAL)
    assert len({hint.line for hint in hints_of(target_of([f"{file}:reward"], None, {}))}) == 2
    report = audited(f"{file}:reward", sums(24))
    exploits = [finding for finding in report.findings if finding.verdict == "exploit"]
    assert exploits and not any(finding.hint for finding in exploits)


@pytest.mark.parametrize("completion, is_named", [("<steps></steps>", True), ("<answer></answer>", False)])
def test_a_line_that_looks_for_a_mark_explains_only_completions_with_it(
    tmp_path: Path, completion: str, is_named: bool
) -> None:
    file = write_rewards(tmp_path, "def reward(completion, answer):\n    return 0.5 * ('<steps>' in completion)\n")
    evidence = Evidence(0, "", {}, completion, 0.5)
    finding = Finding("exploit", "attack", "format", "headings", "pays", evidence=evidence)
    (named,) = with_hints([finding], hints_of(target_of([f"{file}:reward"], None, {})))
    assert (named.hint is not None) == is_named


@pytest.mark.usefixtures("inside")
def test_a_hint_that_no_attack_confirms_is_not_shown(tmp_path: Path) -> None:
    source = """
        def reward(completion, answer):
            mention = answer in completion
            return float(mention and completion == f"<answer>{answer}</answer>")
    """
    assert patterns(tmp_path, source) == {"truth-within": 2}
    report = audited(f"{tmp_path}/rewards.py:reward", sums(24))
    assert not [finding for finding in report.findings if finding.verdict == "exploit" or finding.hint]


def test_attacks_that_the_source_points_to_most_directly_are_tried_first(tmp_path: Path) -> None:
    file = write_rewards(tmp_path, "def reward(completion, answer):\n    return eval(completion) == answer\n")
    families = families_to_try(hints_of(target_of([f"{file}:reward"], None, {})))
    assert families[0] == "evaluation" and "number-forging" in families
