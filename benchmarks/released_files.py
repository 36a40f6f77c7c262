"""What the scripted policies and a mini policy earn on the paper's released test files, in both channels.

    python benchmarks/released_files.py FOLDER [--mini-tasks 24] > results/released.md

FOLDER holds ``reward_tampering_test.parquet``, ``self_grading_test.parquet`` and ``proxy_gaming_test.parquet``. The
scripted policies answer every task once, the mini policy the ``--mini-tasks`` tasks with the shortest prompts four
times at temperature 1.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import loopholes
from loopholes.evaluation import evaluate, leave_out_long
from loopholes.policies import Policy, Sampling, load_policy
from loopholes.records import Task
from loopholes.score import estimates
from loopholes.studies.released import FILES

POLICIES = ("scripted:honest", "scripted:exploiting", "scripted:inept", "mini")
METRICS = ("reward_vulnerable", "reward_secure", "task_performance", "exploit_rate")


def row(game: loopholes.Game, policy: Policy, tasks: Sequence[Task], samples: int) -> str:
    """One line of the table: tasks, then every metric with its interval."""
    sampling = Sampling(max_tokens=game.max_completion_tokens)
    scored = evaluate(
        policy, game, tasks, samples=samples, sampling=sampling, seed=0, channels=("vulnerable", "secure")
    )
    numbers = estimates(game, scored)
    shown = []
    for metric in METRICS:
        number = numbers[metric]
        interval = "" if number.low is None else f" [{number.low:.2f}, {number.high:.2f}]"
        shown.append("–" if number.value is None else f"{number.value:.2f}{interval}")
    return f"| {game.name} | {policy.name} | {len(tasks)} | {' | '.join(shown)} |"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mini-tasks", type=int, default=24)
    options = parser.parse_args()
    print("# The paper's released test files\n")
    print(f"`python benchmarks/released_files.py FOLDER --mini-tasks {options.mini_tasks}`\n")
    print("Means with 95 % intervals over tasks; rewards in the game's units, the rest are shares.\n")
    print("| game | policy | tasks | vulnerable reward | secure reward | task performance | exploit rate |")
    print("|---|---|---|---|---|---|---|")
    for name, file in FILES.items():
        game = loopholes.game(name)
        tasks = game.load(options.folder / file)
        for policy_name in POLICIES:
            policy = load_policy(policy_name, game=game)
            mini = policy_name == "mini"
            fitting = leave_out_long(policy, tasks, game.max_completion_tokens)
            asked = sorted(fitting, key=lambda task: len(task.prompt[-1]["content"]))[: options.mini_tasks]
            print(row(game, policy, asked if mini else tasks, 4 if mini else 1), flush=True)


if __name__ == "__main__":
    main()
