"""Published puzzles: SynLogic's verifiers, SkyRL's multiplication and GEM's Mastermind."""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
from typing import Any

from sources import checkout, load


def _synlogic(game: str, kind: str, completion: str, answer: str, metadata: dict[str, Any]) -> float:
    folder = str(checkout("MiniMax-AI/SynLogic"))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    row = importlib.import_module("base.data").Data(question="", answer=answer, metadata=metadata)
    module = importlib.import_module(f"games.tasks.{game}.scripts.{game}_verifier")
    with contextlib.redirect_stdout(io.StringIO()):
        return float(getattr(module, kind)().verify(row, completion))


def math_path(completion: str, metadata: dict[str, Any]) -> float:
    """SynLogic's ``MathPathVerifier``."""
    return _synlogic("math_path", "MathPathVerifier", completion, "", metadata)


def space_reasoning_tree(completion: str, answer: str) -> float:
    """SynLogic's ``SpaceReasoningTreeVerifier``."""
    return _synlogic("space_reasoning_tree", "SpaceReasoningTreeVerifier", completion, answer, {})


def norinori(completion: str, metadata: dict[str, Any]) -> float:
    """SynLogic's ``NorinoriVerifier``."""
    return _synlogic("norinori", "NorinoriVerifier", completion, "", metadata)


def multiply(completion: str, ground_truth: str) -> float:
    """SkyRL's ``MultiplyEnv`` in its last turn."""
    folder = checkout("NovaSky-AI/SkyRL")
    sys.path[:0] = [str(folder / "skyrl-gym")]
    module = load(folder / "examples/train/multiply/env.py", "skyrl_multiply")
    extras = {"reward_spec": {"ground_truth": ground_truth}, "max_turns": 1}
    return float(module.MultiplyEnv(extras=extras).step(completion)["reward"])


def mastermind() -> Any:
    """GEM's ``MastermindEnv`` with its defaults."""
    return importlib.import_module("gem.envs.game_env.mastermind").MastermindEnv()
