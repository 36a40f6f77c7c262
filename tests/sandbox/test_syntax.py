"""A program that answers several inputs in one run cannot tell, and every other one has a run for each."""

from __future__ import annotations

import sys

import pytest

from loopholes.sandbox import Limits, Program, run_programs
from loopholes.sandbox.inside import child
from loopholes.sandbox.inside.syntax import is_pure
from loopholes.sandbox.server import Server

HASTY = Limits(test_seconds=0.5)
PURE = (
    "def solve(x):\n    x = x // 8\n    return x * 5",
    "def solve(x, y):\n    if x > y and not y == 2:\n        return x % y\n    return -y",
    "def solve(xs):\n    'sorts'\n    xs[0], last = 9, sorted(xs)[-1]\n    return [last, xs[1:], len(xs)]",
    "def solve(*xs):\n    total = 0\n    for x in xs:\n        total += x\n    return total",
    "def solve(x):\n    return x if x < 2 else solve(x - 1) + solve(x - 2)",
    "def f(x):\n    while x in (1, 2):\n        x += 1\n        if x == 2: continue\n        break\n    return str(x)",
)
HOSTILE = (
    "def solve(x, seen=[]):\n    seen += [x]\n    return seen",
    "def solve(x, *, seen=[]):\n    seen += [x]\n    return seen",
    "seen = []\ndef solve(x):\n    return seen",
    "def solve(x):\n    solve.seen = x",
    "def solve(x):\n    __builtins__['abs'] = x\n    return abs",
    "def solve(x):\n    return __builtins__",
    "def solve(x):\n    len = __builtins__['eval']\n    return len('1')",
    "def solve(x, len):\n    return len(x)",
    "def solve(x):\n    for len in x:\n        len(x)",
    "def solve(x):\n    solve = x\n    return solve",
    "def solve(x):\n    return eval(x)",
    "def solve(x):\n    return print(x)",
    "def solve(x):\n    return (x)(1)",
    "def solve(x):\n    return x(1)",
    "def solve(x):\n    return sorted(x, key=solve)",
    "def solve(x):\n    return max(*x)",
    "def solve(x):\n    global y\n    y = x",
    "def solve(x):\n    return x is 'abc'",
    "def solve(x):\n    return (len := x)",
    "def solve(x):\n    return f'{x}'",
    "def solve(x):\n    return [y for y in x]",
    "def solve(x):\n    return (lambda: x)()",
    "def solve(x):\n    import os\n    return os",
    "def solve(x):\n    def g(y): return y\n    return g(x)",
    "def solve(x):\n    try: return x\n    except 1: pass",
    "def solve(x):\n    del x",
    "def solve(x):\n    yield x",
    "async def solve(x):\n    return x",
    "@print\ndef solve(x):\n    return x",
    "def solve(x: print):\n    return x",
    "def solve(x) -> print:\n    return x",
    "class Solution:\n    pass",
    "def solve(x): return x\nabs = solve",
    "def solve(:",
    "(" * 5000,
    "",
    "\0",
    "\ud800",
)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, isolation: None, own_pool: object) -> list[int]:
    """How many inputs each run answered, as they come."""
    counts: list[int] = []
    run = Server._run  # private: where the inputs of one run are answered

    def counted(*arguments: object) -> list[tuple[bytes, str]]:
        answers = run(*arguments)  # type: ignore[arg-type]
        counts.append(len(answers))
        return answers

    run_programs([Program("def solve(x):\n    return x", "solve", ("0",))])
    monkeypatch.setattr(Server, "_run", counted)  # private: see above
    return counts


@pytest.mark.parametrize("source", PURE)
def test_a_plain_program_answers_all_inputs_in_one_run_as_it_would_in_many(source: str, runs: list[int]) -> None:
    inputs = ("1 2", "[3, 1, 2]", "7", "(5, 2)", "'abc'", "0")
    (together,) = run_programs([Program(source, "solve", inputs)])
    assert runs == [6]
    apart = run_programs([Program(source, "solve", (value,)) for value in inputs])
    assert together.results == tuple(result for answer in apart for result in answer.results)


@pytest.mark.parametrize("source", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_could_keep_something_is_assumed_to(source: str) -> None:
    assert not is_pure(source)


def test_every_other_program_has_a_run_for_each_input(runs: list[int]) -> None:
    run_programs([Program(HOSTILE[0], "solve", ("1", "2", "3"))])
    assert runs == [1, 1, 1]


@pytest.mark.parametrize(("source", "asked"), [(PURE[0], 2), (HOSTILE[0], 0)], ids=["pure", "hostile"])
def test_the_process_of_a_hostile_program_never_waits_for_another_input(
    source: str, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = iter(["2", None])
    monkeypatch.setitem(sys.modules, child.MODULE, None)  # put back afterwards
    monkeypatch.setattr(child, "_load", lambda source, names: None)  # private: no program is to run in the test
    monkeypatch.setattr(child, "_answer", lambda names, entry_point, value, most: value)  # private: see above
    child.respond(source, "solve", "1", 9, lambda kind, text: None, lambda: next(inputs))
    assert 2 - len(list(inputs)) == asked


def test_an_endless_loop_or_a_want_of_memory_is_one_inputs_own(runs: list[int]) -> None:
    loop = Program("def solve(x):\n    while x == 2:\n        x = 2\n    return x", "solve", ("1", "2", "3", "4"))
    hog = Program("def solve(x):\n    return len([0] * x)", "solve", ("1", "99999999999", "3", "4"))
    (looped,) = run_programs([loop], limits=HASTY)
    assert [result.text for result in looped.results] == ["1", None, "3", "4"]
    assert looped.results[1].failure == "took longer than 0.5 s"
    (starved,) = run_programs([hog], limits=HASTY)
    assert [result.text for result in starved.results] == ["1", None, "3", "4"]
    assert runs == [2, 2, 2, 2], "after either, a fresh run"


def test_long_inputs_have_a_run_of_their_own(runs: list[int]) -> None:
    inputs = ("'a'", repr("b" * 5000), "'c'")
    (answer,) = run_programs([Program("def solve(x):\n    return len(x)", "solve", inputs)])
    assert [result.text for result in answer.results] == ["1", "5000", "1"]
    assert runs == [1, 2]
