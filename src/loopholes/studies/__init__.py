"""The paper's experiments: what each runs, and what its runs say.

A study is one file of this folder. It declares ``NAME``, ``QUESTION``, ``plan(config)``, ``summarize(config, runs)``
and ``PLACE``, by which ``study all`` is ordered: each study finds the runs that it shares with those before it.
"""

from __future__ import annotations

import importlib
import pkgutil
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
    return [Study(module.NAME, module.QUESTION, module.plan, module.summarize) for module in modules]


STUDIES: dict[str, Study] = {study.name: study for study in _declared()}


def studies_called(name: str) -> list[Study]:
    """The study of this name, or every one for ``all``; raises :class:`UnknownName`."""
    if name == "all":
        return list(STUDIES.values())
    if name not in STUDIES:
        raise UnknownName("study", name, [*STUDIES, "all"])
    return [STUDIES[name]]
