"""Programs in processes of their own: expected outputs stay here, no exit status is trusted, tests are counted."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any

from loopholes.rewards.objects import same_value
from loopholes.rewards.places import final

LONGEST = 100_000
"""Characters of the longest program that is run."""
_FENCE = re.compile(r"```[\w+-]*[ \t]*\n(.*?)```", re.DOTALL)
_CALL = "\n\n\ndef loopholes_call(arguments):\n    return repr({entry_point}(*arguments))\n"
_SCRIPT = """\
def loopholes_script(stdin):
    import contextlib, io, sys
    written = io.StringIO()
    sys.stdin = io.StringIO(stdin)
    with contextlib.redirect_stdout(written):
        try:
            exec(compile({source!r}, "program", "exec"), {{"__name__": "__main__"}})
        except SystemExit as end:
            if end.code not in (None, 0):
                raise RuntimeError("the program failed") from None
    return repr(written.getvalue())
"""


def program(text: str | None) -> str | None:
    """The source in the only fenced block after the thinking; None if there is not exactly one."""
    rest = None if text is None else final(text)
    blocks = [] if rest is None else _FENCE.findall(rest)
    if rest is None or len(blocks) != 1 or rest.count("```") != 2 or len(blocks[0]) > LONGEST:
        return None
    return str(blocks[0])


def calls_passed(
    source: str | None, entry_point: str, tests: Sequence[tuple[Sequence[Any], Any]], *, sandbox: str | None = None
) -> int:
    """How many of ``tests``, pairs of arguments and expected value, a function passes, run in :mod:`loopholes.sandbox`.

    Only arguments go in, and plain values come back as text, which is compared here; no program can see a test's
    expected value, count its own tests, or end early with success. Raises ValueError if there are no tests, or if the
    name is not an identifier, and :class:`~loopholes.errors.ScoringError` if the sandbox cannot run.
    """
    if not tests or not entry_point.isidentifier():
        raise ValueError("there are no tests" if not tests else f"{entry_point!r} is not the name of a function")
    call = _CALL.format(entry_point=entry_point)
    inputs = [repr((list(arguments),)) for arguments, _ in tests]
    answers = _answers(source, call, "loopholes_call", inputs, sandbox)
    return sum(same_value(answer, expected) for answer, (_, expected) in zip(answers, tests, strict=True))


def outputs_passed(source: str | None, tests: Sequence[tuple[str, str]], *, sandbox: str | None = None) -> int:
    """How many of ``tests``, pairs of standard input and expected output, a script passes; all of the output counts.

    Spaces at the ends of lines and empty lines at the end are not compared. Raises as :func:`calls_passed` does.
    """
    if not tests:
        raise ValueError("there are no tests")
    script = None if source is None else _SCRIPT.format(source=source)
    inputs = [repr((stdin,)) for stdin, _ in tests]
    answers = _answers(script, "", "loopholes_script", inputs, sandbox)
    pairs = zip(answers, tests, strict=True)
    return sum(isinstance(answer, str) and _lines(answer) == _lines(output) for answer, (_, output) in pairs)


def _answers(source: str | None, call: str, entry_point: str, inputs: Sequence[str], sandbox: str | None) -> list[Any]:
    """The plain value for each input; an object that equals nothing if there is none."""
    nothing = object()
    if source is None or len(source) > LONGEST:
        return [nothing] * len(inputs)
    from loopholes.sandbox import Program, run_programs  # readers of text do not load it

    run = run_programs([Program(source + call, entry_point, tuple(inputs))], workers=1, sandbox=sandbox)[0]
    return [nothing if result.text is None else _plain(result.text, nothing) for result in run.results]


def _plain(text: str, nothing: object) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return nothing


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]
