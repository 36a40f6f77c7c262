"""Prompts and texts as token ids: the one place that decides what a model sees.

Training and sampling both read prompts through the checkpoint's own chat template with its generation prompt, without
special tokens beyond those that the template writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import PreTrainedTokenizerBase

from loopholes.errors import PolicyError
from loopholes.records import Message, Task


def encode_prompts(tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Sequence[Message]]) -> list[list[int]]:
    """Token ids of chat prompts, each ending where the assistant begins to speak."""
    texts = [
        tokenizer.apply_chat_template(list(prompt), add_generation_prompt=True, tokenize=False) for prompt in prompts
    ]
    return encode_texts(tokenizer, texts)


def encode_texts(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of plain texts, nothing added."""
    if not texts:
        return []
    ids: list[list[int]] = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    return ids


def context_length(config: Any) -> int | None:
    """The model's largest number of tokens, prompt and completion together; None if it does not say."""
    length = getattr(config.get_text_config(), "max_position_embeddings", None)
    return int(length) if length else None


def check_fit(tasks: Sequence[Task], prompts: Sequence[Sequence[int]], room: int, context: int | None) -> None:
    """Raise :class:`PolicyError` if a prompt and ``room`` more tokens are over the model's context."""
    for task, prompt in zip(tasks, prompts, strict=True):
        if context is not None and len(prompt) + room > context:
            raise PolicyError(
                f"task {task.id!r} has a prompt of {len(prompt)} tokens, which with {room} for the completion is over "
                f"the model's context of {context}: leave it out, or allow fewer completion tokens"
            )
