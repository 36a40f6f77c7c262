"""Variants of right programs, made on their syntax trees: slightly wrong (mutants) or equivalent.

A mutant counts only if its answers differ from the right program's on the row's own inputs, when both are run in
:mod:`loopholes.sandbox`. Inputs are read from the row's columns; expected outputs are not needed.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from operator import ne
from typing import Any

from loopholes.sandbox import Limits, Program, run_programs

MOST_INPUTS = 20
"""Maximum number of inputs on which a mutant and the right program are compared."""
MOST_MUTANTS = 8
"""Maximum number of mutants of one program that are run to find a wrong one."""
LIMITS = Limits(test_seconds=1.0)
ARGUMENTS = ("args", "arguments", "input", "inputs", "stdin", "call", "test", "assert")
"""Keys under which a test holds the input of a program."""
_DRIVER = """\
def loopholes_driver():
    import contextlib, io, sys
    outcomes = []
    for stdin, call in {inputs!r}:
        written, value, space = io.StringIO(), None, {{"__name__": "__main__"}}
        sys.stdin = io.StringIO(stdin)
        try:
            with contextlib.redirect_stdout(written):
                exec(compile({source!r}, "program", "exec"), space)
                value = eval(call, space) if call else None
        except BaseException as error:
            value = "raised " + type(error).__name__
        outcomes.append((repr(value), written.getvalue()))
    return repr(outcomes)
"""
_SWAPPED: Mapping[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Gt,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.In: ast.NotIn,
}
Edit = Callable[[ast.AST], None]


def wrong_program(source: str, columns: Mapping[str, Any]) -> str | None:
    """The mutant that differs from a program on most of the row's own inputs; None if no mutant can be proved wrong.

    It has to differ on a fifth of the inputs: a reward that pays the share of passed tests may rightly pay for less.
    """
    inputs, mutants = inputs_of(columns, source), _mutants(source)
    if not inputs or not mutants:
        return None
    drivers = [_DRIVER.format(inputs=inputs, source=text) for text in (source, *mutants)]
    runs = run_programs([Program(driver, "loopholes_driver", ("",)) for driver in drivers], limits=LIMITS, workers=1)
    right, *answers = (_outcomes(run.results[0].text) for run in runs)
    if all(value.startswith("'raised ") for value, _ in right):
        return None
    differing = [sum(map(ne, right, outcomes)) for outcomes in answers]
    most = max(differing)
    return mutants[differing.index(most)] if 5 * most >= len(inputs) else None


def _outcomes(text: str | None) -> list[tuple[str, str]]:
    """Value and output per input that a driver returned; empty if it did not finish."""
    return ast.literal_eval(text) if text is not None else []


def inputs_of(columns: Mapping[str, Any], source: str) -> list[tuple[str, str]]:
    """The inputs of a row's tests as (standard input, call) pairs, at most :data:`MOST_INPUTS`."""
    names = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    wanted = columns.get("entry_point")
    name = wanted if wanted in names else (names[-1] if names else None)
    stdin = columns.get("stdin")
    inputs = [(stdin, "")] if name is None and isinstance(stdin, str) else []
    for value in columns.values():
        inputs += [pair for pair in _fed(_loaded(value), name, inside=False) if pair not in inputs]
    inputs += [("", call) for call in _calls(source)]
    return inputs[:MOST_INPUTS]


def _loaded(value: Any) -> Any:
    """The value of a column, parsed if it is a text that holds JSON."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _fed(value: Any, name: str | None, *, inside: bool) -> Iterator[tuple[str, str]]:
    """Inputs in a column: asserts, mappings with a key of :data:`ARGUMENTS`, and lists of these."""
    if isinstance(value, Mapping):
        for key in ARGUMENTS:
            if key in value:
                many = key == "inputs" and isinstance(value[key], list)
                yield from _fed_by(value[key] if many else [value[key]], name)
        for key, member in value.items():
            if key not in ARGUMENTS and isinstance(member, list | Mapping):
                yield from _fed(member, name, inside=True)
    elif isinstance(value, list | tuple):
        for member in value[:MOST_INPUTS]:
            yield from _fed(member, name, inside=True)
    elif isinstance(value, str):
        yield from (("", call) for call in _calls(value))


def _fed_by(values: Sequence[Any], name: str | None) -> Iterator[tuple[str, str]]:
    for value in values[:MOST_INPUTS]:
        if isinstance(value, str) and (calls := _calls(value)):
            yield from (("", call) for call in calls)
        elif name is None:
            yield (value if isinstance(value, str) else json.dumps(value)), ""
        elif isinstance(value, list | tuple):
            yield "", f"{name}(*{list(value)!r})"
        elif isinstance(value, Mapping):
            yield "", f"{name}(**{dict(value)!r})"
        else:
            yield "", f"{name}({value!r})"


def _calls(text: str) -> list[str]:
    """The calls that assertions in a text check: ``f(1)`` of ``assert f(1) == 2``."""
    if "assert" not in text:
        return []
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    tests = [node.test for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    compared = [test.left if isinstance(test, ast.Compare) else test for test in tests]
    return [ast.unparse(value) for value in compared if isinstance(value, ast.Call)]


def _mutants(source: str) -> list[str]:
    """Programs that differ in one place: an operator, a comparison, a constant, or a return value."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    mutants = []
    for place, node in enumerate(nodes):
        for edit in _edits(node):
            copy = deepcopy(tree)
            edit(list(ast.walk(copy))[place])
            mutants.append(ast.unparse(ast.fix_missing_locations(copy)))
    different = dict.fromkeys(text for text in mutants if text != ast.unparse(tree))
    return sorted(different, key=lambda text: "return None" in text)[:MOST_MUTANTS]


def _edits(node: ast.AST) -> Iterator[Edit]:
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in _SWAPPED:
        yield lambda node: setattr(node, "op", _SWAPPED[type(node.op)]())  # type: ignore[attr-defined]
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPPED:
        yield lambda node: node.ops.__setitem__(0, _SWAPPED[type(node.ops[0])]())  # type: ignore[attr-defined]
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield lambda node: setattr(node, "value", node.value + 1)  # type: ignore[attr-defined]
    if isinstance(node, ast.Return) and node.value is not None:
        yield lambda node: setattr(node, "value", ast.Constant(None))


class _Renamed(ast.NodeTransformer):
    """Renames the local variables of functions, never their parameters, which tests may name."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self._names.get(node.id, node.id), node.ctx)


def renamed(source: str) -> str | None:
    """The program with its local variables renamed; None if it has none, or looks up names in strings."""
    if re.search(r"\b(?:locals|globals|eval|exec|vars|nonlocal|global)\b", source):
        return None
    tree = ast.parse(source)
    names: set[str] = set()
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        stored = {
            node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        names |= stored
    outside = {
        node.id
        for part in tree.body
        if not isinstance(part, ast.FunctionDef)
        for node in ast.walk(part)
        if isinstance(node, ast.Name)
    }
    names -= outside | {
        argument.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.arguments)
        for argument in (*node.args, *node.kwonlyargs)
    }
    names -= {
        keyword.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for keyword in node.keywords if keyword.arg
    }
    if not names:
        return None
    return ast.unparse(_Renamed({name: f"{name}_value" for name in names}).visit(tree))


def documented(source: str) -> str | None:
    """The program with a docstring in its first function; None without a function, or if it already has a docstring."""
    tree = ast.parse(source)
    function = next((node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)), None)
    if function is None or ast.get_docstring(function) is not None:
        return None
    function.body.insert(0, ast.Expr(ast.Constant("Return the result.")))
    return ast.unparse(ast.fix_missing_locations(tree))


def annotated(source: str) -> str | None:
    """The program with type hints that always hold; None without a function, or if it already has hints."""
    tree = ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    if not functions or any(function.returns is not None for function in functions):
        return None
    for function in functions:
        function.returns = ast.Name("object", ast.Load())
    return ast.unparse(ast.fix_missing_locations(tree))


def reordered(source: str) -> str | None:
    """The program with two adjacent, independent assignments swapped; None if there are none."""
    tree = ast.parse(source)
    bodies = [body for node in ast.walk(tree) if isinstance(body := getattr(node, "body", None), list)]
    for body in bodies:
        for place in range(len(body) - 1):
            if _independent(body[place], body[place + 1]):
                body[place], body[place + 1] = body[place + 1], body[place]
                return ast.unparse(tree)
    return None


def _independent(first: ast.stmt, second: ast.stmt) -> bool:
    """Whether two statements are assignments without calls, and neither reads or sets a name that the other sets."""
    if not all(
        isinstance(part, ast.Assign) and not any(isinstance(node, ast.Call) for node in ast.walk(part))
        for part in (first, second)
    ):
        return False
    names = [
        {(node.id, type(node.ctx)) for node in ast.walk(part) if isinstance(node, ast.Name)} for part in (first, second)
    ]
    stores = [{name for name, context in group if context is ast.Store} for group in names]
    plain = all(isinstance(target, ast.Name) for part in (first, second) for target in part.targets)  # type: ignore[attr-defined]
    return plain and not any(stores[at] & {name for name, _ in names[1 - at]} for at in (0, 1))


def commented(source: str) -> str | None:
    """The program with a comment above it."""
    return f"# Solution\n{source}"


def reformatted(source: str) -> str | None:
    """The program as ``ast.unparse`` writes it; None if that changes nothing."""
    plain = ast.unparse(ast.parse(source))
    return plain if plain.strip() != source.strip() else None
