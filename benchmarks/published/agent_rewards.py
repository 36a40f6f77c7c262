"""Rewards of tool calls and of answers about images: ToolRL and Visual-RFT."""

from __future__ import annotations

import os
from typing import Any

from math_rewards import Messages
from sources import checkout, load

TRAINERS = ("datasets", "transformers", "trl", "open_r1", "open_r1.trainer")


def toolrl(completion: str, answer: str) -> float:
    """ToolRL's ``rlla``: -3 to 3 for the tool calls, 1 for the form."""
    os.environ["EXPERIMENT_NAME"] = "qwen"  # decides which chat template's header the scorer cuts off
    folder = checkout("qiancheng0/ToolRL") / "verl/utils/reward_score"
    return float(load(folder / "rlla.py", "toolrl_rlla").compute_score(completion, answer)[0])


def _visual_rft(name: str) -> Any:
    folder = checkout("Liuziyu77/Visual-RFT") / "src/virft/src/open_r1"
    return load(folder / f"{name}.py", f"visual_rft_{name}", TRAINERS)


def visual_rft_detection(completions: Messages, solution: list[str], **_: Any) -> list[float]:
    """Visual-RFT's detection: overlap, confidence and form, 1 each."""
    module = _visual_rft("grpo")
    parts = (module.accuracy_reward_iou, module.accuracy_reward_confidence, module.format_reward)
    return _sum([part(completions, solution=solution) for part in parts])


def visual_rft_classification(completions: Messages, solution: list[str], **_: Any) -> list[float]:
    """Visual-RFT's classification: answer and form, 1 each."""
    module = _visual_rft("grpo_classification")
    return _sum([part(completions, solution=solution) for part in (module.accuracy_reward, module.format_reward)])


def _sum(parts: list[list[float]]) -> list[float]:
    return [float(sum(payments)) for payments in zip(*parts, strict=True)]
