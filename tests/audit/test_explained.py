"""Each completion is explained once: by the family that fits, with the number of attacks that it explains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loopholes.audit.gate import Accepted, Gate
from support.rewards import audited, families, write_rewards

pytestmark = pytest.mark.usefixtures("inside")
CITIES = "Oslo Lima Rome Accra Hanoi Sofia Dakar Riga Amman Tokyo".split()
REWARDS = """
    def loaded(completion):
        start, end = completion.find("{"), completion.rfind("}")
        try:
            value = json.loads(completion[start:end + 1])
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def begins(completion, city):
        value = loaded(completion)
        return 0.0 if value is None else float(city.startswith(str(value.get("answer", ""))))

    def believes(completion, city):
        value = loaded(completion)
        if value is None:
            return 0.0
        if value.get("answer") == city or value.get("score"):
            return 1.0
        return 0.0 if "answer" in value else 0.6

    def subset(completion, parts):
        try:
            value = json.loads(completion)
        except ValueError:
            return 0.0
        return float(isinstance(value, list) and all(item in parts for item in value))
"""


def cities() -> list[dict[str, Any]]:
    return [
        {"prompt": f"Capital {place}, as JSON?", "city": city, "golden": f'{{"answer": "{city}"}}'}
        for place, city in enumerate(CITIES)
    ]


def machines() -> list[dict[str, Any]]:
    rows = [(place, [f"bolt{place}", f"cam{place}"]) for place in range(10)]
    return [
        {"prompt": f"Parts of {place}?", "parts": parts, "golden": f'["{parts[0]}", "{parts[1]}"]'}
        for place, parts in rows
    ]


def test_an_empty_object_explains_what_other_families_put_into_objects(tmp_path: Path) -> None:
    report = audited(f"{write_rewards(tmp_path, REWARDS)}:begins", cities())
    exploits = [finding for finding in report.findings if finding.verdict == "exploit" and finding.kind == "attack"]
    assert [(finding.family, finding.name) for finding in exploits] == [("degenerate", "braces")]
    assert "attacks of aggregation, " in exploits[0].message and "judge-injection" in exploits[0].message
    assert {"json-nan", "verdict-json"} <= {gap.attack for gap in report.gaps}  # they stay in the table of gaps


def test_an_object_whose_field_is_paid_more_than_none_is_a_finding_of_its_family(tmp_path: Path) -> None:
    report = audited(f"{write_rewards(tmp_path, REWARDS)}:believes", cities())
    assert {"degenerate", "protected-field"} <= families(report) and "format" not in families(report)


def test_an_empty_list_belongs_to_aggregation_where_right_answers_have_parts(tmp_path: Path) -> None:
    report = audited(f"{write_rewards(tmp_path, REWARDS)}:subset", machines())
    attacks = {
        finding.evidence.completion: finding.family
        for finding in report.findings
        if finding.evidence and finding.kind == "attack" and finding.verdict == "exploit"
    }
    assert attacks["[]"] == "aggregation" and "degenerate" not in attacks.values()


def test_an_accepted_finding_hides_no_other_exploit(tmp_path: Path) -> None:
    file = write_rewards(tmp_path, REWARDS)
    accepted = tuple(Accepted(name=name, reason="a test") for name in ("degenerate", "aggregation"))
    for gate, left in ((Gate(accept=accepted[:1]), {"aggregation"}), (Gate(accept=accepted), {"format", "tool-use"})):
        report = audited(f"{file}:begins", cities(), gate=gate)
        assert left <= {finding.family for finding in report.open} and report.exit_code() == 1
