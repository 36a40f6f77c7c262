"""``loopholes export``: writes a game as an environment of another framework."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loopholes.cli.console import conclude, print_line
from loopholes.cli.options import Channel, Game, Json, Seed, Set, SkipBad, Tasks, pairs
from loopholes.errors import UsageError
from loopholes.integrations import TARGETS, target
from loopholes.integrations import export as write
from loopholes.integrations.own_tasks import TaskFiles
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
    tasks: Tasks = None,
    test_tasks: Annotated[
        Path | None,
        typer.Option(
            help="File of tasks for the test split. Default: a tenth of those in --tasks.", show_default=False
        ),
    ] = None,
    set_: Set = None,
    skip_bad: SkipBad = False,
    json_: Json = False,
) -> None:
    """Write a game as an environment of another framework, with the same tasks, rewards and truth.

    The framework trains on the rewards of the channel; task score and exploit are recorded, too.
    """
    target(framework)
    refuse_existing(out)
    if test_tasks is not None and tasks is None:
        raise UsageError("--test-tasks needs --tasks, the file of the tasks for training")
    files = TaskFiles(tasks, test_tasks, skip_bad) if tasks is not None else None
    parameters = pairs(set_, "--set")
    package = pack(game, channel=channel, seed=seed, count=count, prompts=prompts, parameters=parameters, files=files)
    write(framework, package, out)
    if json_:
        print_line({"export": str(out), "framework": framework, **package.manifest})
    else:
        conclude(f"The environment is in {out}; its README.md says how to use it")
