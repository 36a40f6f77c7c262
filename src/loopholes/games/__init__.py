"""The games: one module each. Built-in ones have names, others are ``FILE.py:CLASS`` or ``package.module:CLASS``."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from loopholes.errors import ContractError, DataError, UnknownName, UsageError, missing_extra
from loopholes.games.base import Game
from loopholes.modules import load, split
from loopholes.version import documentation

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
TEXTS = ("name", "failure", "goal", "loophole", "payoffs")
"""The class attributes that every game has to set."""


def game(name: str, **parameters: Any) -> Game:
    """A game by its name, or by ``FILE.py:CLASS`` or ``package.module:CLASS``; ``parameters`` are the game's own.

    Raises :class:`UnknownName`, :class:`UsageError`, or :class:`ContractError` for a class that is not a whole game.
    """
    source, attribute = named(name)
    try:
        kind = load(source, attribute)
    except UsageError as error:
        cause = error.__cause__
        raise (missing_extra(cause) if isinstance(cause, ModuleNotFoundError) else None) or error from cause
    if not (isinstance(kind, type) and issubclass(kind, Game)):
        raise UsageError(f"{name} is not a Game class")
    _check_finished(kind, name)
    return kind(**parameters)


def named(name: str) -> tuple[str, str]:
    """The module and the class that a game's name means; raises :class:`UsageError` with what was probably meant.

    Of a game's own file, only the text is read. Raises :class:`DataError` if a file without a class does not exist.
    """
    source, attribute = split(BUILT_IN.get(name) or REPORTED.get(name) or name)
    if attribute:
        return source, attribute
    if not source.endswith(".py"):
        raise UnknownName("game", name, [*BUILT_IN, "FILE.py:CLASS", "package.module:CLASS"])
    if not Path(source).is_file():
        raise DataError(f"there is no file {source}")
    choices = " or ".join(f"{source}:{kind}" for kind in _subclasses_in(Path(source)))
    raise UsageError(f"{name} does not say which game: {f'write {choices}' if choices else 'it defines no Game class'}")


def _subclasses_in(file: Path) -> list[str]:
    """The classes at the top level of a Python file that extend another; none if it is not Python."""
    try:
        body = ast.parse(file.read_bytes()).body
    except (SyntaxError, ValueError):
        return []
    return [node.name for node in body if isinstance(node, ast.ClassDef) and node.bases]


def _check_finished(kind: type[Game], name: str) -> None:
    """Raise :class:`ContractError` for a class that does not define everything a game has."""
    methods = ", ".join(f"{method}()" for method in sorted(kind.__abstractmethods__))
    texts = ", ".join(text for text in TEXTS if not isinstance(getattr(kind, text, None), str))
    lacking = " and ".join(f"{what}: {names}" for what, names in (("methods", methods), ("texts", texts)) if names)
    if lacking:
        example = documentation("docs/tutorials/game.md")
        raise ContractError(f"{name} is not a whole game yet; define its {lacking} ({example} shows how)")
