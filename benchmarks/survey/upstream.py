"""The published rewards of ``manifest.toml``, each as a plain function.

    SURVEY_SOURCES=DIR loopholes audit "upstream.py:reward('NAME')" --framework plain --data NAME.jsonl

A target names a module, a symbol in it and, as an expression, how it is called: ``f`` is the published function,
``text`` the completion, and every other name a column of the row. The code itself is imported unchanged from a checkout
below ``SURVEY_SOURCES`` (called OWNER+NAME) or from an installed package. What a source names as ``stubs`` is replaced:
trainers, clients and model loaders that stand beside a reward and that no completion reaches. Packages that it names as
``bare`` are imported without running their ``__init__``.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

FOLDER = Path(__file__).parent
Manifest = dict[str, Any]


class Names(type):
    """Lets a class that stands in have every name, as an enumeration has."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()


class Anything(metaclass=Names):
    """Stands in for whatever is imported: a base class, a decorator, a logger, a constant."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __init_subclass__(cls, **_: Any) -> None:
        pass

    def __call__(self, *arguments: Any, **_: Any) -> Any:
        """A decorator gives back what it decorates; anything else gives more of the same."""
        return arguments[0] if len(arguments) == 1 and callable(arguments[0]) else self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()


class Stub(ModuleType):
    """A module that has every name."""

    __path__: ClassVar[list[str]] = []  # type: ignore[misc]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = Names(name, (Anything,), {}) if name[:1].isupper() else Anything()
        setattr(self, name, value)
        return value


class Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of a source that are replaced, and the packages whose ``__init__`` is not run."""

    def __init__(self, stubs: Sequence[str], bare: Mapping[str, Path]) -> None:
        self._stubs, self._bare = tuple(stubs), dict(bare)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """See :class:`importlib.abc.MetaPathFinder`."""
        if name in self._bare or any(name == stub or name.startswith(f"{stub}.") for stub in self._stubs):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """An empty package, or a stub."""
        if spec.name not in self._bare:
            return Stub(spec.name)
        module = ModuleType(spec.name)
        module.__path__ = [str(self._bare[spec.name])]
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(str(self._bare[spec.name]))
        return module

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run."""


@functools.cache
def manifest() -> Manifest:
    """The sources and targets that are loaded here, and the targets that an adapter knows by name."""
    glued, named = (
        tomllib.loads((FOLDER / name).read_text(encoding="utf-8")) for name in ("manifest.toml", "named.toml")
    )
    return {"source": named["source"] | glued["source"], "target": [*glued["target"], *named["target"]]}


def target(name: str) -> Manifest:
    """A target of the manifest."""
    entry: Manifest = next(entry for entry in manifest()["target"] if entry["name"] == name)
    return entry


def prepare(source: Mapping[str, Any]) -> None:
    """Let the modules of a source be imported."""
    roots = [installed(source["package"])] if "package" in source else []
    if not roots:
        roots = [checkout(source) / root for root in source.get("roots", ["."])]
        sys.path[:0] = [str(root) for root in roots]
    bare = {name: _folder(name, roots) for name in source.get("bare", ())}
    sys.meta_path.insert(0, Stubs(source.get("stubs", ()), bare))


def _folder(name: str, roots: Sequence[Path]) -> Path:
    """Where a package lies below one of the roots."""
    places = [root.joinpath(*name.split(".")) for root in roots]
    return next((place for place in places if place.is_dir()), places[0])


def installed(name: str) -> Path:
    """The folder that holds an installed package, which is not imported."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"{name} is not installed")
    return Path(next(iter(spec.submodule_search_locations))).parent


def published(name: str) -> Any:
    """The published function of a target, or the instance or class that it names."""
    entry = target(name)
    source = manifest()["source"][entry["source"]]
    prepare({**source, **{key: entry[key] for key in ("bare", "stubs") if key in entry}})
    module, _, symbol = entry["reward"].partition(":")
    if module.endswith(".py"):
        return eval(symbol, definitions(checkout(source) / module))
    return eval(symbol, vars(importlib.import_module(module)))


def definitions(path: Path) -> dict[str, Any]:
    """What a training script imports, defines and assigns at its top level; nothing else of it is run.

    An import or an assignment that fails, for want of a model or a data set, is left out.
    """
    names: dict[str, Any] = {"__name__": path.stem}
    wanted = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, wanted):
            with contextlib.suppress(Exception):
                exec(compile(ast.Module([node], []), str(path), "exec"), names)
    return names


def checkout(source: Mapping[str, Any]) -> Path:
    """The folder of a source's repository."""
    return Path(os.environ["SURVEY_SOURCES"]) / str(source["repository"]).replace("/", "+")


def reward(name: str) -> Callable[..., Any]:
    """What a target pays for a completion, as its trainer reads it."""
    entry, function = target(name), published(name)
    call = compile(entry["call"], name, "eval")
    helpers = {"f": function, "wait": asyncio.run, "said": said, "parsed": parsed, "json": json}
    helpers["Namespace"] = SimpleNamespace

    def pay(completion: str, **row: Any) -> Any:
        value = eval(call, {**helpers, **row, "text": completion})
        return float(value)

    return pay


def said(text: str) -> list[dict[str, str]]:
    """A completion as TRL hands it over: one message of the assistant."""
    return [{"role": "assistant", "content": text}]


def parsed(text: str) -> Any:
    """What a completion says in JSON; None if it is none."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text)
    return None
