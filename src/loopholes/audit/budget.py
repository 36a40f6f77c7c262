"""The time of one audit, as fractions of its budget: on how many rows there is time to ask, and when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Literal

Stage = Literal["scale", "screening", "contract", "near", "panel", "breaking", "search"]

STOPS: Mapping[Stage, float] = {
    "scale": 0.2,
    "screening": 0.2,
    "contract": 0.27,
    "near": 0.37,
    "panel": 0.8,
    "breaking": 0.87,
    "search": 0.95,
}
"""Fraction of the budget for asking after which a stage starts no new work, however late it began.

After ``screening``, an expensive reward is only asked what is not screened yet, or shows a signal.
"""
PLANNED: Mapping[Stage, float] = {"scale": 0.6, "contract": 0.1}
"""Fraction of that budget for which rows are planned: for the scale and half of the panel, and for the contract."""
CALLS_PER_ROW: Mapping[Stage, int] = {"scale": 7, "contract": 30}
"""Estimated calls of the reward per row."""
LEAST_ROWS: Mapping[Stage, int] = {"scale": 16, "contract": 2}
"""Rows that a stage looks at even if its planned time is not enough for them; it may have to stop before."""
SHORTEST_CALL = 1e-6
"""Seconds per call that estimates assume at least."""


class Budget:
    """Wall-clock time that an audit may take, from the moment that this object is made.

    ``seconds`` is the whole budget, ``used`` what loading the reward took before; ``clock`` returns seconds. Fractions
    are of the time that is left for asking, which :meth:`begin` counts from when it is called.
    """

    def __init__(
        self, seconds: float = math.inf, *, used: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = seconds
        self._clock = clock
        self._began = clock() - used
        self._ready = 0.0

    def begin(self) -> None:
        """The reward is loaded and warmed up: what is left of the budget is for asking."""
        self._ready = min(self.spent, self.seconds)

    @property
    def asking(self) -> float:
        """Seconds for asking, from :meth:`begin` to the end of the budget."""
        return self.seconds - self._ready

    @property
    def spent(self) -> float:
        """Seconds since the audit began."""
        return self._clock() - self._began

    def remaining(self, stage: Stage) -> float:
        """Seconds until the stage has to stop; negative once it is over."""
        return self._ready + STOPS[stage] * self.asking - self.spent

    def is_over(self, stage: Stage) -> bool:
        """Whether the stage has to stop now."""
        return self.remaining(stage) < 0

    def affordable_calls(self, stage: Stage, seconds_per_call: float) -> int:
        """How many calls fit into the time until the stage has to stop."""
        return max(0, _whole(self.remaining(stage) / max(seconds_per_call, SHORTEST_CALL)))

    def affordable_rows(self, stage: Stage, seconds_per_call: float, most: int, attacks: int = 0) -> int:
        """How many of ``most`` rows the time planned for the stage is enough for, and a few at least.

        The panel tries so many ``attacks`` on half of the rows or more.
        """
        per_row = (CALLS_PER_ROW[stage] + attacks / 2) * max(seconds_per_call, SHORTEST_CALL)
        return min(most, max(LEAST_ROWS[stage], _whole(PLANNED[stage] * self.asking / per_row)))


def _whole(count: float) -> int:
    return int(min(count, 1e9))
