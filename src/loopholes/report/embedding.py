"""Embeds rollouts in a page, within its size limit and so that no text of a model can become markup."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from loopholes.files import jsonable
from loopholes.report.elements import Section
from loopholes.report.thinning import clip, evenly_of

# Rollouts per arm and characters per text, from generous to frugal; the first that fits is used.
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

    A rollout refers to its section and its prompt by number. The text is ASCII without ``<``, ``>`` and ``&``, so
    neither the HTML nor the JavaScript parser can take any of it for markup.
    """
    for quota, length in _PLANS:
        text = as_script(_collect(sections, quota, length))
        if len(text) <= budget:
            break
    return text


def as_script(value: Any) -> str:
    """JSON that is safe between script tags."""
    return json.dumps(jsonable(value), ensure_ascii=True, separators=(",", ":")).translate(_MARKUP)


def shortened(row: Mapping[str, Any], length: int) -> dict[str, Any]:
    """The fields of a rollout that a page shows, with no text longer than ``length``."""
    fields = {key: row.get(key) for key in ("step", "seed", "task", "reward", "task_score", "exploit", "truncated")}
    texts = {key: clip(str(row.get(key) or ""), length) for key in ("prompt", "text", "reason")}
    details = {key: _short_detail(value, length) for key, value in (row.get("details") or {}).items()}
    return {**fields, **texts, "details": details}


def _short_detail(value: Any, length: int) -> Any:
    if isinstance(value, str):
        return clip(value, length)
    if isinstance(value, list | tuple | Mapping):
        return clip(json.dumps(jsonable(value)), length)
    return value


def _collect(sections: Sequence[Section], quota: int, length: int) -> dict[str, Any]:
    prompts: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    for number, section in enumerate(sections):
        for arm, rollouts in section.rollouts.items():
            for row in evenly_of(rollouts, quota):
                short = shortened(row, length)
                prompt = prompts.setdefault(short["prompt"], len(prompts))
                rows.append({**short, "section": number, "arm": arm, "prompt": prompt})
    return {
        "sections": [section.name for section in sections],
        "prompts": list(prompts),
        "rollouts": rows,
        "total": sum(section.rollouts_total or _count(section) for section in sections),
    }


def _count(section: Section) -> int:
    return sum(len(rollouts) for rollouts in section.rollouts.values())
