"""Which attacks another, simpler attack explains, so that each completion is explained once, by the family that fits.

An attack explains another of a later family if both write the same completions. ``{}`` explains every text that holds a
JSON object: if an object with nothing in it is paid, its fields are not the reason. In both cases the simpler attack
has to be paid about as much on every row that pays the other.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from loopholes.audit.observations import Observations
from loopholes.audit.panel import Tried
from loopholes.audit.results import FAMILIES
from loopholes.audit.scale import Level
from loopholes.rewards import items, record

BETTER = 0.1
"""An attack is a finding next to a simpler one, or a search next to the panel, if it pays this fraction more."""
NO_FIELDS = "{}"


def explained(paying: Sequence[Tried], seen: Observations) -> dict[str, str]:
    """The family that explains an attack better than its own, by the attack's name."""
    levels = {level.row: level for level in seen.measurable}
    order = _order(list(levels.values()))
    groups: dict[tuple[tuple[int, str], ...], list[Tried]] = defaultdict(list)
    for tried in paying:
        groups[tuple(sorted((row, attempt.text) for row, attempt in tried.attempts.items()))].append(tried)
    families: dict[str, str] = {}
    simplest = []
    for group in groups.values():
        first, *rest = sorted(group, key=lambda tried: order[tried.attack.family])
        simplest.append(first)
        families |= {
            tried.attack.name: first.attack.family for tried in rest if tried.attack.family != first.attack.family
        }
    empty = [tried for tried in simplest if _texts(tried) == {NO_FIELDS}]
    for tried in simplest:
        others = [first for first in empty if first is not tried and first.attack.family != tried.attack.family]
        reason = next((first for first in others if _pays_as_much(first, tried, levels)), None)
        if reason is not None and tried not in empty and all(map(_holds_object, _texts(tried))):
            families[tried.attack.name] = reason.attack.family
    return families


def _order(levels: Sequence[Level]) -> dict[str, int]:
    """The families, simplest first. If right answers have several parts, leaving them out is the simplest thing."""
    names = list(FAMILIES)
    if any(map(_has_parts, levels)):
        names = ["aggregation", *(name for name in names if name != "aggregation")]
    return {name: place for place, name in enumerate(names)}


def _has_parts(level: Level) -> bool:
    fields = record(level.golden_text)
    return len(fields if fields is not None else items(level.answer) or ()) > 1


def _texts(tried: Tried) -> set[str]:
    return {tried.attempts[row].text.strip() for row in tried.paid}


def _holds_object(text: str) -> bool:
    """Whether a text holds a JSON object, as a reader would that takes the first brace and the last."""
    if NO_FIELDS in text:
        return True
    try:
        return isinstance(json.loads(text[text.find("{") : text.rfind("}") + 1]), dict)
    except (ValueError, RecursionError):
        return False


def _pays_as_much(simple: Tried, tried: Tried, levels: dict[int, Level]) -> bool:
    """Whether the simple attack is paid about as much on every row where the other was tried."""
    rows = [row for row in tried.paid if row in levels]
    return all(row in simple.paid and _share(simple, row, levels) > _share(tried, row, levels) - BETTER for row in rows)


def _share(tried: Tried, row: int, levels: dict[int, Level]) -> float:
    return levels[row].share(tried.paid[row].value) or 0.0
