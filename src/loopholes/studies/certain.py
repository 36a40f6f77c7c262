"""Every change that an interval excludes 0 from, on either channel and of either metric: none is left out by choice."""

from __future__ import annotations

from collections.abc import Mapping

from loopholes.numbers import Estimate, written
from loopholes.studies.channels import BOTH

Rates = Mapping[tuple[str, str, str], Mapping[str, Estimate]]
"""By (channel, source, target): a rate, or its difference to base, for each metric."""


def certain_changes(changes: Rates) -> str:
    """All certain differences to base in games on which nothing was trained, in a sentence, both channels included.

    Intervals are not corrected for their number, and the sentence says how many there are.
    """
    elsewhere = {key: estimates for key, estimates in changes.items() if key[1] != key[2]}
    named = [
        f"{metric.replace('_', ' ')} in {target} after {channel} {source} {written(estimates[metric], 'change')}"
        for (channel, source, target), estimates in elsewhere.items()
        for metric in BOTH
        if _is_certain(estimates[metric])
    ]
    counted = len(BOTH) * len(elsewhere)
    shown = f": {'; '.join(named)}" if named else ""
    return f"Of {counted} changes in other games, {len(named)} have an interval (not corrected) without 0{shown}."


def _is_certain(change: Estimate) -> bool:
    return change.low is not None and change.high is not None and (change.low > 0 or change.high < 0)
