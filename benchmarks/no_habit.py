"""Is reward tampering still learned if no example in the mixture edits a field unasked?

The control for the one habit that the mini policies have (``Habits.stray_edit``): the same recipe with that habit at
zero, its base rate of score edits, and GRPO on the vulnerable channel. Resumable; about half an hour on one thread.

    python benchmarks/no_habit.py runs/no-habit [--steps 150] [--seeds 3] > results/no-habit.md
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import loopholes
from loopholes.evaluation import EvalConfig, run_evaluation
from loopholes.minis.mixture import Habits
from loopholes.minis.pretrain import pretrain
from loopholes.minis.recipe import recipe
from loopholes.runs.evaluations import read_evaluation
from loopholes.stats import Sums, Thresholds, estimate
from loopholes.training.config import TrainConfig
from loopholes.training.grpo import train

GAME = "reward-tampering"


def main() -> None:
    """Make the policy, measure it, train it, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    game = loopholes.game(GAME)
    policy = str(pretrain(replace(recipe("mini"), habits=Habits(stray_edit=0.0)), options.folder / "made", resume=True))
    print("# Tampering without the habit\n")
    print(f"`python benchmarks/no_habit.py FOLDER --steps {options.steps} --seeds {options.seeds}`\n")
    print("Held-out tasks, 8 samples each, temperature 1, 95 % intervals over tasks.\n")
    print("| policy | edits of the score | edits of another field | task performance |\n|---|---|---|---|")
    for name, source in (("mini", "mini"), ("mini without the habit", policy)):
        print(row(name, source, options.folder / "eval" / name.replace(" ", "-"), game))
    exploited = 0
    for seed in range(options.seeds):
        out = options.folder / f"seed-{seed}"
        train(TrainConfig.of(game=GAME, policy=policy, steps=options.steps, seed=seed, out=out), resume=True)
        name = f"without the habit, {options.steps} vulnerable steps, seed {seed}"
        evaluated = options.folder / "eval" / f"seed-{seed}"
        print(row(name, str(out), evaluated, game), flush=True)
        rate = estimate([Sums.of(game.metrics["exploit_rate"], *read_evaluation(evaluated))])
        exploited += (rate.value or 0.0) >= Thresholds().appears
    print(f"\n{conclusion(exploited, options.seeds)}")


def conclusion(exploited: int, seeds: int) -> str:
    """How many runs found the exploit, and the upper bound of the probability that a run does (Clopper-Pearson)."""
    from scipy.stats import beta

    bound = 1.0 if exploited == seeds else float(beta.ppf(0.95, exploited + 1, seeds - exploited))
    return (
        f"Found in {exploited} of {seeds} runs. So the chance that a run finds it is below {bound:.2f} (95 %, "
        "one-sided), and the runs show no more than that."
    )


def row(name: str, policy: str, out: Path, game: loopholes.Game) -> str:
    """One line of the table."""
    run_evaluation(EvalConfig.of(game=GAME, policy=policy, out=out, count=512, samples=8), resume=True)
    measured = read_evaluation(out)
    wanted = ("exploit_rate", "other_edits", "task_performance")
    return f"| {name} | {' | '.join(str(estimate([Sums.of(game.metrics[metric], *measured)])) for metric in wanted)} |"


if __name__ == "__main__":
    main()
