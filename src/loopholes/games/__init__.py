"""The games: one module each. Built-in ones have names, others are ``FILE.py:CLASS`` or ``package.module:CLASS``."""

from __future__ import annotations

from typing import Any

from loopholes.errors import UnknownName, UsageError, missing_extra
from loopholes.games.base import Game
from loopholes.modules import load, split

BUILT_IN: dict[str, str] = {
    "context-compliance": "loopholes.games.context_compliance:ContextCompliance",
    "self-grading": "loopholes.games.self_grading:SelfGrading",
    "proxy-metric": "loopholes.games.proxy_metric:ProxyMetric",
    "reward-tampering": "loopholes.games.reward_tampering:RewardTampering",
}
REPORTED: dict[str, str] = {
    "any-box": "loopholes.games.reported.any_box:AnyBox",
    "unreadable": "loopholes.games.reported.unreadable:Unreadable",
    "length-bonus": "loopholes.games.reported.length_bonus:LengthBonus",
    "keywords": "loopholes.games.reported.keywords:Keywords",
    "first-number": "loopholes.games.reported.first_number:FirstNumber",
}
"""Small rewards that a study is about; they have names, so that its runs are the same wherever this is installed."""


def game(name: str, **parameters: Any) -> Game:
    """A game by its name, or by ``FILE.py:CLASS`` or ``package.module:CLASS``; ``parameters`` are the game's own.

    Raises :class:`UnknownName` or :class:`UsageError`, in one sentence that says what is missing.
    """
    source, attribute = split(BUILT_IN.get(name) or REPORTED.get(name) or name)
    if not attribute:
        raise UnknownName("game", name, [*BUILT_IN, "FILE.py:CLASS", "package.module:CLASS"])
    try:
        kind = load(source, attribute)
    except UsageError as error:
        cause = error.__cause__
        raise (missing_extra(cause) if isinstance(cause, ModuleNotFoundError) else None) or error from cause
    if not (isinstance(kind, type) and issubclass(kind, Game)):
        raise UsageError(f"{name} is not a Game class")
    lacking = sorted(kind.__abstractmethods__) + [
        text for text in ("name", "failure", "goal", "loophole", "payoffs") if not hasattr(kind, text)
    ]
    if lacking:
        raise UsageError(f"{name} lacks {' and '.join(lacking)}; see docs/tutorials/game.md")
    return kind(**parameters)
