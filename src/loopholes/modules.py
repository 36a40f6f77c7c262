"""A user's file as a module: a game, or a reward."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

from loopholes.errors import UsageError


def run_file(path: Path, name: str, *, registered: bool = True) -> ModuleType:
    """Run a Python file as the module ``name``; raises :class:`UsageError` in one sentence.

    Each call runs it again, from the source and not from what Python compiled of it before: a file that was mended
    within the same second, at the same length, would be taken for the old one. ``registered`` puts the module into
    ``sys.modules``, which not every framework does.
    """
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    module = module_from_spec(ModuleSpec(name, None, origin=str(path)))
    module.__file__ = str(path)
    if registered:
        sys.modules[name] = module
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    except SystemExit as error:
        raise UsageError(f"{path} ends the interpreter when it is imported") from error
    except Exception as error:
        raise UsageError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    return module
