"""Reward functions of other frameworks, called as those call them; each library is imported only when it is used.

A framework is one module of this folder that declares itself; the registry is derived. It has

- ``NAME``, and a docstring;
- ``PACKAGE``, the distribution whose version a finding records, and ``EXTRA``, the extra of ours that installs it; each
  may be None;
- ``REQUIREMENTS``, what has to be installed for a target that names or imports a module: the module's first name to
  requirements as pip reads them (:mod:`loopholes.audit.environments`); may be empty;
- ``OPTIONS``, what it takes beside the target: name to a sentence for ``loopholes audit --help``;
- ``PREFIXES``, the words before a colon that make a target its own (``game:NAME``); may be empty;
- ``recognises(shape)``, whether a :class:`loopholes.audit.frameworks.base.Shape` was written for it;
  None if a target is named by a prefix alone;
- ``build(parts, options)``, which loads a user's reward in the process that it will run in and returns a
  :class:`loopholes.audit.frameworks.base.Reward`. Where a reward pays for something that is not scored here, its
  attribute ``not_covered`` says so, a sentence each; what it says may grow while the reward is used;
- where it brings data, ``rows(parts, options)``; where only some of its targets do, ``brings_rows(shape)`` says which;
- where a package offers targets by name, ``members()``, the names of all that are installed;
- where a target with its prefix stands for something else, ``located(part)``, which returns that part.

It imports its library within functions, since the registry imports every module of this folder. Modules whose names
begin with ``_`` are parts of a framework.
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
    """Every framework by its name."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
    modules: list[Any] = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return {module.NAME: module for module in modules if hasattr(module, "NAME")}


def framework(name: str) -> Framework:
    """One framework, imported without the others if its module has its name; raises :class:`UnknownName`."""
    if name in (module.name for module in pkgutil.iter_modules(__path__)):
        module: Any = importlib.import_module(f"{__name__}.{name}")
        if getattr(module, "NAME", None) == name:
            return module  # type: ignore[no-any-return]
    if name not in frameworks():
        raise UnknownName("framework", name, list(frameworks()))
    return frameworks()[name]


def recognising(shape: Shape) -> list[str]:
    """The frameworks that a shape was written for; plain only where no other recognises it."""
    names = [name for name, one in frameworks().items() if one.recognises is not None and one.recognises(shape)]
    return [name for name in names if name != "plain"] or names


def missing(error: ModuleNotFoundError, framework: Framework) -> MissingExtra | None:
    """The sentence for a framework that is not installed; None if something else is missing."""
    package = str(error.name).partition(".")[0]
    is_own = framework.EXTRA is not None and package == framework.PACKAGE
    return MissingExtra(package, str(framework.EXTRA)) if is_own else None
