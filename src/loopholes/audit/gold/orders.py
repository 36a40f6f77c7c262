"""Does a reward accept the elements of a list in another order? Code that replaces its comparison should, too.

Nobody says whether the order matters, unless the prompt does. So a refusal is no fault, and what is paid is no finding:
it decides between comparisons that close one, and ``--against`` says if a fix refuses what was accepted.
"""

from __future__ import annotations

from collections.abc import Sequence

from loopholes.audit.budget import LOOKED_AT, Budget
from loopholes.audit.form import Form
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.answer import answer_of
from loopholes.audit.gold.equivalents import Equivalent, called_right
from loopholes.audit.gold.ways import reversed_items
from loopholes.audit.scale import Level, Truth
from loopholes.audit.scorer import Scorer

OTHER_ORDER = "other order"
"""The name of the spelling; it is the one by which :mod:`.ways` calls it if the prompt allows any order."""


def ask_orders(
    scorer: Scorer, levels: Sequence[Level], form: Form, budget: Budget, truth: Truth | None, *, rows: int = LOOKED_AT
) -> list[Equivalent]:
    """Score right lists in reverse order, on at most ``rows`` rows with a scale.

    Lists are left out if the prompt demands an order, or if the ``truth`` calls the other order less right.
    """
    if budget.is_over("near"):
        return []
    texts = [
        (level, text)
        for level in [level for level in levels if level.width is not None][:rows]
        for text in called_right(scorer, level, _reversed(scorer.rows[level.row], form), truth).values()
    ]
    paid = scorer.pay([(level.row, text) for level, text in texts])
    return [Equivalent(OTHER_ORDER, *scored, payment) for scored, payment in zip(texts, paid, strict=True)]


def _reversed(row: Row, form: Form) -> dict[str, str]:
    """The golden completion with its list in reverse order, by its name; empty if it has none."""
    answer = answer_of(row, form)
    if answer is None or answer.kind != "list":
        return {}
    items = reversed_items(answer)
    text = None if items is None else answer.placed(items)
    return {} if text is None else {OTHER_ORDER: text}
