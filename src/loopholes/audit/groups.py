"""Findings that are demonstrably one fault: the same answer is read from their completions, and it is paid the same.

Answers are read where right answers have them: in the fields of a JSON object, or between the marks of the form. An
object without any of these fields may be paid for what else is in it, such as a score, unless an empty object is paid
as much on the row. Findings of different groups may still have one cause; nothing here proves that they have not.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from loopholes.audit.form import Form, form_of
from loopholes.audit.gold.json_objects import record_of
from loopholes.audit.observations import Observations
from loopholes.audit.results import Finding
from loopholes.audit.scale import SAME

Reading = tuple[str, ...]
Payments = Mapping[int, tuple[Reading, float]]
"""What is read from a finding's completions and what they are paid, by row."""


def with_groups(findings: Sequence[Finding], seen: Observations) -> list[Finding]:
    """The findings, in the same order, with the number of their group where several are one fault."""
    rows = _rows(seen)
    bare = _bare(seen)
    payments = [_payments(finding, seen, rows, bare) for finding in findings]
    leaders: list[int] = []  # of each finding, the place of the first that is the same fault
    for place, own in enumerate(payments):
        earlier = (leader for leader in dict.fromkeys(leaders) if _are_alike(payments[leader], own))
        leaders.append(next(earlier, place))
    shared = [leader for leader, size in Counter(leaders).items() if size > 1]
    numbers = {leader: number for number, leader in enumerate(shared, 1)}
    return [replace(finding, group=numbers.get(leader)) for finding, leader in zip(findings, leaders, strict=True)]


def faults(findings: Sequence[Finding]) -> list[tuple[Finding, list[Finding]]]:
    """The findings by fault: the first of each group with the others of it. Open and other findings stay apart."""
    listed: dict[object, tuple[Finding, list[Finding]]] = {}
    for place, finding in enumerate(findings):
        state = (finding.group, finding.accepted, finding.in_baseline)
        key = state if finding.group is not None else place
        if key in listed:
            listed[key][1].append(finding)
        else:
            listed[key] = (finding, [])
    return list(listed.values())


def _rows(seen: Observations) -> dict[int, tuple[Form, str]]:
    """The form and the golden completion of each row that has one."""
    golden = {level.row: level.golden_text for level in seen.levels if level.golden_text}
    form = form_of(list(golden.values()))
    return {row: (form.of(text), text) for row, text in golden.items()}


def _bare(seen: Observations) -> dict[int, float]:
    """What an empty object is paid, by row."""
    return {
        row: paid.value
        for tried in seen.tried
        for row, paid in tried.paid.items()
        if paid.value is not None and _object(tried.attempts[row].text) == {}
    }


def _payments(
    finding: Finding, seen: Observations, rows: Mapping[int, tuple[Form, str]], bare: Mapping[int, float]
) -> Payments:
    """What is read from a finding's completions, and their payments; empty for faults that are not about the answer."""
    if finding.family == "contract" or finding.evidence is None:
        return {}
    tried = next((tried for tried in seen.tried if tried.attack.name == finding.name), None)
    if tried is not None:
        paid = {row: (tried.attempts[row].text, paid.value) for row, paid in tried.paid.items()}
    else:
        number, evidence = finding.evidence.row, finding.evidence
        paid = {row: (evidence.completion, evidence.reward) for row in rows if seen.rows[row].number == number}
    return {
        row: (_read(text, *rows[row], is_bare=abs(bare.get(row, math.inf) - reward) <= SAME), reward)
        for row, (text, reward) in paid.items()
        if row in rows and reward is not None and math.isfinite(reward)
    }


def _read(text: str, form: Form, golden: str, is_bare: bool) -> Reading:
    """The answer in a completion: the fields of right answers in its JSON object, or the text where answers stand.

    ``is_bare``: an empty object is paid as much, so a missing field counts as an empty one. Otherwise an object without
    any of the fields is read as a whole.
    """
    fields = list(record_of(form.read(golden)))
    record = _object(text) if fields else None
    if record is None:
        return (form.read(text),)
    if is_bare:
        return tuple("" if record.get(field) in (None, "") else json.dumps(record[field]) for field in fields)
    if not record.keys() & set(fields):
        return ("", json.dumps(record, sort_keys=True))
    return tuple(json.dumps(record[field]) if field in record else "" for field in fields)


def _object(text: str) -> dict[str, Any] | None:
    """The JSON object between the first and the last brace of a text; None if there is none."""
    if "{" not in text:
        return None
    try:
        value = json.loads(text[text.index("{") : text.rindex("}") + 1])
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _are_alike(first: Payments, second: Payments) -> bool:
    """Whether the same answers are read from two findings on all rows that they share, and are paid the same."""
    shared = first.keys() & second.keys()
    return bool(shared) and all(
        first[row][0] == second[row][0] and abs(first[row][1] - second[row][1]) <= SAME for row in shared
    )
