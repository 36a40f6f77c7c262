"""The name and the parameters that suggested code has: those of the audited function, read from its source.

A reward that is no function in a file (an instance, an environment, a framework's own scorer) gets code for a function
of its framework's shape, to be called where the reward compares.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from loopholes.audit.definitions import definition_of
from loopholes.audit.frameworks.base import Part
from loopholes.audit.frameworks.plain import completion_parameter
from loopholes.audit.results import Target
from loopholes.errors import UsageError

SIGNATURES: Mapping[str, str] = {
    "trl": "def reward(completions, **kwargs): pass",
    "verl": "def compute_score(data_source, solution_str, ground_truth, extra_info=None): pass",
}
"""Signatures of functions that cannot be read, by framework."""
OTHERS = "def reward(completion): pass"
READ = ("plain", "trl", "verl")
"""Frameworks whose targets are functions that are called with a completion and columns."""


@dataclass(frozen=True)
class Signature:
    """A function's name and parameters. Annotations are left out, and so are defaults that need the user's module."""

    framework: str
    name: str
    arguments: ast.arguments
    is_async: bool = False

    @property
    def parameters(self) -> list[str]:
        """The names of the parameters that can be passed by keyword, in order."""
        arguments = self.arguments
        return [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]

    @property
    def collectors(self) -> list[str]:
        """The names of ``*args`` and ``**kwargs``."""
        return [argument.arg for argument in (self.arguments.vararg, self.arguments.kwarg) if argument is not None]

    @property
    def completion(self) -> str:
        """The name of the parameter that gets the completion, or a batch of them."""
        if self.framework in SIGNATURES:
            return "completions" if self.framework == "trl" else "solution_str"
        return completion_parameter(self.parameters) or self.parameters[0]

    def taking(self, columns: Sequence[str]) -> Signature:
        """The signature with a parameter for each of these columns."""
        arguments = deepcopy(self.arguments)
        missing = [ast.arg(name) for name in columns if name not in self.parameters]
        if arguments.defaults or arguments.vararg or arguments.kwonlyargs:
            arguments.kwonlyargs += missing
            arguments.kw_defaults += [None] * len(missing)
        else:
            arguments.args += missing
        return Signature(self.framework, self.name, arguments, self.is_async)

    @property
    def head(self) -> str:
        """The line of code that begins the function."""
        return f"{'async ' if self.is_async else ''}def {self.name}({ast.unparse(self.arguments)}):"

    def pay(self, function: Callable[..., Any], text: str, columns: Mapping[str, Any], *, is_chat: bool) -> float:
        """What a function of this signature pays, called as its framework calls it with a batch of one."""
        values = {name: value for name, value in columns.items() if name in self.parameters or self.arguments.kwarg}
        others: dict[str, Any] = {"prompts": [None], "completion_ids": [None], "data_source": "", "extra_info": {}}
        needed = {name: value for name, value in others.items() if name in self.parameters}
        if self.framework == "trl":
            completion = [{"role": "assistant", "content": text}] if is_chat else text
            lists = {name: [value] for name, value in values.items() if name not in ("prompt", "completion")}
            return float(_result(function(**{**needed, **lists, "completions": [completion]}))[0])
        if self.framework == "verl":
            return float(_result(function(**{**needed, **values, "solution_str": text})))
        for name in ("completion", self.completion):
            values.pop(name, None)
        if self.completion == self.parameters[0]:
            return float(_result(function(text, **values)))
        return float(_result(function(**{**values, self.completion: text})))


def signatures_of(target: Target) -> list[Signature]:
    """The signature of each part of a target, or the usual one of its framework where it cannot be read."""
    return [_read(part, target) or _usual(target.framework) for part in target.parts] or [_usual(target.framework)]


def _read(part: Part, target: Target) -> Signature | None:
    """The signature of a part that is a function in a file; None for anything else, such as what a call returns."""
    if target.framework not in READ or "(" in part.name:
        return None
    try:
        definition = definition_of(part, target.python)
    except UsageError:
        return None
    match None if definition is None else definition.node:
        case ast.FunctionDef(name=name, args=arguments) | ast.AsyncFunctionDef(name=name, args=arguments) as node:
            signature = Signature(
                target.framework, name, _plain(arguments), is_async=isinstance(node, ast.AsyncFunctionDef)
            )
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda(args=arguments)):
            signature = Signature(target.framework, name, _plain(arguments))
        case _:
            return None
    return signature if _is_whole(signature) else None


def _is_whole(signature: Signature) -> bool:
    """Whether the signature has a parameter for the completion, and is no method's."""
    parameters = signature.parameters
    return bool(parameters) and "self" not in parameters and signature.completion in parameters


def _usual(framework: str) -> Signature:
    (node,) = ast.parse(SIGNATURES.get(framework, OTHERS)).body
    assert isinstance(node, ast.FunctionDef)
    return Signature(framework, node.name, node.args)


def _plain(arguments: ast.arguments) -> ast.arguments:
    """Parameters without annotations, and with None for defaults that are no literals."""
    plain = deepcopy(arguments)
    every = (*plain.posonlyargs, *plain.args, *plain.kwonlyargs, plain.vararg, plain.kwarg)
    for argument in filter(None, every):
        argument.annotation = None
    plain.defaults = [_literal(default) for default in plain.defaults]
    plain.kw_defaults = [None if default is None else _literal(default) for default in plain.kw_defaults]
    return plain


def _literal(default: ast.expr) -> ast.expr:
    try:
        ast.literal_eval(default)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ast.Constant(None)
    return default


def _result(value: Any) -> Any:
    """The result of a call, or of a coroutine that waits for nothing."""
    if not hasattr(value, "send"):
        return value
    try:
        value.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("suggested code waits for nothing")
