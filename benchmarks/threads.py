"""Which finishes sooner: two simultaneous runs with one thread each, or two runs in a row with two threads?

Measures wall-clock seconds of whole processes. The two arrangements take turns, so that a drift of the machine affects
both:

    python benchmarks/threads.py [--pairs 3] [--steps 15] > results/threads.md
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GAME = "self-grading"


def start(out: Path, threads: int, seed: int, steps: int) -> subprocess.Popen[bytes]:
    """One training run as a process of its own."""
    command = [sys.executable, "-m", "loopholes", "train", GAME, "--channel", "vulnerable", "--policy", "mini"]
    command += ["--set", "self_report=inline", "--steps", str(steps), "--seed", str(seed), "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def at_once(folder: Path, steps: int) -> float:
    """Seconds for two runs side by side, one thread each."""
    began = time.perf_counter()
    runs = [start(folder / f"once-{seed}", 1, seed, steps) for seed in (0, 1)]
    if any(run.wait() for run in runs):
        raise SystemExit("a run failed")
    return time.perf_counter() - began


def in_turn(folder: Path, steps: int) -> float:
    """Seconds for the same two runs one after the other, two threads each."""
    began = time.perf_counter()
    for seed in (0, 1):
        if start(folder / f"turn-{seed}", 2, seed, steps).wait():
            raise SystemExit("a run failed")
    return time.perf_counter() - began


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=15)
    options = parser.parse_args()
    pairs = []
    for number in range(options.pairs):
        with tempfile.TemporaryDirectory() as folder:
            pairs.append((at_once(Path(folder), options.steps), in_turn(Path(folder), options.steps)))
            print(f"pair {number + 1}: {pairs[-1]}", file=sys.stderr)
    ratios = [turn / once for once, turn in pairs]
    print(f"# Threads\n\n`python benchmarks/threads.py --pairs {options.pairs} --steps {options.steps}`\n")
    print(f"Two GRPO runs of {options.steps} steps ({GAME}, mini), {os.cpu_count()} cores, start-up included.\n")
    print("| arrangement | median s | min | max |\n|---|---|---|---|")
    for name, column in (("two at once, one thread each", 0), ("in turn, two threads each", 1)):
        times = [pair[column] for pair in pairs]
        print(f"| {name} | {statistics.median(times):.1f} | {min(times):.1f} | {max(times):.1f} |")
    print(f"\nIn turn takes {statistics.median(ratios):.2f} times as long ({min(ratios):.2f} to {max(ratios):.2f}).")


if __name__ == "__main__":
    main()
