"""Arithmetic that an answer has to write down, as in the countdown game: parsed, never evaluated as code."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

LONGEST = 300
"""Characters of the longest text that is read as an expression."""
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-"})
_LETTERS = re.compile(r"[0-9+\-*/() ]+")
_OPERATIONS: Mapping[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class Arithmetic(NamedTuple):
    """An expression's value, and the whole numbers in it, as often as each is written."""

    value: Fraction
    numbers: tuple[int, ...]


def arithmetic(text: str | None) -> Arithmetic | None:
    """An expression of whole numbers, brackets and ``+ - * /`` (also ``× · ÷ −``); None if a text is anything else."""
    plain = (text or "").strip().translate(_SIGNS)
    if not 0 < len(plain) <= LONGEST or not _LETTERS.fullmatch(plain):
        return None
    numbers: list[int] = []
    try:
        return Arithmetic(_value(ast.parse(plain, mode="eval").body, numbers), tuple(numbers))
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return None


def makes_target(text: str | None, target: int | Fraction, numbers: Iterable[int]) -> bool:
    """Whether a text is an expression with the value ``target`` that uses each of ``numbers`` exactly once."""
    expression = arithmetic(text)
    return expression is not None and expression.value == target and sorted(expression.numbers) == sorted(numbers)


def _value(node: ast.expr, numbers: list[int]) -> Fraction:
    """The value of a syntax tree; its numbers are appended to the list. Raises ValueError for anything else."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        numbers.append(node.value)
        return Fraction(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, numbers)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        return _OPERATIONS[type(node.op)](_value(node.left, numbers), _value(node.right, numbers))
    raise ValueError("only whole numbers and + - * / are read")
