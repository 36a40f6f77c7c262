"""What a reward pays besides its comparison with the right answer, as far as its payments show it.

A term for form, length or keywords pays a text for what it looks like, whatever the right answer is. So it shows in
texts without an answer that are paid the same on all rows, more than the least that is paid and less than a right
answer. A reward with more than two amounts and without such a term pays answers that are partly right.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from loopholes.audit.frameworks.base import Paid
from loopholes.audit.observations import Observations
from loopholes.audit.scale import SAME

FAMILIES = ("format", "length", "stuffing")
"""Families of attacks that look like answers without giving one."""
ROWS = 3
"""Smallest number of rows that have to pay a text the same for a term."""
TEXTS = 2
"""Smallest number of such texts: the words of one may happen to be in all right answers."""


def amounts(paid: Collection[Paid], seen: Observations) -> set[float]:
    """The different amounts that a reward pays, rounded to six digits."""
    values = {round(payment.value, 6) for payment in paid if payment.value is not None and not payment.problem}
    return values | {round(level.floor, 6) for level in seen.levels if level.floor is not None}


def has_terms(paid: Collection[Paid], seen: Observations) -> bool:
    """Whether texts without an answer are paid part of what right answers earn, and the same on all rows."""
    values = [value for value in amounts(paid, seen) if math.isfinite(value)]
    right = [level.golden for level in seen.measurable if level.golden is not None]
    if not values or not right:
        return False
    low, high = min(values), min(right)
    alike = [payments for payments in _unanswering(seen) if max(payments) - min(payments) <= SAME]
    return sum(low + SAME < payments[0] < high - SAME for payments in alike) >= TEXTS


def _unanswering(seen: Observations) -> Iterator[list[float]]:
    """The payments of each text that gives no answer on enough rows; none of those on which the reward failed."""
    attacks = [tried for tried in seen.tried if tried.attack.family in FAMILIES]
    texts = [[paid for row, paid in tried.paid.items() if row not in tried.right] for tried in attacks]
    for payments in (*texts, *(list(by_row.values()) for by_row in seen.idle.paid.values())):
        values = [payment.value for payment in payments if payment.value is not None and not payment.problem]
        if len(values) >= ROWS and all(map(math.isfinite, values)):
            yield values
