"""Rollouts of other trainers as runs, so that training on an exported game shows what our own trainer would show.

A format is one file of this folder. It declares ``WRITTEN_BY`` (what writes such files, for messages), ``files_in``
(which files of a directory to read) and ``read``, which yields every row of a file as a :class:`Rollout`, or as a
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
