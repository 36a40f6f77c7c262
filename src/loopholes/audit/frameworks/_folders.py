"""The target class in a project's folder, found in its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set
from pathlib import Path

from loopholes.audit.frameworks.base import Part
from loopholes.errors import UsageError

HIDDEN = ("tests", "build", "dist", "outputs", "node_modules")
"""Folders that are skipped."""


def class_in(folder: str, bases: Set[str]) -> Part:
    """The only class below a folder with one of these bases; raises :class:`UsageError` if there is not exactly one."""
    parts = [Part(str(file), name) for file in _sources(Path(folder)) for name in _classes(file, bases)]
    if len(parts) != 1:
        names, kinds = ", ".join(part.label for part in parts) or "none", " or ".join(sorted(bases))
        raise UsageError(f"{folder} has to have one class of {kinds}, or name FILE.py:CLASS; it has: {names}")
    return parts[0]


def _sources(root: Path) -> Iterator[Path]:
    for file in sorted(root.rglob("*.py")):
        folders = file.relative_to(root).parts[:-1]
        if not any(name.startswith(".") or name in HIDDEN for name in folders):
            yield file


def _classes(file: Path, bases: Set[str]) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names = {ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases}
            if names & bases:
                yield node.name
