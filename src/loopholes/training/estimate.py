"""Memory per device and time of a training run, computed before any weight is loaded.

Parameters are counted on a model without weights. On a CPU the memory is the estimate by which
:mod:`loopholes.training.footprint` refuses a run. For GPUs, and for time everywhere, the numbers are upper bounds for
answers of the greatest length allowed: they tell whether a run fits, and whether it takes an hour or a week. The
constants for GPUs are their makers' and were not measured. TRL loads weights in float32 and computes in bfloat16.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from loopholes.config import Preset
from loopholes.errors import PolicyError, UsageError
from loopholes.games import game as make_game
from loopholes.games.base import Game
from loopholes.memory import available_memory
from loopholes.policies import available
from loopholes.policies.attention import key_bytes
from loopholes.policies.cards import prompt_style
from loopholes.policies.checkpoints import load_tokenizer, quiet
from loopholes.policies.packaged import preset_of
from loopholes.policies.tokens import encode_prompts
from loopholes.records import PromptStyle, Task
from loopholes.training.config import TrainConfig
from loopholes.training.footprint import pass_bytes, training_bytes
from loopholes.training.settings import peft_config

GB = 1e9
CPU = "CPU"
# Memory in bytes, dense bfloat16 operations per second, and bytes per second from memory, as their maker states them.
KNOWN: Mapping[str, tuple[float, float, float]] = {
    "A100": (80 * GB, 312e12, 2.0e12),
    "L40S": (48 * GB, 362e12, 0.86e12),
    "H100": (80 * GB, 989e12, 3.35e12),
    "H200": (141 * GB, 989e12, 4.8e12),
    "B200": (180 * GB, 2250e12, 8.0e12),
}
WEIGHT = GRADIENT = 4  # bytes per parameter, float32
ADAM = 8  # two moments per parameter that is trained
BFLOAT16 = 2  # bytes of a number in bfloat16
PROMPT = 128  # tokens of a prompt if there is neither a tokenizer nor a limit
TRIED = 64  # number of generated tasks whose prompts are measured
UTILISATION = 0.4  # share of the peak that training reaches
READING = 0.6  # share of the memory bandwidth that sampling reaches
LAUNCH = 3e-4  # seconds per token and layer to launch kernels, for which sampling without vLLM waits
SAMPLED_AT_ONCE = 128  # sequences in one batch of our own sampling


@dataclass(frozen=True, slots=True)
class Devices:
    """``count`` devices of one kind: bytes of memory each, operations and bytes per second; None where unknown."""

    name: str
    count: int
    memory: float | None
    operations: float | None
    bandwidth: float | None

    @classmethod
    def named(cls, text: str) -> Self:
        """``H100`` or ``8xH100``; raises :class:`UsageError` for one that is not known."""
        match = re.fullmatch(r"(?:(\d+)\s*x\s*)?(\w+)", text.strip(), re.IGNORECASE)
        name = "" if match is None else match[2].upper()
        if match is None or name not in KNOWN or match[1] == "0":
            raise UsageError(f"device {text!r} is not known; choose from {', '.join(KNOWN)}, as in 8xH100")
        return cls(name, int(match[1] or 1), *KNOWN[name])

    @classmethod
    def here(cls) -> Self:
        """The GPUs of this machine, or its processors."""
        if not torch.cuda.is_available():
            return cls(CPU, 1, available_memory(), _measured_operations(), None)
        properties = torch.cuda.get_device_properties(0)
        limits = next((numbers for name, numbers in KNOWN.items() if name in properties.name), (None, None, None))
        return cls(properties.name, torch.cuda.device_count(), float(properties.total_memory), *limits[1:])


@dataclass(frozen=True, slots=True)
class Shape:
    """A model in numbers; ``cached`` is how many numbers it caches per token."""

    parameters: int
    trained: int
    layers: int
    cached: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes on each device, by purpose, and seconds of one step, by phase; ``steps`` is None if unknown.

    ``sharded`` is the memory if weights, gradients and optimizer states are spread over the devices (FSDP, ZeRO-3).
    """

    shape: Shape
    devices: Devices
    memory: Mapping[str, float]
    sharded: Mapping[str, float]
    seconds: Mapping[str, float | None]
    steps: int | None

    @property
    def hours(self) -> float | None:
        """Hours of all steps; None where the speed of the device or the number of steps is not known."""
        seconds = [value for value in self.seconds.values() if value is not None]
        if self.steps is None or len(seconds) < len(self.seconds):
            return None
        return self.steps * sum(seconds) / 3600

    @property
    def fits(self) -> str:
        """Whether the run fits: ``each``, ``sharded`` or ``nowhere``; empty if that is unknown."""
        room = self.devices.memory
        if room is None:
            return ""
        if sum(self.memory.values()) <= room:
            return "each"
        return "sharded" if self.devices.count > 1 and sum(self.sharded.values()) <= room else "nowhere"


def estimate(config: TrainConfig, devices: Devices | None = None, *, tasks: Sequence[Task] | None = None) -> Estimate:
    """The memory and time of a configuration; raises :class:`PolicyError` if the model's own cannot be read.

    ``tasks`` replace those that ``config`` names.
    """
    location = available(config.policy)
    model_config = _model_config(location, config.policy)
    devices = devices or Devices.here()
    usual: Preset = "lora" if config.peft is not None and devices.name == CPU else "paper"
    game, style = make_game(config.game, **config.parameters), prompt_style(location)
    usual = preset_of(config.policy, location) or usual
    resolved = config.resolved(game, style, model_config.model_type, usual=usual)
    prompt = _longest_prompt(resolved, game, location, style, tasks)
    shape = shape_of(model_config, resolved)
    memory = _memory(shape, resolved, devices, model_config, prompt)
    spread = ("weights", "gradients and optimizer")
    sharded = {name: size / devices.count if name in spread else size for name, size in memory.items()}
    return Estimate(shape, devices, memory, sharded, _seconds(shape, resolved, devices, prompt), resolved.steps)


def shape_of(model_config: Any, config: TrainConfig) -> Shape:
    """Count a model that has no weights, with the adapter that would be trained."""
    with torch.device("meta"), quiet():
        model = AutoModelForCausalLM.from_config(model_config)
        parameters = sum(weight.numel() for weight in model.parameters())
        adapter = peft_config(config)
        if adapter is not None:
            from peft import get_peft_model

            model = get_peft_model(model, adapter)
        trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    layers = model_config.get_text_config().num_hidden_layers
    return Shape(parameters, trained, layers, key_bytes(model_config, torch.bfloat16) // BFLOAT16)


def _longest_prompt(
    config: TrainConfig, game: Game, location: str, style: PromptStyle, tasks: Sequence[Task] | None
) -> int:
    """Tokens of the longest prompt of some tasks; without a tokenizer, what the configuration allows."""
    allowed = config.max_prompt_tokens or PROMPT
    try:
        tokenizer = load_tokenizer(location, config.policy)
    except PolicyError:
        return allowed
    tasks = tasks or config.loaded_tasks(game) or game.tasks("train", count=TRIED, prompts=style, trainable=True)
    longest = max(map(len, encode_prompts(tokenizer, [task.prompt for task in tasks])))
    return min(longest, config.max_prompt_tokens or longest)


def _memory(shape: Shape, config: TrainConfig, devices: Devices, model_config: Any, prompt: int) -> dict[str, float]:
    answer = config.max_completion_tokens or 1
    if devices.name == CPU:
        return {"in all": training_bytes(config, model_config, prompt)}
    each = math.ceil(config.samples * (config.prompts_per_step or 1) / devices.count)
    number = BFLOAT16 if config.bf16 else WEIGHT
    kept = min(each, SAMPLED_AT_ONCE) * (prompt + answer) * shape.cached * number
    room = (devices.memory or 0) * float(config.trainer.get("vllm_gpu_memory_utilization", 0.3))
    return {
        "weights": (BFLOAT16 if config.holds_bf16 else WEIGHT) * shape.parameters,
        "gradients and optimizer": (GRADIENT + ADAM) * shape.trained,
        "one pass": pass_bytes(config, model_config, each, prompt, number),
        "vLLM" if config.use_vllm else "sampling": room if config.use_vllm else kept,
    }


def _seconds(shape: Shape, config: TrainConfig, devices: Devices, prompt: int) -> dict[str, float | None]:
    """Sampling reads all weights for each token of a batch; training takes 6 operations per parameter and token."""
    if devices.operations is None:
        return {"sampling": None, "training": None}
    answer = config.max_completion_tokens or 1
    completions = config.samples * (config.prompts_per_step or 1)
    each = math.ceil(completions / devices.count)
    at_once = each if config.use_vllm else min(each, SAMPLED_AT_ONCE)
    operations = devices.operations * UTILISATION
    token = 2 * shape.parameters * at_once / operations
    if devices.bandwidth is not None:
        read = BFLOAT16 * shape.parameters + BFLOAT16 * at_once * (prompt + answer / 2) * shape.cached
        token = max(token, read / (devices.bandwidth * READING))
        token += 0.0 if config.use_vllm else LAUNCH * shape.layers
    again = 2 if config.gradient_checkpointing else 0
    trained = (6 + again) * shape.parameters * completions * (prompt + answer) / (operations * devices.count)
    return {"sampling": math.ceil(each / at_once) * answer * token, "training": trained}


def _model_config(location: str, name: str) -> Any:
    try:
        return AutoConfig.from_pretrained(location)
    except (OSError, ValueError, KeyError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PolicyError(f"the configuration of {name} cannot be read: {reason}") from error


def _measured_operations() -> float:
    """The peak speed of this processor, if a matrix product reaches the same share of it as training."""
    a = torch.ones(768, 768)
    began, rounds = time.perf_counter(), 0
    while rounds < 3 or time.perf_counter() - began < 0.1:
        a @ a
        rounds += 1
    return 2 * 768**3 * rounds / (time.perf_counter() - began) / UTILISATION
