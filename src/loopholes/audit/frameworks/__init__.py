"""Reward functions of other frameworks, called as those frameworks call them. Libraries are imported only when used.

Each framework is a module of this folder that declares itself, from which the registry is derived. It has

- ``NAME``, and a docstring;
- ``PACKAGE``, the distribution whose version a finding records, and ``EXTRA``, the extra of Loopholes that installs it;
  each may be None;
- ``REQUIREMENTS``, what to install for a target that names or imports a module: from the top-level module to
  requirements as pip reads them (:mod:`loopholes.audit.environments`); may be empty;
- ``OPTIONS``, its options: from name to a sentence for ``loopholes audit --help``;
- ``PREFIXES``, the words before a colon that mark its targets (``game:NAME``); may be empty;
- ``recognises(shape)``, whether a :class:`loopholes.audit.frameworks.base.Shape` was written for it;
  None if targets are named by a prefix only;
- ``build(parts, options)``, which loads a user's reward in the process that it will run in and returns a
  :class:`loopholes.audit.frameworks.base.Reward`. If a reward pays for something that is not scored here, its
  attribute ``not_covered`` says so in sentences; it may grow while the reward is used;
- if targets have data of their own, ``rows(parts, options)``; if only some do, ``brings_rows(shape)`` says which;
- if a process that has listed the rows scores as one that has not, only sooner, ``KEEPS_ROWS = True``;
- if a package offers targets by name, ``members()``, the names of all that are installed;
- if a target with its prefix stands for another part, ``located(part)``, which returns that part.

A module imports its library inside functions, since the registry imports every module of this folder. Modules whose
names begin with ``_`` are parts of a framework.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from loopholes.audit.frameworks.base import Part, Reward, Shape
from loopholes.errors import MissingExtra, UnknownName


class Framework(Protocol):
    """A module of this folder that declares a framework; see above."""

    NAME: str
    PACKAGE: str | None
    EXTRA: str | None
    REQUIREMENTS: Mapping[str, Sequence[str]]
    OPTIONS: Mapping[str, str]
    PREFIXES: Sequence[str]
    recognises: Callable[[Shape], bool] | None

    def build(self, parts: Sequence[Part], options: Mapping[str, Any]) -> Reward:
        """The reward, in the process that it will run in."""
        ...


@cache
def frameworks() -> Mapping[str, Framework]:
    """Every framework, by name."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    modules: list[Any] = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return {module.NAME: module for module in modules if hasattr(module, "NAME")}


def framework(name: str) -> Framework:
    """A framework, imported alone if its module has the same name; raises :class:`UnknownName`."""
    if name in (module.name for module in pkgutil.iter_modules(__path__)):
        module: Any = importlib.import_module(f"{__name__}.{name}")
        if getattr(module, "NAME", None) == name:
            return module  # type: ignore[no-any-return]
    if name not in frameworks():
        raise UnknownName("framework", name, list(frameworks()))
    return frameworks()[name]


def recognising(shape: Shape) -> list[str]:
    """The frameworks that recognise a shape; plain only if no other does."""
    names = [name for name, each in frameworks().items() if each.recognises is not None and each.recognises(shape)]
    return [name for name in names if name != "plain"] or names


def missing(error: ModuleNotFoundError, framework: Framework) -> MissingExtra | None:
    """The error for a framework that is not installed; None if something else is missing."""
    package = str(error.name).partition(".")[0]
    is_own = framework.EXTRA is not None and package == framework.PACKAGE
    return MissingExtra(package, str(framework.EXTRA)) if is_own else None
