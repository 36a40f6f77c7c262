"""The games: one module each, the built-in ones by name and a user's own by ``file.py:Class``."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from loopholes.errors import UnknownName, UsageError
from loopholes.games.base import Game
from loopholes.modules import run_file

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
    """A game by its name, or by ``file.py:Class``; ``parameters`` are the game's own.

    Raises :class:`UnknownName` or :class:`UsageError`.
    """
    return _game_class(name)(**parameters)


def _game_class(name: str) -> type[Game]:
    known = BUILT_IN.get(name) or REPORTED.get(name)
    if known:
        module, _, attribute = known.partition(":")
        found: type[Game] = getattr(importlib.import_module(module), attribute)
        return found
    file, _, attribute = name.rpartition(":")
    if not file.endswith(".py"):
        raise UnknownName("game", name, [*BUILT_IN, "FILE.py:CLASS"])
    return _from_file(Path(file), attribute)


def _from_file(path: Path, attribute: str) -> type[Game]:
    module = run_file(path, f"loopholes_user_game_{path.stem}")
    found = getattr(module, attribute, None)
    if not (isinstance(found, type) and issubclass(found, Game)):
        raise UsageError(f"{path} has no Game class named {attribute!r}")
    return found
