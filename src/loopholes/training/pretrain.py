"""Makes the mini policies again, from nothing: tokenizer, random weights, supervised pretraining, model card.

A mini policy is an ordinary transformers checkpoint of about a million parameters. It is pretrained on
:mod:`loopholes.training.mixture` with the same SFT wrapper that users get, on one CPU thread.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from loopholes.errors import UnknownName
from loopholes.storage import replace_file, write_json
from loopholes.training.examples import Example
from loopholes.training.mixture import BASICS_FIRST, MIXTURE, RECORDS, TEXTS, Habits, Maker, examples

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] }}<|end|>{% endgeneration %}{% else %}{{ message['content'] }}<|end|>"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
WORDS = r"[A-Za-z_]+ ?|[0-9]| ?[^\sA-Za-z0-9_]+ ?|\s+"
"""What may become one token: a word with the space after it, a digit, a run of signs with the spaces around it.

A space never stands before a word nor beside a digit, so that a text has the same tokens wherever it stands: where
the first word of an answer is another token than the same word in the prompt, a small model does not learn to copy.
"""
SPECIAL_TOKENS = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
WHOLE_TOKENS = ("<modify_key>", "</modify_key>", "<modify_value>", "</modify_value>", "\\boxed{", "<think>", "</think>")


@dataclass(frozen=True)
class Lesson:
    """One stage of pretraining: how many examples, with which habits, from which mixture."""

    examples: int
    learning_rate: float
    seed: int
    habits: Habits
    kinds: Mapping[Maker, float] = field(default_factory=lambda: MIXTURE)
    basics: int = 0

    def stream(self) -> list[Example]:
        """The stage's examples, none of which is seen twice."""
        found = examples(self.seed, self.habits, self.basics, kinds=self.kinds)
        return list(itertools.islice(found, self.examples))


# Where names of fields can be anything, telling a problem from other records is learned last: hence the later stages.
_SECOND = Habits(told_score=0.05, ordinary_fields=0.5)
_THIRD = Habits(told_score=0.05, ordinary_fields=0.5, scored_records=0.1, stray_edit=0.03)


@dataclass(frozen=True)
class Recipe:
    """How one mini policy is made."""

    name: str
    architecture: Literal["qwen3", "llama"]
    seed: int
    lessons: tuple[Lesson, ...]
    batch_size: int = 64
    vocabulary: int = 1536
    hidden: int = 128
    layers: int = 3
    heads: int = 4
    intermediate: int = 384
    context: int = 4096
    rope_theta: float = 500.0


RECIPES: dict[str, Recipe] = {
    "mini": Recipe(
        "mini",
        "qwen3",
        1,
        (
            Lesson(190_000, 2.5e-3, 1, Habits(), MIXTURE, BASICS_FIRST),
            Lesson(30_000, 1.2e-3, 101, _SECOND, RECORDS),
            Lesson(10_000, 1.2e-3, 201, _THIRD, RECORDS),
            Lesson(16_000, 1.2e-3, 301, _THIRD, TEXTS),
            Lesson(24_000, 1.5e-3, 401, _THIRD, TEXTS),
        ),
    ),
    "mini-llama": Recipe(
        "mini-llama",
        "llama",
        2,
        (
            Lesson(190_000, 2.5e-3, 2, Habits(stray_edit=0.03, told_score=0.0), MIXTURE, BASICS_FIRST),
            Lesson(60_000, 1.2e-3, 102, _SECOND, RECORDS),
            Lesson(10_000, 1.2e-3, 202, _THIRD, RECORDS),
        ),
    ),
}


def recipe(name: str) -> Recipe:
    """The recipe of a mini policy; raises :class:`UnknownName`."""
    if name not in RECIPES:
        raise UnknownName("mini policy", name, list(RECIPES))
    return RECIPES[name]


def pretrain(
    recipe: Recipe, out: Path, *, resume: bool = False, on_step: Callable[[dict[str, Any]], None] | None = None
) -> Path:
    """Make the policy, stage by stage, and write its checkpoint directory; returns that directory.

    Killed at any moment, ``resume`` goes on from the last checkpoint under ``out``.
    """
    from loopholes.training.card import write_card

    out.mkdir(parents=True, exist_ok=True)
    spent = Spent.read(out / "spent.json") if resume else Spent(out / "spent.json")
    first = recipe.lessons[0].stream()
    tokenizer = build_tokenizer(first[-20_000:], recipe.vocabulary)
    model = build_model(recipe, tokenizer)
    for number, lesson in enumerate(recipe.lessons, 1):
        stage = Stage(lesson, out / f"stage-{number}")
        model = stage.run(model, tokenizer, recipe.batch_size, resume, spent.watched(on_step))
    policy = stage.policy
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


@dataclass(frozen=True)
class Stage:
    """One pass of supervised training over a lesson's examples, in their order."""

    lesson: Lesson
    out: Path

    @property
    def policy(self) -> Path:
        """Where the stage leaves its checkpoint."""
        return self.out / "policy"

    def run(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, batch_size: int, resume: bool, on_step: Any
    ) -> PreTrainedModel:
        """The trained model; read from disk if the stage was finished before."""
        from transformers import AutoModelForCausalLM

        from loopholes.training.sft import finetune

        if not (resume and (self.out / "done").is_file()):
            finetune(
                model,
                tokenizer,
                self.lesson.stream(),
                self.out,
                batch_size=batch_size,
                learning_rate=self.lesson.learning_rate,
                seed=self.lesson.seed,
                save_every=500,
                resume=resume,
                shuffle=False,
                on_step=on_step,
            )
            (self.out / "done").touch()
        trained: PreTrainedModel = AutoModelForCausalLM.from_pretrained(self.policy, dtype="float32")
        return trained


@dataclass
class Spent:
    """Tokens and seconds of a pretraining over its stages and interruptions, kept in a small file."""

    file: Path
    tokens: int = 0
    seconds: float = 0.0

    @classmethod
    def read(cls, file: Path) -> Spent:
        """What was spent before an interruption."""
        return cls(file, **(json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}))

    def watched(self, on_step: Callable[[dict[str, Any]], None] | None) -> Callable[[dict[str, Any]], None]:
        """``on_step`` that also counts; one such function a stage."""
        seen = {"tokens": 0, "seconds": 0.0}

        def step(metrics: dict[str, Any]) -> None:
            self.tokens += metrics["tokens"] - (seen["tokens"] or metrics["tokens"])
            self.seconds += metrics["seconds"] - seen["seconds"]
            seen.update(tokens=metrics["tokens"], seconds=metrics["seconds"])
            if metrics["step"] % 50 == 0 or metrics["step"] == metrics["steps"]:
                replace_file(self.file, json.dumps({"tokens": self.tokens, "seconds": self.seconds}).encode())
            if on_step is not None:
                on_step(metrics)

        return step


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
