"""Scorers of inspect_evals, imported without the package of helpers that no index here has."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

from sources import Stub


class Helpers(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds any module of ``inspect_evals_utils``, with every name in it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for a module of the helpers."""
        if fullname.partition(".")[0] != "inspect_evals_utils":
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """A module that has every name."""
        return Stub(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing has to be run."""


sys.meta_path.insert(0, Helpers())

expression_exact_match = importlib.import_module("inspect_evals.math.math").expression_exact_match
pattern_with_metadata = importlib.import_module("inspect_evals.worldsense.worldsense").pattern_with_metadata
precision_choice = importlib.import_module("inspect_evals.lab_bench.scorer").precision_choice
pattern_mae = importlib.import_module("inspect_evals.chembench.mae_scorer").pattern_mae
