"""Published rewards that run what was written: programs and queries."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
from types import SimpleNamespace

from sources import checkout, installed, package, stub


def reward_kit_apps(completion: str, ground_truth: str) -> float:
    """reward-kit's ``evaluate_apps_solution``."""
    package("reward_kit", installed("reward_kit"))
    package("reward_kit.rewards", installed("reward_kit") / "rewards")
    reward = importlib.import_module("reward_kit.rewards.apps_coding_reward").evaluate_apps_solution
    said = importlib.import_module("reward_kit.models").Message(role="assistant", content=completion)
    with contextlib.redirect_stdout(io.StringIO()):
        return float(reward(messages=[said], ground_truth=ground_truth).score)


def reasoning360_cruxeval(completion: str, ground_truth: str) -> float:
    """Reasoning360's ``cruxeval``."""
    for name in ("verl", "verl.utils", "verl.utils.reward_score"):
        package(name, checkout("LLM360/Reasoning360") / name.replace(".", "/"))
    module = importlib.import_module("verl.utils.reward_score.cruxeval")
    return float(module.compute_score(completion, ground_truth)["score"])


def rllm_livecodebench(completion: str, tests: str) -> float:
    """rLLM's code reward for ``livecodebench``."""
    package("rllm", checkout("agentica-project/rllm") / "rllm")
    package("rllm.rewards", checkout("agentica-project/rllm") / "rllm" / "rewards")
    stub("rllm.rewards.code_utils.pyext2")  # for Python 3.10, and for another data source
    reward = importlib.import_module("rllm.rewards.code_reward").rllm_reward_fn_code
    with contextlib.redirect_stdout(io.StringIO()):
        return float(reward("livecodebench", completion, json.loads(tests)))


def skyrl_sql(completion: str, db_id: str, db_path: str, gold: str) -> float:
    """SkyRL's ``SQLEnv`` in its last turn; the databases are ours."""
    folder = str(checkout("NovaSky-AI/SkyRL") / "skyrl-gym")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    kind = importlib.import_module("skyrl_gym.envs.sql.env").SQLEnv
    extras = {"db_id": db_id, "data": "spider", "reward_spec": {"ground_truth": gold}, "max_turns": 1}
    return float(kind(SimpleNamespace(db_path=db_path), extras).step(completion)["reward"])
