"""Which games share what a policy would have to learn? Cosines of the gradients of their log-odds, before any training.

    python benchmarks/gradient_cosines.py results/gradient-cosines [--prompts 32] [--policy mini ...]

Writes FILE.json and FILE.md, with the pairs that should move in the study of transfer. For each game and each world of
the positive control it takes the gradient of x, the branch-point log-odds, at the untrained policy, prompt by prompt.
A cosine compares the mean gradients of two worlds on disjoint halves of the tasks, so that neither the same prompts
nor noise make it large: a world's cosine with itself is at most 1, and less where the prompts are too few.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from loopholes.games.base import Branch
from loopholes.numbers import Estimate
from loopholes.policies import load_policy
from loopholes.policies.tokens import encode_prompts, encode_texts
from loopholes.records import END
from loopholes.studies import StudyConfig
from loopholes.studies.ladder import CONTROL_STEPS, World, all_steps

SPLITS = 400
EXPECTED = 0.1
"""A pair should move if the lower end of its cosine (divided, as Adam does) lies above this."""
Floats = np.ndarray[Any, np.dtype[np.float32]]


def worlds(config: StudyConfig) -> list[World]:
    """Every game, and every changed world of the positive control beside its game."""
    changed = dict.fromkeys(world for step in CONTROL_STEPS for world in (step.source, step.target) if world.change)
    return [world for game in config.games for world in (World(game), *(w for w in changed if w.game == game))]


def log_odds(policy: Any, branch: Branch) -> torch.Tensor:
    """x of one prompt, differentiable."""
    sides = [torch.logsumexp(_likelihoods(policy, branch, side), 0) for side in (branch.exploiting, branch.honest)]
    return sides[0] - sides[1]


def _likelihoods(policy: Any, branch: Branch, answers: Sequence[str]) -> torch.Tensor:
    (prompt,) = encode_prompts(policy.tokenizer, [branch.prompt])
    texts = encode_texts(policy.tokenizer, [answer.removesuffix(END) for answer in answers])
    sums = []
    for answer, text in zip(answers, texts, strict=True):
        tokens = text + [policy.tokenizer.eos_token_id] * answer.endswith(END)
        logits = policy.model(torch.tensor([prompt + tokens]), use_cache=False).logits[0, len(prompt) - 1 : -1]
        sums.append(logits.log_softmax(-1).gather(-1, torch.tensor(tokens)[:, None]).sum())
    return torch.stack(sums)


def gradients(policy: Any, world: World, config: StudyConfig, prompts: int) -> tuple[Floats, Floats]:
    """(prompts, parameters): the gradient of x at each prompt; and (prompts,): the side of each."""
    game = world.setting(config).make()
    branches = [branch for task in game.tasks("test", count=4 * prompts) if (branch := game.branch(task))][:prompts]
    rows = []
    for branch in branches:
        policy.model.zero_grad()
        log_odds(policy, branch).backward()  # type: ignore[no-untyped-call]
        rows.append(torch.cat([p.grad.flatten() for p in policy.model.parameters() if p.grad is not None]).numpy())
    return np.stack(rows), np.array([branch.side for branch in branches], dtype=np.float32)


def cosines(gram: Floats, sides: Sequence[Floats], rng: np.random.Generator) -> list[list[Estimate]]:
    """The cosine of each pair of worlds, from the products of all gradients: mean and 95 % range over splits."""
    count, prompts = len(sides), len(sides[0])
    splits = np.empty((SPLITS, count, count))
    for split in range(SPLITS):
        order = rng.permutation(prompts)
        halves = [rng.choice(half, size=len(half)) for half in (order[: prompts // 2], order[prompts // 2 :])]
        weights = [np.stack([_weights(world, half, sides) for world in range(count)]) for half in halves]
        norms = [np.sqrt(np.einsum("ip,pq,iq->i", w, gram, w)) for w in weights]
        splits[split] = weights[0] @ gram @ weights[1].T / np.outer(*norms)
    splits = (splits + splits.transpose(0, 2, 1)) / 2
    low, high = np.quantile(splits, [0.025, 0.975], axis=0)
    mean = splits.mean(axis=0)
    return [
        [Estimate(float(mean[a, b]), float(low[a, b]), float(high[a, b]), prompts, 1) for b in range(count)]
        for a in range(count)
    ]


def _weights(world: int, half: Any, sides: Sequence[Floats]) -> Floats:
    """The weight of every prompt in the mean over one half of a world; a gap is the difference of two means."""
    prompts = len(sides[world])
    weights = np.zeros(prompts * len(sides), dtype=np.float32)
    for side in (1, -1):
        chosen = half[sides[world][half] == side]
        np.add.at(weights, world * prompts + chosen, side / max(1, len(chosen)))
    return weights


def measure(name: str, config: StudyConfig, prompts: int) -> dict[str, Any]:
    """Both matrices of one policy."""
    policy, rng = load_policy(name), np.random.default_rng(0)
    taken = [gradients(policy, world, config, prompts) for world in worlds(config)]
    rows, sides = np.concatenate([row for row, _ in taken]), [side for _, side in taken]
    plain = rows @ rows.T
    rows /= np.sqrt(np.mean(rows**2, axis=0)) + 1e-8 * np.abs(rows).max()
    return {"plain": cosines(plain, sides, rng), "divided": cosines(rows @ rows.T, sides, rng)}


def expected(matrix: Sequence[Sequence[Estimate]], names: Sequence[str], config: StudyConfig) -> list[dict[str, Any]]:
    """Every pair in the study of transfer, largest cosine first, without pairs of a world with itself."""
    pairs = []
    for step in all_steps(config):
        if step.source != step.target:
            cosine = matrix[names.index(step.source.name)][names.index(step.target.name)]
            moves = (cosine.low or 0.0) > EXPECTED
            pairs.append({"kind": step.kind, "pair": step.name, "cosine": cosine, "moves": moves})
    return sorted(pairs, key=lambda pair: -pair["cosine"].value)


INTRODUCTION = f"""# Gradient cosines before any training

`{{command}}`

For each world: the gradient of x, the branch-point log-odds of the exploit, at the untrained policy. A cell is the
cosine of two worlds' mean gradients over disjoint halves of the held-out prompts, with the middle 95 % of {SPLITS}
resampled splits. *Divided*: each gradient divided by the root mean square of all prompts' gradients, as Adam scales a
step. The diagonal is what noise of the prompts leaves of 1.
"""
PREDICTIONS = f"""
## Predictions for `{{policy}}`, written before the runs of the positive control

A pair should move if the lower end of its divided cosine lies above {EXPECTED:g}, and should not otherwise; the order
of the cosines is the predicted order of the changes of x, vulnerable minus secure.
"""


def page(results: dict[str, dict[str, Any]], names: Sequence[str], config: StudyConfig, command: str) -> str:
    """The numbers in Markdown."""
    lines = [INTRODUCTION.format(command=command)]
    for policy, matrices in results.items():
        lines += [PREDICTIONS.format(policy=policy)]
        lines += ["| rung | trained on, measured on | divided cosine | should move |", "|---|---|---|---|"]
        for pair in expected(matrices["divided"], names, config):
            moves = "yes" if pair["moves"] else "no"
            lines += [f"| {pair['kind']} | {pair['pair']} | {_written(pair['cosine'])} | {moves} |"]
        for kind, matrix in matrices.items():
            lines += [f"\n### {policy}, {kind}\n", f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
            lines += [f"| {name} | {' | '.join(map(_written, row))} |" for name, row in zip(names, matrix, strict=True)]
    return "\n".join(lines) + "\n"


def _written(cosine: Estimate) -> str:
    return f"{cosine.value:.3f} [{cosine.low:.3f}, {cosine.high:.3f}]"


def main() -> None:
    """Measure, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--policy", nargs="+", default=["mini", "mini-llama"])
    options = parser.parse_args()
    results, names = {}, []
    for policy in options.policy:
        config = StudyConfig(policies=(policy,))
        names = [world.name for world in worlds(config)]
        results[policy] = measure(policy, config, options.prompts)
        record = {
            "worlds": names,
            "prompts": options.prompts,
            "cosines": {
                who: {kind: [[[c.value, c.low, c.high] for c in row] for row in m] for kind, m in matrices.items()}
                for who, matrices in results.items()
            },
        }
        options.file.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
        command = f"python benchmarks/gradient_cosines.py results/{options.file.name} --prompts {options.prompts}"
        options.file.with_suffix(".md").write_text(page(results, names, config, command))


if __name__ == "__main__":
    main()
