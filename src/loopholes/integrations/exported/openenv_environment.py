"""A game of Loopholes as an OpenEnv environment: the channel pays, and the truth goes into the last observation.

The truth is measured separately: if that fails it is null, and the reward does not change. The game, its settings and
its tasks are in the folder ``game`` of this package.
"""

from pathlib import Path
from typing import Any
from uuid import uuid4

from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import State

from loopholes.integrations.exported.openenv_models import GameAction, GameObservation
from loopholes.integrations.packing import open_package, refuse_other_version
from loopholes.integrations.scoring import Scoring, truth
from loopholes.records import Completion, Message, Split, Task

refuse_other_version("openenv", "0.10")
PACKAGE = open_package(Path(__file__).parents[1] / "game")
SCORING = Scoring(PACKAGE.game, PACKAGE.channel, PACKAGE.seed)


class GameEnvironment(Environment[GameAction, GameObservation, State]):
    """One episode is one task: an answer, and a verdict on it if the game asks its policy for one.

    An audit draw depends on the seed of the export, the episode's id and the task.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self) -> None:
        super().__init__()
        self._state = State(episode_id=str(uuid4()), step_count=0)
        self._resets = 0
        self._task: Task | None = None
        self._answer: str | None = None

    def reset(
        self, seed: int | None = None, episode_id: str | None = None, split: Split = "train", **_: Any
    ) -> GameObservation:
        """The task number ``seed`` of a split (``train`` or ``test``), or the next one without a seed."""
        if split not in PACKAGE.tasks:
            raise ValueError(f"there is no split {split!r}; choose from: {', '.join(PACKAGE.tasks)}")
        tasks = PACKAGE.tasks[split]
        self._task = tasks[(self._resets if seed is None else seed) % len(tasks)]
        self._resets += 1
        self._answer = None
        self._state = State(episode_id=episode_id or str(uuid4()), step_count=0)
        return _asking(self._task.prompt)

    def step(self, action: GameAction, timeout_s: float | None = None, **_: Any) -> GameObservation:
        """Take an answer, or the verdict on it; the episode ends when it is paid."""
        if self._task is None:
            raise ValueError("the episode is over: reset the environment")
        self._state.step_count += 1
        if self._answer is not None:
            completion, _question = SCORING.observe(self._task, self._answer, action.text)
            return self._paid(completion)
        completion, question = SCORING.observe(self._task, action.text)
        if question is None:
            return self._paid(completion)
        self._answer = action.text
        return _asking(question, reward=0.0)  # the answer is paid with its verdict, in the step after this one

    def _paid(self, completion: Completion) -> GameObservation:
        task, self._task = self._task, None
        assert task is not None
        payment = SCORING.pay(task, completion, f"{self._state.episode_id} {task.id}")
        why = {"reason": payment.reason} if payment.reward is None else {}
        metadata = {**truth(SCORING.measure(task, completion)), **why}
        return GameObservation(done=True, reward=payment.reward, metadata=metadata)

    @property
    def state(self) -> State:
        """The episode's id and its number of steps."""
        return self._state


def _asking(prompt: tuple[Message, ...], reward: float | None = None) -> GameObservation:
    turns = [dict(turn) for turn in prompt]
    return GameObservation(prompt="\n\n".join(turn["content"] for turn in prompt), messages=turns, reward=reward)
