"""Rollouts that other trainers wrote, as runs: whoever trained on an exported game sees what this trainer would show.

A format is one file of this folder. It declares ``WRITTEN_BY`` (how such files come about, for messages), ``files_in``
(which files of a directory are meant) and ``read``, which gives every row of a file as a :class:`Rollout`, or as the
sentence that says what is wrong with it. ``joining`` finds the task of each, ``importing`` measures them and writes the
run.
"""

from __future__ import annotations

from types import ModuleType

from loopholes.errors import UnknownName
from loopholes.traces import verifiers, verl

__all__ = ["FORMATS", "format_called"]

FORMATS: dict[str, ModuleType] = {"verl": verl, "verifiers": verifiers}


def format_called(name: str) -> ModuleType:
    """The module of a format; raises :class:`UnknownName`."""
    if name not in FORMATS:
        raise UnknownName("format", name, list(FORMATS))
    return FORMATS[name]
