"""Audits of rewards as sections of a page: from the file that ``loopholes audit`` wrote, nothing is scored again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loopholes.errors import RunError
from loopholes.files import read_json
from loopholes.numbers import Estimate
from loopholes.report.elements import Cell, Section, Table

FILE = "audit.json"
QUESTION = "How can this reward be gamed?"
LEAD = (
    "Before anything was trained, a reward function was called with completions that try to be paid without being "
    "right. What pays for them pays for them in training, too: a policy that finds such a completion is taught it."
)
SHOWN = 20
"""Attacks in the table of gaps."""


def audits_of(folder: Path) -> list[Section]:
    """The audits in a directory or below it; raises :class:`RunError` for a file that is none."""
    return [_section(path) for path in sorted(folder.rglob(FILE))]


def _section(path: Path) -> Section:
    found = read_json(path)
    if not {"target", "coverage", "findings", "gaps"} <= found.keys():
        raise RunError(f"{path} is no audit: loopholes audit writes it anew")
    coverage = found["coverage"]
    return Section(
        f"audit: {_named(found['target'])}",
        QUESTION,
        _answer(found),
        tables=[_findings(found["findings"]), _gaps(found["gaps"])],
        facts={"Reward": found["target"], "Framework": found["framework"], **_covered(coverage)},
        notes=[*(f"Not covered: {line}." for line in coverage["skipped"]), *coverage["notes"]],
        rollouts={"findings": [_shown(one) for one in found["findings"] if one["evidence"]]},
    )


def _named(target: str) -> str:
    """The target without the folder of its file."""
    file, _, function = target.partition(".py:")
    return f"{Path(file).name}.py:{function}" if function else target


def _answer(found: Mapping[str, Any]) -> str:
    open_ones = [one for one in found["findings"] if not one["accepted"]]
    exploits = [one for one in open_ones if one["verdict"] == "exploit"]
    warnings = sum(one["verdict"] == "warning" for one in open_ones)
    if not exploits:
        told = f"Nothing of the panel and the search pays like a right answer ({warnings} warnings)"
        return told + ("." if found["worst"] else ", but there was no scale to measure it on.")
    first = exploits[0]
    families = ", ".join(dict.fromkeys(one["family"] for one in exploits))
    return f"It can be gamed ({families}): {first['name']} {first['message']}."


def _covered(coverage: Mapping[str, Any]) -> dict[str, str]:
    return {
        "Rows": f"{coverage['rows']} of {coverage['rows_given']}",
        "Calls": f"{coverage['calls']:,} in {coverage['seconds']:.1f} s",
        "Families tried": ", ".join(coverage["families"]) or "none",
    }


def _findings(findings: Sequence[Mapping[str, Any]]) -> Table:
    rows: list[list[Cell]] = [
        [one["name"], one["verdict"], one["family"], _estimate(one["gap"]), one["message"], one["change"]]
        for one in findings
    ]
    columns = ("finding", "verdict", "family", "gap", "what", "to do")
    note = "Gap: what the attack pays above an honest wrong answer, as a share of what right answers pay above that."
    return Table("audit-findings", "Findings", columns, rows, note)


def _gaps(gaps: Sequence[Mapping[str, Any]]) -> Table:
    rows: list[list[Cell]] = [
        [one["attack"], one["family"], _estimate(one["gap"]), one["n"], one["right"]] for one in gaps[:SHOWN]
    ]
    columns = ("attack", "family", "gap", "rows", "right after all")
    return Table("audit-gaps", f"The {len(rows)} attacks of {len(gaps)} that pay most", columns, rows)


def _estimate(found: Mapping[str, Any] | None) -> Estimate | None:
    return None if found is None else Estimate(**found)


def _shown(one: Mapping[str, Any]) -> dict[str, Any]:
    """A finding's completion, as the page shows rollouts."""
    evidence = one["evidence"]
    prompt = evidence["prompt"]
    text = prompt if isinstance(prompt, str) else "\n".join(f"{turn['role']}: {turn['content']}" for turn in prompt)
    return {
        "step": None,
        "seed": 0,
        "task": f"row {evidence['row']}",
        "prompt": text,
        "text": evidence["completion"],
        "reward": evidence["reward"],
        "task_score": None,
        "exploit": float(one["verdict"] == "exploit"),
        "reason": evidence["problem"],
        "details": {"finding": one["name"], "golden is paid": evidence["golden"], "wrong is paid": evidence["floor"]},
    }
