"""TRL 1.16: a channel as a reward function of the stock GRPOTrainer, and the game's tasks as its data set.

::

    GRPOTrainer(
        model=..., reward_funcs=reward("reward-tampering", "vulnerable"), train_dataset=dataset("reward-tampering")
    )

The truth goes to TRL's completions table and metrics (``log_extra``, ``log_metric``) after the rewards are settled, and
never changes them.
"""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from loopholes.errors import UsageError
from loopholes.files import jsonable
from loopholes.games import game as make_game
from loopholes.games.base import Game
from loopholes.integrations.packing import refuse_other_version
from loopholes.integrations.scoring import asks
from loopholes.records import Asker, Completion, PromptStyle, Split, Task, draws, task_from_json, task_to_json
from loopholes.score import Paid, measure, observe_and_pay, outcome_metrics

if TYPE_CHECKING:
    from datasets import Dataset

log = logging.getLogger(__name__)

PACKAGE, VERSION = "trl", "1.16"
TASK = "loopholes_task"
"""The column that holds a row's task, as JSON."""


class Reward:
    """A reward function for TRL; see :func:`reward`."""

    def __init__(self, game: Game, channel: str, seed: int, asker: Asker | None) -> None:
        self.__name__ = f"{game.name} {channel}"  # how TRL's logs name it
        self._game = game
        self._channel = channel
        self._seed = seed
        self._asker = asker
        self._step, self._paid_in_step = -1, 0

    def __call__(
        self,
        *,
        completions: Sequence[Any],
        trainer_state: Any,
        log_extra: Any = None,
        log_metric: Any = None,
        **columns: Any,
    ) -> list[float | None]:
        """One reward per completion, in the game's units; None if nothing can be paid: TRL then ignores the sample.

        Raises :class:`UsageError` for data that is not from :func:`dataset`, and :class:`ScoringError` if a sandbox or
        judge is broken.
        """
        tasks = _tasks(columns)
        texts = [item if isinstance(item, str) else item[-1]["content"] for item in completions]
        numbers = self._draws(trainer_state.global_step, len(tasks))
        channels = {self._channel: self._game.channel(self._channel)}
        paid = observe_and_pay(
            self._game.name, channels, self._observe, tasks, [Completion(text) for text in texts], numbers
        )
        rewards = [payment.reward for payment in paid.payments[self._channel]]
        self._log_truth(copy.deepcopy(tasks), paid, log_extra, log_metric)
        return rewards

    def _observe(self, tasks: Sequence[Task], completions: Sequence[Completion]) -> list[Completion]:
        return self._game.observe(tasks, completions, policy=self._asker)

    def _draws(self, finished: int, count: int) -> list[float]:
        """The draws of these samples: a sample's number is its position among all samples of a step."""
        from accelerate import PartialState

        processes = PartialState()
        if finished != self._step:
            self._step, self._paid_in_step = finished, 0
        first = self._paid_in_step * processes.num_processes + processes.process_index * count
        self._paid_in_step += count
        return draws(self._seed, finished + 1, range(first, first + count))

    def _log_truth(self, tasks: Sequence[Task], paid: Paid, log_extra: Any, log_metric: Any) -> None:
        """Log through TRL what the completions really did; a measurement that fails is logged as unknown."""
        if log_extra is None:
            return
        try:
            outcomes = measure(self._game, tasks, paid.completions)
            log_extra("task_score", [outcome.task_score for outcome in outcomes])
            log_extra("exploit", [outcome.exploit for outcome in outcomes])
            for name, value in outcome_metrics(self._game.metrics, tasks, outcomes).items():
                if value is not None:
                    log_metric(name, value)
        except Exception as error:
            log.warning("%s cannot be measured: %s: %s", self._game.name, type(error).__name__, error)


def reward(
    game: str | Game,
    channel: str = "vulnerable",
    *,
    seed: int = 0,
    asker: Asker | None = None,
    **parameters: Any,
) -> Reward:
    """A channel of a game as an entry of ``reward_funcs``; ``parameters`` are the game's own.

    ``asker`` answers the second question of two-pass self-grading, since TRL passes no model to a reward function. A
    :class:`loopholes.policies.yes_no.ModelAsker` of the same model object that the trainer gets asks the current
    policy, as long as every process holds all of its weights (not with FSDP or DeepSpeed ZeRO-3).

    An audit draw depends on ``seed``, the step, and the sample's place in the step, as in ``loopholes train``. Raises
    :class:`UsageError` for a game that asks its policy without an ``asker``, and for another version of TRL.
    """
    refuse_other_version(PACKAGE, VERSION)
    played = _game(game, parameters)
    played.channel(channel)
    if asker is None and asks(played, _any_task(played)):
        raise UsageError(
            f"{played.name} asks its policy a second question, but TRL gives a reward function no policy: pass asker="
            "ModelAsker(model, tokenizer), set self_report='inline', or use loopholes train"
        )
    return Reward(played, channel, seed, asker)


def dataset(
    game: str | Game,
    split: Split = "train",
    *,
    seed: int = 0,
    count: int = 256,
    prompts: PromptStyle = "chat",
    tasks: Sequence[Task] | None = None,
    **parameters: Any,
) -> Dataset:
    """Tasks of a game as TRL reads them: ``prompt`` (messages) and the task for :func:`reward`, as JSON.

    ``tasks`` replace ``count`` generated ones. ``prompts`` are ``terse`` for the mini policies and ``chat`` for
    all others.
    """
    from datasets import Dataset

    played = _game(game, parameters)
    if tasks is None:
        tasks = played.tasks(split, seed=seed, count=count, prompts=prompts, trainable=True)
    return Dataset.from_list([row(task) for task in tasks])


def row(task: Task) -> dict[str, Any]:
    """One row of :func:`dataset`."""
    return {"prompt": [dict(turn) for turn in task.prompt], TASK: json.dumps(jsonable(task_to_json(task)))}


def _game(game: str | Game, parameters: Mapping[str, Any]) -> Game:
    if isinstance(game, Game):
        if parameters:
            raise UsageError(f"{game.name} is a game already: set its parameters when you create it")
        return game
    return make_game(game, **parameters)


def _any_task(game: Game) -> Task:
    """Any task of the game."""
    return game.demonstrations()[0].tasks[0] if game.demonstrations() else game.tasks("train", count=1)[0]


def _tasks(columns: Mapping[str, Any]) -> list[Task]:
    if TASK not in columns:
        raise UsageError(f"the data has no column {TASK}: train on loopholes.integrations.trl.dataset(...)")
    return [task_from_json(json.loads(text)) for text in columns[TASK]]
