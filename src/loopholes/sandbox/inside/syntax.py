"""Which programs cannot tell one run from the next, going by their syntax alone.

A run costs the same whatever it does, so a program whose every call is bound to begin from nothing may answer several
inputs in one: a single function of arithmetic, comparisons, loops and lists, which calls only itself and a few
built-ins that keep no state and are not rebound. It can reach no attribute, import, default value, outer variable or
identity, so nothing of one call is left when the next begins. Whatever is not on the list below is assumed to be
hostile.

Part of the fork server (see zygote.py), so standard library only.
"""

from __future__ import annotations

import ast
from collections.abc import Set

STATEMENTS = (
    ast.Return,
    ast.Assign,
    ast.AugAssign,
    ast.Expr,
    ast.Pass,
    ast.If,
    ast.For,
    ast.While,
    ast.Break,
    ast.Continue,
)
VALUES = (ast.Constant, ast.Tuple, ast.List, ast.Subscript, ast.Slice, ast.IfExp)
OPERATIONS = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.operator, ast.unaryop, ast.boolop)
COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn)
PURE = (*STATEMENTS, *VALUES, *OPERATIONS, *COMPARISONS, ast.expr_context, ast.arguments, ast.arg)
BUILT_IN = frozenset("abs all any bool divmod float int len list max min range round sorted str sum tuple".split())


def is_pure(source: str) -> bool:
    """Whether the program is one function made only of what is listed here; False if it cannot be parsed."""
    if "." in source or "import" in source:  # true of most programs, and faster than parsing them
        return False
    try:
        body = ast.parse(source).body
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False
    if len(body) != 1 or not isinstance(function := body[0], ast.FunctionDef):
        return False
    parameters = function.args
    if function.decorator_list or function.returns or parameters.defaults or parameters.kw_defaults:
        return False
    nodes = [node for part in (parameters, *function.body) for node in ast.walk(part)]
    own = {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    outer = BUILT_IN | {function.name}
    return not own & outer and all(_is_listed(node, own, outer) for node in nodes)


def _is_listed(node: ast.AST, own: Set[str], outer: Set[str]) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in outer
    if isinstance(node, ast.Name):
        return node.id in own or node.id in outer
    if isinstance(node, ast.arg):
        return node.annotation is None
    return isinstance(node, PURE)
