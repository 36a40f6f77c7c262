"""Components of one reward, combined so that none compensates for a wrong answer or hides another."""

from __future__ import annotations

import math
from collections.abc import Mapping


def gated(right: float | bool, bonus: float, most: float = 0.1) -> float:
    """``right`` in [0, 1], plus, for a fully right answer only, a ``bonus`` clipped to [0, ``most``].

    For form, length, steps and keywords, which earn nothing alone. Raises ValueError if an argument is not finite.
    """
    if not (math.isfinite(right) and math.isfinite(bonus)):
        raise ValueError("a component is not finite")
    return float(right) + (min(max(bonus, 0.0), most) if right >= 1 else 0.0)


def weighted(parts: Mapping[str, float | None], weights: Mapping[str, float]) -> float:
    """The weighted sum of all components; raises ValueError if one is missing, surplus or not finite.

    An exception in a component should reach the trainer: swallowed, it hides a penalty.
    """
    if parts.keys() != weights.keys():
        raise ValueError(f"components {sorted(parts)} do not match weights {sorted(weights)}")
    total = 0.0
    for name, value in parts.items():
        if value is None or not math.isfinite(value):
            raise ValueError(f"component {name} is {value}")
        total += weights[name] * value
    return total
