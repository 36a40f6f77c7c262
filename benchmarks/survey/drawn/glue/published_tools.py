"""Published rewards for tool calls: the completion is a JSON list of calls, or holds them in tags."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from types import SimpleNamespace
from typing import Any

from sources import checkout, installed, load, package


def reward_kit_schema(completion: str, ground_truth: dict[str, Any]) -> float:
    """reward-kit's ``schema_jaccard_reward``."""
    package("reward_kit", installed("reward_kit"))
    package("reward_kit.rewards", installed("reward_kit") / "rewards")
    reward = importlib.import_module("reward_kit.rewards.function_calling").schema_jaccard_reward
    said = importlib.import_module("reward_kit.models").Message(role="assistant", content=completion)
    return float(reward(messages=[said], ground_truth=ground_truth).score)


def _calls(completion: str) -> list[dict[str, Any]]:
    """The calls in the first JSON list of a completion; what is no call is left out."""
    try:
        calls = json.loads(completion[completion.index("[") : completion.rindex("]") + 1])
    except ValueError:
        return []
    return [call for call in calls if isinstance(call, dict) and isinstance(call.get("arguments"), dict)]


def _server(name: str, kind: str) -> Any:
    """A resources server of NeMo-Gym on stand-ins of its base classes."""
    from loopholes.audit.frameworks import _nemo_gym_stand_in as stand_in

    stand_in.install()
    folder = str(checkout("NVIDIA-NeMo/Gym"))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return getattr(importlib.import_module(f"resources_servers.{name}.app"), kind)


TOOLS = "add subtract multiply divide sin cos power log pi negate return_constant".split()


def calculator() -> dict[str, Any]:
    """The tools of NeMo-Gym's ``math_advanced_calculations``, by name."""
    _server("math_advanced_calculations", "MultiVerseMathHardResourcesServer")
    module = importlib.import_module("resources_servers.math_advanced_calculations.math_advanced_calculations_tools")
    return {name: getattr(module, name) for name in TOOLS}


def math_advanced_calculations(completion: str, ground_truth: str) -> float:
    """NeMo-Gym's ``math_advanced_calculations``: its tools answer the calls, and its ``verify`` reads that."""
    server = _server("math_advanced_calculations", "MultiVerseMathHardResourcesServer")
    outputs = []
    for call in _calls(completion):
        try:
            value = calculator()[call["name"]](**call["arguments"])
            outputs.append(SimpleNamespace(type="function_call_output", output=json.dumps({"solution": value})))
        except Exception:
            outputs.append(SimpleNamespace(type="function_call_output", output="error"))
    body = SimpleNamespace(ground_truth=ground_truth, response=SimpleNamespace(output=outputs), model_dump=dict)
    return float(asyncio.run(server.verify(None, body)).reward)


def workplace_assistant(completion: str, ground_truth: list[dict[str, str]]) -> float:
    """NeMo-Gym's ``workplace_assistant``: its ``is_correct`` on the calls and the gold ones."""
    folder = str(checkout("NVIDIA-NeMo/Gym"))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    utils = importlib.import_module("resources_servers.workplace_assistant.utils")
    calls = [{"name": call.get("name"), "arguments": json.dumps(call["arguments"])} for call in _calls(completion)]
    return float(utils.is_correct(calls, ground_truth, None))


def citation_if(completion: str, verifier: dict[str, Any]) -> float:
    """NeMo-Gym's ``citation_if``: its ``score_citation_if``, without the response that ``verify`` unpacks."""
    module = load(checkout("NVIDIA-NeMo/Gym") / "resources_servers/citation_if/scorer.py", "citation_scorer")
    return float(module.score_citation_if(completion, 0, verifier)[0])
