"""Programs that know the answers to some cases and solve nothing: they look each case up.

Made of a row's tests, such a program is right on these by construction, which gives data that hold tests and no
solution a scale. Made of the examples in a prompt, it is an attack.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from loopholes.audit.programs import DEFAULT, Program

LONGEST = 20_000
"""Characters of a prompt that are searched."""
MOST = 200
"""Cases of one program."""
ARGUMENTS, RESULTS = ("args", "arguments"), ("expected", "expected_output", "output", "stdout", "result")
_PAIRS = (("inputs", "outputs"), ("input", "output"), ("stdin", "stdout"))
"""Keys of lists of inputs and of their outputs, alone or behind a prefix such as ``more_``."""
_RESULT = r"[ \t]*(?:==|->|=>|→|returns|#[ \t]*(?:->|=>|→)?)[ \t]*([^\n]{1,300})"
_SHOWN = re.compile(r"(?m)^[ \t]*>>> ([^\n]{1,300})\n([^\n>][^\n]{0,300})$")
_HEADING = r"[^\w\n]*(?:sample |example )?{}[^\w\n]*\d*[^\w\n]*"
_STREAMS = re.compile(
    rf"(?ims)^{_HEADING.format('input')}\n(.{{1,400}}?)^{_HEADING.format('output')}\n(.{{1,400}}?)"
    rf"(?=\n\s*\n|^{_HEADING.format('input')}$|\Z)"
)


class Case(NamedTuple):
    """What a program is given, and what is right: arguments and a value, or standard input and output as texts."""

    given: tuple[Any, ...] | str
    right: Any


def lookup(cases: Sequence[Case], program: Program) -> str | None:
    """A Python program that answers these cases, and others with nothing; None without cases, or in other languages."""
    if not cases or program.language != "python":
        return None
    if all(isinstance(case.given, str) for case in cases):
        table = {str(case.given).strip(): str(case.right).strip() for case in cases[:MOST]}
        return f"import sys\ntable = {table!r}\nprint(table.get(sys.stdin.read().strip(), ''))\n"
    called = [case for case in cases if not isinstance(case.given, str)][:MOST]
    table = {repr(case.given): case.right for case in called}
    name, body = program.function or DEFAULT, f"return {table!r}.get(repr(given))"
    if program.holder is None:
        return f"def {name}(*given):\n    {body}\n"
    return f"class {program.holder}:\n    def {name}(self, *given):\n        {body}\n"


def cases_of(columns: Mapping[str, Any], program: Program) -> list[Case]:
    """The cases in a row's columns: records with arguments and a result, or lists of inputs and outputs."""
    cases = [case for value in columns.values() for case in _cases(value, program)]
    return [case for case in cases if _is_plain(case.right)]


def examples_of(prompt: str, program: Program) -> list[Case]:
    """The cases that a prompt shows, by calls of the function or by sample input and output."""
    prompt = prompt[:LONGEST]
    if program.reads_input:
        return [Case(given.strip(), right.strip()) for given, right in _STREAMS.findall(prompt)]
    name = re.escape(program.function or DEFAULT)
    shown = _SHOWN.findall(prompt)
    shown += re.findall(rf"(?<![\w.])({name}\((?:[^()\n]|\([^()\n]{{0,100}}\)){{0,300}}\)){_RESULT}", prompt)
    cases = (_called(call, result) for call, result in shown)
    return [case for case in cases if case is not None]


def _called(call: str, result: str) -> Case | None:
    """The arguments of a call and its value, where all of them are literals."""
    try:
        node = ast.parse(call.strip(), mode="eval").body
        if not isinstance(node, ast.Call) or node.keywords:
            return None
        return Case(tuple(map(ast.literal_eval, node.args)), _literal(result))
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return None


def _literal(text: str) -> Any:
    """The value that a text begins with, whatever stands behind it in the line."""
    text = text.strip()
    try:
        return ast.literal_eval(text)
    except SyntaxError:
        return ast.literal_eval(re.split(r"\s+(?:#|//|and\b|because\b)|\.(?:\s|$)|[;`]", text)[0].strip())


def _cases(value: Any, program: Program) -> Iterator[Case]:
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return
    if isinstance(value, Mapping):
        pair = _record(value)
        if pair is not None:
            yield pair
            return
        yield from _of_lists(value, program)
        for inner in value.values():
            if isinstance(inner, Mapping | list | str):
                yield from _cases(inner, program)
    elif isinstance(value, list):
        for inner in value[:MOST]:
            if isinstance(inner, Mapping):
                yield from _cases(inner, program)


def _record(record: Mapping[str, Any]) -> Case | None:
    """One test as a record."""
    right = next((record[key] for key in RESULTS if key in record), None)
    for key in ARGUMENTS:
        if isinstance(record.get(key), list) and right is not None:
            return Case(tuple(record[key]), right)
    for key in ("stdin", "input"):
        if isinstance(record.get(key), str) and isinstance(right, str):
            return Case(record[key], right)
    return None


def _of_lists(record: Mapping[str, Any], program: Program) -> Iterator[Case]:
    """Tests as a list of inputs beside a list of outputs."""
    for key, inputs in record.items():
        for given, right in _PAIRS:
            outputs = record.get(key.removesuffix(given) + right) if key.endswith(given) else None
            if isinstance(inputs, list) and isinstance(outputs, list) and len(inputs) == len(outputs):
                yield from (case for pair in zip(inputs, outputs, strict=True) for case in _fed(*pair, program))


def _fed(given: Any, right: Any, program: Program) -> Iterator[Case]:
    """An input as standard input, or as the argument, or, where it is a list, as the arguments."""
    if program.function is None or program.reads_input:
        yield Case(given if isinstance(given, str) else json.dumps(given), right)
        return
    yield Case((given,), right)
    if isinstance(given, list):
        yield Case(tuple(given), right)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool | list | dict)
