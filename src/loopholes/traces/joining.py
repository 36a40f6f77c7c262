"""Which task a rollout answers: the one that its file carries, the one with its id, or the one with its prompt."""

from __future__ import annotations

import json
from collections.abc import Sequence

from loopholes.games.base import Game
from loopholes.records import Task, task_from_json
from loopholes.traces.rollout import Rollout


class Tasks:
    """The tasks of a game that rollouts can be joined to: ``tasks``, and those that the rollouts carry themselves."""

    def __init__(self, game: Game, tasks: Sequence[Task] = ()) -> None:
        self._game = game
        self._by_id = {task.id: task for task in tasks}
        self._carried: dict[str, Task] = {}
        self._by_prompt: dict[str, Task | None] = {}

    def task_of(self, rollout: Rollout) -> Task:
        """The task that a rollout answers; raises ValueError if there is none, or more than one."""
        if rollout.task is not None:
            return self._carried_task(json.dumps(rollout.task, sort_keys=True))
        if rollout.task_id in self._by_id:
            return self._by_id[rollout.task_id]
        if rollout.prompt not in self._by_prompt:
            self._by_prompt[rollout.prompt] = self._in_prompt(rollout.prompt)
        task = self._by_prompt[rollout.prompt]
        if task is None:
            raise ValueError("no task has its id or its prompt")
        return task

    def _carried_task(self, written: str) -> Task:
        if written not in self._carried:
            task = task_from_json(json.loads(written))
            self._game.check(task)
            self._carried[written] = task
        return self._carried[written]

    def _in_prompt(self, prompt: str) -> Task | None:
        """The longest task whose turns all occur in a prompt, in order; chat templates add words around them."""
        words = _words(prompt)
        fitting = [task for task in self._by_id.values() if _stands_in(task, words)]
        return max(fitting, key=lambda task: sum(len(turn["content"]) for turn in task.prompt), default=None)


def _stands_in(task: Task, prompt: str) -> bool:
    start = 0
    for turn in task.prompt:
        content = _words(turn["content"])
        start = prompt.find(content, start)
        if start < 0:
            return False
        start += len(content)
    return True


def _words(text: str) -> str:
    """A text with one space between its words: templates strip and break lines."""
    return " ".join(text.split())
