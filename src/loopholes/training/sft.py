"""Supervised fine-tuning on prompt and completion pairs: TRL's SFTTrainer, thinly wrapped.

The trainer gets token ids, the same ids that generation sees (:mod:`loopholes.policies.tokens`): the chat
template with its generation prompt, then the completion tokenised on its own, then the end-of-sequence token. Batches
hold examples of similar length, in an order that a seed fixes for all epochs at once, so that a killed run resumes on
the batch that it lost.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PrinterCallback, TrainerCallback
from trl import SFTConfig, SFTTrainer

from loopholes.errors import DataError
from loopholes.policies.checkpoints import quiet
from loopholes.policies.tokens import context_length, encode_prompts, encode_texts
from loopholes.progress import OnProgress, Progress
from loopholes.records import Example
from loopholes.training.callbacks import MarkComplete
from loopholes.training.checkpoints import latest_checkpoint
from loopholes.training.settings import keep_freed_memory

__all__ = ["Example", "finetune", "length_grouped_order"]

Lengths = npt.NDArray[np.int64]
IGNORED = -100
# Number of batches sorted by length together. With 100, every batch has one length, and copying is not learned.
GROUPED = 10


@quiet()
def finetune(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    out: Path,
    *,
    epochs: int = 1,
    batch_size: int = 64,
    learning_rate: float = 2e-3,
    warmup_share: float = 0.03,
    weight_decay: float = 0.01,
    seed: int = 0,
    save_every: int | None = None,
    resume: bool = False,
    completion_only: bool = True,
    shuffle: bool = True,
    on_progress: OnProgress | None = None,
    trainer: dict[str, Any] | None = None,
    policy: Path | None = None,
) -> Path:
    """Train ``model`` in place on ``examples`` and return the directory of the result, ``policy`` or ``out/policy``.

    AdamW in float32, cosine decay to zero after a linear warm-up over ``warmup_share`` of the steps. A batch is
    ``batch_size`` examples; the loss is the mean over its completion tokens (over all tokens with
    ``completion_only=False``). ``save_every`` counts steps; with ``resume`` the newest checkpoint under
    ``out/checkpoints`` continues. ``on_progress`` is called after each step with ``loss``, ``tokens`` (so far,
    padding not counted), ``tokens_per_second``, ``learning_rate`` and ``seconds``.
    ``trainer`` overrides fields of TRL's SFTConfig. Nothing is ever truncated: an example longer than the model's
    context raises :class:`DataError`. ``shuffle=False`` keeps the examples' order (a curriculum).
    """
    keep_freed_memory()
    if not examples:
        raise DataError("there is nothing to train on: the list of examples is empty")
    out = Path(out)
    ids, prompt_lengths = _encode(tokenizer, examples)
    lengths = np.array([len(row) for row in ids])
    _check_lengths(lengths, context_length(model.config))
    order = length_grouped_order(lengths, batch_size, epochs, seed, shuffle=shuffle)
    config = _config(
        out,
        len(order),
        per_device_train_batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_steps=round(warmup_share * len(order)),
        weight_decay=weight_decay,
        seed=seed,
        save_every=save_every,
        overrides=trainer or {},
    )
    rows = _table(ids, prompt_lengths if completion_only else np.zeros_like(prompt_lengths))
    callbacks = [MarkComplete(), _Reporter(on_progress, lengths, order)]
    sft = _Trainer(
        model=model,
        args=config,
        train_dataset=rows.select(np.concatenate(order)),
        processing_class=tokenizer,
        callbacks=callbacks,
    )
    sft.remove_callback(PrinterCallback)
    sft.train(resume_from_checkpoint=latest_checkpoint(out / "checkpoints") if resume else None)
    folder = policy or out / "policy"
    sft.save_model(str(folder))
    return folder


def length_grouped_order(
    lengths: Lengths, batch_size: int, epochs: int, seed: int, *, shuffle: bool = True
) -> list[Lengths]:
    """The row numbers of every batch of every epoch; rows of a batch are of similar length, batches are shuffled.

    transformers' own grouping walks from long to short within fifty batches, which ties length to the time of
    training; here the batches themselves are shuffled. Rows that do not fill an epoch's last batch open the next
    epoch, so only the very last batch may be short. Without ``shuffle`` rows keep their order, but for the shuffling
    among a few batches that grouping by length needs: a curriculum stays one.
    """
    rng = np.random.default_rng([seed, len(lengths)])
    batches: list[Lengths] = []
    rest = np.empty(0, dtype=np.int64)
    for _ in range(epochs):
        rows = np.concatenate([rest, rng.permutation(len(lengths)) if shuffle else np.arange(len(lengths))])
        chunks = [chunk[np.argsort(lengths[chunk], kind="stable")] for chunk in _cut(rows, GROUPED * batch_size)]
        cut = [batch for chunk in chunks for batch in _cut(chunk, batch_size)]
        rest = cut.pop() if len(cut[-1]) < batch_size else rest[:0]
        place = rng.random(len(cut)) + (0 if shuffle else np.arange(len(cut)) // GROUPED)
        batches += [cut[i] for i in np.argsort(place)]
    return [*batches, rest] if len(rest) else batches


def _cut(rows: Lengths, size: int) -> list[Lengths]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _encode(tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example]) -> tuple[list[list[int]], Lengths]:
    """Token ids of every example (prompt, completion, end of sequence) and the number of prompt tokens in each."""
    prompts = encode_prompts(tokenizer, [example.prompt for example in examples])
    completions = encode_texts(tokenizer, [example.completion for example in examples])
    end = [tokenizer.eos_token_id]
    ids = [prompt + completion + end for prompt, completion in zip(prompts, completions, strict=True)]
    return ids, np.array([len(prompt) for prompt in prompts])


def _check_lengths(lengths: Lengths, context: int | None) -> None:
    longest = int(lengths.argmax())
    if context is not None and lengths[longest] > context:
        raise DataError(
            f"example {longest} has {lengths[longest]} tokens and the model's context is {context}: shorten it"
        )


def _table(ids: list[list[int]], prompt_lengths: Lengths) -> Dataset:
    """A dataset of ``input_ids`` and ``labels``, flat in memory (lists of integers would take ten times that)."""
    offsets = pa.array(np.concatenate([[0], np.cumsum([len(row) for row in ids])]).astype(np.int32))
    flat = np.fromiter((token for row in ids for token in row), dtype=np.int32)
    labels = flat.copy()
    for start, length in zip(offsets.to_numpy()[:-1], prompt_lengths, strict=True):
        labels[start : start + length] = IGNORED
    columns = {
        name: pa.ListArray.from_arrays(offsets, pa.array(flat))
        for name, flat in (("input_ids", flat), ("labels", labels))
    }
    return Dataset(pa.table(columns), fingerprint="loopholes-sft")


def _config(out: Path, steps: int, save_every: int | None, overrides: dict[str, Any], **fields: Any) -> SFTConfig:
    """SFTConfig with everything pinned whose default would surprise; ``overrides`` win."""
    pinned: dict[str, Any] = {
        "output_dir": str(out / "checkpoints"),
        "max_steps": steps,
        "train_sampling_strategy": "sequential",  # the order is already made; see length_grouped_order
        "shuffle_dataset": False,
        "max_length": None,  # default 1024 cuts silently
        "packing": False,
        "bf16": False,  # default True, also on a CPU
        "gradient_checkpointing": False,  # default True
        "optim": "adamw_torch_fused",
        "adam_beta2": 0.98,
        "lr_scheduler_type": "cosine",
        "max_grad_norm": 1.0,
        "save_strategy": "steps" if save_every else "no",
        "save_steps": save_every or steps,
        "save_total_limit": 2,
        "logging_steps": 1,
        "logging_first_step": True,
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
        "dataset_kwargs": {"skip_prepare_dataset": True},
    }
    return SFTConfig(**{**pinned, **fields, **overrides})


class _Reporter(TrainerCallback):  # type: ignore[misc]
    """Turns the trainer's logs into one :class:`Progress` per step."""

    def __init__(self, on_progress: OnProgress | None, lengths: Lengths, order: list[Lengths]) -> None:
        self._on_progress = on_progress
        self._tokens = np.cumsum([int(lengths[batch].sum()) for batch in order])
        self._began = 0.0
        self._began_tokens = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._began = time.perf_counter()
        self._began_tokens = int(self._tokens[state.global_step - 1]) if state.global_step else 0

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if self._on_progress is None or "loss" not in (logs or {}) or not state.is_world_process_zero:
            return
        seconds = time.perf_counter() - self._began
        tokens = int(self._tokens[state.global_step - 1])
        numbers = {
            "loss": logs["loss"],
            "learning_rate": logs.get("learning_rate"),
            "tokens": tokens,
            "tokens_per_second": (tokens - self._began_tokens) / seconds,
            "seconds": seconds,
        }
        self._on_progress(Progress("step", state.global_step, state.max_steps, numbers))


class _Trainer(SFTTrainer):  # type: ignore[misc]
    """SFTTrainer that, on a CPU, runs the output layer over the positions that are learned and no others.

    TRL's fused head leaves the rest out on GPUs only; for a small model with prompts longer than completions that
    head costs a quarter of the step and more. The loss is the same.
    """

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        if inputs["input_ids"].device.type != "cpu" or not isinstance(model, PreTrainedModel):
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        hidden = model.base_model(
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], use_cache=False
        ).last_hidden_state[:, :-1]
        labels = inputs["labels"][:, 1:]
        learned = labels != IGNORED
        logits = model.lm_head(hidden[learned])
        summed = torch.nn.functional.cross_entropy(logits, labels[learned], reduction="sum")
        loss = summed / (learned.sum() if num_items_in_batch is None else num_items_in_batch)
        return (loss, {"logits": logits}) if return_outputs else loss
