"""Our GRPO step compared with stock TRL's: the same policy, tasks, rewards and batch, in turn.

Stock TRL is ``trl.GRPOTrainer`` with its own generation, and without the defaults that hurt on a CPU (bfloat16 autocast
and gradient checkpointing off, one pass per step):

    python benchmarks/grpo_step.py [--policies mini mini-llama smollm2] [--threads 1 2] [--rounds 3]

Both play the game's own channel, at a learning rate that leaves the policy practically unchanged. The time of a step is
measured between two callbacks of the trainer, so it does not include recording the run. About 20 minutes on two quiet
cores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import TrainerCallback
from trl import GRPOTrainer

from loopholes.policies.checkpoints import quiet
from loopholes.training import grpo
from loopholes.training.config import TrainConfig
from loopholes.training.settings import keep_freed_memory
from loopholes.training.trainer import LeanTrainer
from timing import Times, paired, spread, table

# private _plan, _trainer: the trainer of a run without its run directory

PARTS = ("step", "generation", "reward", "update")
MINI: dict[str, Any] = {"learning_rate": 1e-8}
LORA: dict[str, Any] = {
    **MINI,
    "preset": "lora",
    "prompts_per_step": 2,
    "completions_per_pass": 16,
    "max_completion_tokens": 64,
    "bf16": False,
}
SETTINGS = {"mini": MINI, "mini-llama": MINI, "smollm2": LORA}
GAMES = {"short prompts": "self-grading", "long prompts": "proxy-metric"}


@dataclass
class Step:
    """Readings of a gauge (seconds, or operations) over one step, by part, and the tokens of its rows."""

    readings: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    tokens: int = 0


class Meter(TrainerCallback):  # type: ignore[misc]
    """Reads a gauge around each step of a trainer and around its parts."""

    def __init__(self, trainer: GRPOTrainer, gauge: Callable[[], float]) -> None:
        self.steps: list[Step] = []
        self._gauge = gauge
        trainer._generate = self._read("generation", trainer._generate)
        trainer._calculate_rewards = self._read("reward", trainer._calculate_rewards)
        trainer._generate_and_score_completions = self._counted(trainer._generate_and_score_completions)
        trainer.add_callback(self)

    def _read(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def metered(*args: Any, **options: Any) -> Any:
            began = self._gauge()
            result = work(*args, **options)
            self.steps[-1].readings[part] += self._gauge() - began
            return result

        return metered

    def _counted(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            batch = work(*args, **options)
            self.steps[-1].tokens += int(batch["prompt_mask"].sum() + batch["completion_mask"].sum())
            return batch

        return counted

    def on_step_begin(self, *args: Any, **options: Any) -> None:
        self.steps.append(Step())
        self._began = self._gauge()

    def on_step_end(self, *args: Any, **options: Any) -> None:
        readings = self.steps[-1].readings
        readings["step"] = self._gauge() - self._began
        readings["update"] = readings["step"] - readings["generation"] - readings["reward"]


@quiet()
def steps(policy: str, game: str, count: int, *, stock: bool, gauge: Callable[[], float]) -> list[Step]:
    """``count`` steps of a fresh trainer, of ours or of TRL's."""
    with tempfile.TemporaryDirectory() as folder:
        config = TrainConfig(game=game, policy=policy, out=Path(folder) / "run", steps=count, **SETTINGS[policy])
        with patch.object(grpo, "LeanTrainer", GRPOTrainer if stock else LeanTrainer):
            trainer, _ = grpo._trainer(grpo._plan(config, None, None))
        if stock:
            trainer.rollout_func = None
        meter = Meter(trainer, gauge)
        trainer.train()
        return meter.steps


@dataclass(frozen=True)
class Way:
    """The measurements of one of the two over all rounds: steps in seconds, and one step in operations."""

    clocked: Sequence[Step]
    operations: Step

    def times(self, part: str) -> Times:
        return Times(tuple(step.readings[part] for step in self.clocked))

    def rate(self, part: str) -> float:
        """Floating-point operations per second, in matrix multiplications."""
        return self.operations.readings[part] / self.times(part).median


def measured(policy: str, game: str, rounds: int) -> dict[bool, Way]:
    """TRL's steps (under True) and ours, a few of each in turn, every other round in the opposite order."""
    count = 1 if policy == "smollm2" else 3
    clocked: dict[bool, list[Step]] = {True: [], False: []}
    for number in range(rounds):
        for stock in (True, False)[:: -1 if number % 2 else 1]:
            clocked[stock] += steps(policy, game, count, stock=stock, gauge=time.perf_counter)
    counted = {}
    for stock in (True, False):
        with FlopCounterMode(display=False) as counter:
            counted[stock] = steps(policy, game, 1, stock=stock, gauge=lambda: float(counter.get_total_flops()))[0]
    return {stock: Way(clocked[stock], counted[stock]) for stock in (True, False)}


def peak(size: int = 1024) -> float:
    """Floating-point operations per second of a large float32 matrix multiplication, the best of several."""
    left, right = torch.randn(size, size), torch.randn(size, size)
    return 2 * size**3 / min(paired({"product": lambda: left @ right}, 15)["product"].seconds)


def rows(policy: str, prompts: str, rounds: int, most: float) -> Iterator[list[str]]:
    """One row per part: seconds of both, how many times as long TRL takes, tokens per second, shares of the peak."""
    ways = measured(policy, GAMES[prompts], rounds)
    stock, ours = ways[True], ways[False]
    for part in PARTS:
        theirs_took, ours_took = stock.times(part), ours.times(part)
        if not ours_took.median > 0:
            continue
        speeds = [step.tokens / step.readings[part] for step in ours.clocked]
        yield [
            policy,
            prompts,
            part,
            spread(theirs_took, 1, "s"),
            spread(ours_took, 1, "s"),
            spread(theirs_took.over(ours_took), 1, "times"),
            f"{sorted(speeds)[len(speeds) // 2]:,.0f}",
            f"{stock.rate(part) / most:.0%} and {ours.rate(part) / most:.0%}",
        ]


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Use this number of threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def main() -> None:
    """Measure and print tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policies", nargs="+", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    keep_freed_memory()
    print("# A GRPO step beside stock TRL's\n")
    print(f"`python benchmarks/grpo_step.py {' '.join(sys.argv[1:])}`\n")
    print(
        "Medians, with the fastest and the slowest. Short prompts are self-grading, long ones proxy-metric. Tokens are "
        "those of prompts and completions, counted once for each row, as TRL runs them. The peak is that of a float32 "
        "matrix multiplication of 1,024 rows and columns in the same run; the shares are TRL's and ours, in "
        "multiplications that were really done (attention is not counted), so that work left out lowers them.\n"
    )
    head = ["policy", "prompts", "part", "stock TRL", "ours", "TRL takes", "our tokens a second", "shares of the peak"]
    for count in options.threads:
        with threads(count):
            most = peak()
            print(f"## Threads: {count}\n\nThe peak is {most / 1e9:.0f} GFLOP/s.\n", flush=True)
            lines: list[list[str]] = []
            for policy in options.policies:
                for prompts in GAMES:
                    lines += rows(policy, prompts, options.rounds, most)
                    print(f"{policy}, {prompts}: done", file=sys.stderr)
            print(table(head, lines) + "\n", flush=True)


if __name__ == "__main__":
    main()
