"""Replaces the package ``nemo_gym`` while the file of a resources server is imported.

The package itself needs a newer Python, Ray and a configuration of servers. A resources server uses only its base
classes of records and servers, and types in annotations; ``verify`` reads the request and returns a response. So every
name that is imported from it is one of the classes below, or else a record that accepts any field.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import MutableSequence
from functools import cache
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic._internal._model_construction import ModelMetaclass

PACKAGE = "nemo_gym"


class _Constants(ModelMetaclass):
    """Gives classes every constant that a file may use, such as members of an enumeration."""

    def __getattr__(cls, name: str) -> Any:
        return name if name.isupper() else super().__getattr__(name)  # type: ignore[misc]


class Record(BaseModel, metaclass=_Constants):
    """A record that accepts any field."""

    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True, populate_by_name=True)


class RunRequest(Record):
    """A request without a response."""

    responses_create_params: Any = None


class VerifyRequest(RunRequest):
    """A request to verify a response."""

    response: Any = None


class VerifyResponse(VerifyRequest):
    """What ``verify`` returns."""

    reward: float


class ResourcesServer(Record):
    """A server that is never served."""

    config: Any = None
    server_client: Any = None

    def setup_webserver(self) -> Any:
        """Nothing is served here."""
        raise NotImplementedError("nothing is served in an audit")

    @classmethod
    def run_webserver(cls) -> None:
        """Nothing is served here."""


CLASSES: dict[str, type[Record]] = {
    "SimpleResourcesServer": ResourcesServer,
    "BaseResourcesServer": ResourcesServer,
    "BaseRunRequest": RunRequest,
    "BaseVerifyRequest": VerifyRequest,
    "BaseVerifyResponse": VerifyResponse,
    "BaseMultiRewardVerifyResponse": VerifyResponse,
}
"""Classes, by the names under which resources servers import them."""


@cache
def stand_in(name: str) -> type[Record]:
    """The replacement for a name of the package."""
    return CLASSES.get(name) or type(name, (Record,), {"__module__": PACKAGE})


class _Module(ModuleType):
    """A module of the package. Each of its public names is a stand-in."""

    __path__: MutableSequence[str] = []  # noqa: RUF012 (as ModuleType has it)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return stand_in(name)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the package and every module that is named below it."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """As ``importlib`` asks."""
        is_ours = name == PACKAGE or name.startswith(f"{PACKAGE}.")
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if is_ours else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """As ``importlib`` asks."""
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is run."""


def install() -> None:
    """Let this process find the stand-in under the name of the package."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
