"""The house keeps its shape: no circles between files or between packages, and nothing heavy beside hostile code."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import loopholes

ROOT = Path(loopholes.__file__).parent
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


def test_a_circle_would_be_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []


@pytest.mark.parametrize("file", sorted((ROOT / "sandbox" / "inside").glob("*.py")), ids=lambda file: file.stem)
def test_what_runs_beside_hostile_code_imports_the_standard_library_and_its_neighbours_alone(file: Path) -> None:
    for name in imported(file):
        assert name.split(".")[0] in sys.stdlib_module_names or name.startswith("loopholes.sandbox.inside")


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
