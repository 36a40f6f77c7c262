"""Programs that look up the answers to known cases and solve nothing.

Made from a row's tests, such a program passes them by construction, which gives a scale to data that has tests but no
solution. Made from the examples in a prompt, it is an attack.
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
"""Maximum number of cases in one program."""
ARGUMENTS, RESULTS = ("args", "arguments"), ("expected", "expected_output", "output", "stdout", "result")
_PAIRS = (("inputs", "outputs"), ("input", "output"), ("stdin", "stdout"))
"""Keys of lists of inputs and outputs, alone or after a prefix such as ``more_``."""
_RESULT = r"[ \t]*(?:==|->|=>|→|returns|#[ \t]*(?:->|=>|→)?)[ \t]*([^\n]{1,300})"
_SHOWN = re.compile(r"(?m)^[ \t]*>>> ([^\n]{1,300})\n([^\n>][^\n]{0,300})$")
_HEADING = r"[^\w\n]*(?:sample |example )?{}[^\w\n]*\d*[^\w\n]*"
_STREAMS = re.compile(
    rf"(?ims)^{_HEADING.format('input')}\n(.{{1,400}}?)^{_HEADING.format('output')}\n(.{{1,400}}?)"
    rf"(?=\n\s*\n|^{_HEADING.format('input')}$|\Z)"
)


class Case(NamedTuple):
    """The input of a program and the right output: arguments and a value, or standard input and output as texts."""

    inputs: tuple[Any, ...] | str
    right: Any


def lookup(cases: Sequence[Case], program: Program) -> str | None:
    """A Python program that answers these cases and no others; None without cases, or for other languages."""
    if not cases or program.language != "python":
        return None
    if all(isinstance(case.inputs, str) for case in cases):
        table = {str(case.inputs).strip(): str(case.right).strip() for case in cases[:MOST]}
        return f"import sys\ntable = {table!r}\nprint(table.get(sys.stdin.read().strip(), ''))\n"
    called = [case for case in cases if not isinstance(case.inputs, str)][:MOST]
    table = {repr(case.inputs): case.right for case in called}
    name, body = program.function or DEFAULT, f"return {table!r}.get(repr(given))"
    if program.holder is None:
        return f"def {name}(*given):\n    {body}\n"
    return f"class {program.holder}:\n    def {name}(self, *given):\n        {body}\n"


def cases_of(columns: Mapping[str, Any], program: Program) -> list[Case]:
    """The cases in a row's columns: records with arguments and a result, or lists of inputs and outputs."""
    cases = [case for value in columns.values() for case in _cases(value, program)]
    return [case for case in cases if _is_plain(case.right)]


def examples_of(prompt: str, program: Program) -> list[Case]:
    """The cases that a prompt shows, as calls of the function or as sample input and output."""
    prompt = prompt[:LONGEST]
    if program.reads_input:
        return [Case(stdin.strip(), stdout.strip()) for stdin, stdout in _STREAMS.findall(prompt)]
    name = re.escape(program.function or DEFAULT)
    pairs = _SHOWN.findall(prompt)
    pairs += re.findall(rf"(?<![\w.])({name}\((?:[^()\n]|\([^()\n]{{0,100}}\)){{0,300}}\)){_RESULT}", prompt)
    cases = (_called(call, result) for call, result in pairs)
    return [case for case in cases if case is not None]


def _called(call: str, result: str) -> Case | None:
    """The arguments of a call and its value, if all of them are literals."""
    try:
        node = ast.parse(call.strip(), mode="eval").body
        if not isinstance(node, ast.Call) or node.keywords:
            return None
        return Case(tuple(map(ast.literal_eval, node.args)), _literal(result))
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return None


def _literal(text: str) -> Any:
    """The value at the start of a text, without a comment or remark after it."""
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
    """Cases from a list of inputs and a list of outputs."""
    for key, inputs in record.items():
        for input_key, output_key in _PAIRS:
            outputs = record.get(key.removesuffix(input_key) + output_key) if key.endswith(input_key) else None
            if isinstance(inputs, list) and isinstance(outputs, list) and len(inputs) == len(outputs):
                yield from (case for pair in zip(inputs, outputs, strict=True) for case in _fed(*pair, program))


def _fed(fed: Any, right: Any, program: Program) -> Iterator[Case]:
    """Cases of an input: as standard input, or else as the argument and, if it is a list, as all arguments."""
    if program.function is None or program.reads_input:
        yield Case(fed if isinstance(fed, str) else json.dumps(fed), right)
        return
    yield Case((fed,), right)
    if isinstance(fed, list):
        yield Case(tuple(fed), right)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool | list | dict)
