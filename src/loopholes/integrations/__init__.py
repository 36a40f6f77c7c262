"""The games in other frameworks: rewards that they train with, environments and tasks that they install.

Each file is one framework. It pays through :mod:`loopholes.score`, measures through the games' own measurements, and
imports its framework only when it is used. A target of ``loopholes export`` (:data:`TARGETS`) has

- a docstring, whose first line is its help;
- ``PACKAGE``, the distribution that plays the export, and ``VERSION``, its minor version that was tested;
- ``TWO_PASS``, whether the policy can be asked a game's second question there;
- ``files(package)``, which returns every file of the export by its path.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from loopholes.errors import UnknownName, UsageError
from loopholes.integrations.packing import Package, refuse_existing, refuse_other_version, write_package
from loopholes.integrations.scoring import asks
from loopholes.lazy import on_first_use

if TYPE_CHECKING:
    from loopholes.integrations import trl as trl

TARGETS = ("openenv", "verifiers", "verl")
"""The frameworks that games are exported to: modules of this folder."""

OTHERWISE = {
    "trl": "TRL takes a game as a reward, without an export: "
    "reward_funcs=loopholes.integrations.trl.reward(GAME, CHANNEL)",
    "inspect": "Inspect plays the games without an export: inspect eval loopholes/reward_tampering --model MODEL",
}
"""Frameworks that play the games without an export, with how they do."""


if not TYPE_CHECKING:  # loopholes.integrations.trl.reward needs no import of its own
    __getattr__ = on_first_use(__name__, {}, ["trl"])


class Target(Protocol):
    """A module for a framework that games are exported to; see above."""

    PACKAGE: str
    VERSION: str
    TWO_PASS: bool

    def files(self, package: Package) -> Mapping[str, bytes]:
        """Every file of the export, by its path below ``--out``."""
        ...


def target(name: str) -> Target:
    """A framework that games are exported to; raises :class:`UsageError` for any other name."""
    if name in OTHERWISE:
        raise UsageError(OTHERWISE[name])
    if name not in TARGETS:
        raise UnknownName("framework to export to", name, list(TARGETS))
    module: Any = importlib.import_module(f"{__name__}.{name}")
    return module  # type: ignore[no-any-return]


def export(name: str, package: Package, out: Path) -> None:
    """Write a game as an environment of the framework ``name`` into the new folder ``out``, whole or not at all.

    Raises :class:`UnknownName`, :class:`UsageError` for a game that cannot be played there or another version of the
    framework, and :class:`RunError` if ``out`` exists or cannot be written.
    """
    chosen = target(name)
    refuse_existing(out)
    refuse_other_version(chosen.PACKAGE, chosen.VERSION)
    if not chosen.TWO_PASS and asks(package.game, package.tasks["train"][0]):
        raise UsageError(
            f"{package.game.name} asks its policy a second question, but {name} has no turn for it: --set "
            "self_report=inline, or export to verifiers or openenv"
        )
    write_package(chosen.files(package), out)
