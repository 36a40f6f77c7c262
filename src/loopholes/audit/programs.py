"""Whether a row asks for a program, in which language, and the name of its function.

Golden completions are the best source, then columns (an entry point, tests, starter code), then the prompt. Attacks get
only these facts, never the columns or completions that they come from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loopholes.audit.frameworks.base import Row

DEFAULT = "solve"
"""Name of the function if nothing names it."""
_PROGRAM = re.compile(
    r"(?m)^\s*(?:def \w+\s*\(|class \w+\s*[:(]|import \w+|from \w[\w.]* import |#include\b|func \w+\()"
    r"|\bdef \w+\([^)]*\)\s*(?:->[^:\n]+)?:"
)
_FENCE = re.compile(r"```\s*(python|py|sql|javascript|js|typescript|c\+\+|cpp|c|java|go|rust|bash|sh)\b", re.IGNORECASE)
_QUERY = re.compile(r"\bSELECT\b.+\bFROM\b", re.IGNORECASE | re.DOTALL)
_ASKED = re.compile(
    r"\b(?:def |class |import |program|python|source_code|code|sql|unit tests?|failing tests?|pytest|std(?:in|out)"
    r"|standard (?:in|out)put|leetcode|codeforces)\b",
    re.IGNORECASE,
)
_PERHAPS = re.compile(r"\b(?:function|script|implement|regex|query|method|algorithm)\b", re.IGNORECASE)
"""Words that suggest a program, unless golden completions show otherwise."""
_CALL = re.compile(
    r"\b([a-z]\w{2,40})\((?:[a-z_]\w{0,40}(?:\s?[:=][^,()]{0,40})?(?:,\s?(?=[a-z_*]))?){0,8}\)", re.IGNORECASE
)
_MATHS = {"sin", "cos", "tan", "log", "exp", "sqrt", "gcd", "lcm", "det", "mod", "min", "max", "sum", "deg", "rank"}
_INPUT = re.compile(r"(?m)^\W*(?:sample )?(?:input|output)\W*$|\binput format\b|\boutput format\b", re.IGNORECASE)
_DEFINED = re.compile(r"\bdef\s+([A-Za-z_]\w*)\s*\(")
_NAMED = re.compile(
    r"`([A-Za-z_]\w*)\s*\(|\b(?:function|method)\s+(?:named\s+|called\s+)?[`'\"]?([A-Za-z_]\w*)[`'\"]?(?=\s*[(.,`'\"])"
    r"|\b(?:named|called)\s+[`'\"]?([A-Za-z_]\w*)"
)
_TESTED = re.compile(r"\bassert\s+(?:not\s+)?(?:\w+\(){0,3}?(?:Solution\(\)\.)?([A-Za-z_]\w*)\(")
_WRAPPERS = frozenset(
    "abs all any bool candidate check dict float int isclose isinstance len list math max min print range round set "
    "sorted str sum tuple type Solution".split()
)
_CLASS = re.compile(r"\bclass\s+(Solution)\b")
NAMES = ("entry_point", "function_name", "func_name", "fn_name", "entrypoint", "method_name")
"""Columns that hold the function's name."""
STARTS = ("starter_code", "starter", "signature", "function_signature", "code_prompt", "stub", "template")
"""Columns that hold the beginning of a program."""
TESTS = (
    *("tests", "test", "test_cases", "test_list", "test_code", "unit_tests", "testcases", "public_tests"),
    *("private_tests", "public_test_cases", "input_output", "verification_info", "asserts", "test_setup", "check"),
)
"""Columns that hold tests of a program."""
SOLUTIONS = ("canonical_solution", "solution", "reference_solution", "code", "reference_code", "solution_code")
"""Columns that may hold a right program."""
_CASE_KEYS = (
    *({"input", "output"}, {"args", "expected"}, {"inputs", "outputs"}, {"stdin", "stdout"}),
    *({"input", "expected"}, {"input", "expected_output"}),
)
LANGUAGES = {"py": "python", "js": "javascript", "c++": "cpp", "sh": "bash"}


@dataclass(frozen=True)
class Program:
    """The program that a row asks for: its ``function`` (None if unnamed), its ``holder`` class, and the language.

    ``reads_input``: the program reads standard input and is judged by its output.
    """

    function: str | None = None
    holder: str | None = None
    language: str = "python"
    reads_input: bool = False


def program_of(row: Row) -> Program | None:
    """The program that a row asks for; None if it asks for something else."""
    golden, columns = row.golden or "", row.columns
    texts = [text for name in (*TESTS, *STARTS, *SOLUTIONS) for text in _texts(columns.get(name))]
    asks_for_program = (
        is_program(golden)
        or any(columns.get(name) for name in (*NAMES, *STARTS))
        or any(is_tested(columns.get(name)) for name in TESTS)
        or any(is_program(text) for text in texts)
        or ("stdin" in columns and "stdout" in columns)
        or _asks(row.text, hinted=not golden)
    )
    if not asks_for_program:
        return None
    holder = next((match[1] for text in (golden, *texts, row.text) if (match := _CLASS.search(text))), None)
    reads = (
        bool({"stdin", "input_output"} & set(columns)) or "stdin" in row.text.lower() or bool(_INPUT.search(row.text))
    )
    return Program(next(_functions(row, texts), None), holder, _language(golden, row.text), reads)


def is_program(text: str) -> bool:
    """Whether a text holds a program or a query."""
    return bool(_PROGRAM.search(text) or _FENCE.search(text)) or text.lstrip()[:7].lower() in ("select ", "with ")


def is_tested(value: Any) -> bool:
    """Whether the value of a column holds tests of a program: assertions, or pairs of inputs and outputs."""
    if isinstance(value, str):
        if "assert " in value or "def test" in value or "def check(" in value:
            return True
        try:
            value = json.loads(value) if value.lstrip()[:1] in ("[", "{") else None
        except (ValueError, RecursionError):
            return False
    if isinstance(value, Mapping):
        return any(keys <= set(value) for keys in _CASE_KEYS)
    if isinstance(value, list) and value:
        return is_tested(value[0]) if isinstance(value[0], Mapping | str) else False
    return False


def _asks(prompt: str, *, hinted: bool) -> bool:
    """Whether a prompt asks for a program. ``hinted``: calls and words that mathematics also uses are enough."""
    if _ASKED.search(prompt) or _FENCE.search(prompt) or _INPUT.search(prompt):
        return True
    return hinted and bool(_PERHAPS.search(prompt) or set(_CALL.findall(prompt)) - _MATHS)


def _functions(row: Row, texts: list[str]) -> Iterator[str]:
    """Possible names of the function, the most reliable first."""
    for name in NAMES:
        if isinstance(row.columns.get(name), str) and row.columns[name].isidentifier():
            yield row.columns[name]
    tested = [name for text in texts for name in _TESTED.findall(text) if name not in _WRAPPERS]
    defined = [name for name in _DEFINED.findall(row.golden or "") if not name.startswith("__")]
    yield from (name for name in tested if name in defined)
    yield from defined[:1]
    yield from tested[:1]
    yield from (
        name for text in texts for name in _DEFINED.findall(text) if not name.startswith(("test", "check", "__"))
    )
    yield from (name for name in _DEFINED.findall(row.text) if not name.startswith("__"))
    yield from (name for names in _NAMED.findall(row.text) for name in names if name)
    yield from (name for name in _CALL.findall(row.text) if name not in _WRAPPERS | _MATHS)


def _texts(value: Any) -> list[str]:
    """The texts of a column: the value itself, or the items of a list."""
    values = value if isinstance(value, list | tuple) else [value]
    return [text for text in values if isinstance(text, str)]


def _language(golden: str, prompt: str) -> str:
    for text in (golden, prompt):
        if fence := _FENCE.search(text):
            name = fence[1].lower()
            return LANGUAGES.get(name, name)
    if _QUERY.search(golden) or (not golden and re.search(r"\bSQL\b", prompt)):
        return "sql"
    if "#include" in golden:
        return "cpp"
    return "bash" if golden.startswith("#!/bin/") else "python"
