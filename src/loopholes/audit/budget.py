"""The time of one audit, as fractions of its budget: what each stage may plan for, and when it has to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Literal

Stage = Literal["scale", "contract", "panel", "search"]

PLANNED: Mapping[Stage, float] = {"scale": 0.15, "contract": 0.1}
"""Fraction of the budget that a stage is planned to take: it decides on how many rows the stage looks."""
STOPS: Mapping[Stage, float] = {"scale": 0.25, "contract": 0.3, "panel": 0.75, "search": 0.9}
"""Fraction of the whole budget after which a stage starts no new work, however late it began."""
CALLS_PER_ROW: Mapping[Stage, int] = {"scale": 7, "contract": 30}
"""Estimated calls of the reward per row."""
SHORTEST_CALL = 1e-6
"""Seconds per call that estimates assume at least."""


class Budget:
    """Wall-clock time that an audit may take, from the moment that this object is made.

    ``seconds`` is the whole budget, ``used`` what loading the reward took before; ``clock`` returns seconds.
    """

    def __init__(
        self, seconds: float = math.inf, *, used: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = seconds
        self._clock = clock
        self._began = clock() - used

    @property
    def spent(self) -> float:
        """Seconds since the audit began."""
        return self._clock() - self._began

    def remaining(self, stage: Stage) -> float:
        """Seconds until the stage has to stop; negative once it is over."""
        return STOPS[stage] * self.seconds - self.spent

    def is_over(self, stage: Stage) -> bool:
        """Whether the stage has to stop now."""
        return self.remaining(stage) < 0

    def affordable_calls(self, stage: Stage, seconds_per_call: float) -> int:
        """How many calls fit into the time until the stage has to stop."""
        return max(0, int(self.remaining(stage) / max(seconds_per_call, SHORTEST_CALL)))

    def affordable_rows(self, stage: Stage, seconds_per_call: float, most: int) -> int:
        """How many of ``most`` rows the stage can look at within its planned time; at least two of them."""
        per_row = CALLS_PER_ROW[stage] * max(seconds_per_call, SHORTEST_CALL)
        return max(min(2, most), min(most, int(PLANNED[stage] * self.seconds / per_row)))
