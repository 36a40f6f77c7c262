"""From what a user types to a target: which file, which function, which framework."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loopholes.audit.frameworks import FRAMEWORKS, OPTIONS
from loopholes.audit.frameworks.base import Part
from loopholes.audit.results import Target
from loopholes.errors import UnknownName, UsageError

VERL = {"solution_str", "ground_truth"}
OPENENV = {"Rubric", "Environment", "WeightedSum", "Sequential", "Gate", "TrajectoryRubric", "LLMJudge"}
VERIFIERS = {"Taskset", "Task"}


def target_of(names: Sequence[str], framework: str | None, options: Mapping[str, Any]) -> Target:
    """The target of ``FILE.py:FUNCTION`` (several: each ``=WEIGHT``), ``game:NAME`` or a URL.

    Raises :class:`UsageError` in one sentence.
    """
    if framework is not None and framework not in FRAMEWORKS:
        raise UnknownName("framework", framework, list(FRAMEWORKS))
    if not names:
        raise UsageError("there is nothing to audit: name FILE.py:FUNCTION, game:NAME or a URL, or give --reward")
    target = _target(names, framework, options)
    for option in options:
        if option not in OPTIONS[target.framework]:
            raise UnknownName(f"option of {target.framework}", option, sorted(OPTIONS[target.framework]))
    return target


def _target(names: Sequence[str], framework: str | None, options: Mapping[str, Any]) -> Target:
    if len(names) == 1 and names[0].startswith(("http://", "https://")):
        return Target("openenv", (Part(names[0], ""),), options)
    if len(names) == 1 and names[0].startswith("game:"):
        return Target("game", (Part("", names[0].removeprefix("game:")),), options)
    if framework == "game":
        raise UsageError(f"a game is named as game:{names[0]}")
    parts = tuple(part_of(name) for name in names)
    return Target(framework or detected(parts), parts, options)


def part_of(name: str) -> Part:
    """``FILE.py:FUNCTION`` or ``FILE.py:FUNCTION=WEIGHT``."""
    file, _, rest = name.rpartition(":")
    function, _, weight = rest.partition("=")
    if not file.endswith(".py") or not function:
        raise UsageError(f"{name} does not name a reward: write FILE.py:FUNCTION")
    try:
        value = float(weight or 1.0)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{weight!r} in {name} is no weight")
    return Part(file, function, value)


def detected(parts: Sequence[Part]) -> str:
    """The framework that the source of a function, or class, was written for; nothing is imported."""
    found = {_detected(part) for part in parts}
    if len(found) > 1:
        raise UsageError(f"the rewards are written for {' and '.join(sorted(found))}: say which with --framework")
    return found.pop()


def _detected(part: Part) -> str:
    tree = _parsed(part)
    node = _definition(tree, part)
    if node is None and not _may_have(tree, part.name.partition(".")[0]):
        there = [
            one.name for one in tree.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        ]
        raise UsageError(f"{part.file} has no {part.name}; it has: {', '.join(there) or 'nothing'}")
    if isinstance(node, ast.ClassDef):
        bases = {ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases}
        if bases & OPENENV:
            return "openenv"
        if bases & VERIFIERS:
            return "verifiers"
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        known = _framework_of([one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)])
        if known is not None:
            return known
    raise UsageError(
        f"{part.label} has no signature that tells its framework: say --framework {'|'.join(FRAMEWORKS)} (a plain "
        "reward is f(completion, **row))"
    )


def _framework_of(names: Sequence[str]) -> str | None:
    if set(names) >= VERL:
        return "verl"
    if "completions" in names or "completion_ids" in names:
        return "trl"
    if names and names[0] in ("completion", "response", "answer", "output", "text", "solution", "prediction"):
        return "plain"
    return None


def _may_have(tree: ast.Module, name: str) -> bool:
    """Whether a name may come about otherwise than by a definition: assigned, or imported."""
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        for alias in getattr(node, "names", ())
        if isinstance(alias, ast.alias)
    }
    return "*" in imported or name in imported | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _parsed(part: Part) -> ast.Module:
    """A part's file; raises :class:`UsageError` where it cannot be read."""
    path = Path(part.file)
    if not path.is_file():
        raise UsageError(f"there is no file {part.file}")
    try:
        return ast.parse(path.read_bytes(), part.file)
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{part.file} is not Python: {error}") from error


def _definition(tree: ast.Module, part: Part) -> ast.AST | None:
    """The node that a part names; None if there is none."""
    node: ast.AST | None = tree
    for name in part.name.split("."):
        node = next((one for one in getattr(node, "body", []) if getattr(one, "name", None) == name), None)
    return node
