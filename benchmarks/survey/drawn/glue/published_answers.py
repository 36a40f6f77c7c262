"""Published rewards that read one answer: calls the code of each source unchanged, as its trainer would."""

from __future__ import annotations

import importlib
import json
import sys
from types import SimpleNamespace
from typing import Any

from sources import Anything, checkout, load, package, reward_kit_score, stub


def _packages(root: str, *names: str) -> None:
    """Let ``a.b.c`` be imported from a checkout without what the packages' ``__init__`` import."""
    for name in names:
        package(name, checkout(root) / name.replace(".", "/"))


def areal_clevr(completion: str, answer: str) -> float:
    """AReaL's ``clevr_count_70k_reward_fn``."""
    stub("areal", "areal.utils")
    sys.modules["areal.utils"].logging = Anything()  # type: ignore[attr-defined]
    module = load(checkout("inclusionAI/AReaL") / "areal/reward/clevr_count_70k.py", "areal_clevr")
    return float(module.clevr_count_70k_reward_fn("", completion, [], [], answer))


def areal_countdown(completion: str, target: int, numbers: list[int]) -> float:
    """AReaL's countdown ``compute_score``."""
    module = load(checkout("inclusionAI/AReaL") / "examples/countdown/reward_score.py", "areal_countdown")
    return float(module.compute_score(completion, {"target": target, "numbers": numbers}))


def nemo_rl_exact(completion: str, ground_truth: str) -> float:
    """NeMo-RL's ``exact_answer_alphanumeric_reward``."""
    module = load(checkout("NVIDIA-NeMo/RL") / "nemo_rl/environments/rewards.py", "nemo_rl_rewards")
    return float(module.exact_answer_alphanumeric_reward(ground_truth, completion)[0])


def _reasoning360(name: str) -> Any:
    _packages("LLM360/Reasoning360", "verl", "verl.utils", "verl.utils.reward_score")
    return importlib.import_module(f"verl.utils.reward_score.{name}")


def reasoning360_gpqa(completion: str, ground_truth: str) -> float:
    """Reasoning360's ``gpqa``."""
    return float(_reasoning360("gpqa").compute_score(completion, ground_truth)["score"])


def reasoning360_house_traversal(completion: str, ground_truth: str) -> float:
    """Reasoning360's copy of LiveBench's ``house_traversal``."""
    name = "livebench/reasoning/house_traversal/utils.py"
    module = load(checkout("LLM360/Reasoning360") / "verl/utils/reward_score" / name, "house_traversal")
    return float(module.house_traversal_process_results(ground_truth, completion))


def slime_gpqa(completion: str, label: str, choices: list[str]) -> float:
    """slime's ``compute_gpqa_reward``."""
    module = load(checkout("THUDM/slime") / "slime/rollout/rm_hub/gpqa.py", "slime_gpqa")
    return float(module.compute_gpqa_reward(completion, label, {"choices": choices}))


def reward_kit_choice(completion: str, ground_truth: str) -> float:
    """reward-kit's ``multiple_choice_math_reward``."""
    name = "multiple_choice_math_reward"
    return reward_kit_score(f"{name}.{name}", completion, ground_truth)


def tunix_math(completion: str, answer: str) -> float:
    """Tunix's ``math_reward``."""
    names = ("tunix", "tunix.utils", "tunix.rl", "tunix.rl.agentic", "tunix.rl.agentic.rewards")
    _packages("google/tunix", *names)
    reward = importlib.import_module("tunix.utils.math_rewards").math_reward
    return float(reward([""], [completion], [answer])[0])


def skywork_math(completion: str, ground_truth: str) -> float:
    """Skywork-OR1's ``deepscaler_reward_fn``."""
    _packages("SkyworkAI/Skywork-OR1", "verl", "verl.utils", "verl.utils.reward_score")
    module = importlib.import_module("verl.utils.reward_score.deepscaler_math.math_reward")
    return float(module.deepscaler_reward_fn(completion, ground_truth))


def openai_match(completion: str, ideal: str) -> float:
    """OpenAI evals' ``Match``: what ``record_and_check_match`` calls correct."""
    recorded: dict[str, Any] = {}
    package("evals", checkout("openai/evals") / "evals")
    stub("evals.record", "evals.base", "evals.prompt", "evals.prompt.base")
    module = load(checkout("openai/evals") / "evals/api.py", "evals.api")
    module.record_match = lambda correct, **_: recorded.update(correct=correct)
    module.record_and_check_match(prompt="", sampled=completion, expected=ideal)
    return float(recorded["correct"])


def open_instruct_flan(completion: str, answer: str) -> float:
    """open-instruct's ``FlanVerifier``."""
    from math_rewards import verified

    return verified("FlanVerifier", completion, answer)


def roll_ifeval(completion: str, constraint: str) -> float:
    """ROLL's ``GeneralRuleRewardWorker.compute_rewards`` on one response; the tokenizer hands the text on."""
    import torch

    names = ("configs.worker_config", "distributed.executor.worker", "distributed.scheduler.decorator")
    more = ("distributed.scheduler.protocol", "models.model_providers", "utils.logging")
    stub("ray", "nltk.corpus", "nltk.wsd", *(f"roll.{name}" for name in (*names, *more)))
    stub("roll", "roll.configs", "roll.distributed", "roll.distributed.executor", "roll.models", "roll.utils")
    stub("roll.distributed.scheduler")
    decorator: Any = sys.modules["roll.distributed.scheduler.decorator"]
    decorator.register, decorator.Dispatch = lambda **_: lambda method: method, Anything()
    protocol: Any = sys.modules["roll.distributed.scheduler.protocol"]
    protocol.DataProto = type("DataProto", (), {"from_dict": staticmethod(lambda tensors: tensors)})
    file = "roll/pipeline/rlvr/rewards/ifeval_rule_reward_worker.py"
    module = load(checkout("alibaba/ROLL") / file, "roll_ifeval")
    worker = SimpleNamespace(
        tokenizer=SimpleNamespace(batch_decode=lambda *_, **__: [completion], decode=lambda *_, **__: completion),
        repetition_penalty_reward_fn=module.get_repetition_penalty_reward(ngram_size=3, max_penalty=-0.5),
        logger=SimpleNamespace(warning=lambda *_: None, error=lambda *_: None),
    )
    columns = {"prompt": [""], "ground_truth": [constraint], "tag": ["ifeval"]}
    data = SimpleNamespace(batch={"responses": torch.zeros(1, 1)}, non_tensor_batch=columns)
    tensors = module.GeneralRuleRewardWorker.compute_rewards(worker, data)
    return float(tensors["response_level_rewards"][0])


def _atropos(file: str, name: str, *stubs: str) -> Any:
    folder = checkout("NousResearch/atropos") / "environments"
    stub("atroposlib", "atroposlib.envs", "atroposlib.envs.base", "atroposlib.type_definitions", "wandb", *stubs)
    stub("atroposlib.envs.server_handling", "atroposlib.envs.server_handling.server_manager")
    stub("atroposlib.utils", "atroposlib.utils.tokenize_for_trainer")
    sys.path.insert(0, str((folder / file).parent))
    return load(folder / file, name)


def atropos_drop(completion: str, answer: dict[str, Any]) -> float:
    """Atropos's DROP: the thinking is cut, the answer read, and it is right or has an F1."""
    config = SimpleNamespace(thinking_mode=True, full_debug=False)
    environment = _atropos("eval_environments/drop_eval.py", "atropos_drop").DROPEvalEnv(config, [])
    environment.config = config
    _, response = environment._validate_thinking_format(completion)
    answers = environment._get_all_valid_answers({"answer": answer})
    read, _ = environment._extract_answer_from_response(response)
    right, f1 = environment._check_exact_match(read, answers)
    return 1.0 if right else float(f1)


def atropos_schema(completion: str, pydantic_config: str, model_name: str) -> float:
    """Atropos's schema following, JSON in tags: read, parsed and validated as its ``score`` does."""
    file = "pydantic_schema_following_environment/pydantic_schema_following_environment.py"
    module = _atropos(file, "atropos_schema", "error_introduction")
    config = SimpleNamespace(debug_logging=False, allowed_structured_formats=None, allowed_container_formats=None)
    environment = object.__new__(module.PydanticSchemaFollowingEnv)
    environment.debug_logging, environment.model_cache, environment.config = False, {}, config
    model = environment._create_pydantic_model_from_code(pydantic_config, model_name)
    container, structure = module.OutputContainerFormat.TAGGED, module.StructuredOutputFormat.JSON
    text = environment._extract_structured_data_response(completion, container, structure)
    try:
        return float(environment._validate_parsed_data_against_model(json.loads(text or ""), model)[0])
    except ValueError:
        return 0.0
