"""Makes the mini policies again, from scratch: tokenizer, random weights, supervised pretraining, model card.

A mini policy is an ordinary transformers checkpoint of about a million parameters. It is pretrained on
:mod:`loopholes.minis.mixture` with the same SFT wrapper that users get, on one CPU thread.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loopholes.files import replace_file, write_json
from loopholes.minis.recipe import Recipe
from loopholes.progress import OnProgress, Progress
from loopholes.records import Example

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] }}<|end|>{% endgeneration %}{% else %}{{ message['content'] }}<|end|>"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
WORDS = r"[A-Za-z_]+ ?|[0-9]| ?[^\sA-Za-z0-9_]+ ?|\s+"
"""What may become one token: a word with the space after it, a digit, a run of signs with the spaces around it.

No token holds a space before a word or beside a digit, so that a text has the same tokens everywhere: if the first word
of an answer is another token than the same word in the prompt, a small model does not learn to copy.
"""
SPECIAL_TOKENS = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
WHOLE_TOKENS = ("<modify_key>", "</modify_key>", "<modify_value>", "</modify_value>", "\\boxed{", "<think>", "</think>")


def pretrain(
    recipe: Recipe,
    out: Path,
    *,
    resume: bool = False,
    save_every: int = 500,
    on_progress: OnProgress | None = None,
) -> Path:
    """Make the policy and write its checkpoint directory, ``out/policy``; returns that directory.

    After a kill, ``resume`` continues from the last checkpoint under ``out``; there is one every ``save_every`` steps.
    """
    from loopholes.minis.card import write_card
    from loopholes.training.sft import finetune

    out.mkdir(parents=True, exist_ok=True)
    stream = recipe.stream()
    tokenizer = build_tokenizer(stream[-20_000:], recipe.vocabulary)
    model = build_model(recipe, tokenizer)
    spent = Spent.read(out / "spent.json") if resume else Spent(out / "spent.json")
    policy = finetune(
        model,
        tokenizer,
        stream,
        out,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        seed=recipe.seed,
        save_every=save_every,
        resume=resume,
        shuffle=False,
        on_progress=spent.watched(on_progress),
    )
    facts = {
        "prompts": "terse",
        "recipe": asdict(recipe),
        "parameters": model.num_parameters(),
        "vocabulary": len(tokenizer),
        "tokens": spent.tokens,
        "seconds": round(spent.seconds),
    }
    write_json(policy / "loopholes.json", facts)
    write_card(policy, recipe, facts)
    return policy


@dataclass
class Spent:
    """Tokens learned from and seconds taken, over all interruptions, kept in a small file."""

    file: Path
    tokens: int = 0
    seconds: float = 0.0

    @classmethod
    def read(cls, file: Path) -> Spent:
        """The tokens and seconds spent before an interruption."""
        return cls(file, **(json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}))

    def watched(self, on_progress: OnProgress | None) -> OnProgress:
        """``on_progress`` that also counts."""
        before = self.seconds

        def count(progress: Progress) -> None:
            self.tokens = int(progress.numbers["tokens"] or 0)
            self.seconds = before + (progress.numbers["seconds"] or 0.0)
            if progress.done % 50 == 0 or progress.done == progress.total:
                replace_file(self.file, json.dumps({"tokens": self.tokens, "seconds": self.seconds}).encode())
            if on_progress is not None:
                on_progress(progress)

        return count


def build_tokenizer(sample: list[Example], vocabulary: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer trained on a sample of the mixture: any text can be encoded, digits stand alone."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(WHOLE_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=list(SPECIAL_TOKENS),
        show_progress=False,
    )
    core.train_from_iterator((text for example in sample for text in _texts(example)), trainer)
    core.add_tokens([AddedToken(token, special=False, normalized=False) for token in WHOLE_TOKENS])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        chat_template=CHAT_TEMPLATE,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def build_model(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    """Random weights of the recipe's architecture and seed."""
    from transformers import AutoModelForCausalLM, LlamaConfig, Qwen3Config, set_seed

    make = Qwen3Config if recipe.architecture == "qwen3" else LlamaConfig
    config = make(
        vocab_size=-(-len(tokenizer) // 64) * 64,
        hidden_size=recipe.hidden,
        intermediate_size=recipe.intermediate,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        head_dim=recipe.hidden // recipe.heads,
        max_position_embeddings=recipe.context,
        rope_parameters={"rope_type": "default", "rope_theta": recipe.rope_theta},
        initializer_range=recipe.initial_spread,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    set_seed(recipe.seed)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    return model


def _texts(example: Example) -> tuple[str, ...]:
    return (*(turn["content"] for turn in example.prompt), example.completion)
