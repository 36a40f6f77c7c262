"""Loopholes: do language models learn to exploit your reward? Games, training, measurement and audit."""

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
