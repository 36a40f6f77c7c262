"""How many of a task's tests a program passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loopholes.sandbox import DEFAULT_LIMITS, Limits, Program, Result, run_programs


@dataclass(frozen=True, slots=True)
class TestCase:
    """One test: the program's input, and the output expected of it."""

    __test__ = False  # not for pytest

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class PassReport:
    """How a program did on its tests, in order.

    ``share`` in [0, 1] is the share of tests passed, 0 if there are no tests; ``failures`` says in a few words what
    went wrong with each test, and is empty where it passed.
    """

    share: float
    passed: tuple[bool, ...]
    failures: tuple[str, ...]


Job = tuple[str, str, Sequence[TestCase]]


def pass_shares(
    jobs: Sequence[Job], *, limits: Limits = DEFAULT_LIMITS, workers: int | None = None
) -> list[PassReport]:
    """Run each (source, entry point, tests) and compare its answers with the expected outputs as stripped text.

    Only the inputs enter the sandbox, where the whole standard library works. The released code runs programs by
    ``exec`` in a process that holds the expected outputs, and fails honest ones by an import allowlist and cut-down
    builtins. Raises :class:`~loopholes.errors.ScoringError` if the sandbox is broken; a program that is broken fails
    its tests.
    """
    programs = [Program(source, entry, tuple(test.input for test in tests)) for source, entry, tests in jobs]
    answers = run_programs(programs, limits=limits, workers=workers)
    return [_report(answer.results, tests) for answer, (_, _, tests) in zip(answers, jobs, strict=True)]


def _report(results: Sequence[Result], tests: Sequence[TestCase]) -> PassReport:
    failures = tuple(_failure(result, test) for result, test in zip(results, tests, strict=True))
    passed = tuple(failure == "" for failure in failures)
    return PassReport(sum(passed) / len(passed) if passed else 0.0, passed, failures)


def _failure(result: Result, test: TestCase) -> str:
    if result.text is None:
        return result.failure
    return "" if result.text.strip() == test.output.strip() else "wrong answer"
