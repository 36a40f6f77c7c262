"""Whether the time of a reader grows linearly with its text: a ratio of processor times, not a deadline."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

SIZES = tuple(4**power for power in range(5, 11))  # 1,024 to 1,048,576
BOUND = 10  # times the time for 4 times the text: linear is 4, quadratic is 16
SUSPECT = 6  # above this ratio, measure again, more often
NOISE = 0.02  # seconds in which fresh pages and cold caches may take more than the work
ENOUGH = 0.03  # seconds after which no larger text is needed


def assert_linear(
    work: Callable[[str], object], make: str | Callable[[int], str], sizes: Sequence[int] = SIZES
) -> None:
    """Fail if four times the text ever takes ten times as long. ``make`` is repeated, or creates a text of a size.

    The texts grow until the time can be measured, which exposes a quadratic reader within a second or so. A suspicious
    ratio is measured again, more often, before it counts, and the next larger text is tried, too.
    """
    texts = (make(size) if callable(make) else make * max(1, size // len(make)) for size in sizes)
    before = 0.0
    for smaller, larger in pairwise(texts):
        before = before or seconds(work, smaller, 2)
        now = seconds(work, larger, 1)
        is_suspicious = now > max(NOISE, SUSPECT * before)
        if is_suspicious:
            before, now = seconds(work, smaller, 7), seconds(work, larger, 5)
            assert now <= max(NOISE, BOUND * before), (
                f"{len(larger):,} characters take {now / before:.0f} times as long"
            )
        if now > ENOUGH and not is_suspicious:
            return
        before = now


def seconds(work: Callable[[str], object], text: str, times: int) -> float:
    """The smallest of several processor times; as in timeit, garbage is collected in between."""
    taken = []
    for _ in range(times):
        gc.collect(0)
        gc.disable()
        try:
            began = time.process_time()
            work(text)
            taken.append(time.process_time() - began)
        finally:
            gc.enable()
    return min(taken)
