"""Readers and comparisons that are hard to game, for any reward function. Standard library only.

Each function is pure and small and does one thing. A reader returns the answer that a completion gives *in one place*,
or None if there is not exactly one; a comparison says whether an answer is right; :func:`gated` and :func:`weighted`
put components together. Programs run in :mod:`loopholes.sandbox`, where expected outputs never go.

::

    from loopholes.rewards import same_number, tagged

    def reward(completion, answer):
        return float(same_number(tagged(completion), answer))

The comparisons take None for "no answer" and call it wrong. See docs/rewards.md.
"""

from __future__ import annotations

from loopholes.rewards.choices import choice
from loopholes.rewards.expressions import arithmetic, makes_target
from loopholes.rewards.judging import quoted, verdict
from loopholes.rewards.lists import items, same_list, same_set
from loopholes.rewards.numbers import number, same_number
from loopholes.rewards.objects import fields, record, records, same_records
from loopholes.rewards.parts import gated, weighted
from loopholes.rewards.places import behind, boxed, final, tagged
from loopholes.rewards.programs import calls_passed, outputs_passed, program
from loopholes.rewards.remedies import REMEDIES, Remedy
from loopholes.rewards.texts import same_text

__all__ = [
    "REMEDIES",
    "Remedy",
    "arithmetic",
    "behind",
    "boxed",
    "calls_passed",
    "choice",
    "fields",
    "final",
    "gated",
    "items",
    "makes_target",
    "number",
    "outputs_passed",
    "program",
    "quoted",
    "record",
    "records",
    "same_list",
    "same_number",
    "same_records",
    "same_set",
    "same_text",
    "tagged",
    "verdict",
    "weighted",
]
