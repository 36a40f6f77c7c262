"""Does a reward accept a list, also one in a JSON object, in another order? Code that replaces it should, too.

Nobody says whether the order matters, unless the prompt does. So a refusal is no fault, and what is paid is no finding:
it decides between comparisons that close one, and ``--against`` says if a fix refuses what was accepted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from loopholes.audit.budget import LOOKED_AT, Budget
from loopholes.audit.form import Form
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.answer import Answer, answer_of
from loopholes.audit.gold.equivalents import Equivalent, called_right
from loopholes.audit.gold.json_objects import ListObject, dumps, paths_of, with_value_in
from loopholes.audit.gold.records import MOST_PARTS
from loopholes.audit.gold.ways import ORDER_DEMANDED, reversed_items
from loopholes.audit.scale import Level, Truth
from loopholes.audit.scorer import Scorer

OTHER_ORDER = "other order"
IN_A_FIELD = "other order in a field"
"""The names of the spellings; they are those by which :mod:`.ways` calls them if the prompt allows any order."""


def ask_orders(
    scorer: Scorer, levels: Sequence[Level], form: Form, budget: Budget, truth: Truth | None, *, rows: int = LOOKED_AT
) -> list[Equivalent]:
    """Score right lists in reverse order, on at most ``rows`` rows with a scale.

    Lists are left out if the prompt demands an order, or if the ``truth`` calls the other order less right.
    """
    if budget.is_over("near"):
        return []
    texts: list[tuple[str, Level, str]] = []
    for level in [level for level in levels if level.width is not None][:rows]:
        reversed_lists = _reversed(scorer.rows[level.row], form)
        right = called_right(scorer, level, {text: text for _, text in reversed_lists}, truth)
        texts += [(name, level, text) for name, text in reversed_lists if text in right]
    paid = scorer.pay([(level.row, text) for _, level, text in texts])
    return [Equivalent(*scored, payment) for scored, payment in zip(texts, paid, strict=True)]


def _reversed(row: Row, form: Form) -> list[tuple[str, str]]:
    """The golden completion with its list in reverse order, or with each list of its JSON object, by its name."""
    answer = answer_of(row, form)
    if answer is None or answer.kind not in ("list", "record"):
        return []
    if answer.kind == "list":
        name, texts = OTHER_ORDER, [reversed_items(answer)]
    else:
        name, texts = IN_A_FIELD, list(_fields_reversed(answer))
    placed = [answer.placed(text) for text in texts if text is not None]
    return [(name, text) for text in placed if text is not None]


def _fields_reversed(answer: Answer) -> Iterator[str]:
    """The object with one of its lists in reverse order, for each list; none if the prompt demands an order."""
    if ORDER_DEMANDED.search(answer.row.text):
        return
    if isinstance(answer.record, ListObject) and len(answer.record) > 1:
        yield dumps(ListObject(reversed(answer.record.items())))
    lists = [(path, value) for path, value in paths_of(answer.record) if isinstance(value, list)]
    for path, value in lists[:MOST_PARTS]:
        if value != value[::-1]:
            yield with_value_in(answer.text, path, value[::-1])
