"""How an untrained policy plays the four games in English.

    python benchmarks/base_rates.py runs/base-rates > results/base-rates.md

1,024 samples (128 held-out tasks, 8 samples each) for each game, with and without reasoning, at the temperature of
training; self-grading in both forms. Resumable: run the same command again. On two cores, all of it takes hours with
SmolLM2, so ``--games`` and ``--tasks`` select a part.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loopholes.config import LORA, english_tokens
from loopholes.evaluation import EvalConfig, run_evaluation
from loopholes.games import BUILT_IN
from loopholes.games import game as make_game
from loopholes.runs.evaluations import read_evaluation
from loopholes.stats import Sums, estimate

TASKS, SAMPLES = 128, 8
METRICS: Mapping[str, tuple[str, ...]] = {
    "context-compliance": ("over_refusal",),
    "self-grading": ("underclaim",),
    "proxy-metric": ("content_kept", "length_ratio"),
    "reward-tampering": ("other_edits",),
}


def main() -> None:
    """Measure what is missing, and print a table of everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--policy", default="smollm2")
    parser.add_argument("--games", nargs="+", default=list(BUILT_IN), choices=list(BUILT_IN))
    parser.add_argument("--reasoning", nargs="+", default=["none", "cot"], choices=["none", "cot"])
    parser.add_argument("--tasks", type=int, default=TASKS)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--temperature", type=float, default=LORA["temperature"])
    options = parser.parse_args()
    print(f"# Base rates of {options.policy} in English\n")
    print(
        f"{options.tasks} held-out tasks of each game, {options.samples} samples each, temperature "
        f"{options.temperature:g}, 95 % intervals over tasks.\n"
    )
    print("| game | form | task performance | exploit rate | further |\n|---|---|---|---|---|")
    for name in options.games:
        for parameters in forms(name, options.reasoning):
            print(row(name, parameters, options), flush=True)


def forms(name: str, reasoning: list[str]) -> Iterator[dict[str, Any]]:
    """The parameters of a game that are measured."""
    for how in reasoning:
        if name == "self-grading":
            yield from ({"reasoning": how, "self_report": report} for report in ("two-pass", "inline"))
        else:
            yield {"reasoning": how}


def row(name: str, parameters: dict[str, Any], options: argparse.Namespace) -> str:
    """One line of the table; its run is finished first."""
    form = ", ".join(str(value) for value in parameters.values())
    out = options.folder / f"{name}-{form.replace(', ', '-')}"
    config = EvalConfig.of(
        game=name,
        parameters={**parameters, "world": "english"},
        policy=options.policy,
        out=out,
        count=options.tasks,
        samples=options.samples,
        temperature=options.temperature,
        top_p=1.0,
        top_k=0,
        max_tokens=english_tokens(name, parameters, 0),
        batch_size=32,
    )
    run_evaluation(config, resume=True)
    metrics, measured = make_game(name, **config.parameters).metrics, read_evaluation(out)
    shown = ("task_performance", "exploit_rate", *METRICS[name])
    rates = {metric: str(estimate([Sums.of(metrics[metric], *measured)])) for metric in shown}
    further = ", ".join(f"{metric.replace('_', ' ')} {rates[metric]}" for metric in METRICS[name])
    return f"| {name} | {form} | {rates['task_performance']} | {rates['exploit_rate']} | {further} |"


if __name__ == "__main__":
    main()
