"""Policies that run here: transformers checkpoints from a directory or from the hub, adapters included."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase
from transformers.utils import logging

from loopholes.errors import MissingExtra, PolicyError
from loopholes.memory import available_memory
from loopholes.policies.base import Sampling
from loopholes.policies.cards import prompt_style
from loopholes.policies.likelihood import log_likelihoods
from loopholes.policies.packaged import advice
from loopholes.policies.precision import bf16_pays, parameter_count
from loopholes.policies.sampling import sample
from loopholes.policies.tokens import check_fit, context_length, encode_prompts
from loopholes.policies.yes_no import ModelAsker
from loopholes.records import Completion, Message, PromptStyle, Task

WRITERS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
"""Endings of transformers' class names for models that continue texts."""


@contextmanager
def quiet() -> Iterator[None]:
    """Switch off transformers' progress bars and the deprecation warnings of libraries for one block."""
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        if bars:
            logging.enable_progress_bar()


class LocalPolicy:
    """A causal language model with its tokenizer, both loaded."""

    def __init__(
        self,
        model: Any,
        tokenizer: PreTrainedTokenizerBase,
        *,
        name: str,
        prompt_style: PromptStyle = "chat",
        batch_size: int | None = None,
    ) -> None:
        self.name = name
        self.prompt_style: PromptStyle = prompt_style
        self.model = model.eval()
        self.tokenizer = tokenizer
        self._batch_size = batch_size or 128
        self._asker: ModelAsker | None = None

    @property
    def bf16(self) -> bool:
        """Whether the weights are bfloat16."""
        return bool(self.model.dtype == torch.bfloat16)

    def complete(self, tasks: Sequence[Task], sampling: Sampling, seed: int) -> list[Completion]:
        """One completion per task, in order, the same for the same arguments on the same machine.

        ``truncated`` is set if ``max_tokens`` was reached before the end of sequence. Raises :class:`PolicyError` for a
        prompt that leaves no room for that many tokens in the model's context.
        """
        if not tasks:
            return []
        prompts = encode_prompts(self.tokenizer, [task.prompt for task in tasks])
        check_fit(tasks, prompts, sampling.max_tokens, context_length(self.model.config))
        ends = end_tokens(self.model, self.tokenizer)
        answers = sample(
            self.model,
            prompts,
            sampling,
            ends=ends,
            pad=self.tokenizer.pad_token_id,
            seed=seed,
            batch_size=self._batch_size,
        )
        texts = decode(self.tokenizer, answers)
        return [Completion(text, truncated=answer[-1] not in ends) for text, answer in zip(texts, answers, strict=True)]

    def says_yes(self, prompts: Sequence[Sequence[Message]]) -> list[bool]:
        """One verdict per question, in order; see :class:`ModelAsker`."""
        if self._asker is None:
            self._asker = ModelAsker(self.model, self.tokenizer, self._batch_size)
        return self._asker.says_yes(prompts)

    def log_likelihoods(self, prompts: Sequence[Sequence[Message]], answers: Sequence[str]) -> list[float]:
        """How likely each answer is; see :func:`loopholes.policies.likelihood.log_likelihoods`."""
        return log_likelihoods(self.model, self.tokenizer, prompts, answers, self._batch_size)


def load_local(
    location: str,
    *,
    name: str,
    device: str | None = None,
    batch_size: int | None = None,
    bf16: bool | None = None,
) -> LocalPolicy:
    """The checkpoint at ``location`` (a directory or a hub name), its weights in bfloat16 or float32.

    ``bf16`` None chooses the faster one, see :mod:`loopholes.policies.precision`. Raises :class:`PolicyError` in one
    sentence.
    """
    tokenizer = load_tokenizer(location, name)
    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        with quiet():
            config = load_config(location)
            bf16 = bf16_pays(config, where) if bf16 is None else bf16
            if where == "cpu":
                check_weights_fit(config, name, bf16)
            model = load_model(location, torch.bfloat16 if bf16 else torch.float32).to(where)
    except (OSError, ValueError, RuntimeError) as error:
        raise PolicyError(f"the model {name} cannot be loaded: {_first_line(error)}") from error
    return LocalPolicy(model, tokenizer, name=name, prompt_style=prompt_style(location), batch_size=batch_size)


def load_tokenizer(location: str, name: str) -> PreTrainedTokenizerBase:
    """The tokenizer, with a chat template and a padding token; raises :class:`PolicyError` in one sentence."""
    try:
        if not Path(location).is_dir():
            AutoConfig.from_pretrained(location)  # without this an unknown name is reported as a broken tokenizer
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(location, padding_side="left")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        if Path(location).is_dir():
            raise PolicyError(_no_tokenizer(name)) from error
        raise PolicyError(
            f"there is no policy {name!r}: it is neither a directory nor a model that the hub has{advice(name)}"
        ) from error
    if Path(location).is_dir() and not _has_tokenizer(Path(location)):
        raise PolicyError(_no_tokenizer(name))
    if not tokenizer.chat_template:
        raise PolicyError(f"the tokenizer of {name} has no chat template: add a chat_template.jinja to its directory")
    if tokenizer.eos_token_id is None:
        raise PolicyError(f"the tokenizer of {name} names no end of sequence: set its eos_token")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def end_tokens(model: Any, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Every token that ends an answer: the tokenizer's, and those that the checkpoint's generation settings add."""
    more = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    listed = more if isinstance(more, list) else [] if more is None else [more]
    return sorted({tokenizer.eos_token_id, *listed})


def decode(tokenizer: PreTrainedTokenizerBase, answers: Sequence[Sequence[int]]) -> list[str]:
    """Texts of answers, without special tokens, spaces as they were written."""
    texts: list[str] = tokenizer.batch_decode(
        [list(answer) for answer in answers], skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return texts


def load_config(location: str) -> Any:
    """The configuration of the model at ``location``, of the base model for an adapter.

    Raises :class:`PolicyError` for an architecture that transformers does not know or that does not continue texts.
    """
    adapter = Path(location) / "adapter_config.json"
    try:
        base = json.loads(adapter.read_bytes())["base_model_name_or_path"] if adapter.is_file() else location
        config = AutoConfig.from_pretrained(base)
    except (OSError, ValueError, KeyError) as error:
        raise PolicyError(f"the model in {location} cannot be loaded: {_first_line(error)}") from error
    kinds = getattr(config, "architectures", None) or []
    if kinds and not any(kind.endswith(WRITERS) for kind in kinds):
        raise PolicyError(f"the model in {location} is a {kinds[0]}, which does not continue texts: a policy has to")
    return config


def check_weights_fit(config: Any, name: str, bf16: bool) -> None:
    """Raise :class:`PolicyError` if less memory is available than the weights of a model take."""
    needed, memory = parameter_count(config) * (2 if bf16 else 4), available_memory()
    if memory is not None and memory < needed:
        raise PolicyError(
            f"the weights of {name} take {needed / 1e9:.1f} GB of memory, and {memory / 1e9:.1f} GB are available: end "
            "other programs, or take a smaller model"
        )


def load_model(location: str, dtype: torch.dtype) -> Any:
    """The model at ``location`` in ``dtype``; an adapter is merged in float32 before it is rounded."""
    merged = merged_adapter(location)
    return AutoModelForCausalLM.from_pretrained(location, dtype=dtype) if merged is None else merged.to(dtype)


def merged_adapter(location: str) -> Any:
    """The base model with the adapter at ``location`` merged in, in float32; None if there is no adapter."""
    if not (Path(location) / "adapter_config.json").is_file():
        return None
    try:
        from peft import AutoPeftModelForCausalLM
    except ImportError as error:
        raise MissingExtra("peft", "peft") from error
    return AutoPeftModelForCausalLM.from_pretrained(location, dtype=torch.float32).merge_and_unload()


def _no_tokenizer(name: str) -> str:
    if (Path(name) / "config.json").is_file():
        return f"the directory {name} has no tokenizer: save one there next to the model"
    return f"the directory {name} has no tokenizer and no model: name a training run's directory or a checkpoint's"


def _has_tokenizer(directory: Path) -> bool:
    names = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "tokenizer_config.json")
    return any((directory / name).is_file() for name in names)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
