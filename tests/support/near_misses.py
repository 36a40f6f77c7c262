"""Helpers for tests of near misses: what is tried on a reward that is a function, and what is found."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from loopholes.audit import Finding, Gate, rows_from
from loopholes.audit.budget import Budget
from loopholes.audit.form import form_of
from loopholes.audit.frameworks.base import Paid, Row
from loopholes.audit.gold.answer import Answer, answer_of
from loopholes.audit.gold.near import NAMES, Miss, NearMisses
from loopholes.audit.gold.near_findings import near_findings, near_notes
from loopholes.audit.results import Evidence, Note
from loopholes.audit.scale import Level, levels_of
from support.rewards import scorer_for

Pay = Callable[[Row, str], float]
Records = Sequence[dict[str, Any]]


def near_misses(pay: Pay, records: Records, **options: Any) -> NearMisses:
    """The near misses of a reward on these records, before any is tried."""
    rows = rows_from(records)
    form = form_of([row.golden for row in rows if row.golden is not None])
    scorer = scorer_for(pay, rows)
    return NearMisses(scorer, levels_of(scorer, form, None, 0, range(len(rows))), form, **options)


def misses_of(pay: Pay, records: Records, **options: Any) -> dict[str, list[Miss]]:
    """The near misses that were tried, by name."""
    return near_misses(pay, records, **options).ask(Budget())


def findings_of(pay: Pay, records: Records, **options: Any) -> list[Finding]:
    """The findings about near misses."""
    return list(near_findings(misses_of(pay, records, **options), evidence, Gate(), component=False))


def notes_of(pay: Pay, records: Records) -> list[Note]:
    """The notes about near misses."""
    return list(near_notes(misses_of(pay, records), Gate()))


def skipped(pay: Pay, records: Records) -> list[str]:
    """Why near misses were not tried."""
    near = near_misses(pay, records)
    near.ask(Budget())
    return near.skipped


def evidence(level: Level, text: str, paid: Paid) -> Evidence:
    """A near miss as the evidence of a finding."""
    return Evidence(level.row, "", {}, text, paid.value)


def named(findings: Sequence[Finding | Note]) -> set[str]:
    """The near misses of findings or notes: their own names, and those that their messages add."""
    return {name for finding in findings for name in NAMES if re.search(rf"(?<![\w-]){name}(?![\w-])", finding.message)}


def answer_in(records: Records, place: int = 1) -> Answer:
    """The right answer of one of these records, read in the form of all of them."""
    rows = rows_from(records)
    right = answer_of(rows[place], form_of([row.golden or "" for row in rows]))
    assert right is not None
    return right
