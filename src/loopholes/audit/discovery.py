"""The targets in a folder, read from its source without importing anything.

Frameworks recognise their classes of tasks, environments and rubrics, decorated scorers, and functions with a trainer's
signature (:mod:`loopholes.audit.frameworks`). A plain function is listed only if its name suggests that it scores,
since many functions take a ``text``. A task that a taskset in the same file uses is audited with the taskset.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from loopholes.audit.definitions import Definition, definitions_in, is_here, modules_of
from loopholes.audit.environments import search_path
from loopholes.audit.frameworks import framework, frameworks, recognising
from loopholes.audit.frameworks.base import Shape
from loopholes.errors import UsageError
from loopholes.modules import module_name, source_of

LEFT_OUT = {"tests", "test", "node_modules", "site-packages", "build", "dist", "venv", "__pycache__"}
"""Folders that are skipped, in addition to hidden ones and virtual environments."""
SCORES = re.compile(r"reward|scor|grad(e|ing)|verif|correct|accura|match|judge|check", re.IGNORECASE)
"""Words in the name of a plain function that suggest a reward."""
BIGGEST = 1_000_000
"""Files of at least this size, in bytes, are skipped."""


@dataclass(frozen=True)
class Candidate:
    """Something that can be audited: its name as a target, the framework that calls it, and its line.

    ``missing`` are modules that its file imports, that are not installed here and that no framework installs.
    ``brings_rows``: its framework reads prompts from it, so no data file is needed.
    """

    name: str
    framework: str
    line: int
    brings_rows: bool
    missing: tuple[str, ...] = ()

    def needs(self, has_data: bool) -> str:
        """What the user has to provide before it can be audited, in words; empty if nothing."""
        rows = [] if self.brings_rows or has_data else ["rows (--data FILE)"]
        return " and ".join([*rows, *(f"the module {name} (--with PACKAGE)" for name in self.missing)])


def discovered(folder: Path, package: str = "") -> list[Candidate]:
    """The candidates in a folder, by file and line, named as modules of ``package`` if the folder is a package's."""
    return [candidate for file in _files(folder) for candidate in _in_file(file, package)]


def discovered_in(package: str, python: str) -> list[Candidate]:
    """The candidates in a package or module of a Python; raises :class:`UsageError` if it has none of this name."""
    file = source_of(package, search_path(python))
    if file is None:
        raise UsageError(
            f"{package} is neither a folder nor a package that can be imported here: install it, or name a Python that "
            "has it with --python"
        )
    return discovered(file.parent, package) if file.name == "__init__.py" else [*_in_file(file, package)]


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.is_symlink():
            continue
        if path.is_dir() and path.name not in LEFT_OUT and not (path / "pyvenv.cfg").exists():
            yield from _files(path)
        elif path.suffix == ".py" and not path.name.startswith(("test_", "conftest")) and path.stat().st_size < BIGGEST:
            yield path


def _in_file(file: Path, package: str) -> Iterator[Candidate]:
    try:
        definitions = definitions_in(file)
    except UsageError:
        return
    shapes = {name: shape for name, definition in definitions.items() if (shape := definition.shape) is not None}
    owners = {name: _framework(name, definitions[name], recognising(shape)) for name, shape in shapes.items()}
    brings = {name for name, owner in owners.items() if owner and _brings_rows(owner, shapes[name])}
    bases = {base for shape in shapes.values() for base in shape.bases}
    used = {name for user in brings for name in _names_in(definitions[user]) - {user}}
    source = module_name(file)[0] if package else str(file)
    missing = () if package else _missing(file)
    for name, owner in owners.items():
        is_part = name in bases or (name in used and name not in brings)
        if owner and not is_part and not name.startswith("_"):
            yield Candidate(f"{source}:{name}", owner, definitions[name].line, name in brings, missing)


def _brings_rows(owner: str, shape: Shape) -> bool:
    """Whether a framework reads prompts from a target of this shape."""
    module = framework(owner)
    return hasattr(module, "rows") and bool(getattr(module, "brings_rows", lambda _: True)(shape))


def _names_in(definition: Definition) -> set[str]:
    """The names that a definition uses: a taskset its task, a task its scorer."""
    nodes = () if definition.node is None else ast.walk(definition.node)
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def _framework(name: str, definition: Definition, owners: Sequence[str]) -> str:
    """The framework of a definition, if exactly one recognises it."""
    if len(owners) != 1 or (owners[0] == "plain" and not SCORES.search(name)):
        return ""
    if owners[0] == "plain" and isinstance(definition.node, ast.FunctionDef) and not _returns(definition.node):
        return ""
    return owners[0]


def _returns(function: ast.FunctionDef) -> bool:
    """Whether a function returns something, and a number if it is annotated."""
    if function.returns is not None and ast.unparse(function.returns) not in ("float", "int", "bool", "float | None"):
        return False
    return any(isinstance(node, ast.Return) and node.value is not None for node in ast.walk(function))


def _missing(file: Path) -> tuple[str, ...]:
    installed = {module for adapter in frameworks().values() for module in adapter.REQUIREMENTS}
    beside = {path.stem for path in file.parent.iterdir()} | {path.stem for path in file.parent.parent.iterdir()}
    names = dict.fromkeys(modules_of(f"{file}:_"))
    return tuple(
        name
        for name in names
        if name not in sys.stdlib_module_names and name not in installed | beside and not is_here(name)
    )
