"""The cost of running one program with three tests: in the sandbox, in a fresh bubblewrap, in a process with a queue.

The same programs, good and bad mixed, go through every arrangement in turn (see scoring.py). A fresh interpreter in
namespaces of its own for each program (bwrap), and the released scorer's way, a forked process and a queue for each
program with nothing isolated, both keep a program's process from test to test; the sandbox lets no test see another's
input, and so runs each in a process of its own. No program here loops for ever: that costs its time limit everywhere.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from loopholes import sandbox
from loopholes.games.solutions import _SOLUTIONS
from loopholes.sandbox import Program, run_programs
from timing import Times, paired

# private _SOLUTIONS: the programs that the mini world's tasks are made of


BAD = (
    "def solve(:",
    "def solve(*args):\n    return None",
    "def solve(*args):\n    raise ValueError(args)",
    "import collections\ndef solve(x):\n    return collections.Counter(x)[0] / 0",
    "def solve(*args):\n    print('no')",
    "import os\nos._exit(3)",
)
GOOD = (
    "import heapq\ndef solve(xs):\n    heapq.heapify(xs)\n    return [heapq.heappop(xs) for _ in range(len(xs))]",
    "def solve(s):\n    return ''.join(sorted(str(s)))",
    "import sys\ndef solve():\n    print(sum(int(word) for word in sys.stdin.read().split() if word.isdigit()))",
    "import itertools, math\ndef solve(*xs):\n    return max(map(math.prod, itertools.permutations([1, 2, 3], 2)))",
)
INPUTS = ("[3, 1, 2]", "5 7\n1 2 3", "abc")
SANDBOX = "the sandbox, full isolation, a process for each test"
BUBBLEWRAP = "a fresh interpreter in bubblewrap for each program, one after the other"
QUEUE = "a forked process and a queue for each program, no isolation"
FLOOR = "three bare forks of an idle interpreter, nothing run, two interpreters at once"
FORKS = "import os\nfor _ in range({forks}):\n    if not (pid := os.fork()): os._exit(0)\n    os.waitpid(pid, 0)"
RUNNER = """
import json, sys
sys.path.insert(0, {folder!r})
import child
source, inputs = json.load(sys.stdin)
for given in inputs:
    child._streams.open(child.unnamed_file)
    child.respond(source, "solve", given, 1 << 20, lambda kind, text: child.send(2, kind, text), lambda: None)
"""


def programs(count: int, round_number: int) -> list[Program]:
    """Distinct programs, two good ones for each bad one; the round makes them different from all earlier ones."""
    good = [*GOOD, *_SOLUTIONS.values()]
    sources = [BAD[k // 3 % len(BAD)] if k % 3 == 2 else good[k % len(good)] for k in range(count)]
    return [Program(f"{source}\n# {round_number} {k}", "solve", INPUTS) for k, source in enumerate(sources)]


def sandboxed(batch: Sequence[Program], workers: int | None) -> None:
    """The sandbox of this package, to which all programs are new."""
    programs = [Program(f"{program.source} {workers}", program.entry_point, program.inputs) for program in batch]
    run_programs(programs, workers=workers)


def bubblewrapped(batch: Sequence[Program], workers: int) -> None:
    """A fresh isolated interpreter for each program."""
    interpreter = os.path.realpath(sys.executable)
    folder = os.path.dirname(sandbox.__file__)
    prefix = os.path.dirname(os.path.dirname(interpreter))
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--dev", "/dev", "--tmpfs", "/tmp"]
    for path in ("/usr", "/lib", "/lib64", "/bin", prefix, folder):
        command += ["--ro-bind-try", path, path]
    command += ["--clearenv", "--chdir", "/tmp", interpreter, "-I", "-S", "-c", RUNNER.format(folder=folder)]

    def run(program: Program) -> None:
        request = json.dumps([program.source, program.inputs])
        subprocess.run(command, input=request, capture_output=True, text=True, timeout=60)

    with ThreadPoolExecutor(workers) as threads:
        list(threads.map(run, batch))


def queued(batch: Sequence[Program]) -> None:
    """A forked process and a queue for each program, one after the other."""
    context = multiprocessing.get_context("fork")
    for program in batch:
        queue = context.Queue()
        process = context.Process(target=in_process, args=(program, queue))
        process.start()
        process.join(10)
        if process.exitcode == 0 and not queue.empty():
            queue.get()


def in_process(program: Program, queue: object) -> None:
    """The work of the child process of ``queued``."""
    answers: list[str | None] = []
    sys.stdout = io.StringIO()
    for argument in program.inputs:
        names: dict[str, object] = {}
        try:
            exec(program.source, names)
            answers.append(str(names["solve"](argument)))  # type: ignore[operator]
        except BaseException:
            answers.append(None)
    queue.put(answers)  # type: ignore[attr-defined]


def forked(forks: int, workers: int) -> None:
    """Only idle interpreters that fork a child and wait for its end: a lower bound for every method that forks."""
    command = [os.path.realpath(sys.executable), "-I", "-S", "-c", FORKS.format(forks=forks // workers)]
    servers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(workers)]
    for server in servers:
        server.communicate()


def measured(count: int, rounds: int) -> dict[str, Times]:
    """Seconds for ``count`` programs by arrangement, round by round; without bubblewrap if it is not installed."""
    batches = iter([programs(count, number) for number in range(rounds + 1)])
    batch: list[Program] = []

    ways: dict[str, Callable[[], object]] = {
        SANDBOX: lambda: sandboxed(batch, None),
        "the sandbox, one server": lambda: sandboxed(batch, 1),
        QUEUE: lambda: queued(batch),
        FLOOR: lambda: forked(3 * count, 2),
    }
    if shutil.which("bwrap"):
        ways[BUBBLEWRAP] = lambda: bubblewrapped(batch, 1)
        ways["the same, two at once"] = lambda: bubblewrapped(batch, 2)
    batch[:] = next(batches)
    for way in ways.values():  # starts what stays
        way()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for batch[:] in batches:
        for name, times in paired(ways, 1).items():
            taken[name] += times.seconds
    return {name: Times(tuple(seconds)) for name, seconds in taken.items()}
