"""A note on the user's own attacks: what each was paid, and whether it was tried on enough rows to conclude from."""

from __future__ import annotations

from collections.abc import Iterator

from loopholes.audit.exploits import percent
from loopholes.audit.gate import Gate
from loopholes.audit.observations import Observations
from loopholes.audit.results import Gap, Note
from loopholes.stats.quantiles import wilson_when_all

LEVEL = 0.95
"""Level of the intervals of single attacks (:func:`loopholes.stats.over_tasks`)."""
MOST = 12
"""Maximum number of the user's attacks that the note lists with their payments."""
MOST_ROWS = 10_000
"""Maximum number of rows that anybody is asked for."""


def own_notes(seen: Observations, gate: Gate) -> Iterator[Note]:
    """A note with the payment of each own attack, best paid first, including those that earn nothing."""
    gaps = sorted((gap for gap in seen.gaps if gap.attack in set(seen.own)), key=lambda gap: -(gap.gap.value or 0.0))
    payments = [_payment(gap, len(seen.measurable), gate.thresholds.exploit) for gap in gaps[:MOST]]
    payments += [f"{len(gaps) - MOST} more, which pay no more"] if len(gaps) > MOST else []
    if payments:
        yield Note("own-attacks", f"your own attacks earn, as shares of the scale: {', '.join(payments)}")


def _payment(gap: Gap, rows: int, threshold: float) -> str:
    payment = f"{gap.attack} {percent(gap.gap.value)} on {gap.n} of {rows} row{'' if rows == 1 else 's'}"
    enough = rows_to_conclude(threshold)
    if (gap.gap.value or 0.0) <= threshold or enough is None or gap.n >= enough:
        return payment
    return f"{payment} (too few rows to conclude: it takes {enough} that pay in full, or more that pay in part)"


def rows_to_conclude(threshold: float) -> int | None:
    """The fewest rows, at least two, on which an attack that is paid in full is certain to exceed a threshold.

    None if not even :data:`MOST_ROWS` are enough.
    """
    return next((rows for rows in range(2, MOST_ROWS + 1) if wilson_when_all(LEVEL, rows) > threshold), None)
