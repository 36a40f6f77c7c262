"""Scorers of reasoning-gym's datasets: ``scorer("puzzle24")`` scores the answers to that dataset's questions."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

SIZE = 24
SEED = 42


def dataset(name: str) -> Any:
    """``SIZE`` tasks of a dataset, always the same."""
    return importlib.import_module("reasoning_gym").create_dataset(name, seed=SEED, size=SIZE)


def scorer(name: str) -> Callable[[str, int, str], float]:
    """A reward for the rows of ``dataset(name)``; ``index`` is the number of the task."""
    tasks = dataset(name)
    entries = [tasks[index] for index in range(SIZE)]

    def reward(completion: str, index: int, answer: str) -> float:
        return float(tasks.score_answer(completion, {**entries[index], "answer": answer}))

    return reward
