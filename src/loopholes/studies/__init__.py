"""The paper's experiments: what each runs, and what its runs say.

A study is one file of this folder. It declares ``NAME``, ``QUESTION``, ``plan(config)``, ``summarize(config, runs)``
and ``PLACE``, by which ``study all`` is ordered: each study finds the runs that it shares with those before it. One
that is about a single game declares it as ``GAME``.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from pathlib import Path

from loopholes.errors import UnknownName
from loopholes.studies.base import Study, StudyConfig

__all__ = ["STUDIES", "Study", "StudyConfig", "studies_called"]


def _declared() -> list[Study]:
    """The studies of this folder in their order. Other modules, which may need more packages, are not imported."""
    here = Path(__file__).parent
    names = [found.name for found in pkgutil.iter_modules([str(here)])]
    declared = [name for name in names if "\nPLACE = " in (here / f"{name}.py").read_text(encoding="utf-8")]
    modules = [importlib.import_module(f"{__name__}.{name}") for name in declared]
    modules.sort(key=lambda module: int(module.PLACE))
    return [
        Study(module.NAME, module.QUESTION, module.plan, module.summarize, getattr(module, "GAME", None))
        for module in modules
    ]


STUDIES: dict[str, Study] = {study.name: study for study in _declared()}


def studies_called(name: str, games: Sequence[str]) -> list[Study]:
    """The study of this name, or for ``all`` every one but those about a game that is not among ``games``.

    Raises :class:`UnknownName`.
    """
    if name == "all":
        return [study for study in STUDIES.values() if study.game is None or study.game in games]
    if name not in STUDIES:
        raise UnknownName("study", name, [*STUDIES, "all"])
    return [STUDIES[name]]
