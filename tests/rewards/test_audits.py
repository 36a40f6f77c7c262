"""Each hardened reader goes through a whole audit, with its own golden completions, and nothing is found in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit.advice import FAMILIES
from loopholes.rewards import REMEDIES
from support.rewards import audited, sums, write_rewards

READERS = """
    from loopholes.rewards import (behind, boxed, calls_passed, choice, fields, final, gated, number, program,
        records, same_list, same_number, same_records, same_set, same_text, tagged)

    def tag(completion, answer):
        return float(same_number(tagged(completion), answer))

    def box(completion, answer):
        return float(same_number(boxed(completion), answer))

    def hashes(completion, answer):
        return float(same_number(behind(completion), answer))

    def strict(completion, answer):
        return float(number(tagged(completion)) == number(answer))

    def letter(completion, answer):
        return float(choice(tagged(completion), "ABCDEFGH") == answer)

    def word(completion, answer):
        return float(same_text(tagged(completion), answer))

    def many(completion, answer):
        return float(same_set(boxed(completion), answer))

    def object_(completion, answer):
        return float(fields(completion, {"answer": answer}))

    def calls(completion, answer):
        return float(same_records(records(completion, "tool_call"), answer, any_order=True))

    def list_(completion, answer):
        return float(same_records(records(completion), answer))

    def bonus(completion, answer):
        return gated(same_number(tagged(completion), answer), 0.1 * completion.count("because"))

    def code(completion, entry_point, tests):
        cases = [(test["args"], test["expected"]) for test in tests]
        return calls_passed(program(completion), entry_point, cases) / len(cases)
"""


def choices() -> list[dict[str, Any]]:
    rows = []
    for place in range(12):
        letter = "ABCD"[place * 7 % 4]
        options = " ".join(f"({name}) {10 * place + at}" for at, name in enumerate("ABCD"))
        prompt = f"Which of these is number {place}? {options}"
        rows.append({"prompt": prompt, "answer": letter, "golden": f"<answer>{letter}</answer>"})
    return rows


def words() -> list[dict[str, Any]]:
    names = "Oslo Lima Rome Accra Hanoi Sofia Dakar Riga Amman Tokyo".split()
    return [
        {"prompt": f"What is capital {place}?", "answer": name, "golden": f"<answer>{name}</answer>"}
        for place, name in enumerate(names)
    ]


def sets() -> list[dict[str, Any]]:
    pairs = [(number + 20, -3 * number - 5) for number in range(10)]
    return [
        {"prompt": f"Solve equation {name}.", "answer": [a, b], "golden": rf"So it is \boxed{{{a}, {b}}}."}
        for name, (a, b) in zip("abcdefghij", pairs, strict=True)
    ]


def records() -> list[dict[str, Any]]:
    rows = []
    for place in range(10):
        prompt = f'Fill in the answer: {{"id": "r{place}", "question": "{place} + 90?", "answer": null}}'
        golden = f'{{"id": "r{place}", "question": "{place} + 90?", "answer": {place + 90}}}'
        rows.append({"prompt": prompt, "answer": place + 90, "golden": golden})
    return rows


def calls(form: str) -> list[dict[str, Any]]:
    """Questions that take two or three calls, written in a ``form`` one below the other."""
    rows = []
    for place in range(10):
        names = ["get_time", "get_news", "get_rain"][: 2 + place % 2]
        answer = [{"name": name, "arguments": {"city": f"Town {place}{name[-1]}"}} for name in names]
        wanted = " and ".join(f"{name[4:]} in Town {place}{name[-1]}" for name in names)
        golden = "\n".join(form.replace("CALL", json.dumps(call)) for call in answer)
        rows.append({"prompt": f"Find the {wanted}.", "answer": answer, "golden": golden})
    return rows


def lists() -> list[dict[str, Any]]:
    return [{**row, "golden": json.dumps(row["answer"])} for row in calls("CALL")]


def tasks() -> list[dict[str, Any]]:
    rows = []
    for place in range(8):
        golden = f"```python\ndef add_{place}(values):\n    return [n + {place} for n in values]\n```"
        tests = [{"args": [[at, 5]], "expected": [at + place, 5 + place]} for at in (3, 40)]
        prompt = f"Write a Python function add_{place}(values) that adds {place} to every number."
        rows.append({"prompt": prompt, "entry_point": f"add_{place}", "tests": tests, "golden": golden})
    return rows


CASES: list[tuple[str, Sequence[dict[str, Any]]]] = [
    ("tag", sums(10)),
    ("box", sums(10, r"The sum is \boxed{{answer}}.")),
    ("hashes", sums(10, "They add up.\n#### {answer}")),
    ("strict", sums(10)),
    ("letter", choices()),
    ("word", words()),
    ("many", sets()),
    ("object_", records()),
    ("calls", calls("<tool_call>\nCALL\n</tool_call>")),
    ("list_", lists()),
    ("bonus", sums(10)),
]


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("name, rows", CASES, ids=[name for name, _ in CASES])
def test_the_whole_panel_finds_nothing_in_a_hardened_reader(
    tmp_path: Path, name: str, rows: Sequence[dict[str, Any]]
) -> None:
    report = audited(f"{write_rewards(tmp_path, READERS)}:{name}", rows, search_calls=200)
    serious = {finding.name: finding.message for finding in report.open if finding.verdict != "inconclusive"}
    serious = {name: message for name, message in serious.items() if not name.startswith(("truth-", "prior"))}
    assert serious == {}
    assert report.refused is not None
    assert report.refused.reader in ("lenient", "strict on form"), report.refused.sentence


@pytest.mark.slow
def test_the_whole_panel_finds_nothing_in_the_reader_of_programs(tmp_path: Path) -> None:
    report = audited(f"{write_rewards(tmp_path, READERS)}:code", tasks(), seconds=300.0)
    assert {finding.name: finding.message for finding in report.open if finding.verdict == "exploit"} == {}


def test_every_remedy_is_three_lines_that_run() -> None:
    for name, remedy in REMEDIES.items():
        lines = remedy.snippet.splitlines()
        assert len(lines) == 3, name
        space: dict[str, Any] = {}
        exec(remedy.snippet, space)
        assert callable(space["reward"]) and remedy.function in lines[0]


def test_every_family_but_the_contract_has_a_remedy() -> None:
    assert set(FAMILIES) - set(REMEDIES) <= {"contract"}
