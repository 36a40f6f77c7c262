"""The house keeps its shape: no circles between files or between packages, and nothing heavy beside hostile code."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Set
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import loopholes

ROOT = Path(loopholes.__file__).parent
CHECKOUT = Path(__file__).parents[1]
SEALED = {CHECKOUT / "benchmarks" / "rewards" / name for name in ("blind", "blind_2")}
"""Kept byte for byte as their authors sealed them."""
OUTSIDE = [
    file
    for folder in ("tests", "benchmarks", "examples")
    for file in sorted((CHECKOUT / folder).rglob("*.py"))
    if not SEALED & set(file.parents)
    if file != Path(__file__)  # its examples of what is found
]
REASON = re.compile(r"# private(?P<names>[\w, ]*): \S")
FILES = {".".join(("loopholes", *file.relative_to(ROOT).with_suffix("").parts)): file for file in ROOT.rglob("*.py")}
MODULES = {name.removesuffix(".__init__"): file for name, file in FILES.items()}


def imported(file: Path) -> Iterator[str]:
    """Every module that a file names in an import, wherever in the file it stands, those for type checkers included."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else str(node.module)


@functools.cache
def arrows() -> dict[str, set[str]]:
    """Which module imports which, within the package."""
    return {
        name: {other for other in imported(file) if other in MODULES and other != name}
        for name, file in MODULES.items()
    }


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """A circle in a graph; empty if there is none."""
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


def room(module: str) -> str:
    """The package or top-level file that a module belongs to."""
    return ".".join(module.split(".")[:2])


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circle(arrows()) == []


def test_no_packages_import_each_other_in_a_circle() -> None:
    rooms: dict[str, set[str]] = {}
    for name, others in arrows().items():
        if name not in ("loopholes", "loopholes.__main__"):
            rooms.setdefault(room(name), set()).update(room(other) for other in others)
    assert circle({name: others - {name, "loopholes"} for name, others in rooms.items()}) == []


def test_nothing_in_the_package_imports_from_its_own_front_door() -> None:
    assert [name for name, others in arrows().items() if "loopholes" in others] == []


def test_a_circle_would_be_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []


@pytest.mark.parametrize("file", sorted((ROOT / "sandbox" / "inside").glob("*.py")), ids=lambda file: file.stem)
def test_what_runs_beside_hostile_code_imports_the_standard_library_and_its_neighbours_alone(file: Path) -> None:
    for name in imported(file):
        assert name.split(".")[0] in sys.stdlib_module_names or name.startswith("loopholes.sandbox.inside")


@pytest.mark.parametrize("file", sorted((ROOT / "rewards").glob("*.py")), ids=lambda file: file.stem)
def test_what_a_reward_may_import_needs_the_standard_library_and_the_sandbox_alone(file: Path) -> None:
    for name in imported(file):
        own = name.startswith("loopholes.rewards") or (name.startswith("loopholes.sandbox") and file.stem == "programs")
        assert own or name.split(".")[0] in sys.stdlib_module_names, name


def test_what_runs_in_a_target_s_own_environment_needs_the_standard_library_alone() -> None:
    frameworks = [file.stem for file in (ROOT / "audit" / "frameworks").glob("[a-z]*.py") if file.stem != "games"]
    modules = ["worker", "probe", *(f"frameworks.{name}" for name in frameworks)]
    lines = [f"sys.path.insert(0, {str(ROOT.parent)!r})", *(f"import loopholes.audit.{name}" for name in modules)]
    assert len(modules) > 5
    subprocess.run([sys.executable, "-I", "-S", "-c", "\n".join(["import sys", *lines])], check=True)


@pytest.mark.parametrize(
    "package, forbidden",
    [
        ("judges", ("games",)),
        ("report", ("games", "runs", "evaluation", "score", "training", "studies", "audit")),
        ("policies", ("games",)),
    ],
)
def test_a_room_does_not_know_what_it_must_not(package: str, forbidden: tuple[str, ...]) -> None:
    rooms = {f"loopholes.{name}" for name in forbidden}
    for name, others in arrows().items():
        if room(name) == f"loopholes.{package}":
            assert {room(other) for other in others}.isdisjoint(rooms), name


def is_private(name: str) -> bool:
    """``_name``; not ``__name__``, nor ``_`` alone."""
    return re.match("_[^_]", name) is not None


def defined(tree: ast.AST) -> set[str]:
    """The private names that a file defines: functions, classes, variables and attributes of ``self``."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and own(node):
            names.add(node.attr)
    return set(filter(is_private, names))


def own(node: ast.Attribute) -> bool:
    """Whether an attribute is one of ``self`` or ``cls``."""
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


def named(node: ast.AST) -> list[tuple[int, str]]:
    """Line and name of what a node takes from elsewhere: by import, as an attribute, or as text for ``monkeypatch``."""
    if isinstance(node, ast.ImportFrom):
        return [(alias.lineno, alias.name) for alias in node.names]
    if isinstance(node, ast.Attribute) and not own(node):
        return [(node.end_lineno or node.lineno, node.attr)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [(node.lineno, node.value.rpartition(".")[2])]
    return []


def reaches(text: str, private: Set[str]) -> list[str]:
    """Where a file reaches for private names of the package without a comment that says why: ``line: name``.

    ``# private: why`` is a reason for its line, ``# private _name, _other: why`` one for these names in the whole file.
    Names that such a comment gives and nobody reaches for are listed too.
    """
    lines, tree = text.splitlines(), ast.parse(text)
    taken = [(line, name) for node in ast.walk(tree) for line, name in named(node)]
    reasons = [reason["names"].split(",") for reason in map(REASON.match, lines) if reason]
    excused = {name.strip() for names in reasons for name in names} - {""}
    elsewhere = private - excused - defined(tree)
    unexplained = [
        f"{line}: {name}" for line, name in taken if name in elsewhere and not REASON.search(lines[line - 1])
    ]
    return [*unexplained, *(f"nothing: {name}" for name in excused - {name for _, name in taken})]


def test_whoever_reaches_into_a_private_name_from_outside_says_why() -> None:
    private = {name for file in FILES.values() for name in defined(ast.parse(file.read_text(encoding="utf-8")))}
    assert len(private) > 100
    unexplained = {str(file): reaches(file.read_text(encoding="utf-8"), private) for file in OUTSIDE}
    assert {file: lines for file, lines in unexplained.items() if lines} == {}


@pytest.mark.parametrize(
    "text, lines",
    [
        ("from loopholes.cli import _explain", ["1: _explain"]),
        ("import loopholes\nloopholes.cli._explain()", ["2: _explain"]),
        ('monkeypatch.setattr("loopholes.cli._explain", None)', ["1: _explain"]),
        ('monkeypatch.setattr(cli, "_explain", None)', ["1: _explain"]),
        ("from loopholes.cli import _explain  # private: no public way", []),
        ("from loopholes.cli import _explain  # private:", ["1: _explain"]),
        ("# private _explain: no public way\ncli._explain()", []),
        ("# private _other: no public way\ncli._explain()", ["2: _explain", "nothing: _other"]),
        ("def _explain(): ...\nhelpers._explain()", []),
        ("self._explain()", []),
    ],
)
def test_a_reach_without_a_reason_would_be_found(text: str, lines: list[str]) -> None:
    assert reaches(text, {"_explain"}) == lines
