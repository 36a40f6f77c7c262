"""A program has its own time, whoever runs beside it: its clock stands still while it waits for a processor."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Iterator
from itertools import product

import pytest

from loopholes.instruments.programs import TestCase, pass_shares
from loopholes.sandbox import Limits, Program, ProgramResult, Result, pool, run, run_programs
from loopholes.sandbox import server as servers
from loopholes.sandbox.watch import Use, Watch

SECONDS = 0.6
LIMITS = Limits(test_seconds=SECONDS)
HONEST = f"import time\ndef solve(x):\n    while time.process_time() < {SECONDS / 2}: pass\n    return x"
IN_A_THREAD = (
    f"import threading, time\ndef work():\n    while time.thread_time() < {SECONDS / 2}: pass\n"
    "def solve(x):\n    thread = threading.Thread(target=work)\n    thread.start()\n    thread.join()\n    return x"
)
LOOP = "import math\nn = {}\ndef solve(x):\n    while True: pass"
HOGS = (
    "import os\nn = {}\ndef solve(x):\n    for _ in range(6):\n        if os.fork() == 0: break\n    while True: pass"
)
SLEEPER = "import time\ndef solve(x):\n    time.sleep(60)\n    return x"
LATE = f"took longer than {SECONDS:g} s"
pytestmark = pytest.mark.usefixtures("own_pool")
HONEST_ONES = {"a process": HONEST, "a thread": IN_A_THREAD}
NEIGHBOURS = {"loops": LOOP, "many processes": HOGS}
QUICK = {
    ("isolated", "a process", "loops"),
    ("isolated", "a thread", "many processes"),
    ("process", "a process", "many processes"),
    ("process", "a thread", "loops"),
}
"""Cases in which each kind of sandbox, program and neighbour meets each other kind; the rest of the cases are slow."""
CASES = [
    pytest.param(
        kind,
        HONEST_ONES[honest],
        NEIGHBOURS[neighbour],
        id=f"{honest} beside {neighbour}-{kind}",
        marks=[] if (kind, honest, neighbour) in QUICK else pytest.mark.slow,
    )
    for kind, honest, neighbour in product(("isolated", "process"), HONEST_ONES, NEIGHBOURS)
]
ON_LINUX = pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="the kernel does not count waits")


@pytest.fixture
def one_processor(own_pool: None) -> Iterator[None]:
    """All servers share one processor, so that company is felt on any machine."""
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(usable)})
    yield
    os.sched_setaffinity(0, usable)


@ON_LINUX
@pytest.mark.usefixtures("one_processor")
@pytest.mark.parametrize("kind, honest, neighbour", CASES)
def test_company_takes_no_time_from_a_program(
    kind: str, honest: str, neighbour: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if kind == "isolated":
        request.getfixturevalue("isolation")
    monkeypatch.setenv(servers.VARIABLE, kind)
    jobs = [(source, "solve", [TestCase("1", "1")]) for source in (honest, *map(neighbour.format, range(2)))]
    random.Random(neighbour + honest).shuffle(jobs)
    found = pass_shares(jobs, limits=LIMITS, workers=3)
    shares = {job[0]: (report.share, report.failures) for job, report in zip(jobs, found, strict=True)}
    assert shares.pop(honest) == (1.0, ("",))
    assert [share for share, _ in shares.values()] == [0.0] * 2


def test_who_sleeps_has_no_more_time_than_who_computes() -> None:
    (answer,) = run_programs([Program(SLEEPER, "solve", ("1",))], limits=LIMITS, sandbox="process")
    assert answer.results[0].failure == LATE


class Scripted(Watch):
    """Has seen what it is told to have seen."""

    def __init__(self, *uses: Use) -> None:
        self.uses = list(uses)

    def look(self) -> Use:
        return self.uses.pop(0)


@pytest.mark.parametrize(
    ("passed", "computed", "waited", "failure"),
    [
        pytest.param(0.9, 0.9, 0.0, "", id="computes in time"),
        pytest.param(1.1, 1.1, 0.0, "1 s", id="computes too long"),
        pytest.param(1.1, 0.0, 0.0, "1 s", id="sleeps too long, or nobody counts"),
        pytest.param(0.9, 1.8, 0.0, "", id="two of its processes compute in time"),
        pytest.param(3.9, 0.9, 3.0, "", id="waits for a processor"),
        pytest.param(2.5, 0.5, 1.0, "1 s", id="waits, and sleeps too long"),
        pytest.param(1.1, 1.1, 9.9, "1 s", id="its processes wait for each other"),
        pytest.param(4.1, 0.5, 3.6, "4.1 s, in which it had a processor for 0.5 s", id="waits for too long"),
    ],
)
def test_the_clock_runs_while_a_program_computes_or_sleeps(
    passed: float, computed: float, waited: float, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    channel, other = socket.socketpair()
    with channel, other:
        # What came before the clock was started does not count.
        one = run.Run(channel, Limits(test_seconds=1), Scripted(Use(0, 7.0, 8.0), Use(0, 7.0 + computed, 8.0 + waited)))
        one._allow(1.0)  # private: the clock of a run, without a program
        now[0] += 1.0
        one._glance()  # private: see above
        now[0] += passed
        if failure:
            with pytest.raises(TimeoutError, match=f"^{failure}$"):
                one._glance()  # private: see above
        else:
            one._glance()  # private: see above
        assert one.starved == (len(failure) > 3)


def test_a_program_that_others_starved_runs_again_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def answer(server: object, program: Program, limits: Limits, alone: bool) -> ProgramResult:
        asked.append((program.source, alone))
        starved = program.source == "always" or (program.source == "in company" and not alone)
        return ProgramResult((Result("starved" if starved else "answered"),), settled=not starved)

    monkeypatch.setattr(servers.Server, "run", answer)
    monkeypatch.setattr(servers.Server, "__init__", lambda server, kind: setattr(server, "kind", kind))
    monkeypatch.setattr(servers.Server, "close", lambda server: None)
    monkeypatch.setattr(pool, "start", servers.Server)
    programs = [Program(source, "solve", ("1",)) for source in ("always", "in company", "never")]
    for _ in range(2):
        found = run_programs(programs, workers=3)
        assert [one.results[0].text for one in found] == ["starved", "answered", "answered"]
    assert sorted(asked) == [
        ("always", False),
        ("always", True),  # twice: what is not settled is not remembered
        ("always", True),
        ("in company", False),
        ("in company", True),
        ("never", False),
    ]
