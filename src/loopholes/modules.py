"""Loads objects that a user names as ``FILE.py:NAME`` or ``package.module:NAME``.

A reward, a truth and a game are all named like this. NAME may be dotted (``Class.method``) and may be a call with
literal arguments (``get_reward(max_len=1024)``), which are read without evaluating code.

A file in a package, that is, beside an ``__init__.py``, is imported as a part of that package, so that its relative
imports work; the package at hand wins over an installed one of the same name. Any other file is run by itself with its
folder first on the path, as Python runs a script. Modules that are not installed are compiled from their source each
time: Python's cache would miss a file that was changed within the same second at the same length.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import os
import pkgutil
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import module_from_spec
from inspect import getattr_static
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from loopholes.errors import DataError, UsageError

MOST_NAMES = 12
"""How many names a message lists."""
_sources: set[str] = set()
"""Files that were compiled here, as their code objects name them; in a checkout some are this package's own."""


def split(text: str) -> tuple[str, str]:
    """The source and the name in ``FILE.py:NAME`` or ``package.module:NAME``; an empty name if there is no colon."""
    file, is_file, name = text.partition(".py:")
    if is_file:
        return f"{file}.py", name
    source, _, name = text.partition(":")
    return source, name


def load(source: str, name: str, *, registered: bool = True) -> Any:
    """The object ``name`` of a file or module; raises :class:`UsageError` or, for no such file, :class:`DataError`."""
    return resolve(module_of(source, registered=registered), name, source)


def module_of(source: str, *, registered: bool = True) -> ModuleType:
    """The module of ``FILE.py`` or ``package.module``; raises :class:`UsageError` in one sentence.

    A file that does not exist is a :class:`DataError`. If its source changed since it was last imported here, it is
    imported again, with the rest of its package. ``registered`` puts a file that is run by itself into ``sys.modules``,
    which not every framework does.
    """
    if not source.endswith(".py"):
        if not all(part.isidentifier() for part in source.split(".")):
            raise UsageError(f"{source!r} is neither a FILE.py nor a package.module")
        _put_first(os.getcwd())
        return _imported(source, source)
    path = Path(os.path.abspath(source))
    if not path.is_file():
        raise DataError(f"there is no file {source}")
    dotted, folder = module_name(path)
    _put_first(str(folder))
    if folder == path.parent:
        return run_file(Path(source), f"loopholes_user_{path.stem}", registered=registered)
    _check_free(dotted.partition(".")[0], folder, source)
    return _imported(dotted, source)


def module_name(path: Path) -> tuple[str, Path]:
    """The dotted name of a file and the folder that holds its topmost package, or the file itself if it is in none."""
    path = Path(os.path.abspath(path))
    parts, folder = [] if path.name == "__init__.py" else [path.stem], path.parent
    if "." in path.stem:
        return path.stem, folder
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts) or path.stem, folder


def recorded(text: str) -> str:
    """``FILE.py:NAME`` and names of modules that are not installed, so that they mean the same in another folder.

    Anything else, such as the name of a built-in game, stays as it is.
    """
    source, name = split(text)
    if not name:
        return text
    if source.endswith(".py"):
        return f"{os.path.abspath(source)}:{name}"
    path = source_of(source)
    if path is None or _is_installed(path) or module_name(path)[0] != source:
        return text
    return f"{path}:{name}"


def without_folder(text: str) -> str:
    """A name for people: ``FILE.py:NAME`` without the folder of its file; any other name as it is."""
    file, is_file, name = text.partition(".py:")
    return f"{Path(file).name}.py:{name}" if is_file else text


def source_of(source: str, places: Sequence[str] = ()) -> Path | None:
    """The Python file of ``FILE.py`` or ``package.module``, found without importing it; None if there is none.

    ``places`` are the folders in which another Python looks for modules, by default this one's path.
    """
    if source.endswith(".py"):
        path = Path(os.path.abspath(source))
        return path if path.is_file() else None
    spec: ModuleSpec | None = None
    places = [os.getcwd(), *(places or sys.path)]
    importlib.invalidate_caches()
    parts = source.split(".")
    for count in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:count]), places)
        if spec is None:
            return None
        locations: Any = spec.submodule_search_locations or ()
        places = getattr(locations, "_path", locations)  # a namespace's own list needs its parents to be imported
    return Path(spec.origin) if spec is not None and spec.origin and spec.origin.endswith(".py") else None


def run_file(path: Path, name: str, *, registered: bool = True) -> ModuleType:
    """Run a Python file as the module ``name``; raises :class:`UsageError`, or :class:`DataError` without a file.

    Each call runs it again, from the source and not from Python's compiled copy.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    module = module_from_spec(ModuleSpec(name, None, origin=str(path)))
    module.__file__ = str(path)
    if registered:
        sys.modules[name] = module
    _sources.add(str(path))
    try:
        exec(_compiled(path.read_bytes(), str(path)), module.__dict__)
    except (Exception, SystemExit) as error:
        raise _refused(str(path), error) from error
    return module


@lru_cache(maxsize=64)
def _compiled(source: bytes, path: str) -> CodeType:
    """Kept, since each reward of a file runs the file again."""
    return compile(source, path, "exec")


def resolve(module: ModuleType, name: str, source: str) -> Any:
    """The object that a dotted name or a call with literal arguments means in a module; raises :class:`UsageError`."""
    try:
        expression = ast.parse(name.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise UsageError(f"{name!r} is neither a name nor a call with literal arguments") from None
    return _value(expression, module, source)


def described(error: BaseException) -> str:
    """An error of a user's code for a message: its type, its text, and where in the user's code it came from."""
    place = place_in_users_code(error)
    return f"{type(error).__name__}: {error}{f' ({place})' if place else ''}"


def place_in_users_code(error: BaseException) -> str | None:
    """Where a user's file raised an error or made the call that did, as ``FILE, line N, in NAME``; None if none did.

    It is the innermost such place. Only files that this module loaded count, and none of this package.
    """
    package = Path(__file__).parent
    users = {file for file in _sources if not Path(file).is_relative_to(package)}
    frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [(code, line) for code, line in frames if code.co_filename in users]
    if not own:
        return None
    code, line = own[-1]
    return f"{os.path.relpath(code.co_filename)}, line {line}, in {code.co_name}"


def _value(node: ast.expr, module: ModuleType, source: str) -> Any:
    label = f"{source}:{ast.unparse(node)}"
    match node:
        case ast.Name():
            return _attribute(module, node.id, source, label)
        case ast.Attribute():
            return _attribute(_value(node.value, module, source), node.attr, source, label)
        case ast.Call():
            call = _value(node.func, module, source)
            positional, named = _arguments(node, label)
            if not callable(call):
                raise UsageError(
                    f"{source}:{ast.unparse(node.func)} is a {type(call).__name__}, which cannot be called"
                )
            try:
                return call(*positional, **named)
            except Exception as error:
                raise UsageError(f"{label} cannot be called: {type(error).__name__}: {error}") from error
    raise UsageError(f"{ast.unparse(node)!r} is neither a name nor a call with literal arguments")


def _arguments(node: ast.Call, label: str) -> tuple[list[Any], dict[str, Any]]:
    """The values of a call's arguments; raises :class:`UsageError` for what is not a literal."""
    try:
        named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords if keyword.arg}
        if len(named) < len(node.keywords):
            raise ValueError
        return [ast.literal_eval(argument) for argument in node.args], named
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise UsageError(
            f"the arguments of {label} have to be literals, such as 1024, 'strict' or [1, 2]: write a function that "
            "makes the reward for anything else"
        ) from None


def _attribute(owner: Any, name: str, source: str, label: str) -> Any:
    try:
        value = getattr(owner, name)
    except AttributeError as error:
        if isinstance(owner, ModuleType) and isinstance(getattr(error, "obj", owner), ModuleType):
            raise UsageError(f"{source} has no {name}; it has: {_near(name, _public(owner))}") from None
        names = [other for other in dir(owner) if not other.startswith("_")]
        raise UsageError(
            f"{label} does not exist: {type(owner).__name__} has no {name}; it has: {_near(name, names)}"
        ) from None
    except Exception as error:  # from a module that imports its attributes on demand
        raise _refused(label, error) from error
    if isinstance(owner, type) and isinstance(getattr_static(owner, name), FunctionType):
        raise UsageError(f"{label} needs an instance: write {source}:{owner.__name__}().{name}")
    return value


def _public(module: ModuleType) -> list[str]:
    """Names of the callables that a module defines; all of its public names if it defines none."""
    here = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == module.__name__
    ]
    return here or [name for name in dir(module) if not name.startswith("_")]


def _near(name: str, names: Iterable[str]) -> str:
    """The first :data:`MOST_NAMES` names, those closest to a misspelled one before the others."""
    names = list(names)
    ranked = list(dict.fromkeys([*difflib.get_close_matches(name, names, MOST_NAMES), *names]))
    more = f" and {len(ranked) - MOST_NAMES} more" if len(ranked) > MOST_NAMES else ""
    return f"{', '.join(ranked[:MOST_NAMES])}{more}" if ranked else "nothing"


def _imported(dotted: str, label: str) -> ModuleType:
    """Import a module; raises :class:`UsageError`, which names the part of the name that does not exist.

    This package's own modules are imported once, since studies name its games thousands of times.
    """
    top = dotted.partition(".")[0]
    if top == __package__ and dotted in sys.modules:
        return sys.modules[dotted]
    importlib.invalidate_caches()
    path = source_of(dotted)
    if path is not None and not _is_installed(path):
        if not any(isinstance(finder, _Finder) and finder.top == top for finder in sys.meta_path):
            sys.meta_path.insert(0, _Finder(top))
        _forget_changed(top)
    try:
        return importlib.import_module(dotted)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{dotted}.".startswith(f"{error.name}."):
            raise _refused(label, error) from error
        raise UsageError(_missing(error.name)) from error
    except (Exception, SystemExit) as error:
        raise _refused(label, error) from error


def _missing(dotted: str) -> str:
    package, _, name = dotted.rpartition(".")
    if not package:
        return f"there is no module {name}: install it, or run this in the folder that holds it"
    places = getattr(sys.modules.get(package), "__path__", None)
    if places is None:
        return f"there is no module {dotted}, since {package} is a module and not a package"
    inside = [module.name for module in pkgutil.iter_modules(places) if not module.name.startswith("_")]
    return f"the package {package} has no module {name}; it has: {_near(name, inside)}"


def _refused(label: str, error: BaseException) -> UsageError:
    """Why a module cannot be imported, in one sentence."""
    if isinstance(error, SystemExit):
        return UsageError(f"{label} ends the interpreter when it is imported")
    if isinstance(error, ImportError) and "no known parent package" in str(error):
        return UsageError(
            f"{label} has relative imports, but is not in a package: put an __init__.py into its folder, or name it "
            "as package.module:NAME"
        )
    is_missing = isinstance(error, ModuleNotFoundError)
    advice = "; install it here, or audit with --with PACKAGE or --python PATH" if is_missing else ""
    return UsageError(f"{label} cannot be imported: {type(error).__name__}: {' '.join(str(error).split())}{advice}")


def _check_free(top: str, folder: Path, source: str) -> None:
    """Raise :class:`UsageError` if another package of this name is imported already, which imports would get."""
    module = sys.modules.get(top)
    if module is None:
        return
    places = [*getattr(module, "__path__", ()), getattr(module, "__file__", None) or ""]
    if not any(Path(place).is_relative_to(folder / top) for place in places if place):
        where = next((place for place in places if place), "Python itself")
        raise UsageError(
            f"{source} is in the package {top}, but another {top} is imported already, from {where}: rename the folder"
        )


def _put_first(folder: str) -> None:
    """Put a folder first on the path, as Python does for that of a script."""
    if folder not in sys.path[:1]:
        sys.path.insert(0, folder)


def _is_installed(path: Path) -> bool:
    """Whether a file is part of Python or of an installed package, which does not change between two calls."""
    standard = Path(sysconfig.get_path("stdlib"))
    return not {"site-packages", "dist-packages"}.isdisjoint(path.parts) or path.is_relative_to(standard)


def _forget_changed(top: str) -> None:
    """Drop all modules of a package if the source of any of them changed since it was imported."""
    loaders = {
        name: getattr(getattr(module, "__spec__", None), "loader", None)
        for name, module in sys.modules.items()
        if name.partition(".")[0] == top
    }
    own = {name: loader for name, loader in loaders.items() if isinstance(loader, _FromSource)}
    if any(loader.is_changed for loader in own.values()):
        for name in own:
            del sys.modules[name]


class _FromSource(SourceFileLoader):
    """Compiles a module from its source, whatever Python's cache holds."""

    source = b""

    def get_code(self, fullname: str) -> CodeType:
        self.source = self.get_data(self.path)
        _sources.add(self.path)
        code: CodeType = self.source_to_code(self.source, self.path)
        return code

    @property
    def is_changed(self) -> bool:
        """Whether the file is no longer what was compiled."""
        try:
            return self.get_data(self.path) != self.source
        except OSError:
            return True


class _Finder:
    """Finds the modules of one package, or one module, and has them compiled from their source."""

    def __init__(self, top: str) -> None:
        self.top = top

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        """See :class:`importlib.abc.MetaPathFinder`."""
        if name.partition(".")[0] != self.top:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader and not _is_installed(Path(spec.loader.path)):
            spec.loader = _FromSource(spec.loader.name, spec.loader.path)
        return spec
