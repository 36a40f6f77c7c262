"""A share with its interval, written the same way on every page of the benchmarks."""

from __future__ import annotations

from loopholes.stats.quantiles import wilson


def share(hits: int, of: int) -> str:
    """How many of ``of`` are ``hits``, in per cent with Wilson's 95 % interval; a dash if ``of`` is 0."""
    if not of:
        return "–"
    low, high = wilson(hits, of)
    return f"{hits} of {of}: {100 * hits / of:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"
