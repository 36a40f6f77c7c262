"""Small random checkpoints with the chat templates of real families, for tests of the real-model path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import trl
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

FAMILIES: dict[str, Any] = {
    "qwen3": (Qwen3Config, Qwen3ForCausalLM, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], "qwen3.jinja", {}),
    "llama": (
        LlamaConfig,
        LlamaForCausalLM,
        ["<|end_of_text|>", "<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>"],
        "llama3.jinja",
        {"bos_token": "<|begin_of_text|>"},
    ),
}
TEXT = "Say a word with the letter a. Yes, no, nothing. Is it correct? Answer only Yes or No. banana bread and butter "


def make_tokenizer(family: str) -> PreTrainedTokenizerBase:
    """A byte-level BPE tokenizer with 320 tokens. The first special token pads, the third ends a turn."""
    _, _, special, template, more = FAMILIES[family]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([TEXT] * 20, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=special[2], pad_token=special[0], **more)
    fast.chat_template = (Path(trl.__file__).parent / "chat_templates" / template).read_text()
    return fast


def make_model(family: str, *, context: int = 512, seed: int = 0) -> Any:
    """A random model of two layers, float32."""
    config, model, *_ = FAMILIES[family]
    torch.manual_seed(seed)
    return model(
        config(
            vocab_size=320,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=16,
            intermediate_size=64,
            max_position_embeddings=context,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=2,
            pad_token_id=0,
        )
    )


def make_checkpoint(path: Path, family: str, *, context: int = 512) -> Path:
    """A checkpoint directory: model, tokenizer, chat template."""
    make_model(family, context=context).save_pretrained(path)
    make_tokenizer(family).save_pretrained(path)
    return path


def checkpoint_maker(folder: Callable[[str], Path]) -> Callable[..., Path]:
    """A function that makes each checkpoint once, in a folder from ``folder``."""
    checkpoints: dict[tuple[str, int], Path] = {}

    def get(family: str, context: int = 512) -> Path:
        key = (family, context)
        if key not in checkpoints:
            checkpoints[key] = make_checkpoint(folder(family) / family, family, context=context)
        return checkpoints[key]

    return get
