"""A policy behind an OpenAI-compatible endpoint: it answers, and says whether its answers are right.

Answers are sampled with the settings of the evaluation; settings that the endpoint refuses by name are left out, with a
warning. Each request has a ``seed`` of its own, so that a server that honours it answers the same again. Every answer
is stored on disk as it arrives: no answer is paid for twice, and a resumed run continues with the same ones.

A task is ``unanswered`` if the endpoint declines, withholds or filters the answer, or twice sends something other than
a chat completion. Such a completion is neither paid nor measured, and not stored.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from loopholes.endpoints import POLICY, Ask, Endpoint, EndpointClient, Reply, TextCache, Unanswered, key_of
from loopholes.files import cache_folder
from loopholes.policies.base import Sampling, Usage
from loopholes.policies.claims import yes_or_no
from loopholes.progress import Progress, report
from loopholes.records import Completion, Message, PromptStyle, Task, message

log = logging.getLogger(__name__)

CONCURRENCY = 32
TIMEOUT = 600.0  # seconds: an answer arrives all at once, when the model has finished it
RETRIES = 4
FORMAT = 1  # version of the stored answers; increase it when they can no longer be read
AGAIN = "\n\nReply with one word, Yes or No, and nothing else."


class Question(NamedTuple):
    """A prompt and the settings of its answer."""

    prompt: tuple[Message, ...]
    options: Mapping[str, Any]


class EndpointPolicy:
    """The model at an endpoint, ``concurrency`` answers at once; ``timeout`` is in seconds per answer."""

    prompt_style: PromptStyle = "chat"

    def __init__(
        self, endpoint: Endpoint, *, concurrency: int = CONCURRENCY, timeout: float = TIMEOUT, retries: int = RETRIES
    ) -> None:
        self.name = "#".join(endpoint)
        self._endpoint = endpoint
        self._client = EndpointClient(endpoint, POLICY, concurrency=concurrency, timeout=timeout, retries=retries)
        self._longest = 0
        self._usage = Usage()
        self._warned = False

    def complete(self, tasks: Sequence[Task], sampling: Sampling, seed: int) -> list[Completion]:
        """One completion per task, in order; ``unanswered`` if the endpoint gave none.

        ``truncated`` is set if the endpoint says that the answer was cut off. Raises :class:`PolicyError` if the
        endpoint is broken.
        """
        self._longest = sampling.max_tokens
        options: dict[str, Any] = {"temperature": sampling.temperature, "max_tokens": sampling.max_tokens}
        options |= {"top_p": sampling.top_p} if sampling.top_p < 1 else {}
        options |= {"top_k": sampling.top_k} if sampling.top_k else {}
        questions = [
            Question(task.prompt, {**options, "seed": _seed(seed, number)}) for number, task in enumerate(tasks)
        ]
        return [_completion(answer) for answer in self._answers(questions, _answer, "answer")]

    def says_yes(self, prompts: Sequence[Sequence[Message]]) -> list[bool | None]:
        """One verdict per question, in order, asked at temperature 0; None if it is unclear twice or declined.

        The paper's released code counts Yes and No in the first ten tokens. Here the answer must begin or end with the
        word, after any thinking.
        """
        questions = [Question(tuple(prompt), {"temperature": 0, "max_tokens": self._longest}) for prompt in prompts]
        answers = self._answers(questions, _verdict, "claim")
        return [None if isinstance(answer, Unanswered) else yes_or_no(answer.text or "") for answer in answers]

    def take_usage(self) -> Usage:
        """The usage since the last call; answers from the cache count as they did when they were asked for."""
        usage, self._usage = self._usage, Usage()
        return replace(usage, refused=tuple(self._client.refused))

    def _answers(
        self, questions: Sequence[Question], talk: Callable[[Ask, Question], Awaitable[Reply]], what: str
    ) -> list[Reply | Unanswered]:
        """The answer to each question, in order, from the cache or from the endpoint."""
        keys = [self._key(what, question) for question in questions]
        answers: dict[bytes, Reply | Unanswered] = {}
        with TextCache(cache_file(), "answer", POLICY) as cache:
            answers |= {key: Reply(*json.loads(text or "")) for key, text in cache.lookup(keys).items()}
            new = {key: question for key, question in zip(keys, questions, strict=True) if key not in answers}
            for key, answer in self._ask(new, talk):
                answers[key] = answer
                if isinstance(answer, Reply):
                    cache.put(key, json.dumps(answer))
                report(Progress(f"{what} received", len(answers), len(set(keys))))
        self._count([answer for answer in answers.values() if isinstance(answer, Reply)])
        return [answers[key] for key in keys]

    def _count(self, replies: Sequence[Reply]) -> None:
        for reply in replies:
            self._usage = self._usage.plus(reply)
        others = [name for name in self._usage.models if not same_model(self._endpoint.model, name)]
        if others and not self._warned:
            self._warned = True
            log.warning("%s says that %s answered: check that this is the same model", self._client.name, others[0])

    def _ask(
        self, questions: Mapping[bytes, Question], talk: Callable[[Ask, Question], Awaitable[Reply]]
    ) -> Iterator[tuple[bytes, Reply | Unanswered]]:
        if questions:
            keys, control = list(questions), _control(next(iter(questions.values())))
            for number, answer in self._client.ask_all(list(questions.values()), talk, control):
                yield keys[number], answer

    def _key(self, what: str, question: Question) -> bytes:
        return key_of(FORMAT, what, *self._endpoint, json.dumps(question.prompt), json.dumps(dict(question.options)))


def cache_file() -> Path:
    """``answers.sqlite`` in :func:`loopholes.files.cache_folder`: digests of questions, and the texts of answers."""
    return cache_folder() / "answers.sqlite"


def same_model(asked: str, answered: str) -> bool:
    """Whether two names can mean one model: equal apart from an organisation in front and a version behind."""
    short, long = sorted((name.rpartition("/")[2].lower() for name in (asked, answered)), key=len)
    return long.startswith(short)


async def _answer(ask: Ask, question: Question) -> Reply:
    """The model's answer; asked for once more if the reply is not a chat completion."""
    for again in (True, False):
        try:
            reply = await ask(question.prompt, question.options)
            break
        except ValueError as error:
            if not again:
                raise Unanswered(f"its reply is not a chat completion ({error})") from None
    if reply.finish == "content_filter":
        raise Unanswered("it filtered the answer")
    if reply.text is None and reply.finish != "length":  # a model that thinks may use up its tokens before it answers
        raise Unanswered("it sent a choice without a text")
    return reply


async def _verdict(ask: Ask, question: Question) -> Reply:
    """The clear answer to a yes/no question, or the second unclear one."""
    reply = await _answer(ask, question)
    if yes_or_no(reply.text or "") is None:
        *before, last = question.prompt
        again = (*before, message(last["role"], last["content"] + AGAIN))
        second = await _answer(ask, Question(again, question.options))
        reply = second._replace(
            prompt_tokens=reply.prompt_tokens + second.prompt_tokens,
            completion_tokens=reply.completion_tokens + second.completion_tokens,
        )
    return reply


def _completion(answer: Reply | Unanswered) -> Completion:
    if isinstance(answer, Unanswered):
        return Completion("", unanswered=str(answer))
    return Completion(answer.text or "", truncated=answer.finish == "length")


def _control(question: Question) -> Question:
    """A question that any working model can answer, with the settings of the one that failed."""
    return Question((message("user", "Is water wet? Answer Yes or No."),), question.options)


def _seed(seed: int, number: int) -> int:
    """A seed of 31 bits, which every server accepts."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1)
