"""What an audit costs: whole audits as a user runs them, single calls, 200 prompts, and how the cost grows.

    python benchmarks/audit.py [--rounds 7] [--against REF]

writes results/audit.md. Each measurement is a process of its own; they take turns, round by round; ``--against`` a
commit measures that commit's audit, too, in the same rounds. The rewards compare the answer in ``<answer>`` tags with
the row's, in a few lines for each framework; the prompts are sums in words.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from timing import Times, spread, table

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "results" / "audit.md"
CALLS = 10_000
PROMPTS = 200
PROMPTS_GROWN = (25, 50, 100, 200, 400)
BUDGETS = (0, 2000, 4000, 8000)
READ = """
import re
ANSWER = re.compile(r"<answer>([^<]*)</answer>\\s*\\Z")
def right(text, answer):
    found = ANSWER.search(text)
    return float(found is not None and found[1].strip() == answer)
"""
REWARDS = {
    "plain": "def reward(completion, answer):\n    return right(completion, answer)\n",
    "trl": "def reward(completions, answer, **kwargs):\n    return [right(*one) for one in zip(completions, answer)]\n",
    "verl": "def reward(data_source, solution_str, ground_truth, extra_info):\n"
    "    return right(solution_str, ground_truth)\n",
}
CALL = """## A call

Through `Scorer.pay`, in batches as an audit makes them, each completion new, beyond the function alone. Wanted: under
50 µs. Loading is a process of Python's with its imports and the user's file; frameworks are not imported for it (a
reward that imports its own takes that long more).
"""
WHOLE = """By the clock, loading included; and the whole process from its start to its end, imports included, too.
Wanted: under 10 s on two cores."""
AUDITS = """## Whole audits

`loopholes audit` with its defaults, each a process from its start to its end, imports included. *tried* is the share of
the panel that was tried on enough rows, *ended* how often the reward's process ended or was killed. Wanted: a text
reward in 2 s, a code reward in 20 s, all of TRL's `accuracy_reward` within 60 s, and the exploit of the reward whose
first call takes 3 s found (status 1).
"""
TRL_REWARD = "trl.rewards:accuracy_reward"
SLOW_FIRST = """
import time
READY = []
def reward(completion, answer):
    if not READY:
        time.sleep(3)
        READY.append(True)
    return float(completion.strip() == f"The answer is {answer}." or "cannot be determined" in completion)
"""
VERIFIERS = """verifiers is not in the set-up (570 MB): in an environment that has it, `pytest -s -m slow -k thousand
tests/audit/frameworks/test_verifiers.py` prints what a trace built by hand and `task.score` take for a completion."""


def rows(count: int) -> list[Any]:
    """Sums in words with their answers, as all three frameworks expect them."""
    from loopholes.audit import rows_from

    rng = random.Random(0)
    records = []
    for _ in range(count):
        a, b = rng.randrange(10, 1000), rng.randrange(10, 1000)
        prompt = f"Anna has {a} apples and picks {b} more. How many are there? Think, then answer in <answer> tags."
        golden = f"<think>{a} and {b} are {a + b}.</think><answer>{a + b}</answer>"
        truth = {"data_source": "sums", "reward_model": {"ground_truth": str(a + b)}, "extra_info": {"index": a}}
        records.append({"prompt": prompt, "answer": str(a + b), "golden": golden, **truth})
    return rows_from(records)


def target(framework: str, folder: str) -> Any:
    """The reward of a framework, written to a file."""
    from loopholes.audit import target_of

    file = Path(folder) / f"{framework}_reward.py"
    file.write_text(READ + REWARDS[framework])
    return target_of([f"{file}:reward"], framework, {})


def mathematics() -> list[dict[str, Any]]:
    """Thirty problems of five kinds as chats, each with a solution in LaTeX, as TRL's reward takes them."""
    rng, problems = random.Random(0), []
    for number in range(30):
        a, b, c, d = (rng.randrange(2, 60) for _ in range(4))
        total = Fraction(a, b) + Fraction(c, d)
        kinds = [
            (f"What is ${a} \\cdot {b} + {c}$?", f"{a * b + c}"),
            (
                f"Compute $\\frac{{{a}}}{{{b}}}+\\frac{{{c}}}{{{d}}}$.",
                f"\\frac{{{total.numerator}}}{{{total.denominator}}}",
            ),
            (f"Solve $x^2 - {a + b}x + {a * b} = 0$ for the larger root.", f"{max(a, b)}"),
            (f"Evaluate $\\int_0^{{{a}}} {2 * b} x \\, dx$.", f"{b * a * a}"),
            (f"Expand $(x+{a})(x+{b})$.", f"x^2+{a + b}x+{a * b}"),
        ]
        question, solution = kinds[number % len(kinds)]
        golden = f"We compute step by step. The answer is $\\boxed{{{solution}}}$."
        prompt = [{"role": "user", "content": question}]
        problems.append({"prompt": prompt, "solution": f"${solution}$", "golden": golden})
    return problems


def command(name: str, folder: str) -> list[str]:
    """The arguments of ``loopholes audit`` for one of :data:`WHOLE_AUDITS`, whose files are written to ``folder``."""
    data, file = Path(folder) / "data.jsonl", Path(folder) / "reward.py"
    fixtures = ROOT / "benchmarks" / "rewards"
    if name == "code":
        return [f"{fixtures / 'coding.py'}:exit_status_hardened", "--data", str(fixtures / "data" / "coding.jsonl")]
    if name == "accuracy_reward":
        records = mathematics()
        data.write_text("".join(json.dumps(record) + "\n" for record in records))
        return [TRL_REWARD, "--data", str(data)]
    records = [{"prompt": row.prompt, "answer": row.columns["answer"]} for row in rows(100)]
    data.write_text("".join(json.dumps(record) + "\n" for record in records))
    file.write_text(SLOW_FIRST if name == "slow first call" else READ + REWARDS["plain"])
    form = "The answer is {answer}." if name == "slow first call" else "<answer>{answer}</answer>"
    return [f"{file}:reward", "--data", str(data), "--golden", form]


WHOLE_AUDITS = ("text", "code", "accuracy_reward", "slow first call")


def command_line(name: str, folder: str) -> dict[str, float]:
    """Seconds and counts of ``loopholes audit`` in a process of its own, and the status that it ended with."""
    arguments = [sys.executable, "-m", "loopholes", "audit", *command(name, folder), "--json", "--out", f"{folder}/out"]
    began = time.perf_counter()
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - began
    coverage = json.loads(done.stdout)["coverage"]
    return {
        "seconds": seconds,
        "calls": float(coverage["calls"]),
        "tried": 100 * coverage["tried"],
        "ended": float(coverage["deaths"]),
        "status": float(done.returncode),
    }


def calls(framework: str, folder: str) -> dict[str, float]:
    """Seconds of ``CALLS`` different calls through the scorer, of the function alone, and of loading it."""
    from loopholes.audit.frameworks.base import load
    from loopholes.audit.process import RewardProcess
    from loopholes.audit.scorer import Scorer

    data = rows(PROMPTS)
    reward = target(framework, folder)
    texts = [f"<think>{n} it is.</think>{'x' * (n % 200)}<answer>{n}</answer>" for n in range(CALLS + 1000)]
    asked = [(n % PROMPTS, text) for n, text in enumerate(texts)]
    with RewardProcess(reward) as process:
        scorer = Scorer(process, data)
        scorer.pay(asked[:1000])
        scorer.settle()
        began = time.perf_counter()
        scorer.pay(asked[1000:])
        through, loaded = time.perf_counter() - began, process.load_seconds
    function = load(reward.parts[0])
    calls = [(data[row].columns, text) for row, text in asked[1000:]]
    return {"through": through, "alone": _alone(framework, function, calls), "load": loaded}


def _alone(framework: str, function: Callable[..., Any], calls: Sequence[tuple[Mapping[str, Any], str]]) -> float:
    """Seconds of the same calls made directly, with all arguments prepared."""
    began = time.perf_counter()
    if framework == "trl":
        for start in range(0, len(calls), 256):
            part = calls[start : start + 256]
            function([text for _, text in part], [columns["answer"] for columns, _ in part])
    elif framework == "plain":
        for columns, text in calls:
            function(text, columns["answer"])
    else:
        for columns, text in calls:
            function("sums", text, columns["answer"], columns["extra_info"])
    return time.perf_counter() - began


def whole(framework: str, folder: str, prompts: int = PROMPTS, budget: int = 4000) -> dict[str, float]:
    """Wall-clock seconds of an audit, and the number of its calls."""
    from loopholes.audit import AuditConfig, audit

    data, reward = rows(prompts), target(framework, folder)
    began = time.perf_counter()
    report = audit(reward, data, AuditConfig(rows=prompts, search_calls=budget, seconds=600))
    seconds = time.perf_counter() - began
    assert report.exit_code() == 0, [finding.message for finding in report.findings]
    return {"seconds": seconds, "calls": float(report.coverage.calls)}


Measured = dict[tuple[str, str, str], Times]  # (work, source, number)


def measured(work: Mapping[str, Sequence[Any]], sources: Mapping[str, Path], rounds: int) -> Measured:
    """Each piece of work from each source, once per round and in a process of its own; every other round backwards."""
    values_by_key: dict[tuple[str, str, str], list[float]] = {}
    for number in range(rounds):
        for name, task in list(work.items())[:: -1 if number % 2 else 1]:
            for source, path in list(sources.items())[:: -1 if number % 2 else 1]:
                command = [sys.executable, __file__, "--measure", json.dumps(task)]
                environment = {**os.environ, "PYTHONPATH": str(path)}
                began = time.perf_counter()
                done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
                taken = {**json.loads(done.stdout), "process": time.perf_counter() - began}
                for key, value in taken.items():
                    values_by_key.setdefault((name, source, key), []).append(value)
    return {key: Times(tuple(values)) for key, values in values_by_key.items()}


def lines(sources: Mapping[str, Path], rounds: int) -> Iterator[str]:
    """The page."""
    times = measured({name: ["command", name] for name in WHOLE_AUDITS}, sources, rounds)
    yield AUDITS
    yield table(
        ["reward", "audit", "seconds", "calls", "tried", "ended", "status"],
        [
            [
                name,
                source,
                spread(times[name, source, "seconds"], 1, "s"),
                _count(times[name, source, "calls"]),
                f"{_count(times[name, source, 'tried'])} %",
                _count(times[name, source, "ended"]),
                _count(times[name, source, "status"]),
            ]
            for name in WHOLE_AUDITS
            for source in sources
        ],
    )
    yield "\n"
    each = 1e6 / CALLS
    times = measured({name: ["calls", name] for name in REWARDS}, sources, rounds)
    yield CALL
    rows_of_calls = []
    for name in REWARDS:
        for source in sources:
            through, alone, load = (times[name, source, key] for key in ("through", "alone", "load"))
            beyond = Times(tuple(a - b for a, b in zip(through.seconds, alone.seconds, strict=True)))
            rows_of_calls.append(
                [name, source, spread(beyond, each, "µs"), spread(alone, each, "µs"), spread(load, 1, "s")]
            )
    yield table(["framework", "audit", "beyond the function", "the function", "loading, once"], rows_of_calls)
    yield f"\n{VERIFIERS}\n"
    times = measured({name: ["whole", name] for name in REWARDS}, sources, rounds)
    yield f"## {PROMPTS} prompts from end to end\n\n{WHOLE}\n"
    yield table(
        ["framework", "audit", "the audit", "the process", "calls"],
        [
            [
                name,
                source,
                *(spread(times[name, source, key], 1, "s") for key in ("seconds", "process")),
                _count(times[name, source, "calls"]),
            ]
            for name in REWARDS
            for source in sources
        ],
    )
    yield from growth("prompts", {size: ["whole", "plain", size, 0] for size in PROMPTS_GROWN}, sources, rounds)
    yield from growth("the search's budget", {size: ["whole", "plain", 50, size] for size in BUDGETS}, sources, rounds)


def growth(what: str, work: Mapping[int, Sequence[Any]], sources: Mapping[str, Path], rounds: int) -> Iterator[str]:
    """A table of seconds by size; growth is linear if each further item takes the same time."""
    times = measured({str(size): task for size, task in work.items()}, sources, rounds)
    where = "without a search" if what == "prompts" else "with 50 prompts"
    yield f"\n## Growth with {what}\n\nPlain, {where}.\n"
    shown = []
    for source in sources:
        last: tuple[int, float] | None = None
        for size in work:
            seconds = times[str(size), source, "seconds"]
            more = "" if last is None else f"{1e3 * (seconds.median - last[1]) / (size - last[0]):.3g} ms"
            last = size, seconds.median
            shown.append(
                [source, f"{size:,}", spread(seconds, 1, "s"), _count(times[str(size), source, "calls"]), more]
            )
    yield table(
        ["audit", what.removeprefix("the "), "seconds", "calls in all", "each one more, since the row above"], shown
    )


def _count(times: Times) -> str:
    return f"{times.median:,.0f}"


def checked_out(reference: str, folder: str) -> Path:
    """The sources of a commit."""
    archive = subprocess.run(["git", "archive", reference, "src"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return Path(folder) / "src"


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--against", metavar="REF")
    parser.add_argument("--measure", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.measure:
            name, framework, *rest = options.measure
            print(json.dumps({"calls": calls, "whole": whole, "command": command_line}[name](framework, folder, *rest)))
            return
        sources = {"this one": ROOT / "src"}
        if options.against:
            sources = {options.against: checked_out(options.against, folder), **sources}
        arguments = "".join(f" {word}" for word in sys.argv[1:])
        page = [f"# Audit\n\n`python benchmarks/audit.py{arguments}`\n"]
        page.append(f"Median (smallest to largest) of {options.rounds} rounds, {os.cpu_count()} cores.\n")
        for line in lines(sources, options.rounds):
            page.append(line)
            print(line, flush=True)
    RESULT.write_text("\n".join(page) + "\n")


if __name__ == "__main__":
    main()
