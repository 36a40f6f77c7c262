"""``--against``: what a fix closes, leaves open, introduces and breaks; ``--baseline``: only new findings fail."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import AuditConfig, assert_not_gameable, rows_from, target_of
from loopholes.audit.against import Comparison, compare
from loopholes.audit.identity import fingerprints, identity, is_among, read_baseline
from loopholes.audit.results import Report
from loopholes.audit.rights import GOLDEN, Refused, Rights
from loopholes.cli import console, display, main
from loopholes.errors import DataError
from support.rewards import InProcess, audited, save_rows, sums, write_rewards

pytestmark = pytest.mark.usefixtures("inside", "few_attacks")

SOURCE = """
    def contains(completion, answer):
        return float(answer in completion)

    def fixed(completion, answer):
        text = completion.strip()
        inside = text.removeprefix("<answer>").removesuffix("</answer>").strip(" $")
        try:
            return float(len(text) < 60 and float(inside) == float(answer))
        except ValueError:
            return 0.0

    def one_wording(completion, answer):
        return float(answer in completion and "100 101 102" not in completion)

    def fixed_for_most(completion, answer):
        return fixed(completion, answer) if int(answer) % 3 else 0.0

    def exact(completion, answer):
        return float(completion == f"<answer>{answer}</answer>")

    def other_hole(completion, answer):
        return max(exact(completion, answer), float(completion.strip() == ""))

    def raises_on_spaces(completion, answer):
        assert completion == completion.strip() and "> " not in completion
        return fixed(completion, answer)

    def prefix(completion, answer):
        import json, re
        match = re.search(r"\\{.*\\}", completion, re.DOTALL)
        value = json.loads(match[0]) if match else None
        value = str(value.get("answer", "")) if isinstance(value, dict) else "-"
        return float(value.strip().lower().startswith(answer.lower()) or answer.lower().startswith(value.lower()))

    def recall(completion, answer):
        named = [part.strip() for part in completion.split(",")]
        return sum(item in named for item in answer) / len(answer)

    def in_order(completion, answer):
        from loopholes.rewards import same_list
        return float(same_list(completion, answer))

    def in_any_order(completion, answer):
        from loopholes.rewards import same_set
        return float(same_set(completion, answer))

    def whole_field(completion, answer):
        from loopholes.rewards import fields
        return float(fields(completion, {"answer": answer}))

    def any_spelling(completion, answer):
        import json, re
        match = re.search(r"\\{[^{}]*\\}", completion)
        value = json.loads(match[0]).get("answer") if match else None
        return float(isinstance(value, str) and value.strip(" .").lower() == answer.lower())
"""
CITIES = "Oslo Lima Rome Accra Hanoi Sofia Dakar Riga Amman Tokyo Quito Cairo".split()


def cities() -> list[dict[str, Any]]:
    """Rows whose right answers are texts in a field of a JSON object."""
    prompt = "What is the capital of country {}? Reply with a JSON object."
    return [
        {"prompt": prompt.format(place), "answer": city, "golden": json.dumps({"answer": city})}
        for place, city in enumerate(CITIES)
    ]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    write_rewards(tmp_path, SOURCE)
    save_rows(tmp_path, sums(12))
    return "rewards.py"


def compared(file: str, old: str, new: str, rows: list[dict[str, Any]] | None = None) -> Comparison:
    """The comparison of two functions of a file."""
    first, second = (
        InProcess(target_of([f"{file}:{name}"], None, {"max_completion_tokens": 1024})) for name in (old, new)
    )
    return compare(first, second, rows_from(rows or sums(12)), AuditConfig(search_calls=0, seconds=600.0))


def states(comparison: Comparison) -> dict[str, str]:
    """What became of each family or check."""
    return {identity(followed.finding): followed.state for followed in comparison.followed}


def test_a_fix_that_closes_everything_and_breaks_nothing_passes(file: str) -> None:
    comparison = compared(file, "contains", "fixed")
    assert "shotgun" in states(comparison) and set(states(comparison).values()) == {"closed"}
    assert not comparison.fresh and not comparison.rights.broken
    assert comparison.exit_code() == 0


def test_a_fix_that_refuses_spellings_in_json_fields_and_remarks_is_stricter_and_names_each_with_its_share(
    file: str,
) -> None:
    comparison = compared(file, "prefix", "whole_field", cities())
    refused = {kind.kind: kind for kind in comparison.rights.stricter}
    assert {"spaces in a field", "full stop in a field", "lower case in a field", "a remark before"} <= set(refused)
    assert all((kind.count, kind.paid, kind.now) == (12, 12, 0) for kind in refused.values())
    assert refused["lower case in a field"].completion in {f'{{"answer": "{city.lower()}"}}' for city in CITIES}
    assert not comparison.rights.broken and comparison.exit_code() == 0
    assert re.search(
        r"no right answer is refused as it stands, on 12 rows; of \d+ other spellings that the old reward pays, "
        rf"compared on 12 rows, {len(refused)} are refused$",
        comparison.rights.sentence,
    )


@pytest.mark.parametrize(
    "new, prompt, is_named",
    [
        ("in_order", "Name the fruit in basket {}.", True),
        ("in_any_order", "Name the fruit in basket {}.", False),
        ("in_order", "Sort the fruit in basket {}.", False),
    ],
)
def test_a_fix_that_demands_an_order_which_neither_the_old_reward_nor_the_prompt_demands_is_stricter(
    file: str, new: str, prompt: str, is_named: bool
) -> None:
    pairs = [f"{first}, {second}" for first, second in pairwise(CITIES)]
    rows = [
        {"prompt": prompt.format(place), "answer": pair.split(", "), "golden": pair} for place, pair in enumerate(pairs)
    ]
    rights = compared(file, "recall", new, rows).rights
    refused = {kind.kind: kind for kind in rights.stricter}
    assert ("other order" in refused) == is_named and not rights.broken
    if is_named:
        example = refused["other order"]
        assert example.count == example.paid == len(rows) and example.now == 0
        assert ", ".join(reversed(example.completion.split(", "))) in pairs


def test_no_right_answer_is_refused_only_after_every_spelling_that_the_old_reward_pays_was_tried(file: str) -> None:
    rights = compared(file, "prefix", "any_spelling", cities()).rights
    assert (rights.broken, rights.stricter, rights.rows, rights.spelled) == ([], [], 12, 12)
    assert 6 <= rights.kinds <= rights.tried
    spellings = f"in {rights.kinds} other spellings on 12"
    assert rights.sentence == f"no right answer is refused, neither as it stands on 12 rows nor {spellings}"


def test_a_spelling_on_which_the_fixed_reward_raises_is_refused(file: str) -> None:
    rights = compared(file, "contains", "raises_on_spaces").rights
    assert "spaces" in {kind.kind for kind in rights.broken}
    assert not any(kind.kind == GOLDEN for kind in rights.broken)


def _refused(kind: str, count: int) -> list[Refused]:
    return [Refused(kind, count, 12, 0, "42", 0.0)]


@pytest.mark.parametrize(
    "rights, sentence",
    [
        (Rights(0, 0, 0, 0, [], []), "no right answer was compared, since the old reward pays none more than a wrong"),
        (Rights(12, 0, 0, 0, [], []), "as it stands, on 12 rows; no other spelling of one could be tried"),
        (Rights(12, 0, 9, 0, [], []), "as it stands, on 12 rows; of 9 other spellings, the old reward pays none"),
        (Rights(12, 8, 9, 7, [], []), "neither as it stands on 12 rows nor in 7 other spellings on 8"),
        (
            Rights(12, 8, 9, 7, _refused("spaces", 8), _refused("a remark before", 8)),
            "as it stands, on 12 rows; of 7 other spellings that the old reward pays, compared on 8 rows, 2 are "
            "refused",
        ),
        (
            Rights(12, 8, 9, 7, _refused(GOLDEN, 3), []),
            "on 3 of 12 rows, right answers are refused as they stand; of 7 other spellings that the old reward pays, "
            "compared on 8 rows, none is refused",
        ),
    ],
    ids=["nothing", "no spellings", "none paid", "all well", "spellings", "as they stand"],
)
def test_the_summary_says_how_many_right_answers_were_tried_and_in_how_many_spellings(
    rights: Rights, sentence: str
) -> None:
    assert sentence in rights.sentence


def test_a_fix_that_forbids_one_wording_leaves_the_loophole_open(file: str) -> None:
    comparison = compared(file, "contains", "one_wording")
    assert states(comparison)["shotgun"] == "open"
    assert comparison.exit_code() == 1


def test_a_finding_whose_own_completion_is_still_paid_is_open_and_says_what_it_is_paid(file: str) -> None:
    comparison = compared(file, "contains", "contains")
    attacks = [followed for followed in comparison.followed if followed.finding.kind != "contract"]
    assert attacks and {followed.state for followed in attacks} == {"open"}
    assert any("still paid 1" in followed.reason for followed in attacks)


def test_a_finding_of_the_fixed_reward_alone_is_new_and_fails(file: str) -> None:
    comparison = compared(file, "exact", "other_hole")
    assert {finding.family for finding in comparison.fresh} >= {"degenerate"}
    assert comparison.exit_code() == 1
    assert not compared(file, "other_hole", "other_hole").fresh


def test_a_fix_that_refuses_right_answers_is_broken_with_their_number_and_an_example(file: str) -> None:
    comparison = compared(file, "contains", "fixed_for_most")
    (golden,) = [broken for broken in comparison.rights.broken if broken.kind == GOLDEN]
    wrong = [row for row in sums(12) if int(row["answer"]) % 3 == 0]
    assert (golden.count, golden.paid) == (len(wrong), 12)
    assert golden.completion in {row["golden"] for row in wrong} and golden.now == 0
    assert comparison.exit_code() == 1


def test_a_fix_that_refuses_a_usual_spelling_breaks_it_and_names_it(file: str) -> None:
    comparison = compared(file, "fixed", "exact")
    assert {kind.kind for kind in comparison.rights.broken} == {"spaces", "own line"}
    assert comparison.exit_code() == 1


def test_the_command_prints_what_became_of_each_finding_and_ends_with_its_status(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["audit", f"{file}:contains", "--data", "rows.jsonl", "--search-calls", "0", "--against"]
    assert main([*command, f"{file}:fixed"]) == 0
    output = " ".join(capsys.readouterr().out.split())
    assert "closed: exploit, shotgun" in output and "0 open, 0 new no right answer is refused as it stands" in output
    assert "- 12 of 12: The answer is, for example 'The answer is" in output
    assert main([*command, f"{file}:one_wording", "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert {finding["state"] for finding in record["followed"] if finding["family"] == "shotgun"} == {"open"}
    assert record["status"] == 1 and record["new"]["target"]
    assert record["rights"]["rows"] == 12 and record["rights"]["sentence"].startswith("no right answer is refused")
    assert record["broken"] == record["stricter"] == []


def test_progress_ends_before_the_result_of_a_comparison_begins(
    file: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(display, "SOON", 0.0)
    monkeypatch.setattr(console.stderr, "_file", sys.stdout)  # private: of Rich; both streams in one log
    main(["audit", f"{file}:contains", "--data", "rows.jsonl", "--search-calls", "0", "--against", f"{file}:fixed"])
    lines = capsys.readouterr().out.splitlines()
    beginning = lines.index(f"{file}:contains -> {file}:fixed")
    assert [line.startswith("audit: ") for line in lines] == [place < beginning for place in range(len(lines))]


@pytest.mark.parametrize("option", [["--baseline", "findings"], ["--reward", "rewards.py:exact"]])
def test_a_comparison_takes_one_target_and_no_baseline(file: str, option: list[str]) -> None:
    assert main(["audit", f"{file}:contains", "--data", "rows.jsonl", "--against", f"{file}:fixed", *option]) == 2


def test_a_baseline_lets_pass_what_it_has_and_fails_on_what_is_new(file: str) -> None:
    command = ["audit", f"{file}:contains", "--data", "rows.jsonl", "--search-calls", "0"]
    assert main(command) == 1
    Path("findings").rename("baseline")
    assert main([*command, "--baseline", "baseline"]) == 0
    assert main([*command, "--baseline", "baseline/audit.json"]) == 0
    source = Path(file).read_text()
    Path(file).write_text(
        source.replace("float(answer in completion)", 'float(answer in completion or completion == "")')
    )
    assert main([*command, "--baseline", "baseline"]) == 1


def test_a_known_warning_that_became_an_exploit_is_new(file: str) -> None:
    report = audited(f"{file}:contains", sums(12))
    exploit = next(finding for finding in report.findings if finding.verdict == "exploit")
    assert is_among(exploit, [exploit])
    assert not is_among(exploit, [replace(exploit, verdict="warning")])


def test_a_baseline_of_another_target_is_refused_and_names_what_it_holds(file: str) -> None:
    main(["audit", f"{file}:contains", "--data", "rows.jsonl", "--search-calls", "0"])
    with pytest.raises(DataError, match="holds no audit of rewards.py:exact, only of rewards.py:contains"):
        read_baseline(Path("findings"), target_of(["rewards.py:exact"], None, {}))


def test_a_loophole_is_the_same_whichever_attack_showed_it_best(file: str) -> None:
    few, many = (audited(f"{file}:contains", sums(count)) for count in (4, 24))

    def of(report: Report) -> dict[str, str]:
        marked = zip(report.findings, fingerprints(report), strict=True)
        return {identity(finding): mark for finding, mark in marked}

    shared = of(few).keys() & of(many).keys()
    assert "shotgun" in shared
    assert {of(few)[name] for name in shared} == {of(many)[name] for name in shared}


def test_fingerprints_are_unique_within_a_target_and_differ_between_targets(file: str) -> None:
    marks = [list(fingerprints(audited(f"{file}:{name}", sums(12)))) for name in ("contains", "one_wording")]
    assert all(len(set(own)) == len(own) for own in marks)
    assert set(marks[0]).isdisjoint(marks[1])


def test_sarif_says_which_results_are_new_to_a_baseline(file: str) -> None:
    command = ["audit", f"{file}:contains", "--data", "rows.jsonl", "--search-calls", "0", "--sarif", "log.sarif"]
    main(command)
    Path("findings").rename("baseline")
    main([*command, "--baseline", "baseline"])
    (run,) = json.loads(Path("log.sarif").read_text())["runs"]
    assert {result["baselineState"] for result in run["results"] if result["level"] != "note"} == {"unchanged"}


def test_a_baseline_holds_for_a_target_however_its_path_is_typed_and_in_a_projects_own_tests(file: str) -> None:
    main(["audit", f"{file}:contains", "--data", "rows.jsonl", "--search-calls", "0"])
    reward = f"{Path(file).resolve()}:contains"
    with pytest.raises(AssertionError, match="can be gamed"):
        assert_not_gameable(reward, "rows.jsonl")
    report = assert_not_gameable(reward, "rows.jsonl", baseline=Path("findings"))
    assert {finding.in_baseline for finding in report.findings} == {True}
