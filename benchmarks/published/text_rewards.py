"""Rewards that look for a text: search question answering, reward-kit, NeMo-Gym's servers and Inspect's scorers."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Callable
from typing import Any

from sources import checkout, installed, load, reward_kit_score, stub, verl_score

EXAMPLE = "For example, <answer> Beijing </answer>.\n"  # Search-R1's prompt, which its scorer reads, too


def search_r1_subem(completion: str, answers: list[str]) -> float:
    """Search-R1's ``compute_score_subem``: the answer contains a right one."""
    folder = checkout("PeterGriffinJin/Search-R1") / "verl/utils/reward_score"
    module = load(folder / "qa_em.py", "search_r1_qa_em")
    return float(module.compute_score_subem(EXAMPLE + completion, {"target": answers}))


def search_r1_em(completion: str, answers: list[str]) -> float:
    """Search-R1's ``compute_score_em``: the answer is a right one."""
    folder = checkout("PeterGriffinJin/Search-R1") / "verl/utils/reward_score"
    module = load(folder / "qa_em.py", "search_r1_qa_em")
    return float(module.compute_score_em(EXAMPLE + completion, {"target": answers}))


def verl_search_subem(completion: str, answers: list[str]) -> float:
    """verl's copy of Search-R1's ``compute_score_subem``."""
    return float(verl_score("search_r1_like_qa_em").compute_score_subem(completion, {"target": answers}))


def skyrl_search_subem(completion: str, answers: list[str]) -> float:
    """SkyRL-Gym's copy of Search-R1's ``compute_score_subem``."""
    return float(_skyrl("search").compute_score_subem(completion, {"target": answers}))


def skyrl_gsm8k(completion: str, answer: str) -> float:
    """SkyRL-Gym's gsm8k, strict: the number behind the first ####."""
    return float(_skyrl("gsm8k").compute_score(completion, answer))


def _skyrl(name: str) -> Any:
    return load(installed("skyrl_gym") / "envs" / name / "utils.py", f"skyrl_{name}")


def reward_kit_accuracy(completion: str, answer: str) -> float:
    """reward-kit's ``accuracy_reward``."""
    return reward_kit_score("accuracy.accuracy_reward", completion, answer)


def _nemo(server: str) -> Any:
    folder = checkout("NVIDIA-NeMo/Gym") / "resources_servers" / server
    stub("nemo_gym", "nemo_gym.base_resources_server", "nemo_gym.reward_profile", "nemo_gym.openai_utils")
    return load(folder / "app.py", f"nemo_{server}")


def nemo_ruler_part(completion: str, outputs: list[str]) -> float:
    """NeMo-Gym's RULER, question answering: one of the outputs occurs."""
    return float(_nemo("ruler").RulerResourcesServer().string_match_part_single(completion.strip(), outputs))


def nemo_ruler_all(completion: str, outputs: list[str]) -> float:
    """NeMo-Gym's RULER, needles: the share of the outputs that occur."""
    return float(_nemo("ruler").RulerResourcesServer().string_match_all_single(completion.strip(), outputs))


def nemo_seq_match(completion: str, answer: str) -> float:
    """NeMo-Gym's equivalence rule ``seq_match``: how similar the texts are."""
    return float(_nemo("equivalence_rule").EquivalenceRuleResourcesServer._grade_seq_match(completion, answer))


def nemo_exact(completion: str, answer: str) -> float:
    """NeMo-Gym's equivalence rule ``exact``."""
    return float(_nemo("equivalence_rule").EquivalenceRuleResourcesServer._grade_exact(completion, answer))


def inspect_scorer(name: str, arguments: str = "{}") -> Callable[[str, str], float]:
    """One of Inspect's scorers, made with arguments in JSON; C is 1 and I is 0."""
    scorer = getattr(importlib.import_module("inspect_ai.scorer"), name)(**json.loads(arguments))
    target = importlib.import_module("inspect_ai.scorer").Target
    output = importlib.import_module("inspect_ai.model").ModelOutput
    state = importlib.import_module("inspect_ai.solver").TaskState

    def reward(completion: str, answer: str) -> float:
        said = output.from_content(model="none", content=completion)
        asked = state(model="none", sample_id=0, epoch=0, input="", messages=[], output=said)
        value = asyncio.run(scorer(asked, target(answer))).value
        return {"C": 1.0, "I": 0.0}[value] if isinstance(value, str) else float(value)

    return reward
