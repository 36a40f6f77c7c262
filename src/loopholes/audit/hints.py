"""Lines of a reward's source that may be too lenient, found without importing anything.

A hint is a guess: it decides what is tried first. It is shown only with a finding that it would explain, and only if no
other line would: the audit does not run single lines, so it cannot tell which of several let a completion through. The
source is followed from the reward into the functions of the same file that it calls, tracking which variables come from
the policy (*text*) and which hold the right answer (*truth*).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from loopholes.audit.definitions import Definition, definition_of, functions_of
from loopholes.audit.frameworks.plain import FIRST
from loopholes.audit.results import Finding, Hint, Target
from loopholes.errors import UsageError

TEXTS = {*FIRST, "completions", "responses", "solution_str", "predict", "predict_str", "model_output", "generated_text"}
"""Names of parameters that hold the policy's text. If there is none, the first parameter holds it."""
PROMPTS = {"prompt", "prompts", "question", "problem", "kwargs", "extra_info", "data_source", "self", "cls"}
"""Names of parameters that hold neither text nor truth."""
LONGEST = 70
"""Maximum number of characters of code that a hint shows."""
FIELDS = {"score", "reward", "passed", "correct", "verdict", "success", "is_correct", "status", "result"}
Origin = Literal["text", "truth"]
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Pattern(NamedTuple):
    """Why a line may be too lenient, and the families and checks of findings that it would explain, likeliest first."""

    why: str
    confirmed_by: tuple[str, ...]


PATTERNS: Mapping[str, Pattern] = {
    "evaluates": Pattern("evaluates what the policy wrote", ("evaluation", "restate", "number-forging", "code")),
    "truth-within": Pattern("the answer may stand anywhere in the text", ("shotgun", "near-miss", "echo", "hedge")),
    "text-within": Pattern("an empty or partial text is in the answer, too", ("degenerate", "shotgun", "format")),
    "marker": Pattern("a mark has to be somewhere in the text", ("format", "stuffing", "delimiter")),
    "begins": Pattern("an empty or partial text begins the answer, too", ("degenerate", "format", "shotgun")),
    "prefix": Pattern("compares only the beginning or end of the text", ("shotgun", "hedge", "delimiter")),
    "zip": Pattern("stops at the shorter of the two", ("aggregation", "degenerate")),
    "nothing": Pattern("is true, or 1, if there are no elements", ("aggregation", "degenerate")),
    "share": Pattern("is divided by the amount that the policy wrote", ("aggregation",)),
    "sets": Pattern("counts what is right, and ignores what is too much", ("shotgun", "aggregation", "stuffing")),
    "counts": Pattern("counts how often something is written", ("stuffing", "shotgun", "format")),
    "truthy": Pattern("any text that is not empty is true", ("degenerate", "echo", "hedge")),
    "unbounded": Pattern("grows with a number that the policy chooses", ("number-forging", "length")),
    "number": Pattern("accepts NaN, infinity and forged numbers", ("number-forging",)),
    "length": Pattern("grows with the length of the text", ("length", "stuffing", "unfinished-thought")),
    "first-match": Pattern("reads the first match, wherever it stands", ("delimiter", "shotgun", "unfinished-thought")),
    "swallows": Pattern("continues after any exception", ("break-the-grader", "masked-component", "number-forging")),
    "own-verdict": Pattern("reads a verdict from what the policy wrote", ("protected-field", "code", "tool-use")),
    "judge": Pattern("puts the text into a judge's prompt", ("judge-injection", "forged-role", "length", "delimiter")),
}


@dataclass(frozen=True)
class Scope:
    """A function, and the origins of its variables' values."""

    node: Function
    origins: Mapping[str, Set[Origin]]

    def of(self, *nodes: ast.AST | None) -> Set[Origin]:
        """The origins of the variables in these expressions."""
        names = (part.id for node in nodes if node for part in ast.walk(node) if isinstance(part, ast.Name))
        return frozenset(origin for name in names for origin in self.origins.get(name, ()))

    def written(self, *nodes: ast.AST | None) -> bool:
        """Whether these expressions contain text from the policy."""
        return "text" in self.of(*nodes)


def hints_of(target: Target) -> list[Hint]:
    """The hints in the source of a target's functions, by file and line; none if the source cannot be read."""
    hints = []
    for part in target.parts:
        try:
            definition = definition_of(part, target.python)
        except UsageError:
            continue
        if definition is not None and definition.node is not None:
            hints += list(_hints(definition))
    return sorted(dict.fromkeys(hints), key=lambda hint: (hint.file, hint.line))


def families_to_try(hints: Sequence[Hint]) -> list[str]:
    """The families that the hints point to, likeliest first."""
    ranked = sorted((rank, name) for hint in hints for rank, name in enumerate(hint.confirmed_by))
    return list(dict.fromkeys(name for _, name in ranked))


def with_hints(findings: Sequence[Finding], hints: Sequence[Hint]) -> list[Finding]:
    """The findings with the line that explains each, if there is exactly one."""
    return [replace(finding, hint=_explaining(finding, hints)) for finding in findings]


def asks_judge(hints: Sequence[Hint]) -> bool:
    """Whether the source puts the policy's text into a judge's prompt."""
    return any(hint.why == PATTERNS["judge"].why for hint in hints)


def _explaining(finding: Finding, hints: Sequence[Hint]) -> Hint | None:
    """The hint that explains this finding; None if there is none, or if hints on several lines do."""
    text = None if finding.evidence is None else finding.evidence.completion
    pointing = [hint for hint in hints if finding.family in hint.confirmed_by and (text is None or _fits(hint, text))]
    if len({(hint.file, hint.line) for hint in pointing}) != 1:
        return None
    return min(pointing, key=lambda hint: hint.confirmed_by.index(finding.family))


def _fits(hint: Hint, completion: str) -> bool:
    """Whether what a line looks for is in the completion, for lines that look for a fixed text or a field."""
    if hint.why not in (PATTERNS["marker"].why, PATTERNS["counts"].why, PATTERNS["own-verdict"].why):
        return True
    try:
        node = ast.parse(hint.code, mode="eval")
    except SyntaxError:  # it was shortened
        return True
    texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return not texts or any(text.lower() in completion.lower() for text in texts)


def _hints(definition: Definition) -> Iterator[Hint]:
    functions = functions_of(definition)
    node = definition.node
    roots = [node] if isinstance(node, Function) else [item for item in getattr(node, "body", ()) if _is_function(item)]
    waiting = [Scope(root, _origins(root, _parameters(root))) for root in roots]
    seen: set[str] = set()
    while waiting:
        scope = waiting.pop(0)
        if scope.node.name in seen:
            continue
        seen.add(scope.node.name)
        conditions = _conditions(scope.node)
        for part in ast.walk(scope.node):
            for name in _matches(part, scope):
                if name == "first-match" and part in conditions:
                    continue  # whether there is a match at all: nothing is read from it
                yield _hint(name, part, definition.file)
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in functions:
                waiting.append(_called(functions[part.func.id], part, scope))


def _conditions(node: ast.AST) -> list[ast.AST]:
    """The expressions of which only the truth counts."""
    conditions: list[ast.AST] = []
    for part in ast.walk(node):
        match part:
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test) | ast.UnaryOp(ast.Not(), operand=test):
                conditions.append(test)
            case ast.BoolOp(values=values):
                conditions += values
            case ast.Call(func=ast.Name("bool"), args=[argument]):
                conditions.append(argument)
    return conditions


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, Function)


def _hint(name: str, node: ast.AST, file: Path) -> Hint:
    code = ast.unparse(node).splitlines()[0]
    excerpt = code if len(code) <= LONGEST else f"{code[: LONGEST - 1]}…"
    return Hint(str(file), getattr(node, "lineno", 1), excerpt, *PATTERNS[name])


def _parameters(node: Function) -> dict[str, Set[Origin]]:
    """The origins of a reward's parameters, judged by their names."""
    arguments = node.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    names = [name for name in names if name not in PROMPTS]
    batch, first = {"completions"} & set(names), set(names[:1])
    texts = batch or (first if TEXTS.isdisjoint(names) or names[0] in TEXTS else TEXTS & set(names))
    return {name: frozenset(["text" if name in texts else "truth"]) for name in names}


def _called(node: Function, call: ast.Call, scope: Scope) -> Scope:
    """The scope of a function of the same file, with the arguments of this call."""
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
    handed = {name: scope.of(value) for name, value in zip(names, call.args, strict=False)}
    handed |= {keyword.arg: scope.of(keyword.value) for keyword in call.keywords if keyword.arg}
    return Scope(node, _origins(node, handed))


def _origins(node: Function, parameters: Mapping[str, Set[Origin]]) -> dict[str, Set[Origin]]:
    """The origins of every variable of a function. What is computed from text is text."""
    scope = Scope(node, dict(parameters))
    origins: dict[str, Set[Origin]] = dict(parameters)
    for _ in range(3):  # loops pass values backwards
        for targets, value in _bindings(node):
            for target in targets:
                for part in ast.walk(target):
                    if isinstance(part, ast.Name):
                        origins[part.id] = origins.get(part.id, frozenset()) | scope.of(value)
        scope = Scope(node, origins)
    return origins


def _bindings(node: Function) -> Iterator[tuple[Sequence[ast.expr], ast.expr]]:
    """The bindings within a function: targets and value."""
    for part in ast.walk(node):
        match part:
            case ast.Assign(targets=targets, value=value):
                yield targets, value
            case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.AugAssign(target=target, value=value):
                yield [target], value
            case ast.NamedExpr(target=target, value=value):
                yield [target], value
            case (
                ast.For(target=ast.Tuple(elts=targets), iter=ast.Call(func=ast.Name("zip"), args=values))
                | ast.comprehension(target=ast.Tuple(elts=targets), iter=ast.Call(func=ast.Name("zip"), args=values))
            ) if len(targets) == len(values):
                yield from (([target], value) for target, value in zip(targets, values, strict=True))
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                yield [target], value


def _matches(node: ast.AST, scope: Scope) -> Iterator[str]:
    """The names of the patterns that a node matches."""
    match node:
        case ast.Call():
            yield from _of_call(node, scope)
        case ast.Compare(left=left, ops=[ast.In() | ast.NotIn()], comparators=[container]):
            yield from _of_membership(left, container, scope)
        case ast.Compare(left=left, ops=[ast.LtE() | ast.GtE()], comparators=[other]):
            if _is_set(left) and _is_set(other) and scope.of(left, other) == {"text", "truth"}:
                yield "sets"
        case ast.BinOp(op=ast.BitAnd(), left=left, right=right) if scope.of(left, right) == {"text", "truth"}:
            yield "sets"
        case ast.BinOp(op=ast.Div(), right=ast.Call(func=ast.Name(id="len"), args=[measured])):
            if scope.of(measured) == {"text"}:
                yield "share"
        case ast.BinOp(op=ast.Mult() | ast.Div() | ast.Add(), left=left, right=right):
            if any(_is_length(side) and scope.written(side) for side in (left, right)):
                yield "length"
        case ast.ExceptHandler(type=caught) if _is_broad(caught) and not _raises(node):
            yield "swallows"
        case ast.Subscript(value=value, slice=ast.Constant(value=str(field))) if field.lower() in FIELDS:
            if scope.of(value) == {"text"}:
                yield "own-verdict"
        case ast.JoinedStr() if scope.written(node) and _mentions_judging(node):
            yield "judge"


def _of_call(node: ast.Call, scope: Scope) -> Iterator[str]:
    name = ast.unparse(node.func)
    last = name.rpartition(".")[2]
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    argument = node.args[0] if node.args else None
    if last in ("eval", "exec", "parse_expr", "sympify") and scope.written(argument):
        yield "evaluates"
    elif name == "zip" and scope.written(*node.args) and not any(word.arg == "strict" for word in node.keywords):
        if not _is_batch(node, scope):
            yield "zip"
    elif (name == "all" or last == "prod") and scope.written(argument):
        yield "nothing"
    elif name == "bool" and scope.of(argument) == {"text"} and isinstance(argument, ast.Name):
        yield "truthy"
    elif last in ("exp", "pow") and scope.written(*node.args):
        yield "unbounded"
    elif name in ("float", "json.loads", "Decimal", "Fraction", "complex") and scope.of(argument) == {"text"}:
        if "isfinite" not in ast.unparse(scope.node):
            yield "number"
    elif last in ("search", "match") and scope.written(*node.args):
        yield "first-match"
    elif last in ("startswith", "endswith") and scope.written(owner) and "truth" in scope.of(argument):
        yield "prefix"
    elif last in ("startswith", "endswith") and scope.written(argument) and "truth" in scope.of(owner):
        yield "begins"
    elif last == "count" and scope.written(owner):
        yield "counts"
    elif last in ("issubset", "issuperset", "intersection") and scope.of(owner, *node.args) == {"text", "truth"}:
        yield "sets"
    elif last == "get" and isinstance(argument, ast.Constant) and str(argument.value).lower() in FIELDS:
        if scope.of(owner) == {"text"}:
            yield "own-verdict"
    elif last in ("min", "max") and any(_is_length(part) and scope.written(part) for part in node.args):
        yield "length"
    elif last in ("create", "post", "urlopen") and scope.written(*node.args, *(word.value for word in node.keywords)):
        yield "judge"


def _of_membership(left: ast.expr, container: ast.expr, scope: Scope) -> Iterator[str]:
    inner, outer = scope.of(left), scope.of(container)
    if "text" in outer and "truth" in inner:
        yield "truth-within"
    elif "truth" in outer and "text" in inner:
        yield "text-within"
    elif "text" in outer and isinstance(left, ast.Constant) and isinstance(left.value, str):
        yield "marker"
    elif "text" in outer and not inner and isinstance(left, ast.Name):
        yield "counts"


def _is_batch(node: ast.Call, scope: Scope) -> bool:
    """Whether a ``zip`` pairs the completions of a batch with its columns, which are as long."""
    names = {argument.arg for argument in (*scope.node.args.args, *scope.node.args.kwonlyargs)}
    return "completions" in names and any(isinstance(part, ast.Name) and part.id in names for part in node.args)


def _is_set(node: ast.expr) -> bool:
    return isinstance(node, ast.Set | ast.SetComp) or (isinstance(node, ast.Call) and ast.unparse(node.func) == "set")


def _is_length(node: ast.expr) -> bool:
    return any(
        isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == "len"
        for part in ast.walk(node)
    )


def _is_broad(caught: ast.expr | None) -> bool:
    return caught is None or ast.unparse(caught) in ("Exception", "BaseException")


def _raises(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Raise) for part in ast.walk(node))


def _mentions_judging(node: ast.JoinedStr) -> bool:
    text = "".join(part.value for part in node.values if isinstance(part, ast.Constant) and isinstance(part.value, str))
    return any(word in text.lower() for word in ("grade", "judge", "score", "rate ", "correct", "evaluate", "verdict"))
