"""A channel of this project's games as a reward like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopholes.audit.frameworks.base import Paid, Part, Row
from loopholes.errors import UsageError
from loopholes.games import game as make_game
from loopholes.games.base import Game
from loopholes.records import Completion, Kind, Task, as_record, draws, task_from_json, task_to_json
from loopholes.score import measure, pay

NAME = "game"
PACKAGE = None
EXTRA = None
REQUIREMENTS: Mapping[str, Sequence[str]] = {}
PREFIXES = ("game",)
recognises = None  # games are named by the prefix only
OPTIONS = {
    "channel": "The channel that pays; --channel sets it.",
    "parameters": "The game's own parameters; each is set by its name.",
    "seed": "The seed of audit draws; --seed sets it.",
}
TASK = "task"
"""The column that holds a row's task."""


class GameReward:
    """One channel. A row's audit draw is the same for each of its completions."""

    batched = False
    notes: Sequence[str] = ()

    def __init__(self, game: Game, channel: str, seed: int) -> None:
        game.channel(channel)  # refuses an unknown channel before anything is scored
        self._game = game
        self._channel = channel
        self._seed = seed

    def __call__(self, rows: Sequence[Row], texts: Sequence[str]) -> list[Paid]:
        numbers = draws(self._seed, 0, [row.number for row in rows])
        payments = pay(self._game, self._channel, _tasks(rows), [Completion(text) for text in texts], numbers)
        return [Paid(payment.reward, payment.reason) for payment in payments]


def rows_of(game: Game, count: int, seed: int) -> list[Row]:
    """At most ``count`` tasks of the mini world that can be trained on.

    The honest demonstration is golden, the inept one the floor.
    """
    tasks = game.tasks("test", seed=seed, count=count, trainable=True, at_most=True)
    kinds: tuple[Kind, Kind] = ("honest", "inept")
    source = f"demonstrate() of {game.name}"
    golden, floor = (
        [as_record(source, game.demonstrate(kind, task), Completion).text for task in tasks] for kind in kinds
    )
    return [
        Row(number, task.prompt, golden[number], floor[number], {TASK: task_to_json(task)})
        for number, task in enumerate(tasks)
    ]


def truth(game: Game, rows: Sequence[Row], texts: Sequence[str]) -> list[float | None]:
    """What was really done: the game's own task scores."""
    tasks = _tasks(rows)
    observed = game.observe(tasks, [Completion(text) for text in texts])
    return [outcome.task_score for outcome in measure(game, tasks, observed)]


def _tasks(rows: Sequence[Row]) -> list[Task]:
    return [task_from_json(row.columns[TASK]) for row in rows]


def build(parts: Sequence[Part], options: Mapping[str, Any]) -> GameReward:
    """See :mod:`loopholes.audit.frameworks`. Options: ``channel``, ``parameters`` and ``seed``."""
    if len(parts) != 1:
        raise UsageError("one game at a time is audited")
    game = make_game(parts[0].name, **options.get("parameters", {}))
    return GameReward(game, str(options.get("channel") or "vulnerable"), int(options.get("seed") or 0))
