"""A bimodal outcome in two numbers: the share of seeds that found an exploit, and the exploit rate in these.

Some seeds find an exploit and end near 100 %, others never do. Their mean is a rate that no run has, and its t interval
can span from 0 to 100 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from loopholes.numbers import Estimate
from loopholes.stats.estimates import Sums, difference, estimate
from loopholes.stats.milestones import ROUNDING
from loopholes.stats.quantiles import wilson


@dataclass(frozen=True, slots=True)
class TwoPart:
    """``share`` is the share of seeds that found an exploit, with Wilson's interval; its ``n`` is their number.

    ``rate`` is the exploit rate over only these seeds; its value is None if no seed found the exploit.
    """

    share: Estimate
    rate: Estimate

    @property
    def splits(self) -> bool:
        """Whether some seeds found the exploit and some did not, so that a common mean describes neither."""
        return 0 < self.share.n < self.share.seeds

    def mean(self, over_all: Estimate) -> Estimate:
        """An estimate over all seeds, without its interval if the seeds split."""
        return replace(over_all, low=None, high=None) if self.splits else over_all


def two_part(seeds: Sequence[Sums], base: Sequence[Sums], least: float) -> TwoPart:
    """Both numbers for an arm; ``base`` holds the untrained policy's sums for the same seeds in the same order.

    A seed found the exploit if its rate lies at least ``least`` above that of the untrained policy on the same tasks,
    and the interval of the difference over tasks lies above 0.
    """
    hits = [sums for sums, untrained in zip(seeds, base, strict=True) if _rose(sums, untrained, least)]
    count, n = len(hits), len(seeds)
    low, high = wilson(count, n) if n else (None, None)
    share = Estimate(count / n if n else None, low, high, count, n)
    return TwoPart(share, estimate(hits))


def _rose(seed: Sums, untrained: Sums, least: float) -> bool:
    change = difference([seed], [untrained])
    return change.value is not None and change.value >= least - ROUNDING and change.low is not None and change.low > 0
