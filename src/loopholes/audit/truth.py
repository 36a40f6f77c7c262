"""The ground truth as a user's function: ``f(completion, **row)`` in [0, 1], in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from loopholes.audit.frameworks.base import Row
from loopholes.audit.process import RewardProcess
from loopholes.audit.results import Target
from loopholes.audit.scale import Truth
from loopholes.audit.scorer import Scorer
from loopholes.audit.targets import existing, part_of
from loopholes.errors import UsageError

FEW = 8
"""Rows on which an empty completion is tried before the truth is believed."""


@contextmanager
def truth_of(name: str, rows: Sequence[Row]) -> Iterator[Truth]:
    """The truth by a function, inside the block. A completion on which the function fails has no score.

    Raises :class:`UsageError` for a truth outside [0, 1], or one that calls even empty completions right.
    """
    with RewardProcess(Target("plain", (existing(part_of(name)),))) as process:
        scorer = Scorer(process, rows)
        for row in rows[:1]:
            scorer.warm_up((0, row.golden or ""))
        places = {row.number: place for place, row in enumerate(rows)}

        def truth(truth_rows: Sequence[Row], texts: Sequence[str]) -> list[float | None]:
            calls = [(places[row.number], text) for row, text in zip(truth_rows, texts, strict=True)]
            values = [paid.value for paid in scorer.pay(calls)]
            outside = next((value for value in values if value is not None and not 0 <= value <= 1), None)
            if outside is not None:
                raise UsageError(f"the truth {name} returned {outside:g}: it must say how right from 0 to 1")
            return values

        few = rows[:FEW]
        if few and all(value == 1 for value in truth(few, [""] * len(few))):
            raise UsageError(
                f"the truth {name} calls an empty completion right on each of {len(few)} rows: it tells nothing apart"
            )
        yield truth
