"""What a policy is: something that answers tasks and can be asked whether its answer is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

from loopholes.endpoints import Reply
from loopholes.errors import UsageError
from loopholes.records import Completion, Message, PromptStyle, Task


@dataclass(frozen=True, slots=True)
class Sampling:
    """How answers are sampled.

    ``temperature`` 0 takes the most likely token. ``top_p`` in (0, 1] and ``top_k`` (0: all) cut the distribution as
    transformers does: temperature, then ``top_k``, then ``top_p``. ``max_tokens`` is the longest answer, the end of
    sequence included. Evaluation in the paper: 0.6, 0.95, 20.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    max_tokens: int = 96

    def __post_init__(self) -> None:
        if self.temperature < 0 or not 0 < self.top_p <= 1 or self.top_k < 0 or self.max_tokens < 1:
            raise UsageError(f"sampling needs temperature >= 0, 0 < top_p <= 1, top_k >= 0, max_tokens >= 1: {self}")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens used by answers, as the endpoint counts them, and its names for the models that answered.

    ``refused`` are the settings that it does not accept, for which it uses its own values.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    models: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def plus(self, reply: Reply) -> Self:
        """With one more reply."""
        named = {*self.models, *([reply.model] if reply.model else [])}
        return type(self)(
            self.prompt_tokens + reply.prompt_tokens,
            self.completion_tokens + reply.completion_tokens,
            tuple(sorted(named)),
            self.refused,
        )


@runtime_checkable
class Metered(Protocol):
    """A policy behind an endpoint that counts tokens."""

    def take_usage(self) -> Usage:
        """The usage since the last call."""
        ...


@runtime_checkable
class Likelihoods(Protocol):
    """A policy that can say how likely an answer is."""

    def log_likelihoods(self, prompts: Sequence[Sequence[Message]], answers: Sequence[str]) -> list[float]:
        """The log-probability of each answer after its prompt (natural logarithm); NaN if both are too long for it.

        An answer that ends in :data:`loopholes.records.END` stops there; any other stands for every answer that begins
        with it.
        """
        ...


class Policy(Protocol):
    """A policy. ``prompt_style`` says which wording of the tasks it was made for."""

    name: str
    prompt_style: PromptStyle

    def complete(self, tasks: Sequence[Task], sampling: Sampling, seed: int) -> list[Completion]:
        """One completion per task, in order; the same for the same arguments on the same machine."""
        ...

    def says_yes(self, prompts: Sequence[Sequence[Message]]) -> Sequence[bool | None]:
        """One verdict per yes/no question, in order; None without a verdict."""
        ...
