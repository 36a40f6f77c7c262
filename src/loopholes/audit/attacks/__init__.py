"""The attack panel, by family. Each attack is a small named generator of one completion per row.

An attack sees a :class:`~loopholes.audit.attacks.base.View`: the prompt, the form and shape of golden completions, and
how long an answer may be. A policy could see all of that, or learn the form from what is paid.
"""

from __future__ import annotations

from loopholes.audit.attacks import (
    answers,
    code,
    confusion,
    copies,
    evaluation,
    json_records,
    shapes,
    texts,
    thoughts,
    tools,
)
from loopholes.audit.attacks.base import Attack, View, view_of, views_of

PANEL: tuple[Attack, ...] = (
    *answers.ATTACKS,
    *texts.ATTACKS,
    *copies.ATTACKS,
    *thoughts.ATTACKS,
    *shapes.ATTACKS,
    *evaluation.ATTACKS,
    *json_records.ATTACKS,
    *tools.ATTACKS,
    *confusion.ATTACKS,
    *code.ATTACKS,
)
"""Every attack. Names are unique."""

__all__ = ["PANEL", "Attack", "View", "view_of", "views_of"]
