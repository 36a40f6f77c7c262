"""One channel of a game and its measurement beside it, for frameworks that score one answer at a time.

Payments come from :mod:`loopholes.score`, outcomes from the game. A measurement that fails is recorded as unknown and
never reaches a reward.
"""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from loopholes.errors import ContractError, ScoringError
from loopholes.games.base import Game
from loopholes.policies.claims import says_yes
from loopholes.records import Asker, Completion, Message, Outcome, Payment, Task, as_record, draws
from loopholes.score import measure, observe_and_pay

log = logging.getLogger(__name__)


class Observed(NamedTuple):
    """A completion with the game's observations, or the ``question`` that its policy must answer first."""

    completion: Completion
    question: tuple[Message, ...] | None = None


class Scoring:
    """Observes, pays and measures single answers, from any thread; payments and measurements run one at a time.

    Raises :class:`loopholes.errors.UnknownName` for a channel that the game does not have.
    """

    def __init__(self, game: Game, channel: str, seed: int = 0) -> None:
        self.game = game
        self._channels = {channel: game.channel(channel)}
        self._channel = channel
        self._seed = seed
        self._lock = threading.Lock()

    def observe(self, task: Task, text: str, verdict: str | None = None) -> Observed:
        """The game's observations of an answer; ``verdict`` is the policy's reply to the game's question.

        Without a verdict, a game that asks its policy (two-pass self-grading) returns its question instead.
        """
        asker: Asker = _Listener() if verdict is None else _Answered(says_yes(verdict))
        try:
            observed = list(self.game.observe([task], [Completion(text)], policy=asker))
        except _QuestionAsked as asked:
            return Observed(Completion(text), asked.question)
        if len(observed) != 1:
            raise ContractError(
                f"{self.game.name} observed {len(observed)} of 1 completions; it has to observe each one"
            )
        return Observed(observed[0])

    def pay(self, task: Task, observed: Completion, sample: str) -> Payment:
        """What the channel pays for an observed completion; ``sample`` names it for the draw (:func:`draw`)."""
        number = draw(self._seed, sample)
        with self._lock:
            paid = observe_and_pay(self.game.name, self._channels, _as_they_are, [task], [observed], [number])
        return paid.payments[self._channel][0]

    def reward(self, task: Task, observed: Completion, sample: str) -> float:
        """:meth:`pay` for frameworks in which every sample needs a number; raises :class:`ScoringError` without one."""
        payment = self.pay(task, observed, sample)
        if payment.reward is None:
            raise ScoringError(f"{self.game.name} pays nothing for an answer to the task {task.id!r}: {payment.reason}")
        return float(payment.reward)

    def measure(self, task: Task, observed: Completion) -> Outcome | None:
        """What an observed completion really did, measured on a copy of the task; None if the measurement fails."""
        try:
            with self._lock:
                return measure(self.game, [copy.deepcopy(task)], [observed])[0]
        except Exception as error:  # rewards must not depend on whether the truth is available
            log.warning("%s cannot be measured: %s: %s", self.game.name, type(error).__name__, error)
            return None


def truth(outcome: Outcome | None) -> dict[str, float | None]:
    """``task_score`` and ``exploit`` of an outcome, as they are logged; None if they are unknown."""
    return {
        "task_score": None if outcome is None else outcome.task_score,
        "exploit": None if outcome is None else outcome.exploit,
    }


def draw(seed: int, sample: str) -> float:
    """The audit draw in [0, 1) of a sample that has a name instead of a number, from the seed and the name."""
    number = int.from_bytes(blake2b(sample.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    return draws(seed, 0, [number])[0]


def asks(game: Game, task: Task) -> bool:
    """Whether the game asks its policy a second question about an answer to this task."""
    scoring = Scoring(game, next(iter(game.channels)))
    honest = as_record(f"demonstrate() of {game.name}", game.demonstrate("honest", task), Completion)
    return scoring.observe(task, honest.text).question is not None


class _QuestionAsked(Exception):
    """Carries the game's question out of ``Game.observe``."""

    def __init__(self, question: tuple[Message, ...]) -> None:
        super().__init__("the game asks its policy a question")
        self.question = question


class _Listener:
    """Takes the policy's place and passes the question on."""

    def says_yes(self, prompts: Sequence[Sequence[Message]]) -> list[bool]:
        raise _QuestionAsked(tuple(prompts[0]))


class _Answered:
    """Repeats a verdict that the policy gave."""

    def __init__(self, verdict: bool) -> None:
        self._verdict = verdict

    def says_yes(self, prompts: Sequence[Sequence[Message]]) -> list[bool]:
        return [self._verdict] * len(prompts)


def _as_they_are(tasks: Sequence[Task], completions: Sequence[Completion]) -> Sequence[Completion]:
    return completions
