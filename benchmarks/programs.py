"""What running one program with three tests costs: in the sandbox, in a fresh bubblewrap, in a process and queue.

The same programs, good and bad mixed, go through every arrangement in turn, round after round, so that a drift of the
machine hits all of them:

    python benchmarks/programs.py [--rounds 7] [--programs 48] > results/programs.md

The second arrangement starts a fresh interpreter in namespaces of its own for each program (bwrap; left out where it
is not installed). The third is how the released scorer does it: a forked process and a queue for each program, one at
a time, nothing isolated. Neither keeps a test's input from the next one; the sandbox does. No program here loops for
ever: that costs its time limit in every arrangement.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from loopholes import sandbox
from loopholes.games.solutions import _SOLUTIONS
from loopholes.sandbox import Program, run_programs

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
RUNNER = """
import json, sys
sys.path.insert(0, {folder!r})
import child
source, inputs = json.load(sys.stdin)
for given in inputs:
    child._streams.open(child.unnamed_file)
    child.respond(source, "solve", given, 1 << 20, lambda kind, text: child.send(2, kind, text))
"""


def programs(count: int, round_number: int) -> list[Program]:
    """Distinct programs, two good ones to a bad one; the round makes them new to every memory."""
    good = [*GOOD, *_SOLUTIONS.values()]
    sources = [BAD[k // 3 % len(BAD)] if k % 3 == 2 else good[k % len(good)] for k in range(count)]
    return [Program(f"{source}\n# {round_number} {k}", "solve", INPUTS) for k, source in enumerate(sources)]


def sandboxed(workers: int) -> Callable[[Sequence[Program]], None]:
    """The sandbox of this package."""
    return lambda batch: void(run_programs(batch, workers=workers))


def bubblewrapped(workers: int) -> Callable[[Sequence[Program]], None]:
    """A fresh isolated interpreter for each program."""
    interpreter = os.path.realpath(sys.executable)
    folder = os.path.dirname(sandbox.__file__)
    prefix = os.path.dirname(os.path.dirname(interpreter))
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--dev", "/dev", "--tmpfs", "/tmp"]
    for path in ("/usr", "/lib", "/lib64", "/bin", prefix, folder):
        command += ["--ro-bind-try", path, path]
    command += ["--clearenv", "--chdir", "/tmp", interpreter, "-I", "-S", "-c", RUNNER.format(folder=folder)]

    def run(program: Program) -> None:
        given = json.dumps([program.source, program.inputs])
        subprocess.run(command, input=given, capture_output=True, text=True, timeout=60)

    return lambda batch: void(each(run, batch, workers))


def queued(batch: Sequence[Program]) -> None:
    """A forked process and a queue for each program, from a process as large as one that trains."""
    import torch  # noqa: F401  (a process that trains has it, and forks with all of it)

    context = multiprocessing.get_context("fork")
    for program in batch:
        queue = context.Queue()
        process = context.Process(target=in_process, args=(program, queue))
        process.start()
        process.join(10)
        void(queue.get() if process.exitcode == 0 and not queue.empty() else None)


def in_process(program: Program, queue: object) -> None:
    """What the child of ``queued`` does."""
    answers = []
    for given in program.inputs:
        names: dict[str, object] = {}
        try:
            exec(program.source, names)
            answers.append(str(names["solve"](given)))  # type: ignore[operator]
        except BaseException:
            answers.append(None)
    queue.put(answers)  # type: ignore[attr-defined]


def each(function: Callable[[Program], None], batch: Sequence[Program], workers: int) -> list[None]:
    with ThreadPoolExecutor(workers) as threads:
        return list(threads.map(function, batch))


def void(_: object) -> None:
    """Forget a result."""


def contenders() -> Iterator[tuple[str, int, int, Callable[[Sequence[Program]], None]]]:
    """Name, how many run at once, what part of the programs it is given, and how it runs them."""
    yield "the sandbox, full isolation", 2, 1, sandboxed(2)
    yield "the sandbox, full isolation", 1, 1, sandboxed(1)
    if shutil.which("bwrap"):
        yield "a fresh interpreter in bubblewrap", 1, 6, bubblewrapped(1)
        yield "a fresh interpreter in bubblewrap", 2, 6, bubblewrapped(2)
    yield "a forked process and a queue, no isolation", 1, 6, queued


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--programs", type=int, default=48)
    options = parser.parse_args()
    arrangements = list(contenders())
    rounds: list[list[float]] = []
    for number in range(options.rounds + 1):
        batch = programs(options.programs, number)
        times = []
        for place, (_, _, part, run) in enumerate(arrangements):
            given = [Program(f"{program.source} {place}", "solve", INPUTS) for program in batch[number % part :: part]]
            began = time.perf_counter()
            run(given)
            times.append(1000 * (time.perf_counter() - began) / len(given))
        if number:  # the first round starts what stays
            rounds.append(times)
    print(f"# Programs\n\n`python benchmarks/programs.py --rounds {options.rounds} --programs {options.programs}`\n")
    print(f"Milliseconds a program of {len(INPUTS)} tests, {os.cpu_count()} cores, {options.rounds} rounds.\n")
    print("| arrangement | at once | median ms | min | max | times the sandbox's (min to max) |")
    print("|---|---|---|---|---|---|")
    for place, (name, workers, _, _) in enumerate(arrangements):
        times = [times[place] for times in rounds]
        ratios = [times[place] / times[0] for times in rounds]
        spread = f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
        print(
            f"| {name} | {workers} | {statistics.median(times):.2f} | {min(times):.2f} | {max(times):.2f} | {spread} |"
        )


if __name__ == "__main__":
    main()
