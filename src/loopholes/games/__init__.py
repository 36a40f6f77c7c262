"""The games: one module each, the built-in ones by name and a user's own by ``file.py:Class``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from loopholes.errors import UnknownName, UsageError
from loopholes.games.base import Game

BUILT_IN: dict[str, str] = {
    "context-compliance": "loopholes.games.context_compliance:ContextCompliance",
    "self-grading": "loopholes.games.self_grading:SelfGrading",
    "proxy-metric": "loopholes.games.proxy_metric:ProxyMetric",
    "reward-tampering": "loopholes.games.reward_tampering:RewardTampering",
}
REPORTED: dict[str, str] = {
    "any-box": "loopholes.games.reported:AnyBox",
    "unreadable": "loopholes.games.reported:Unreadable",
    "length-bonus": "loopholes.games.reported:LengthBonus",
    "keywords": "loopholes.games.reported:Keywords",
    "first-number": "loopholes.games.reported:FirstNumber",
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
    if not path.is_file():
        raise UsageError(f"{path} is not a file, so it holds no game")
    module_name = f"loopholes_user_game_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    found = getattr(module, attribute, None)
    if not (isinstance(found, type) and issubclass(found, Game)):
        raise UsageError(f"{path} has no Game class named {attribute!r}")
    return found
