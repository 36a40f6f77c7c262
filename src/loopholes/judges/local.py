"""Judging with a transformers model on this machine: a sequence classifier, or any chat model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, PreTrainedTokenizerBase

from loopholes.errors import PolicyError
from loopholes.judges.asking import Reader, Reading
from loopholes.judges.wording import Question, verdict_of, wording
from loopholes.policies import Sampling, available, load_policy
from loopholes.policies.checkpoints import LocalPolicy, quiet
from loopholes.policies.tokens import context_length, encode_prompts
from loopholes.records import Task, Verdict, message

BATCH = 64
LABELS: Mapping[str, Verdict] = {
    "safe": "safe",
    "harmless": "safe",
    "not_harmful": "safe",
    "harmful": "harmful",
    "unsafe": "harmful",
    "garbled": "garbled",
}
"""What a classifier may call the verdicts, in small letters with underscores."""


def load_reader(name: str, tokens: int) -> Reader:
    """The classifier or chat model called ``name``; raises :class:`PolicyError` in one sentence."""
    location = available(name)
    try:
        kinds = AutoConfig.from_pretrained(location).architectures or []
    except (OSError, ValueError):
        kinds = []  # an adapter, or nothing at all: loading it as a chat model raises the error
    if any(kind.endswith("ForSequenceClassification") for kind in kinds):
        return ClassifierReader(location)
    policy = load_policy(name)
    assert isinstance(policy, LocalPolicy)
    return ChatReader(policy, location, tokens)


class ChatReader:
    """A chat model that is asked in words and answers greedily."""

    def __init__(self, policy: LocalPolicy, location: str, tokens: int) -> None:
        self._policy = policy
        self._tokens = tokens
        self._version = version_of(location, policy.model)

    @property
    def identity(self) -> tuple[str, ...]:
        """The model's files, longest answer."""
        return "chat", *self._version, str(self._tokens)

    def read(self, questions: Sequence[Question]) -> Iterator[Reading]:
        """See :class:`loopholes.judges.Reader`; a question that the model has no room for is left out."""
        fitting = [number for number, question in enumerate(questions) if self._fits(question)]
        for start in range(0, len(fitting), BATCH):
            unclear = fitting[start : start + BATCH]
            for again in (False, True):
                said = self._answers([wording(questions[number], again=again) for number in unclear])
                readings = [Reading(number, verdict_of(text), text) for number, text in zip(unclear, said, strict=True)]
                unclear = [reading.number for reading in readings if reading.verdict is None]
                yield from (reading for reading in readings if reading.verdict or again)

    def _answers(self, prompts: Sequence[str]) -> list[str]:
        tasks = [Task("judge", (message("user", prompt),)) for prompt in prompts]
        devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
        with torch.random.fork_rng(devices):  # the training around this must not depend on what the cache holds
            answers = self._policy.complete(tasks, Sampling(temperature=0, max_tokens=self._tokens), seed=0)
        return [answer.text for answer in answers]

    def _fits(self, question: Question) -> bool:
        (ids,) = encode_prompts(self._policy.tokenizer, [[message("user", wording(question, again=True))]])
        context = context_length(self._policy.model.config)
        return context is None or len(ids) + self._tokens <= context


class ClassifierReader:
    """A sequence classifier over (request, answer), whose labels are verdicts."""

    def __init__(self, location: str) -> None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            with quiet():
                self._tokenizer = AutoTokenizer.from_pretrained(location)
                self._model = AutoModelForSequenceClassification.from_pretrained(location).to(device).eval()
        except (OSError, ValueError, RuntimeError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise PolicyError(f"the judge {location} cannot be loaded: {reason}") from error
        self._labels = labels(location, self._model.config.id2label)
        self._room = _room(self._tokenizer, self._model)
        pad = self._tokenizer.pad_token_id
        self._batch_size = BATCH if pad is not None else 1  # a single text needs no padding
        if pad is not None:
            self._model.config.get_text_config().pad_token_id = pad  # a decoder needs it to find the end of a text
        self._version = version_of(location, self._model)

    @property
    def identity(self) -> tuple[str, ...]:
        """The model's files."""
        return "classifier", *self._version

    @torch.no_grad()
    def _batch(self, questions: Sequence[Question]) -> list[Verdict]:
        requests, answers = zip(*questions, strict=True)
        inputs = self._tokenizer(list(requests), list(answers), padding=len(questions) > 1, return_tensors="pt")
        logits = self._model(**inputs.to(self._model.device)).logits
        return [self._labels[label] for label in logits.argmax(dim=-1).tolist()]

    def read(self, questions: Sequence[Question]) -> Iterator[Reading]:
        """See :class:`loopholes.judges.Reader`; a question that the model has no room for is left out."""
        requests, answers = map(list, zip(*questions, strict=True))
        lengths = [len(ids) for ids in self._tokenizer(requests, answers, verbose=False)["input_ids"]]
        fitting = [number for number, length in enumerate(lengths) if length <= self._room]
        for start in range(0, len(fitting), self._batch_size):
            numbers = fitting[start : start + self._batch_size]
            verdicts = self._batch([questions[number] for number in numbers])
            yield from (Reading(number, verdict) for number, verdict in zip(numbers, verdicts, strict=True))


def _room(tokenizer: PreTrainedTokenizerBase, model: Any) -> int:
    """How many tokens a classifier reads at once; a huge number if it does not say.

    RoBERTa and its relatives number positions after that of the padding, so the first ones of
    ``max_position_embeddings`` belong to no text.
    """
    tables = [part for name, part in model.named_modules() if name.endswith("position_embeddings")]
    paddings = [getattr(part, "padding_idx", None) for part in tables]
    reserved = max((padding + 1 for padding in paddings if padding is not None), default=0)
    context = context_length(model.config)
    limit: int = tokenizer.model_max_length
    return limit if context is None else min(limit, context - reserved)


def labels(location: str, names: Mapping[int, str]) -> dict[int, Verdict]:
    """The verdict that each of a classifier's outputs stands for; raises :class:`PolicyError`."""
    plain = {number: "_".join(name.lower().replace("-", " ").split()) for number, name in names.items()}
    if not set(plain.values()) <= set(LABELS) or len({LABELS[name] for name in plain.values()}) < 2:
        raise PolicyError(
            f"the classifier {location} has the labels {', '.join(names.values())}; a judge's are safe and harmful, "
            "and garbled if it knows that: name them so in id2label of its config.json"
        )
    return {number: LABELS[name] for number, name in plain.items()}


def version_of(location: str, model: Any) -> tuple[str, ...]:
    """What identifies a model's weights: the hub's commit, or name, size and time of each file of a directory."""
    if not Path(location).is_dir():
        return location, str(getattr(model.config, "_commit_hash", None))
    files = sorted(path for path in Path(location).iterdir() if path.is_file())
    return tuple(f"{path.resolve()} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files)
