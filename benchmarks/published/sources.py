"""Imports published reward code from checkouts, without the training frameworks that stand beside it.

``PUBLISHED_SOURCES`` names a folder with one checkout per repository, called OWNER+NAME, at the commits that
``manifest.toml`` gives. A reward's own code is loaded from there unchanged. Modules that it imports but does not need
to score a completion (trainers, clients, model loaders) are replaced by stubs.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any


class Anything:
    """Stands in for whatever is imported: a base class, a decorator, a logger, a constant."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __init_subclass__(cls, **_: Any) -> None:
        pass

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()


class Stub(ModuleType):
    """A module that has every name, each of them a class of its own."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = type(name, (Anything,), {})
        setattr(self, name, value)
        return value


def checkout(repository: str) -> Path:
    """Folder of a repository, named OWNER/NAME."""
    folder = os.environ.get("PUBLISHED_SOURCES")
    if folder is None:
        raise RuntimeError("set PUBLISHED_SOURCES to the folder that holds the checkouts")
    return Path(folder) / repository.replace("/", "+")


def stub(*names: str) -> None:
    """Let modules of these names be imported, with anything in them."""
    for name in names:
        sys.modules.setdefault(name, Stub(name))


def package(name: str, folder: Path) -> None:
    """Let a package's modules be imported from a folder without running its ``__init__``."""
    module = ModuleType(name)
    module.__path__ = [str(folder)]
    sys.modules.setdefault(name, module)


def load(path: Path, name: str, stubs: Sequence[str] = ()) -> Any:
    """The module in a file, imported as ``name``."""
    if name in sys.modules:
        return sys.modules[name]
    stub(*stubs)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def installed(name: str) -> Path:
    """Folder of an installed package, without importing it."""
    if name in sys.modules:
        return Path(next(iter(sys.modules[name].__path__)))
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{name} is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def reward_kit_score(name: str, completion: str, answer: str) -> float:
    """What ``reward_kit.rewards.MODULE.FUNCTION`` pays, named ``MODULE.FUNCTION``, imported without its package."""
    package("reward_kit", installed("reward_kit"))
    package("reward_kit.rewards", installed("reward_kit") / "rewards")
    module, function = name.split(".")
    reward = getattr(importlib.import_module(f"reward_kit.rewards.{module}"), function)
    message = importlib.import_module("reward_kit.models").Message
    messages, truth = ([message(role="assistant", content=text)] for text in (completion, answer))
    return float(reward(messages=messages, ground_truth=truth).score)


def verl_score(name: str) -> Any:
    """A module of verl's ``utils/reward_score``, imported without Ray and PyTorch."""
    if "verl" not in sys.modules:
        folder = installed("verl")
        package("verl", folder)
        package("verl.utils", folder / "utils")
        package("verl.utils.reward_score", folder / "utils" / "reward_score")
        stub("verl.utils.metric")
    return importlib.import_module(f"verl.utils.reward_score.{name}")
