"""Which rollouts a section shows: some of every arm, seed and phase of training, half of them exploiting."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from loopholes.files import jsonable
from loopholes.report.elements import Section
from loopholes.report.embedding import shortened
from loopholes.report.thinning import evenly_of

BUDGET = 300_000
"""Maximum number of characters of JSON in the sample of one section, so that seven studies fit on one page."""
# Rollouts per arm and characters per text, from generous to frugal; the first that fits is used.
_PLANS = ((150, 3000), (100, 1500), (50, 1000), (25, 600), (10, 400), (4, 200), (1, 100))

Rows = Sequence[Mapping[str, Any]]


def sampled(section: Section, budget: int = BUDGET) -> Section:
    """The section with a shortened sample of its rollouts, and the total number of rollouts."""
    for quota, length in _PLANS:
        sample = {
            arm: [shortened(row, length) for row in by_seed(rows, quota)] for arm, rows in section.rollouts.items()
        }
        if sum(len(json.dumps(jsonable(row))) for rows in sample.values() for row in rows) <= budget:
            break
    return replace(section, rollouts=sample, rollouts_total=sum(len(rows) for rows in section.rollouts.values()))


def by_seed(rollouts: Rows, quota: int) -> list[Mapping[str, Any]]:
    """:func:`choose`, the quota shared by the seeds, so that each of them can be read."""
    seeds: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rollouts:
        seeds.setdefault(row.get("seed"), []).append(row)
    share = -(-quota // len(seeds)) if seeds else 0
    return [row for rows in seeds.values() for row in choose(rows, share)]


def choose(rollouts: Rows, quota: int) -> list[Mapping[str, Any]]:
    """At most ``quota`` rollouts, half of them exploiting if there are enough, spread evenly from first to last step.

    The choice is deterministic.
    """
    ordered = sorted(rollouts, key=_place)
    exploiting = [row for row in ordered if row.get("exploit")]
    honest = [row for row in ordered if not row.get("exploit")]
    room = max(quota - len(honest), (quota + 1) // 2)
    chosen = evenly_of(exploiting, room)
    chosen += evenly_of(honest, quota - len(chosen))
    return sorted(chosen, key=_place)


def _place(row: Mapping[str, Any]) -> tuple[int, int]:
    return row.get("step") or 0, row.get("sample") or 0
