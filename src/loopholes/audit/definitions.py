"""Where a reward is defined and what shape it has, read from its source without importing anything."""

from __future__ import annotations

import ast
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.machinery import PathFinder
from importlib.util import resolve_name
from pathlib import Path
from typing import NamedTuple

from loopholes.audit.environments import interpreter, search_path
from loopholes.audit.frameworks.base import Part, Shape
from loopholes.errors import UsageError
from loopholes.modules import module_name, source_of, split

_SCRIPT = re.compile(r"(?m)^# /// script$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
"""The metadata block of a script (the pattern is from PEP 723)."""
DEEPEST = 8
"""Maximum number of re-exports that are followed."""


class Definition(NamedTuple):
    """A file, and the node that defines a reward there; None if there is no such node."""

    file: Path
    node: ast.stmt | None

    @property
    def line(self) -> int:
        """The first line of the definition; 1 if unknown."""
        return 1 if self.node is None else self.node.lineno

    @property
    def shape(self) -> Shape | None:
        """The parameters of a function or the bases of a class; None for anything else."""
        match self.node:
            case ast.ClassDef(bases=bases, body=body):
                methods = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
                return Shape(bases=frozenset(_last_name(base, "[") for base in bases), methods=frozenset(methods))
            case (
                ast.FunctionDef(args=arguments)
                | ast.AsyncFunctionDef(args=arguments)
                | ast.Assign(value=ast.Lambda(args=arguments))
                | ast.AnnAssign(value=ast.Lambda(args=arguments))
            ):
                names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
                decorators = getattr(self.node, "decorator_list", ())
                return Shape(names, decorators=frozenset(_last_name(decorator, "(") for decorator in decorators))
        return None


def _last_name(node: ast.expr, end: str) -> str:
    """The last part of a dotted name, without the brackets that follow it."""
    return ast.unparse(node).partition(end)[0].rpartition(".")[2]


def definition_of(part: Part, python: str = "") -> Definition | None:
    """The definition of a part, following re-exports; None if it names no Python file.

    Modules are searched where ``python`` finds them (:mod:`loopholes.audit.environments`). For a call, such as
    ``module:get_reward(max_len=1024)``, it is the definition of the function that is called. Raises :class:`UsageError`
    for a file that is not Python.
    """
    places = search_path(python)
    file = source_of(part.source, places)
    try:
        return None if file is None else _definition(file, part.name.partition("(")[0].split("."), places, DEEPEST)
    except UsageError:
        if interpreter(python).version <= sys.version_info[:2]:
            raise
        return None  # it may need that newer Python


def functions_of(definition: Definition) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions at the top level of a definition's file, by name."""
    statements = _statements(_parsed(definition.file).body)
    return {node.name: node for node in statements if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def reached(definition: Definition) -> list[ast.stmt]:
    """The statement that defines a reward, and the functions of its file that it calls by name, also through others."""
    functions = functions_of(definition)
    nodes = [] if definition.node is None else [definition.node]
    for node in nodes:  # grows while it is read
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        nodes += [function for name, function in functions.items() if name in names and function not in nodes]
    return nodes


def definitions_in(file: Path) -> dict[str, Definition]:
    """The definitions at the top level of a file, by name; raises :class:`UsageError` for a file that is not Python."""
    statements = _statements(_parsed(file).body)
    return {name: Definition(file, statement) for statement in statements for name in _defined(statement)}


def modules_of(name: str) -> list[str]:
    """The top-level modules that a target needs: its own, or all that its file imports.

    ``name`` is ``FILE.py:NAME``, ``package.module:NAME`` or a prefix and a name.
    """
    source, _ = split(name)
    if not source.endswith(".py"):
        return [source.partition(".")[0]]
    file = source_of(source)
    if file is None:
        return []
    nodes = list(ast.walk(_parsed(file)))
    plain = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    whole = [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return [module.partition(".")[0] for module in (*plain, *whole)]


def declared_by(name: str, is_built: bool) -> list[str]:
    """The requirements that a target's file declares in its script metadata (PEP 723), which always count.

    If an environment is built anyway, a ``pyproject.toml`` beside the file or in the folder above counts as well.
    Raises :class:`UsageError` for metadata that is not TOML.
    """
    source, _ = split(name)
    file = source_of(source) if source.endswith(".py") else None
    if file is None:
        return []
    block = _SCRIPT.search(file.read_text(encoding="utf-8", errors="replace"))
    places = [file.parent / "pyproject.toml", file.parents[1] / "pyproject.toml"] if is_built else []
    project = next((place for place in places if place.is_file()), None)
    try:
        if block is not None:
            lines = [line.removeprefix("#").removeprefix(" ") for line in block["content"].splitlines()]
            return list(tomllib.loads("\n".join(lines)).get("dependencies", ()))
        if project is None:
            return []
        return list(tomllib.loads(project.read_text()).get("project", {}).get("dependencies", ()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"the requirements in {file if block else project} cannot be read: {error}") from None


def is_here(module: str) -> bool:
    """Whether this Python, or the current folder, has this top-level module."""
    return PathFinder.find_spec(module, [os.getcwd(), *sys.path]) is not None


def _definition(file: Path, names: Sequence[str], places: Sequence[str], depth: int) -> Definition:
    tree = _parsed(file)
    node = _node(tree.body, names)
    if node is not None or not depth:
        return Definition(file, node)
    for source, name in _origins(tree, file, names[0]):
        other = source_of(source, places)
        if other is not None and other != file:
            elsewhere = _definition(other, [name, *names[1:]], places, depth - 1)
            if elsewhere.node is not None:
                return elsewhere
    return Definition(file, None)


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), str(file))
    except (SyntaxError, ValueError, OSError) as error:
        raise UsageError(f"{file} is not Python: {error}") from error


def _node(body: Sequence[ast.stmt], names: Sequence[str]) -> ast.stmt | None:
    """The last statement that defines a dotted name; None if there is none."""
    defining = [statement for statement in _statements(body) if names[0] in _defined(statement)]
    if not defining or len(names) == 1:
        return defining[-1] if defining else None
    return _node(getattr(defining[-1], "body", ()), names[1:])


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements at the top level, including those inside ``if``, ``try`` and ``with``."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With):
            yield from _statements([*statement.body, *getattr(statement, "orelse", ())])


def _defined(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _origins(tree: ast.Module, file: Path, name: str) -> Iterator[tuple[str, str]]:
    """The modules from which a file imports a name, and the name there; relative modules by their file."""
    dotted, folder = module_name(file)
    package = dotted if file.name == "__init__.py" else dotted.rpartition(".")[0]
    for node in _statements(tree.body):
        if not isinstance(node, ast.ImportFrom):
            continue
        for alias in node.names:
            if (alias.asname or alias.name) == name or alias.name == "*":
                try:
                    module = resolve_name("." * node.level + (node.module or ""), package)
                except ImportError:
                    continue
                yield _beside(module, folder) or module, name if alias.name == "*" else alias.name


def _beside(module: str, folder: Path) -> str | None:
    """The file of a module below the folder that holds its package; None if there is none."""
    path = folder.joinpath(*module.split("."))
    files = (path.with_name(f"{path.name}.py"), path / "__init__.py")
    return next((str(file) for file in files if file.is_file()), None)
