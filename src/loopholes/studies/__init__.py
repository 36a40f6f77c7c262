"""The paper's experiments: what each runs, and what its runs say.

A study is one file of this folder. It declares ``NAME``, ``QUESTION``, ``plan(config)``, ``summarize(config, runs)``
and ``PLACE``, its place in ``study all``: a study reuses the runs that it shares with those before it. Three more
declarations are optional:

- ``GAME``: the only game that the study is about;
- ``FOR_MINIS = False``: the study is not for the mini policies;
- ``IN_PARTS = True``: the study can be summarized before all of its runs are finished.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

from loopholes.errors import UnknownName, UsageError
from loopholes.studies.base import Study, StudyConfig

__all__ = ["STUDIES", "Study", "StudyConfig", "studies_called"]


def _declared() -> list[Study]:
    """The studies of this folder, in order. Other modules are not imported, since they may need more packages."""
    here = Path(__file__).parent
    names = [entry.name for entry in pkgutil.iter_modules([str(here)])]
    declared = [name for name in names if "\nPLACE = " in (here / f"{name}.py").read_text(encoding="utf-8")]
    modules = [importlib.import_module(f"{__name__}.{name}") for name in declared]
    modules.sort(key=lambda module: int(module.PLACE))
    return [_study(module) for module in modules]


def _study(module: ModuleType) -> Study:
    optional = {"game": "GAME", "for_minis": "FOR_MINIS", "in_parts": "IN_PARTS"}
    more = {field: getattr(module, name) for field, name in optional.items() if hasattr(module, name)}
    return Study(module.NAME, module.QUESTION, module.plan, module.summarize, **more)


STUDIES: dict[str, Study] = {study.name: study for study in _declared()}


def studies_called(name: str, config: StudyConfig) -> list[Study]:
    """The study of this name; for ``all``, every study that fits the games and the first policy of ``config``.

    Raises :class:`UnknownName` for a name that does not exist, and :class:`UsageError` if the study is not for the mini
    policies and ``config`` begins with one.
    """
    if name == "all":
        return [study for study in STUDIES.values() if study.is_about(config)]
    if name not in STUDIES:
        raise UnknownName("study", name, [*STUDIES, "all"])
    if config.is_of_minis and not STUDIES[name].for_minis:
        raise UsageError(f"{name} needs a model that this project did not make, such as --policy smollm2")
    return [STUDIES[name]]
