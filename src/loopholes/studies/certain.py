"""Every change whose interval excludes 0, on both channels and for both metrics, so that none is left out by choice."""

from __future__ import annotations

from collections.abc import Mapping

from loopholes.numbers import Estimate, written
from loopholes.studies.channels import BOTH

Rates = Mapping[tuple[str, str, str], Mapping[str, Estimate]]
"""By (channel, source, target): each metric's rate, or its difference from base."""


def certain_changes(changes: Rates) -> str:
    """A sentence on every clear change in games that were not trained on, after either channel.

    The intervals are not corrected for their number, so the sentence says how many there are.
    """
    elsewhere = {key: estimates for key, estimates in changes.items() if key[1] != key[2]}
    named = [
        f"{metric.replace('_', ' ')} in {target} after {channel} {source} {written(estimates[metric], 'change')}"
        for (channel, source, target), estimates in elsewhere.items()
        for metric in BOTH
        if _is_certain(estimates[metric])
    ]
    counted = len(BOTH) * len(elsewhere)
    listing = f": {'; '.join(named)}" if named else ""
    return f"Of {counted} changes in other games, {len(named)} have an (uncorrected) interval that excludes 0{listing}."


def _is_certain(change: Estimate) -> bool:
    return change.low is not None and change.high is not None and (change.low > 0 or change.high < 0)
