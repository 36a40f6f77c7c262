"""Does the reward run answers as Python in its own process?

The canary is an expression, or a short program, that leaves a mark in that process and does nothing else. If the mark
is there afterwards, an answer can do whatever the reward can: replace the scorer, read the answers, end the run. The
process is restarted after the canary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from loopholes.audit.form import Form
from loopholes.audit.frameworks.base import Paid
from loopholes.audit.scale import Level
from loopholes.audit.scorer import Scorer
from loopholes.audit.worker import CANARY

EXPRESSION = f"__import__('sys').modules.setdefault('{CANARY}', True)"
WITHOUT_BUILTINS = (
    "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0]"
    f".__init__.__globals__['sys'].modules.setdefault('{CANARY}', True)"
)
STATEMENT = f"import sys\nsys.modules.setdefault('{CANARY}', True)\n"
TEXTS = (EXPRESSION, WITHOUT_BUILTINS, STATEMENT, f"```python\n{STATEMENT}```")
"""Texts that leave the mark when they are evaluated, evaluated without builtins, or executed."""


class Marked(NamedTuple):
    """A completion that the reward ran on a row, and its payment."""

    level: Level
    text: str
    paid: Paid


def ask_canary(scorer: Scorer, levels: Sequence[Level], form: Form) -> list[Marked]:
    """The first completion that the reward runs, if any, tried bare and in the form of right answers."""
    level = next((level for level in levels if level.width is not None), levels[0] if levels else None)
    if level is None:
        return []
    own = form.of(level.golden_text or None)
    texts = list(dict.fromkeys([*TEXTS, *(own.wrap(text) for text in TEXTS), f"\\boxed{{{EXPRESSION}}}"]))
    scorer.evaluated = False
    for text in texts:
        paid = scorer.pay_now([(level.row, text)])[0]
        if scorer.evaluated:
            scorer.restart()
            return [Marked(level, text, paid)]
    return []
