"""The environment in a folder of OpenEnv's layout, found by reading its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from loopholes.audit.frameworks.base import Part
from loopholes.errors import UsageError

BASES = frozenset({"Environment", "MCPEnvironment"})
MANIFEST = "openenv.yaml"
HIDDEN = ("tests", "build", "dist", "outputs", "node_modules")
"""Folders without environments of the package."""


def environment_in(folder: str) -> Part:
    """The only Environment class below a folder with an ``openenv.yaml``; raises :class:`UsageError`."""
    root = Path(folder)
    if not (root / MANIFEST).is_file():
        raise UsageError(f"{folder} has no {MANIFEST}, as the folder of an OpenEnv environment has")
    parts = [Part(str(file), name) for file in _sources(root) for name in _classes(file)]
    if len(parts) != 1:
        names = ", ".join(part.label for part in parts) or "none"
        raise UsageError(f"{folder} has to have one Environment class, or name FILE.py:CLASS; it has: {names}")
    return parts[0]


def _sources(root: Path) -> Iterator[Path]:
    for file in sorted(root.rglob("*.py")):
        folders = file.relative_to(root).parts[:-1]
        if not any(name.startswith(".") or name in HIDDEN for name in folders):
            yield file


def _classes(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names = {ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases}
            if names & BASES:
                yield node.name
