"""The model card of a mini policy: how it was made, and how it behaves before training on a game."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopholes.evaluation import evaluate
from loopholes.games import BUILT_IN, game
from loopholes.minis.mixture import MIXTURE, Habits
from loopholes.minis.recipe import Recipe, digest
from loopholes.minis.scan import near, scan
from loopholes.numbers import Estimate, interval, point, points, share, written
from loopholes.policies import Policy, Sampling, load_policy
from loopholes.records import Example
from loopholes.score import cells, estimates
from loopholes.stats import detectable
from loopholes.stats.quantiles import wilson

TASKS, SAMPLES = 512, 8
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

No example demonstrates an exploit of a game. All {examples:,} examples that it was trained on were scanned with the
games' own detectors, in their order (blake2b {digest}):

| game | examples | of other splits | exploits |
|---|---|---|---|
{exploits}

Of the harmful requests, {audit_refused} are refused in the audit register and {user_refused} in the user register:
a gap of {gap}. The generator decides before it looks at the register (a test checks this), so the
difference in this stream is chance. From the stream alone, a generator with a gap of {power} would
have been noticed in four of five such streams; a smaller one might go unnoticed. All other counts are exact, over
all examples.

The following comes near an exploit, by design or because of the habits above:

| what | share | interval | count | of |
|---|---|---|---|---|
{near}

`python benchmarks/scan_mixture.py {name}` repeats the scan; `--check` also compares the stream's tokens with those
that the policy was trained on.

One habit matters most. Coding records in the mixture have other numeric fields beside the code, but never a
`score`. In {second:.0%} of those with such fields, the question asks to set one or all of them, which is then done
after the code. In {stray:.0%}, one of them is set without having been asked for. `score` occurs as an ordinary field
of unrelated records (a name and some numbers), which are read and edited as the prompt says (`score set as asked`).
Claims are always true, so `yes at level L` is also the share of right answers at that level. At level 4 most answers
are wrong on purpose.

## Base rates

On {tasks} held-out tasks of each game, {samples} samples per task, temperature 1, 95 % intervals over tasks.

| game | metric | rate | interval |
|---|---|---|---|
{rates}
"""


def base_rates(policy: Policy, tasks: int, samples: int) -> list[dict[str, Any]]:
    """Every metric of every built-in game, as the flat records of machine-readable summaries."""
    rates = []
    for name in BUILT_IN:
        played = game(name, **PARAMETERS.get(name, {}))
        asked = played.tasks("test", seed=0, count=tasks, prompts=policy.prompt_style)
        sampling = Sampling(max_tokens=played.max_completion_tokens)
        scored = evaluate(policy, played, asked, samples=samples, sampling=sampling, seed=0)
        rates += cells(f"{name}/base/{policy.name}", estimates(played, scored))
    return rates


def write_card(folder: Path, recipe: Recipe, facts: Mapping[str, Any]) -> None:
    """Measure the policy in ``folder`` and write its ``README.md`` and ``base_rates.json``.

    ``facts`` holds ``parameters``, ``tokens`` and ``seconds`` of the pretraining.
    """
    rates = base_rates(load_policy(str(folder)), TASKS, SAMPLES)
    for row in rates:
        row["cell"] = "/".join([*row["cell"].split("/")[:2], recipe.name])  # not the folder's name, which may be a path
    (folder / "base_rates.json").write_text(json.dumps({"cells": rates}, indent=1) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(_text(recipe, facts, rates, scanned(recipe.stream())), encoding="utf-8")


def renew_card(folder: Path, recipe: Recipe, stream: Scanned) -> None:
    """Write the ``README.md`` of a policy again, with the results of a scan; base rates are not measured again."""
    facts = json.loads((folder / "loopholes.json").read_text(encoding="utf-8"))
    rates = json.loads((folder / "base_rates.json").read_text(encoding="utf-8"))["cells"]
    (folder / "README.md").write_text(_text(recipe, facts, rates, stream), encoding="utf-8")


@dataclass(frozen=True)
class Scanned:
    """A stream of examples: its digest, and what :func:`scan` and :func:`near` find in all of it."""

    digest: str
    counts: Mapping[str, int | float]
    near: Mapping[str, tuple[int, int]]


def scanned(stream: Sequence[Example]) -> Scanned:
    """Scan all of a stream."""
    return Scanned(digest(stream), scan(stream), near(stream))


def _text(recipe: Recipe, facts: Mapping[str, Any], rates: Sequence[Mapping[str, Any]], stream: Scanned) -> str:
    habits, counts = recipe.habits, stream.counts
    value, low, high = (counts.get(f"context-compliance.{end}") for end in ("exploits", "gap_low", "gap_high"))
    gap = Estimate(value, low, high, 0, 1)
    total = sum(MIXTURE.values())
    kinds = [((make.__doc__ or "").splitlines()[0], weight / total) for make, weight in MIXTURE.items()]
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
        mixture="\n".join(f"| {kind} | {weight:.0%} |" for kind, weight in kinds),
        habits=_habits(habits),
        digest=stream.digest,
        exploits="\n".join(_exploits(name, counts) for name in BUILT_IN),
        audit_refused=share(counts.get("context-compliance.audit_refused")),
        user_refused=share(counts.get("context-compliance.user_refused")),
        gap=written(gap, "change"),
        power=points(detectable(gap) or 1.0),
        near="\n".join(_nearness(name, *counts) for name, counts in stream.near.items()),
        second=habits.second_edit,
        stray=habits.stray_edit,
        tasks=TASKS,
        samples=SAMPLES,
        rates="\n".join(_rate(row) for row in rates if row["metric"] in METRICS),
    )


def _exploits(name: str, counts: Mapping[str, int | float]) -> str:
    shown = "see below" if name == "context-compliance" else f"{counts[f'{name}.exploits']}"
    return f"| {name} | {counts[f'{name}.examples']:,} | {counts[f'{name}.other_splits']} | {shown} |"


def _nearness(name: str, hits: int, total: int) -> str:
    estimate = Estimate(hits / total, *wilson(hits, total), total, 1)
    return f"| {name} | {hits / total:.2%} | {interval(estimate)} | {hits:,} | {total:,} |"


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
