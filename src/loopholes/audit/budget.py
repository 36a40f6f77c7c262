"""The time budget of one audit: for how many rows there is time, and when each stage has to stop."""

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
"""Fraction of the calling time after which a stage starts no new work, however late it began.

After ``screening``, an expensive reward only scores what has not been screened yet, or shows a signal.
"""
PLANNED: Mapping[Stage, float] = {"scale": 0.6, "contract": 0.1}
"""Fraction of the calling time that rows are planned for: the scale with half of the panel, and the contract."""
CALLS_PER_ROW: Mapping[Stage, int] = {"scale": 7, "contract": 30}
"""Estimated calls of the reward per row."""
LOOKED_AT = 16
"""Maximum number of rows that the contract's checks, near misses and equivalents look at."""
LEAST_ROWS: Mapping[Stage, int] = {"scale": 16, "contract": 2}
"""Minimum number of rows that a stage plans, even if its time is too short for them. It may have to stop early."""
SHORTEST_CALL = 1e-6
"""Shortest time per call, in seconds, that estimates assume."""


class Budget:
    """The wall-clock time that an audit may take, from the moment this object is created.

    ``seconds`` is the whole budget, ``used`` the time that loading the reward took before; ``clock`` returns seconds.
    Fractions refer to the calling time, which starts when :meth:`begin` is called.
    """

    def __init__(
        self, seconds: float = math.inf, *, used: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = seconds
        self._clock = clock
        self._began = clock() - used
        self._ready = 0.0

    def begin(self) -> None:
        """Start the calling time: the reward is loaded and warmed up."""
        self._ready = min(self.spent, self.seconds)

    @property
    def asking(self) -> float:
        """The calling time in seconds, from :meth:`begin` to the end of the budget."""
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
        """The number of rows, up to ``most``, for which the stage's planned time is enough, but at least a few.

        The panel tries this number of ``attacks`` on at least half of the rows.
        """
        per_row = (CALLS_PER_ROW[stage] + attacks / 2) * max(seconds_per_call, SHORTEST_CALL)
        return min(most, max(LEAST_ROWS[stage], _whole(PLANNED[stage] * self.asking / per_row)))


def _whole(count: float) -> int:
    return int(min(count, 1e9))
