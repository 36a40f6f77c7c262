"""Rewards of puzzles: RAGEN's countdown, TinyZero's multiplication, knights and knaves."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sources import checkout, load, package

HEADER = "Assistant: "
TRAINER = ("gymnasium", "datasets", "ragen", "ragen.env", "ragen.env.base")


def ragen_countdown(completion: str, target: int, nums: list[int]) -> float:
    """RAGEN's countdown environment: 1 for the target, 0.1 for the right numbers."""
    folder = checkout("RAGEN-AI/RAGEN") / "ragen/env/countdown"
    package("ragen_countdown", folder)
    module = load(folder / "env.py", "ragen_countdown.env", TRAINER)
    environment = SimpleNamespace(config=SimpleNamespace(score=1, format_score=0.1))
    return float(module.CountdownEnv.compute_reward(environment, completion, {"target": target, "nums": nums}))


def tinyzero_multiply(completion: str, answer: str) -> float:
    """TinyZero's multiplication: 0.1 for any whole number in answer tags."""
    module = load(checkout("Jiayi-Pan/TinyZero") / "verl/utils/reward_score/multiply.py", "tinyzero_multiply")
    return float(module.compute_score(HEADER + completion, answer))


def simplerl_kk(completion: str, solution: str) -> float:
    """Knights and knaves as simpleRL's copy scores it: an empty answer costs nothing."""
    folder = checkout("hkust-nlp/simpleRL-reason") / "verl/utils/reward_score"
    return _knights(load(folder / "kk.py", "simplerl_kk"), completion, solution)


def logic_rl_kk(completion: str, solution: str) -> float:
    """Knights and knaves as Logic-RL scores it now: an empty answer costs 2."""
    folder = checkout("Unakar/Logic-RL") / "verl/utils/reward_score"
    return _knights(load(folder / "kk.py", "logic_rl_kk"), completion, solution)


def _knights(module: Any, completion: str, solution: str) -> float:
    return float(module.compute_score(HEADER + completion, {"solution_text_format": solution}))
