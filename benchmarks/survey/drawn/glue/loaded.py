"""A reward of this folder with what it imports already imported, as a trainer would have it."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
from collections.abc import Callable

EMPTY: dict[str, object] = {"int": 0, "str": ""}


def loaded(module: str, name: str) -> Callable[..., float]:
    """The function after one call on empty values, which imports the published code and then may fail."""
    function: Callable[..., float] = getattr(importlib.import_module(module), name)
    kinds = {key: str(parameter.annotation) for key, parameter in inspect.signature(function).parameters.items()}
    values = {key: EMPTY.get(kind, [] if kind.startswith("list") else {}) for key, kind in kinds.items()}
    with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
        function(**values)
    return function
