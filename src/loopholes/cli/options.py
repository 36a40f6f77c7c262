"""Options that several commands share, and how KEY=VALUE is read."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from loopholes.errors import UsageError
from loopholes.sandbox.server import VARIABLE as SANDBOX_VARIABLE
from loopholes.sandbox.server import checked


def _choose_sandbox(kind: str | None) -> str | None:
    if kind is not None:
        # In the environment, where whatever processes this command starts find it, too.
        os.environ[SANDBOX_VARIABLE] = checked(kind)
    return kind


Game = Annotated[str, typer.Argument(metavar="GAME", help="A game's name, or FILE.py:CLASS.", show_default=False)]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the game; may be given several times."),
]
Channel = Annotated[str, typer.Option(help="The channel that pays: vulnerable, secure, or another that the game has.")]
Seed = Annotated[int, typer.Option(min=0, help="Same seed, same numbers.")]
Tasks = Annotated[
    Path | None,
    typer.Option(help="A file of tasks (the released parquet layout, or JSON Lines); default: the mini world."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave out, and count, rows that cannot be used.")]
Sandbox = Annotated[
    str | None,
    typer.Option(
        metavar="isolated|process",
        help="How model-written programs run; default: isolated, or what LOOPHOLES_SANDBOX says.",
        callback=_choose_sandbox,
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Lines of JSON, for machines; the default for a pipe.")]


def pairs(given: Sequence[str] | None, option: str) -> dict[str, Any]:
    """``KEY=VALUE`` pairs; a value is JSON where it reads as JSON, and text otherwise. Raises :class:`UsageError`."""
    found: dict[str, Any] = {}
    for pair in given or ():
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"{option} takes KEY=VALUE, not {pair!r}")
        if key in found:
            raise UsageError(f"{option} gives {key} twice")
        found[key] = _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
