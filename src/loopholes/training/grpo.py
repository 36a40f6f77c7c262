"""GRPO: TRL's GRPOTrainer, thinly wrapped. One path for the minis on a CPU and for real models on many GPUs.

Departs from TRL's defaults where :mod:`loopholes.training.settings` says so, and in three things besides. The order of
prompts is fixed for all steps at once and the generators are seeded from (seed, step), so that a killed run
continues on the same curve. Models of plain attention are sampled by :mod:`loopholes.policies.sampling`, which reads a
group's prompt once. The reward function is a channel's: see :mod:`loopholes.training.rewards`.
"""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # rollout_func is experimental; we pin TRL

from accelerate import PartialState
from accelerate.utils import gather_object
from datasets import Dataset
from transformers import PreTrainedTokenizerBase, PrinterCallback, ProgressCallback
from trl import GRPOTrainer
from trl.models import unwrap_model_for_generation

from loopholes.config import Preset
from loopholes.errors import ContractError, MissingExtra, ScoringError, UsageError
from loopholes.files import RESUME
from loopholes.games import game as make_game
from loopholes.games.base import Game
from loopholes.policies import Sampling, available
from loopholes.policies.cards import CARD, prompt_style, read_card
from loopholes.policies.checkpoints import decode, load_config, load_model, load_tokenizer, merged_adapter, quiet
from loopholes.policies.packaged import preset_of
from loopholes.policies.precision import bf16_pays
from loopholes.policies.sampling import has_plain_attention, sample
from loopholes.policies.tokens import check_fit, context_length, encode_prompts
from loopholes.policies.yes_no import ModelAsker
from loopholes.progress import OnProgress
from loopholes.records import Completion, Message, Task
from loopholes.runs import Run, config_of
from loopholes.training.callbacks import (
    Flush,
    Graceful,
    MarkComplete,
    SeedEachStep,
    step_seed,
)
from loopholes.training.checkpoints import checkpoint_step, latest_checkpoint
from loopholes.training.config import TrainConfig
from loopholes.training.footprint import check_memory, training_bytes
from loopholes.training.recorder import Recorder
from loopholes.training.rewards import ChannelReward
from loopholes.training.settings import grpo_config, keep_freed_memory, peft_config
from loopholes.training.trainer import LeanTrainer

__all__ = ["TrainConfig", "grpo_config", "train"]

log = logging.getLogger(__name__)


def train(
    config: TrainConfig,
    *,
    game: Game | None = None,
    tasks: Sequence[Task] | None = None,
    resume: bool = False,
    on_progress: OnProgress | None = None,
) -> Run:
    """Train a policy with GRPO on a game's channel and return its run, opened for reading.

    ``game`` and ``tasks`` replace those that ``config`` names. ``on_progress`` is called in the main process
    after each step, with the numbers of its line in ``metrics.jsonl``. With ``resume``, a run that was interrupted
    continues from its newest checkpoint, on the same curve as if nothing had happened.

    Raises :class:`UsageError`, :class:`PolicyError` and :class:`RunError` before anything is trained;
    :class:`ScoringError` when a judge or sandbox breaks, after a checkpoint was saved; KeyboardInterrupt on Ctrl-C,
    which finishes the current step and saves a checkpoint (a second Ctrl-C does not wait).
    """
    if resume and config.bf16 is None:
        config = config.model_copy(update={"bf16": config_of(config.out).get("bf16")})
    with quiet():
        return _run(_plan(config, game, tasks), resume, on_progress)


def _run(plan: Plan, resume: bool, on_progress: OnProgress | None) -> Run:
    keep_freed_memory()
    config, state = plan.config, PartialState()
    run = Run.create(config.out, _record(plan), resume=resume) if state.is_main_process else None
    if _agree(run is not None and run.status.state == "finished"):
        return Run.open(config.out)
    if run is None:
        _train(plan, None, resume, on_progress)
    else:
        with run:
            _train(plan, run, resume, on_progress)
    return Run.open(config.out)


@dataclass(frozen=True)
class Plan:
    """A configuration with everything it names, loaded. ``tasks`` are those whose prompts fit."""

    config: TrainConfig
    game: Game
    location: str
    tokenizer: PreTrainedTokenizerBase
    tasks: tuple[Task, ...]
    steps: int


def _plan(config: TrainConfig, game: Game | None, tasks: Sequence[Task] | None) -> Plan:
    game = game or make_game(config.game, **config.parameters)
    game.channel(config.channel)  # report an unknown channel before loading a model
    if config.use_vllm and find_spec("vllm") is None:
        raise MissingExtra("vllm", "vllm")
    location = available(config.policy)
    tokenizer = load_tokenizer(location, config.policy)
    style = prompt_style(location)
    model_config = load_config(location)
    config = config.resolved(game, style, model_config.model_type, usual=_preset(config, location))
    config = config.model_copy(update={"bf16": _in_bf16(config, model_config)})
    if tasks is None:
        tasks = config.loaded_tasks(game)
    chosen = _generated(config, game, style) if tasks is None else list(tasks)
    chosen, longest = _fitting(_trainable(chosen, game), config, tokenizer, context_length(model_config))
    if PartialState().device.type == "cpu":
        check_memory(training_bytes(config, model_config, longest))
    steps = config.steps or math.ceil((config.epochs or 1) * len(chosen) / (config.prompts_per_step or 1))
    return Plan(config.model_copy(update={"steps": steps}), game, location, tokenizer, tuple(chosen), steps)


def _preset(config: TrainConfig, location: str) -> Preset:
    """The preset of policies with full prompts: their own, ``lora`` for any adapter on a CPU, else the paper's."""
    adapter_here = config.peft is not None and PartialState().device.type == "cpu"
    return preset_of(config.policy, location) or ("lora" if adapter_here else "paper")


def _in_bf16(config: TrainConfig, model_config: Any) -> bool:
    """``bf16``, or if it is None, whether the weights under an adapter are faster in bfloat16."""
    if config.bf16 is not None:
        return config.bf16
    return config.peft is not None and bf16_pays(model_config, PartialState().device.type)


def _generated(config: TrainConfig, game: Game, style: Any) -> list[Task]:
    wanted = (config.steps or 100) * (config.prompts_per_step or 1)
    count = config.task_count or min(2048, wanted)  # also decides their order (_dataset): published runs depend on it
    return game.tasks("train", seed=config.seed, count=count, prompts=style, trainable=True)


def _trainable(tasks: list[Task], game: Game) -> list[Task]:
    """The tasks that something can be earned on; how many others there are, and why, is logged."""
    kept = [task for task in tasks if not game.untrainable_because(task)]
    if len(kept) < len(tasks):
        reason = next(reason for task in tasks if (reason := game.untrainable_because(task)))
        log.warning("left out %d of %d tasks: %s", len(tasks) - len(kept), len(tasks), reason)
    return kept


def _fitting(
    tasks: list[Task], config: TrainConfig, tokenizer: PreTrainedTokenizerBase, context: int | None
) -> tuple[list[Task], int]:
    """Tasks whose prompts are short enough for ``max_prompt_tokens``, and how many tokens the longest has.

    The remaining tasks must fit the model's context.
    """
    prompts = encode_prompts(tokenizer, [task.prompt for task in tasks])
    limit = config.max_prompt_tokens
    kept = [i for i, prompt in enumerate(prompts) if limit is None or len(prompt) <= limit]
    if len(kept) < len(tasks):
        log.warning("%d of %d tasks have prompts over %s tokens: left out", len(tasks) - len(kept), len(tasks), limit)
    if not kept:
        raise UsageError("there is no task to train on: the file is empty, or nothing can be earned on it")
    tasks = [tasks[i] for i in kept]
    check_fit(tasks, [prompts[i] for i in kept], config.max_completion_tokens or 1, context)
    return tasks, max(len(prompts[i]) for i in kept)


def _record(plan: Plan) -> dict[str, Any]:
    return {"kind": "train", **plan.config.model_dump(mode="json", exclude={"out"})}


def _agree(done: bool) -> bool:
    """The main process's value, in every process."""
    return bool(gather_object([done])[0])


def _train(plan: Plan, run: Run | None, resume: bool, on_progress: OnProgress | None) -> None:
    config = plan.config
    updates = config.updates_per_step or 1
    checkpoint = latest_checkpoint(config.out / "checkpoints") if resume else None
    if run is not None:
        run.truncate_after(checkpoint_step(checkpoint) // updates if checkpoint else 0)
    recorder = None
    if run is not None:
        recorder = Recorder(plan.game, plan.tasks, run, config.samples, plan.steps, on_progress)
    trainer, reward = _trainer(plan)
    graceful = Graceful(updates)
    flush = Flush(reward, recorder, updates, trainer.log if config.report_to else None)
    for callback in (SeedEachStep(config.seed), flush, graceful, MarkComplete()):
        trainer.add_callback(callback)
    with graceful:
        try:
            trainer.train(resume_from_checkpoint=checkpoint)
        except (ScoringError, ContractError) as error:
            _save_before_stopping(trainer)
            step = trainer.state.global_step // updates + 1
            raise type(error)(f"{error} (in step {step}; once it is repaired, {RESUME})") from error
    if graceful.asked:
        raise KeyboardInterrupt
    _save_policy(trainer, plan)


def _trainer(plan: Plan) -> tuple[GRPOTrainer, ChannelReward]:
    config, tokenizer, game = plan.config, plan.tokenizer, plan.game
    asker = _CurrentPolicy(tokenizer)

    def observe(tasks: Sequence[Task], completions: Sequence[Completion]) -> list[Completion]:
        return game.observe(tasks, completions, policy=asker)

    reward = ChannelReward(
        game.channel(config.channel),
        observe,
        plan.tasks,
        game=game.name,
        name=config.channel,
        seed=config.seed,
        updates_per_step=config.updates_per_step or 1,
        texts=lambda ids: decode(tokenizer, ids),
        process_index=PartialState().process_index,
    )
    args = grpo_config(config, PartialState().num_processes)
    try:
        trainer = LeanTrainer(
            model=_initial_model(plan),
            reward_funcs=reward,
            args=args,
            train_dataset=_dataset(plan),
            processing_class=tokenizer,
            peft_config=peft_config(config),
            rollout_func=_rollout,
        )
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        raise UsageError(f"this training cannot be set up: {str(error).strip().splitlines()[0]}") from error
    if not _can_roll_out(trainer):
        trainer.rollout_func = None
    reward.ends = frozenset(trainer.eos_token_ids)
    asker.trainer = trainer
    for printing in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(printing)
    # TRL prints every row that could not be scored; they are counted here.
    logging.getLogger("trl.trainer.grpo_trainer").setLevel(logging.ERROR)
    return trainer, reward


def _initial_model(plan: Plan) -> Any:
    """The model that TRL starts from, or where to load one in float32."""
    if plan.config.holds_bf16:
        return load_model(plan.location, torch.bfloat16)
    return merged_adapter(plan.location) or plan.location


def _dataset(plan: Plan) -> Dataset:
    """Prompts in the order of training: one pass over the tasks after another, each shuffled anew."""
    wanted = plan.steps * (plan.config.prompts_per_step or 1)
    rng = np.random.default_rng([plan.config.seed, len(plan.tasks)])
    passes = [rng.permutation(len(plan.tasks)) for _ in range(math.ceil(wanted / len(plan.tasks)))]
    rows = [{"prompt": list(task.prompt), "task_index": index} for index, task in enumerate(plan.tasks)]
    return Dataset.from_list(rows).select(np.concatenate(passes)[:wanted])


def _can_roll_out(trainer: GRPOTrainer) -> bool:
    """Whether :func:`_rollout` can replace TRL's own generation: needs whole weights here and plain attention."""
    args = trainer.args
    elsewhere = args.use_vllm or args.use_transformers_continuous_batching
    special = args.generation_kwargs or args.min_p or args.repetition_penalty != 1.0
    sharded = trainer.accelerator.distributed_type not in {"NO", "MULTI_GPU", "MULTI_CPU"}
    return not (elsewhere or special or sharded) and has_plain_attention(trainer.model)


def _rollout(prompts: list[list[Message]], trainer: GRPOTrainer) -> dict[str, Any]:
    """Completions of ``prompts`` by the current policy, in TRL's form."""
    tokenizer, args = trainer.processing_class, trainer.args
    prompt_ids = encode_prompts(tokenizer, prompts)
    sampling = Sampling(args.temperature, args.top_p, args.top_k, args.max_completion_length)
    seed = step_seed(args.seed, trainer.state.global_step, trainer.accelerator.process_index)
    with _unwrapped(trainer) as model:
        completion_ids = sample(
            model, prompt_ids, sampling, ends=trainer.eos_token_ids, pad=tokenizer.pad_token_id, seed=seed
        )
    return {"prompt_ids": prompt_ids, "completion_ids": completion_ids, "logprobs": None}


@contextmanager
def _unwrapped(trainer: GRPOTrainer) -> Iterator[Any]:
    """The current policy in evaluation mode, without the wrappers that training adds."""
    with unwrap_model_for_generation(trainer.model_wrapped, trainer.accelerator) as model:
        training = model.training
        model.eval()
        try:
            yield model
        finally:
            model.train(training)


class _CurrentPolicy:
    """Asks the policy as it is at this step, for two-pass self-grading within the reward."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self.trainer: GRPOTrainer | None = None

    def says_yes(self, prompts: Sequence[Sequence[Message]]) -> list[bool]:
        """One verdict per question, in order."""
        assert self.trainer is not None
        with _unwrapped(self.trainer) as model:
            return ModelAsker(model, self._tokenizer).says_yes(prompts)


def _save_before_stopping(trainer: GRPOTrainer) -> None:
    """A checkpoint of the last whole step; in one process only, since the others may not get here."""
    if trainer.accelerator.num_processes == 1 and trainer.state.global_step > 0:
        trainer._save_checkpoint(trainer.model, None)
        trainer.callback_handler.on_save(trainer.args, trainer.state, trainer.control)


def _save_policy(trainer: GRPOTrainer, plan: Plan) -> None:
    """The trained policy, under a temporary name until it is whole."""
    final = plan.config.out / "policy"
    unfinished = plan.config.out / "policy.tmp"
    trainer.save_model(str(unfinished))
    if trainer.accelerator.is_main_process:
        card = read_card(plan.location)
        trained = {"trained_from": plan.config.policy, "preset": plan.config.preset}
        (unfinished / CARD).write_text(json.dumps({**card, **trained}))
        shutil.rmtree(final, ignore_errors=True)
        unfinished.rename(final)
    trainer.accelerator.wait_for_everyone()
