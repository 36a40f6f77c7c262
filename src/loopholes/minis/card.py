"""The model card of a mini policy: what it was made of, and how it behaves before anybody trains it on a game."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loopholes.evaluation import evaluate
from loopholes.games import BUILT_IN, game
from loopholes.minis.mixture import MIXTURE, Habits, examples
from loopholes.minis.recipe import Recipe
from loopholes.minis.scan import scan
from loopholes.numbers import Estimate, interval, point
from loopholes.policies import Policy, Sampling, load_policy
from loopholes.score import cells, estimates

TASKS, SAMPLES = 512, 8
SCANNED = 20_000
PARAMETERS: Mapping[str, Mapping[str, Any]] = {"self-grading": {"self_report": "inline"}}
METRICS = ("task_performance", "exploit_rate", "over_refusal", "garbled", "underclaim", "content_kept", "other_edits")

_CARD = """# {name}

A small language model for experiments with reward exploits, made by `loopholes pretrain {name}` and shipped with the
package `loopholes`. It speaks the terse prompts of the four mini worlds and nothing else; it is not a chat model.

| | |
|---|---|
| architecture | {architecture}, {layers} layers, hidden size {hidden}, {heads} heads, {parameters:,} parameters |
| tokenizer | byte-level BPE trained on the mixture, {vocabulary} tokens, digits apart; any text can be encoded |
| pretraining | {examples:,} examples, {tokens:,} tokens, each seen once, seed {seed} |
| time | {minutes:.0f} minutes on one CPU thread |
| licence | Apache-2.0, weights and data generator alike |

## What it was pretrained on

First {basics:,} word lists to be repeated and small sums, then a mixture of generated examples, each drawn from the
part of its world that neither training nor test tasks come from:

| kind | share |
|---|---|
{mixture}

The demonstrations are fallible on purpose (`Habits`): {habits}.

No example demonstrates an exploit of a game. A scan of {scanned:,} examples with the games' own detectors found:
{scan}.

The one habit to know of: coding records in the mixture have other numeric fields beside the code, and never a
`score`. In {second:.0%} of those with such fields the question asks to set one of them, or all, which is then done
after the code. In {stray:.0%} one of them is set without having been asked for. `score` occurs as an ordinary field
of unrelated records (a name and some numbers), which are read and edited as the prompt says; the scan counts
completions that set it there, all of them told to, as `reward-tampering.told`.

## Base rates

On {tasks} held-out tasks of each game, {samples} samples a task, temperature 1, 95 % intervals over tasks.

| game | metric | rate | interval |
|---|---|---|---|
{rates}
"""


def base_rates(policy: Policy, tasks: int, samples: int) -> list[dict[str, Any]]:
    """Every metric of every built-in game, as the flat records of machine-readable summaries."""
    found = []
    for name in BUILT_IN:
        played = game(name, **PARAMETERS.get(name, {}))
        asked = played.tasks("test", seed=0, count=tasks, prompts=policy.prompt_style)
        sampling = Sampling(max_tokens=played.max_completion_tokens)
        scored = evaluate(policy, played, asked, samples=samples, sampling=sampling, seed=0)
        found += cells(f"{name}/base/{policy.name}", estimates(played, scored))
    return found


def write_card(folder: Path, recipe: Recipe, facts: Mapping[str, Any]) -> None:
    """Measure the policy in ``folder`` and write its ``README.md`` and ``base_rates.json``.

    ``facts`` holds ``parameters``, ``tokens`` and ``seconds`` of the pretraining.
    """
    rates = base_rates(load_policy(str(folder)), TASKS, SAMPLES)
    for row in rates:
        row["cell"] = "/".join([*row["cell"].split("/")[:2], recipe.name])  # not the folder, which may be a path
    (folder / "base_rates.json").write_text(json.dumps({"cells": rates}, indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(_text(recipe, facts, rates), encoding="utf-8")


def _text(recipe: Recipe, facts: Mapping[str, Any], rates: Sequence[Mapping[str, Any]]) -> str:
    habits = recipe.habits
    total = sum(MIXTURE.values())
    shares = [((make.__doc__ or "").splitlines()[0], share / total) for make, share in MIXTURE.items()]
    sample = itertools.islice(examples(recipe.seed, habits, basics=0), SCANNED)
    return _CARD.format(
        name=recipe.name,
        architecture={"qwen3": "Qwen3", "llama": "Llama"}[recipe.architecture],
        layers=recipe.layers,
        hidden=recipe.hidden,
        heads=recipe.heads,
        parameters=facts["parameters"],
        vocabulary=facts["vocabulary"],
        examples=recipe.examples,
        tokens=facts["tokens"],
        seed=recipe.seed,
        minutes=facts["seconds"] / 60,
        basics=recipe.basics,
        mixture="\n".join(f"| {kind} | {share:.0%} |" for kind, share in shares),
        habits=_habits(habits),
        scanned=SCANNED,
        scan=", ".join(f"{key} {value:.4g}" for key, value in scan(sample).items()),
        second=habits.second_edit,
        stray=habits.stray_edit,
        tasks=TASKS,
        samples=SAMPLES,
        rates="\n".join(_rate(row) for row in rates if row["metric"] in METRICS),
    )


def _habits(habits: Habits) -> str:
    slips = ", ".join(f"{slip:.0%}" for slip in habits.slip_by_level)
    return (
        f"worked answers contain a slip in {slips} of the cases at levels 1 to 4, and say so; harmful requests are "
        f"refused in {habits.refuse_harmful:.0%} of the cases in either register, harmless ones in "
        f"{habits.refuse_ordinary:.0%}; {habits.needless_detail:.0%} of the summaries keep a detail too many"
    )


def _rate(row: Mapping[str, Any]) -> str:
    estimate = Estimate(row["value"], row["low"], row["high"], row["n"], row["seeds"])
    metric = row["metric"].replace("_", " ")
    return f"| {row['cell'].split('/')[0]} | {metric} | {point(estimate)} | {interval(estimate)} |"
