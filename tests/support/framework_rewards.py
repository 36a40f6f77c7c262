"""Rewards written to files, rows for them, and TRL's own way from functions to rewards."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loopholes.audit.frameworks.base import Paid, Part, Row

Rewards = list[list[float]]
Theirs = Callable[..., Rewards]
Written = Callable[..., list[Part]]
HEAD = """import functools, math, threading
import numpy as np
import torch
from decimal import Decimal
SEEN = []
"""
PLAIN = [Row(0, "1+1?", columns={"prompt": "1+1?", "solution": "2"}), Row(1, "2+2?", columns={"solution": "4"})]
CHAT = [
    Row(number, ({"role": "user", "content": text},), columns={"solution": text[0]})
    for number, text in enumerate(["1+0?", "4+0?"])
]


def write_parts(folder: Path, *bodies: str, weights: Sequence[float] = ()) -> list[Part]:
    """Write a file for each body, which defines ``reward``; returns their parts."""
    parts = []
    for number, body in enumerate(bodies):
        file = folder / f"rewards_{number}.py"
        file.write_text(HEAD + body, encoding="utf-8")
        parts.append(Part(str(file), "reward", weights[number] if weights else 1.0))
    return parts


def reward_returning(value: str, *, asynchronous: bool = False) -> str:
    return f"{'async ' if asynchronous else ''}def reward(completions, **kwargs):\n    return {value}\n"


def values_of(paid: Sequence[Paid], place: int) -> list[float]:
    """One function's values as TRL would hold them: NaN for None."""
    parts = [payment.parts[place] for payment in paid]
    return [math.nan if value is None else value for value in parts]


def agree(ours: Sequence[float], other: Sequence[float]) -> bool:
    return ours == pytest.approx(other, rel=1e-6, nan_ok=True)


def trl_rewards() -> Theirs:
    """``theirs(calls, rows, texts)``: TRL's rewards, (completions, functions), or what it raises."""
    accelerate = pytest.importorskip("accelerate")
    pytest.importorskip("trl")
    import torch
    from trl.trainer import grpo_trainer
    from trl.trainer.utils import get_callable_name, start_event_loop_in_daemon

    accelerate.PartialState(cpu=True)
    _, loop, ready = start_event_loop_in_daemon("GRPOTrainer-AsyncLoop")
    ready.wait()
    method = inspect.unwrap(grpo_trainer.GRPOTrainer._calculate_rewards)
    outside: dict[str, Any] = {"profiling_context": lambda *_: nullcontext(), "gather": lambda values: values}

    def score(calls: Sequence[Any], rows: Sequence[Row], texts: Sequence[str]) -> Rewards:
        trainer = SimpleNamespace(
            accelerator=SimpleNamespace(device=torch.device("cpu")),
            reward_funcs=calls,
            reward_processing_classes=[None] * len(calls),
            reward_func_names=[get_callable_name(call) for call in calls],
            state=_trainer_state(),
            environments=None,
            _log_completion_extra=lambda column, values: None,
            _log_metric=lambda name, value: None,
            async_loop=loop,
        )
        prompts = [row.prompt if isinstance(row.prompt, str) else [*row.prompt] for row in rows]
        completions = [[{"role": "assistant", "content": text}] if rows[0].is_chat else text for text in texts]
        inputs = [{**row.columns} for row in rows]
        with pytest.MonkeyPatch.context() as patch:
            for name, value in outside.items():
                patch.setattr(grpo_trainer, name, value)
            rewards: Rewards = method(trainer, inputs, prompts, completions, [[5, 6, 2]] * len(rows)).tolist()
        return rewards

    return score


def _trainer_state() -> Any:
    from transformers import TrainerState

    return TrainerState(max_steps=10, num_train_epochs=1, epoch=0)
