"""From completions to rewards: everything that GRPO learns from.

:class:`ChannelReward` is the reward function that TRL calls. It holds a channel, a way to ask for what the text alone
does not hold, and the tasks; it holds no measurement. It also stores what it paid, as a :class:`Batch`, for the
recorder (:mod:`loopholes.training.recorder`), which reads it after the update and returns nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from loopholes.records import Channel, Completion, Payment, Task, draws
from loopholes.score import Observe, observe_and_pay


@dataclass(frozen=True, slots=True)
class Batch:
    """The samples of one process in one step with their payments; all sequences have the same length."""

    step: int
    task_indices: tuple[int, ...]
    completions: tuple[Completion, ...]
    payments: tuple[Payment, ...]
    lengths: tuple[int, ...]


class ChannelReward:
    """The reward function.

    ``game`` and ``name`` are the game and channel for messages. ``texts`` turns token ids into text, ``ends`` are the
    tokens that end a completion.
    """

    __name__ = "channel"

    def __init__(
        self,
        channel: Channel,
        observe: Observe,
        tasks: Sequence[Task],
        *,
        game: str,
        name: str,
        seed: int,
        updates_per_step: int,
        texts: Callable[[Sequence[Sequence[int]]], list[str]],
        ends: Collection[int] = (),
        process_index: int = 0,
    ) -> None:
        self._game = game
        self._name = name
        self._channel = channel
        self._observe = observe
        self._tasks = tasks
        self._seed = seed
        self._updates_per_step = updates_per_step
        self._texts = texts
        self.ends = frozenset(ends)
        self._process_index = process_index
        self.batches: list[Batch] = []

    def __call__(
        self, *, completion_ids: list[list[int]], task_index: list[int], trainer_state: Any, **_: Any
    ) -> list[float | None]:
        """One reward per completion; None if it could not be scored."""
        step = trainer_state.global_step // self._updates_per_step + 1
        tasks = [self._tasks[index] for index in task_index]
        texts = self._texts(completion_ids)
        sampled = [
            Completion(text, truncated=not ids or ids[-1] not in self.ends)
            for text, ids in zip(texts, completion_ids, strict=True)
        ]
        first = self._process_index * len(tasks)  # a sample's number is global, however many processes share the step
        numbers = draws(self._seed, step, range(first, first + len(tasks)))
        paid = observe_and_pay(self._game, {self._name: self._channel}, self._observe, tasks, sampled, numbers)
        payments = paid.payments[self._name]
        lengths = tuple(len(ids) for ids in completion_ids)
        self.batches.append(Batch(step, tuple(task_index), paid.completions, payments, lengths))
        return [payment.reward for payment in payments]
