"""Findings on disk: saved, replayed to the same reward, and written for code scanning."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import Gate, Report, Target
from loopholes.audit.advice import FAMILIES
from loopholes.audit.folder import hashes, replay, save
from loopholes.audit.frameworks import games
from loopholes.audit.frameworks.base import Part
from loopholes.audit.gate import Accepted
from loopholes.audit.groups import faults
from loopholes.audit.layout import SCHEMA, read_report, report_record
from loopholes.audit.sarif import sarif
from loopholes.audit.section import audits_of
from loopholes.audit.summary import verdict
from loopholes.errors import DataError, LoopholesError, RunError
from loopholes.games import game as make_game
from loopholes.report import write_page
from support.rewards import audited, save_rows, sums, write_rewards

pytestmark = pytest.mark.usefixtures("inside")

SOURCE = """
    def contains(completion, answer):
        return float(answer in completion)

    def infinite(completion, answer):
        if completion in ("inf", "-inf"):
            return float(completion)
        if completion == "nan":
            raise ValueError("no number")
        return float(completion == f"<answer>{answer}</answer>")

    def changing(completion, answer, list):
        list.append(completion)
        return float(completion == f"<answer>{answer}</answer>")

    class Kept:
        @staticmethod
        def contains(completion, answer):
            return float(answer in completion)
"""
MENDED = """
    def contains(completion, answer):
        return float(completion == f"<answer>{answer}</answer>")

    def infinite(completion, answer):
        return float(completion == f"<answer>{answer}</answer>")
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    return write_rewards(tmp_path, SOURCE)


def saved(report: Report, folder: Path) -> dict[str, Path]:
    return {json.loads(path.read_text())["name"]: path for path in save(report, folder)}


def test_every_finding_replays_to_the_reward_that_it_was_paid(file: str, tmp_path: Path) -> None:
    records = [{**row, "list": []} for row in sums()]
    for name in ("contains", "infinite", "changing"):
        paths = saved(audited(f"{file}:{name}", records), tmp_path / name)
        assert paths
        assert {key: replay(path).same for key, path in paths.items()} == dict.fromkeys(paths, True)


def test_every_kind_of_reward_replays(file: str, tmp_path: Path) -> None:
    paths = saved(audited(f"{file}:infinite", sums()), tmp_path / "findings")
    rewards = {json.loads(path.read_text())["evidence"]["reward"] for path in paths.values()}
    assert {"inf", None} <= rewards
    changed = saved(audited(f"{file}:changing", [{**row, "list": []} for row in sums()]), tmp_path / "changed")
    assert json.loads(changed["inputs-changed"].read_text())["evidence"]["reward"] == 1.0


def test_a_fixed_reward_no_longer_pays_a_finding(file: str, tmp_path: Path) -> None:
    for name in ("contains", "infinite"):
        paths = saved(audited(f"{file}:{name}", sums()), tmp_path / name)
        write_rewards(tmp_path, MENDED)
        same = {key: replay(path).same for key, path in paths.items() if not key.startswith(("refused", "truth"))}
        assert same == dict.fromkeys(same, False)
        write_rewards(tmp_path, SOURCE)


def test_a_finding_on_a_chat_prompt_replays(tmp_path: Path) -> None:
    file = write_rewards(
        tmp_path,
        """
        def f(prompts, completions, answer, **kwargs):
            assert all(turn["content"] for prompt in prompts for turn in prompt)
            return [float(one in text[0]["content"]) for text, one in zip(completions, answer)]
        """,
    )
    records = [{**row, "prompt": [{"role": "user", "content": row["prompt"]}]} for row in sums()]
    paths = saved(audited(f"{file}:f", records), tmp_path / "findings")
    assert paths and all(replay(path).same for path in paths.values())


def test_findings_of_an_earlier_audit_are_replaced_and_other_files_stay(file: str, tmp_path: Path) -> None:
    out = tmp_path / "findings"
    out.mkdir()
    for name in ("notes.json", "12345.json"):
        (out / name).write_text("{}")
    (out / "0099.json").write_text(json.dumps({"schema": 0, "name": "old", "target": {}, "evidence": {}}))
    written = save(audited(f"{file}:contains", sums()), out)
    assert [path.name for path in written] == [f"{number:04}.json" for number in range(1, len(written) + 1)]
    assert {path.name for path in out.iterdir()} == {path.name for path in written} | {
        "notes.json",
        "12345.json",
        "audit.json",
    }


@pytest.mark.parametrize("name", ["0001.json", "audit.json"])
@pytest.mark.parametrize("content", ['{"mine": 1}', "cut off"])
def test_files_that_no_audit_wrote_are_not_replaced(file: str, tmp_path: Path, content: str, name: str) -> None:
    out = tmp_path / "findings"
    out.mkdir()
    (out / name).write_text(content)
    with pytest.raises(RunError, match=f"{name} was not written by an audit; choose another --out"):
        save(audited(f"{file}:contains", sums()), out)
    assert [(path.name, path.read_text()) for path in out.iterdir()] == [(name, content)]


def test_a_group_s_finding_replays_in_its_group(tmp_path: Path) -> None:
    """Pays the distance to the group's mean, which is 0 without a group."""
    source = """
        def f(completions, answer, **kwargs):
            right = [float(one in text) for text, one in zip(completions, answer)]
            return [one - sum(right) / len(right) for one in right]
    """
    paths = saved(audited(f"{write_rewards(tmp_path, source)}:f", sums(), group=4), tmp_path / "findings")
    assert paths
    replays = [replay(path) for path in paths.values()]
    assert all(each.same for each in replays) and any(each.now.value for each in replays)


def test_a_finding_has_everything_that_a_person_needs(file: str, tmp_path: Path) -> None:
    path = saved(audited(f"{file}:contains", sums()), tmp_path / "findings")
    record = json.loads(next(iter(path.values())).read_text())
    assert {"schema", "verdict", "family", "name", "message", "change", "evidence", "gap", "target"} <= record.keys()
    assert record["target"]["parts"] == [{"source": file, "name": "contains", "weight": 1.0}]
    assert record["evidence"].keys() >= {"row", "prompt", "columns", "completion", "reward", "golden", "floor"}


EDITED: dict[str, Any] = {
    "no file": None,
    "cut off": "{",
    "a list": "[]",
    "another schema": {"schema": 99},
    "no evidence": {"evidence": None},
    "half of the evidence": {"evidence": {"row": 0}},
    "a prompt that is none": {"prompt": 5},
    "columns that are none": {"columns": "x"},
    "a completion that is none": {"completion": 4},
    "a reward that is none": {"reward": "much"},
    "a target that is none": {"target": {"parts": [{"source": 3}]}},
}


@pytest.mark.parametrize("change", EDITED.values(), ids=list(EDITED))
def test_a_file_that_is_not_a_finding_is_refused_in_one_sentence(file: str, tmp_path: Path, change: Any) -> None:
    path = tmp_path / "finding.json"
    record = json.loads(
        next(iter(saved(audited(f"{file}:contains", sums(4)), tmp_path / "findings").values())).read_text()
    )
    if isinstance(change, dict):
        (key, value), *_ = change.items()
        inner = record["evidence"] if key in record["evidence"] else record
        inner[key] = value
        path.write_text(json.dumps(record))
    elif change is not None:
        path.write_text(change)
    with pytest.raises(LoopholesError) as caught:
        replay(path)
    assert str(caught.value) and "\n" not in str(caught.value)


def test_hashes_are_those_of_the_files_and_change_with_them(file: str, tmp_path: Path) -> None:
    data = Path(save_rows(tmp_path, sums()))
    target = Target("trl", (Part(file, "contains"),))
    digests = hashes(target, data)
    assert digests["functions"] == {file: hashlib.sha256(Path(file).read_bytes()).hexdigest()}
    assert digests["data"] == hashlib.sha256(data.read_bytes()).hexdigest()
    assert set(digests["versions"]) == {"loopholes", "trl"}
    write_rewards(tmp_path, MENDED)
    assert hashes(target, data)["functions"] != digests["functions"]


def test_a_report_is_strict_json(file: str) -> None:
    record = json.loads(json.dumps(report_record(audited(f"{file}:infinite", sums())), allow_nan=False))
    assert record["status"] == 1 and record["framework"] == "plain"
    assert record["coverage"]["rows"] == 8 and record["findings"] and record["gaps"]


def test_a_report_is_read_as_it_was_written(file: str, tmp_path: Path) -> None:
    report = audited(f"{file}:infinite", sums(), search_calls=300)
    save(report, tmp_path / "findings")
    again = read_report(tmp_path / "findings" / "audit.json")
    assert report_record(again) == report_record(report)
    assert [finding.evidence for finding in again.findings] == [finding.evidence for finding in report.findings]
    assert again.exit_code(strict=True) == report.exit_code(strict=True) and again.target == report.target


DAMAGED: list[tuple[dict[str, Any], str]] = [
    ({"schema": 99}, f"is of schema 99, and this version reads schema {SCHEMA}: run the audit again"),
    ({"coverage": {"rows": 3}}, "is not a whole report"),
    ({"findings": [{"name": "x"}]}, "is not a whole report: it has no"),
    ({"gaps": None}, "is not a whole report"),
]


@pytest.mark.parametrize("change, sentence", DAMAGED)
def test_a_report_of_another_schema_or_a_damaged_one_is_refused_in_one_sentence(
    file: str, tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    path = tmp_path / "audit.json"
    path.write_text(json.dumps({**report_record(audited(f"{file}:contains", sums(4))), **change}))
    with pytest.raises(DataError) as caught:
        audits_of(tmp_path)
    assert sentence in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_page_shows_the_contents_of_the_report(file: str, tmp_path: Path) -> None:
    report = audited(f"{file}:contains", sums())
    save(report, tmp_path)
    (section,) = audits_of(tmp_path)
    assert (
        section.answer.startswith("EXPLOITABLE: 2 exploits (shotgun, near-miss)") and section.facts["Rows"] == "8 of 8"
    )
    assert re.fullmatch(r"\d+ kinds on 7 to 8 rows each: .*mention-beside.*", section.facts["Near misses"])
    payments, findings, refused, _ = section.tables
    assert [row[0] for row in findings.rows] == [finding.name for finding in report.findings]
    assert [row[0] for row in payments.rows] == [
        "a right answer",
        "an empty answer",
        "a refusal",
        "a well-formed wrong answer",
    ]
    assert report.refused is not None and [row[0] for row in refused.rows] == [way.name for way in report.refused.ways]


def test_the_file_says_on_how_many_rows_each_near_miss_was_tried(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If calls are expensive, one that does not pay is tried on a few rows only."""

    def tried() -> tuple[int, int]:
        coverage = report_record(audited(f"{file}:contains", sums()))["coverage"]
        return coverage["near"]["mention-beside"], coverage["near"]["wrong-digit"]

    assert tried() == (8, 8)
    monkeypatch.setattr("loopholes.audit.gold.near.EXPENSIVE", 0.0)
    assert tried() == (8, 4)


def test_an_audit_without_near_misses_says_so_in_its_verdict_and_why_in_what_is_not_covered(tmp_path: Path) -> None:
    """The right answers are JSON whose fields no column states, so nothing proves a change of them wrong."""
    source = "def exact(completion, golden):\n    return float(completion == golden)"
    rows = [{"prompt": f"How are you, {at}?", "golden": json.dumps({"mood": f"calm {at}"})} for at in range(8)]
    report = audited(f"{write_rewards(tmp_path, source)}:exact", rows)
    assert verdict(report) == "NO EXPLOIT FOUND in 100 % of the panel on 8 rows, but without near misses"
    assert any(sentence.startswith("near misses, since no column states") for sentence in report.coverage.skipped)


def test_a_page_of_a_sound_reward_has_no_list_of_attacks_that_pay_and_no_answers_to_read(
    file: str, tmp_path: Path
) -> None:
    report = replace(audited(f"{file}:contains", sums(4)), findings=[], gaps=[])
    save(report, tmp_path)
    (section,) = audits_of(tmp_path)
    assert [table.name for table in section.tables] == ["audit-payments", "audit-findings", "audit-refused"]
    assert section.rollouts == {} and section.tables[1].rows == []
    html = write_page("Sound", [section], tmp_path / "page.html").read_text()
    assert '<td class="none" colspan="7">none</td>' in html and 'aria-labelledby="browser-name" hidden' in html


def test_a_note_that_begins_with_a_file_keeps_its_name(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(file).parent)
    report = audited(f"{(name := Path(file).name)}:contains", sums(4))
    save(report, tmp_path)
    (section,) = audits_of(tmp_path)
    (columns,) = [note for note in section.notes if "gets only the columns" in note]
    assert columns.startswith(f"{name}:contains")


def test_sarif_has_what_code_scanning_requires(file: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    accept = Gate(accept=(Accepted(name="near-miss", reason="meant"),))
    report = audited(f"{file}:contains", sums(), gate=accept)
    log = json.loads(json.dumps(sarif(report), allow_nan=False))
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] and driver["semanticVersion"]
    rules = {rule["id"]: rule for rule in driver["rules"]}
    assert set(rules) == set(FAMILIES) and len(driver["rules"]) == len(rules)
    for rule in rules.values():
        assert all(rule[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
    different = [first for first, _ in faults(report.findings)]
    assert len(run["results"]) == len(different)
    for result, finding in zip(run["results"], different, strict=True):
        assert result["ruleId"] in rules and result["message"]["text"]
        assert result["level"] == {"exploit": "error", "warning": "warning", "inconclusive": "note"}[finding.verdict]
        places = [place["physicalLocation"] for place in (*result["locations"], *result["relatedLocations"])]
        assert {place["artifactLocation"]["uri"] for place in places} == {"rewards.py"}
        defined = 1 + Path(file).read_text().splitlines().index("def contains(completion, answer):")
        hinted = [] if finding.hint is None else [finding.hint.line]
        assert [place["region"]["startLine"] for place in places] == [*hinted, defined]
        assert result["partialFingerprints"] and all(
            isinstance(each, str) for each in result["partialFingerprints"].values()
        )
        assert ("suppressions" in result) is finding.accepted
    assert any(finding.accepted for finding in report.findings)
    fingerprints = [result["partialFingerprints"]["finding/v1"] for result in run["results"]]
    assert len(set(fingerprints)) == len(fingerprints)


@pytest.mark.parametrize("name, line", [("Kept.contains", "    def contains(completion, answer):"), ("gone", None)])
def test_a_location_is_the_line_of_the_definition_or_the_first(file: str, name: str, line: str | None) -> None:
    from dataclasses import replace

    report = audited(f"{file}:contains", sums(4))
    findings = [replace(finding, hint=None) for finding in report.findings]
    moved = replace(report, target=Target("plain", (Part(file, name),)), findings=findings)
    place = sarif(moved)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    lines = Path(file).read_text().splitlines()
    assert place["region"]["startLine"] == (1 if line is None else 1 + lines.index(line))


def test_an_address_is_quoted(tmp_path: Path) -> None:
    folder = tmp_path / "my rewards"
    folder.mkdir()
    report = audited(f"{write_rewards(folder, SOURCE)}:contains", sums(4))
    place = sarif(report)["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == (folder.resolve() / "rewards.py").as_uri()
    assert " " not in place["artifactLocation"]["uri"]


def test_a_finding_on_a_game_replays(tmp_path: Path) -> None:
    from functools import partial

    from loopholes.audit import AuditConfig, audit, target_of

    parameters = {"self_report": "inline"}
    game = make_game("self-grading", **parameters)
    target = target_of(["game:self-grading"], None, {"parameters": parameters, "channel": "vulnerable", "seed": 0})
    report = audit(target, games.rows_of(game, 4, 0), AuditConfig(search_calls=0), truth=partial(games.truth, game))
    paths = saved(report, tmp_path / "findings")
    assert paths and all(replay(path).same for path in paths.values())


def test_a_finding_replays_as_it_was_scored(tmp_path: Path) -> None:
    """A noisy reward is scored as often as in the audit, and the means are compared."""
    source = """
        CALLS = []
        def f(completion, answer):
            CALLS.append(completion)
            return float(completion in ("null", f"<answer>{answer}</answer>")) + (0, 0.3, -0.3)[len(CALLS) % 3]
    """
    paths = saved(audited(f"{write_rewards(tmp_path, source)}:f", sums(20), noisy=True), tmp_path / "findings")
    record = json.loads(paths["null"].read_text())
    assert record["scoring"] == {"repeats": 3, "seconds_a_call": None, "memory": 8.0}
    assert replay(paths["null"]).same


def test_a_row_that_json_cannot_hold_is_not_replayed_as_another_row(tmp_path: Path) -> None:
    source = """
        def f(completion, answer, when):
            return float(when.year == 2026 and (completion in ("null", f"<answer>{answer}</answer>")))
    """
    rows = [{**row, "when": datetime(2026, 1, 1)} for row in sums(20)]
    paths = saved(audited(f"{write_rewards(tmp_path, source)}:f", rows), tmp_path / "findings")
    with pytest.raises(DataError, match="cannot be replayed: JSON does not hold the row's when"):
        replay(paths["null"])


def test_a_replay_says_whether_the_function_was_edited(file: str, tmp_path: Path) -> None:
    path = next(iter(saved(audited(f"{file}:contains", sums()), tmp_path / "findings").values()))
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "functions": {file: hashlib.sha256(Path(file).read_bytes()).hexdigest()}}))
    assert not replay(path).edited
    write_rewards(tmp_path, MENDED)
    assert replay(path).edited


def test_a_replay_of_a_reward_that_is_gone_says_which_file_is_missing(file: str, tmp_path: Path) -> None:
    path = next(iter(saved(audited(f"{file}:contains", sums(4)), tmp_path / "findings").values()))
    Path(file).unlink()
    with pytest.raises(DataError, match=rf"is about {file}:contains, and {file} is not found from here: replay it in"):
        replay(path)
