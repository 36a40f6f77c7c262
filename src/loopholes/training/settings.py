"""Settings of a training run: TRL's and PEFT's configurations (what is pinned, and why) and the C library's."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import torch
from trl import GRPOConfig

from loopholes.errors import MissingExtra, UsageError
from loopholes.policies.checkpoints import quiet
from loopholes.training.config import TrainConfig

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h


@quiet()
def grpo_config(config: TrainConfig, processes: int = 1) -> GRPOConfig:
    """TRL's configuration of a resolved run; raises :class:`UsageError`. Comments say why fields are pinned."""
    updates = config.updates_per_step or 1
    per_device, accumulation = _passes(config, processes)
    fields: dict[str, Any] = {
        "output_dir": str(config.out / "checkpoints"),
        "seed": config.seed,
        "max_steps": (config.steps or 1) * updates,
        "per_device_train_batch_size": per_device,
        "gradient_accumulation_steps": accumulation,
        "steps_per_generation": accumulation * updates,
        "num_generations": config.samples,
        "max_completion_length": config.max_completion_tokens,  # default 512
        "temperature": config.temperature,
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": "constant",  # verl's default; TRL's decays to zero, which hides late discoveries
        "warmup_steps": 0,
        "beta": 0.0,  # no KL term, as in the paper; TRL's default too, pinned since it was 0.04 before
        "loss_type": "dapo",  # mean over all tokens of an update, which is verl's token-mean
        "scale_rewards": "group",  # by the group's standard deviation
        "epsilon": 0.2,
        "num_iterations": 1,
        "mask_truncated_completions": False,  # truncated completions were paid, so they count
        "max_grad_norm": 1.0,
        "shuffle_dataset": False,  # _dataset fixes the order, so that resuming repeats it
        "bf16": bool(config.bf16) and not config.holds_bf16,  # mixed precision; the default is True even on a CPU
        "gradient_checkpointing": bool(config.gradient_checkpointing),  # default True
        "use_vllm": config.use_vllm,
        "report_to": config.report_to or "none",
        "logging_steps": updates,
        "save_strategy": "steps",
        "save_steps": (config.save_every or 25) * updates,
        "save_total_limit": 2,
        "disable_tqdm": True,
        "dataloader_pin_memory": torch.cuda.is_available(),
    }
    unknown = sorted(set(config.trainer) - set(GRPOConfig.__dataclass_fields__))
    if unknown:
        raise UsageError(f"trl.GRPOConfig has no field {unknown[0]!r}: see its documentation for the names")
    try:
        return GRPOConfig(**{**fields, **config.trainer})
    except (ValueError, TypeError, ImportError, RuntimeError) as error:
        raise UsageError(f"this training cannot be set up: {str(error).strip().splitlines()[0]}") from error


def _passes(config: TrainConfig, processes: int) -> tuple[int, int]:
    """Completions per pass on a device, and passes per update."""
    total = config.samples * (config.prompts_per_step or 1)
    per_device, rest = divmod(total, (config.updates_per_step or 1) * processes)
    if rest:
        raise UsageError(
            f"{config.prompts_per_step} prompts with {config.samples} samples each cannot be shared evenly by "
            f"{config.updates_per_step} updates and {processes} processes: change prompts_per_step"
        )
    largest = min(config.completions_per_pass or per_device, per_device)
    size = next(size for size in range(largest, 0, -1) if per_device % size == 0)
    return size, per_device // size


def peft_config(config: TrainConfig) -> Any:
    if config.peft is None:
        return None
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise MissingExtra("peft", "peft") from error
    try:
        return LoraConfig(**{"task_type": "CAUSAL_LM", **config.peft})
    except (TypeError, ValueError) as error:
        raise UsageError(f"peft.LoraConfig does not take this: {error}") from error


def keep_freed_memory() -> None:
    """Ask glibc not to hand large freed blocks back to the kernel; elsewhere, do nothing.

    By default each large tensor is a fresh mapping whose pages fault in one by one; two thirds of the time of a
    pretraining step on a CPU were spent in the kernel for it.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
