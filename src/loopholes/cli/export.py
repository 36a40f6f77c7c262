"""``loopholes export``: writes a game as an environment of another framework."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loopholes.cli.console import conclude, print_line
from loopholes.cli.options import Channel, Game, Json, Seed, Set, pairs
from loopholes.integrations import TARGETS, target
from loopholes.integrations import export as write
from loopholes.integrations.packing import pack, refuse_existing
from loopholes.records import PromptStyle

Framework = Annotated[str, typer.Argument(metavar="FRAMEWORK", help=f"{', '.join(TARGETS)}.", show_default=False)]


def export(
    framework: Framework,
    game: Game,
    out: Annotated[Path, typer.Option(help="New folder for the environment.", show_default=False)],
    channel: Channel = "vulnerable",
    count: Annotated[int, typer.Option(min=1, help="Generated tasks per split, train and test.")] = 256,
    prompts: Annotated[
        PromptStyle, typer.Option(help="Prompts for chat models, or the terse prompts of the mini policies.")
    ] = "chat",
    seed: Seed = 0,
    set_: Set = None,
    json_: Json = False,
) -> None:
    """Write a game as an environment of another framework, with the same tasks, rewards and truth.

    The framework trains on the rewards of the channel; task score and exploit are recorded, too.
    """
    target(framework)
    refuse_existing(out)
    package = pack(game, channel=channel, seed=seed, count=count, prompts=prompts, parameters=pairs(set_, "--set"))
    write(framework, package, out)
    if json_:
        print_line({"export": str(out), "framework": framework, **package.manifest})
    else:
        conclude(f"The environment is in {out}; its README.md says how to use it")
