"""Loopholes: do language models learn to exploit your reward? Games, training, measurement and audit."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loopholes.errors import LoopholesError
    from loopholes.games import game
    from loopholes.games.base import Demonstration, Game, Parameters
    from loopholes.records import Channel, Completion, Metric, Outcome, Payment, Task

__version__ = "0.1.0"
__all__ = [
    "Channel",
    "Completion",
    "Demonstration",
    "Game",
    "LoopholesError",
    "Metric",
    "Outcome",
    "Parameters",
    "Payment",
    "Task",
    "game",
]
_PLACES = {
    "errors": ["LoopholesError"],
    "games": ["game"],
    "games.base": ["Demonstration", "Game", "Parameters"],
    "records": ["Channel", "Completion", "Metric", "Outcome", "Payment", "Task"],
}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is asked for: a reward that imports ``loopholes.rewards`` needs no game."""
    for place, names in _PLACES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{place}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
