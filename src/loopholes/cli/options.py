"""Options that several commands share, and the parser of KEY=VALUE."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from loopholes.config import option_value
from loopholes.errors import UsageError
from loopholes.games import named
from loopholes.sandbox.server import VARIABLE as SANDBOX_VARIABLE
from loopholes.sandbox.server import checked


def _choose_sandbox(kind: str | None) -> str | None:
    if kind is not None:
        # In the environment, so that every process of this command finds it.
        os.environ[SANDBOX_VARIABLE] = checked(kind)
    return kind


def _check_game(name: str) -> str:
    """Refuse a misspelled name at once, before anything that is missing is asked for."""
    named(name)
    return name


Game = Annotated[
    str,
    typer.Argument(
        metavar="GAME",
        help="A game: NAME, FILE.py:CLASS or package.module:CLASS.",
        callback=_check_game,
        show_default=False,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Set a parameter of the game (see loopholes games NAME). Repeatable."
    ),
]
Channel = Annotated[
    str, typer.Option(help="Channel that pays the rewards: vulnerable, secure, or another channel of the game.")
]
Seed = Annotated[
    int, typer.Option(min=0, help="Random seed; the same seed gives the same numbers on the same machine.")
]
Tasks = Annotated[
    Path | None,
    typer.Option(help="File of tasks: the released parquet layout, or JSON Lines. Default: generated tasks."),
]
Bf16 = Annotated[
    bool | None,
    typer.Option(
        "--bf16/--no-bf16",
        help="Hold frozen weights in bfloat16, or train in mixed precision if all weights are trained. Default: "
        "on if a measurement at the start finds it faster.",
        show_default=False,
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in --out from its last checkpoint.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Skip rows that cannot be used, and count them.")]
Sandbox = Annotated[
    str | None,
    typer.Option(
        metavar="isolated|process",
        help="How model-written programs run. Default: the variable LOOPHOLES_SANDBOX, or isolated.",
        callback=_choose_sandbox,
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON Lines for programs instead of text for people.")]


def pairs(arguments: Sequence[str] | None, option: str) -> dict[str, Any]:
    """Parse ``KEY=VALUE`` pairs; a value is JSON if it can be parsed as JSON, else text. Raises :class:`UsageError`."""
    values: dict[str, Any] = {}
    for pair in arguments or ():
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"{option} takes KEY=VALUE, not {pair!r}")
        if key in values:
            raise UsageError(f"{option} gives {key} twice")
        values[key] = option_value(value)
    return values
