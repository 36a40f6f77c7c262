"""Which rollouts a page carries, and how they are embedded so that no text of a model can become markup."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from loopholes.files import jsonable
from loopholes.report.elements import Section
from loopholes.report.numbers import evenly_of

# Rollouts an arm and characters a text, from generous to frugal: the first that fits is taken.
_PLANS = [
    (150, 6000),
    (150, 3000),
    (150, 1500),
    (100, 1000),
    (50, 1000),
    (25, 600),
    (10, 400),
    (4, 200),
    (1, 100),
    (0, 0),
]
BUDGET = 2_300_000
_MARKUP = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def embedded_rollouts(sections: Sequence[Section], budget: int = BUDGET) -> str:
    """JSON for a script element, at most ``budget`` bytes: ``{"sections", "prompts", "rollouts", "total"}``.

    A rollout names its section and its prompt by their number.
    Pure ASCII without ``<``, ``>`` and ``&``: neither the HTML nor the JavaScript parser finds anything to act on.
    """
    for quota, length in _PLANS:
        text = as_script(_collect(sections, quota, length))
        if len(text) <= budget:
            break
    return text


def as_script(value: Any) -> str:
    """JSON that is safe between script tags."""
    return json.dumps(jsonable(value), ensure_ascii=True, separators=(",", ":")).translate(_MARKUP)


def choose(rollouts: Sequence[Mapping[str, Any]], quota: int) -> list[Mapping[str, Any]]:
    """At most ``quota`` rollouts, half of them exploiting if there are as many, spread evenly from first to last step.

    The same rollouts give the same choice.
    """
    ordered = sorted(rollouts, key=lambda row: (row.get("step") or 0, row.get("sample") or 0))
    exploiting = [row for row in ordered if row.get("exploit")]
    others = [row for row in ordered if not row.get("exploit")]
    room = max(quota - len(others), (quota + 1) // 2)
    chosen = evenly_of(exploiting, room)
    chosen += evenly_of(others, quota - len(chosen))
    return sorted(chosen, key=lambda row: (row.get("step") or 0, row.get("sample") or 0))


def clip(text: str, length: int) -> str:
    """The beginning and the end of a text that is too long; says how much is missing."""
    if len(text) <= length:
        return text
    head, tail = (2 * length) // 3, length // 3
    return f"{text[:head]}\n[… {len(text) - head - tail:,} characters left out …]\n{text[-tail:]}"


def _by_seed(rollouts: Sequence[Mapping[str, Any]], quota: int) -> list[Mapping[str, Any]]:
    """:func:`choose`, the quota shared by the seeds, so that each of them can be read."""
    seeds: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rollouts:
        seeds.setdefault(row.get("seed"), []).append(row)
    share = -(-quota // len(seeds)) if seeds else 0
    return [row for rows in seeds.values() for row in choose(rows, share)]


def _collect(sections: Sequence[Section], quota: int, length: int) -> dict[str, Any]:
    prompts: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    total = 0
    for number, section in enumerate(sections):
        for arm, rollouts in section.rollouts.items():
            total += len(rollouts)
            for row in _by_seed(rollouts, quota):
                prompt = prompts.setdefault(clip(str(row.get("prompt") or ""), length), len(prompts))
                rows.append({**_short(row, length), "section": number, "arm": arm, "prompt": prompt})
    return {
        "sections": [section.name for section in sections],
        "prompts": list(prompts),
        "rollouts": rows,
        "total": total,
    }


def _short(row: Mapping[str, Any], length: int) -> dict[str, Any]:
    kept = {key: row.get(key) for key in ("step", "seed", "task", "reward", "task_score", "exploit", "truncated")}
    details = {key: _short_detail(value, length) for key, value in (row.get("details") or {}).items()}
    return {
        **kept,
        "text": clip(str(row.get("text") or ""), length),
        "reason": clip(str(row.get("reason") or ""), length),
        "details": details,
    }


def _short_detail(value: Any, length: int) -> Any:
    if isinstance(value, str):
        return clip(value, length)
    if isinstance(value, list | tuple | Mapping):
        return clip(json.dumps(jsonable(value)), length)
    return value
