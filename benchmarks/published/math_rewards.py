"""Rewards that compare a mathematical answer: open-r1, simpleRL, verl, open-instruct and DeepScaleR."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from types import ModuleType
from typing import Any

from sources import checkout, load, package, stub, verl_score

# private _pool: verl spawns the processes of its pool, which would import verl with Ray
Messages = list[list[dict[str, str]]]


def open_r1() -> Any:
    """open-r1's rewards, without its data loaders and code services."""
    stubs = ("open_r1.utils", "open_r1.utils.code_providers", "open_r1.utils.competitive_programming")
    package("open_r1", checkout("huggingface/open-r1") / "src" / "open_r1")
    return load(checkout("huggingface/open-r1") / "src/open_r1/rewards.py", "open_r1.rewards", stubs)


def open_r1_accuracy(completions: Messages, solution: list[str], **columns: Any) -> list[float | None]:
    """open-r1's ``accuracy_reward``."""
    rewards: list[float | None] = open_r1().accuracy_reward(completions, solution, **columns)
    return rewards


def simplerl_math(solution_str: str, ground_truth: str) -> float:
    """simpleRL's ``hf_math_verify``; it reads what follows the assistant's header."""
    module = _simplerl("hf_math_verify")
    return float(module.compute_score(f"<|im_start|>assistant\n{solution_str}", ground_truth)["score"])


def _simplerl(name: str) -> Any:
    folder = checkout("hkust-nlp/simpleRL-reason") / "verl/utils/reward_score"
    package("simplerl", folder)
    package("simplerl.qwen_math_eval_toolkit", folder / "qwen_math_eval_toolkit")
    return load(folder / f"{name}.py", f"simplerl.{name}")


def verl_math_verify(solution_str: str, ground_truth: str) -> float:
    """verl's ``math_verify``. Its pool forks here: a spawned process would import verl with Ray."""
    module = verl_score("math_verify")
    if module._pool is None:
        module._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
    return float(module.compute_score(solution_str, ground_truth))


def verl_geo3k(solution_str: str, ground_truth: str) -> float:
    """verl's ``geo3k``: nine tenths for the answer, a tenth for the form."""
    return float(verl_score("geo3k").compute_score(solution_str, ground_truth))


def verl_prime_math(solution_str: str, ground_truth: str) -> float:
    """verl's ``prime_math``, as its ``default_compute_score`` reads it: the first of three values."""
    return float(verl_score("prime_math").compute_score(solution_str, ground_truth)[0])


def verl_math_reward(solution_str: str, ground_truth: str) -> float:
    """verl's ``math_reward``: the last box, compared as normalised text."""
    return float(verl_score("math_reward").compute_score(solution_str, ground_truth))


def verl_gsm8k(solution_str: str, ground_truth: str) -> float:
    """verl's ``gsm8k``, strict: the number behind the last ####."""
    return float(verl_score("gsm8k").compute_score(solution_str, ground_truth))


def deepscaler_math(solution_str: str, ground_truth: str) -> float:
    """DeepScaleR's ``rllm_reward_fn_math``; a completion needs ``</think>``."""
    folder = checkout("agentica-project/rllm") / "rllm"
    package("rllm", folder)
    stub("rllm.utils")
    module: ModuleType = load(folder / "rewards/math_reward.py", "rllm.rewards.math_reward")
    return float(module.rllm_reward_fn_math("math", solution_str, ground_truth))


def open_instruct() -> Any:
    """open-instruct's verifiers, without its judges."""
    folder = checkout("allenai/open-instruct") / "open_instruct"
    package("open_instruct", folder)
    heavy = ("context_window_checker", "judge_utils", "rubrics", "rubrics.prompts", "rubrics.run_utils", "utils")
    return load(
        folder / "ground_truth_utils.py",
        "open_instruct.ground_truth_utils",
        [f"open_instruct.{name}" for name in heavy],
    )


def verified(verifier: str, completion: str, label: str) -> float:
    """What one of open-instruct's verifiers pays."""
    return float(getattr(open_instruct(), verifier)()([], completion, label).score)


def open_instruct_math(completion: str, answer: str) -> float:
    """open-instruct's ``MathVerifier``."""
    return verified("MathVerifier", completion, answer)


def open_instruct_ifeval(completion: str, label: str) -> float:
    """open-instruct's ``IFEvalVerifier``."""
    return verified("IFEvalVerifier", completion, label)


def open_instruct_string_matcher(completion: str, answer: str) -> float:
    """open-instruct's ``StringMatcherVerifier``: the text in answer tags."""
    return verified("StringMatcherVerifier", completion, answer)


def open_instruct_puzzle(completion: str, answer: str) -> float:
    """open-instruct's ``PuzzleMatcherVerifier``: what follows the thinking."""
    return verified("PuzzleMatcherVerifier", completion, answer)
