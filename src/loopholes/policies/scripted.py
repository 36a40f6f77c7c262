"""Policies that follow a game's own script: honest, exploiting, inept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, get_args

from loopholes.errors import PolicyError, UnknownName, UsageError
from loopholes.policies.base import Sampling
from loopholes.records import Completion, Kind, Message, PromptStyle, Task, as_record

PREFIX = "scripted:"


class Demonstrator(Protocol):
    """What a script needs from its game: the name and the demonstrations."""

    @property
    def name(self) -> str:
        """The game's name."""
        ...

    def demonstrate(self, kind: Kind, task: Task) -> Completion:
        """What a scripted policy of this kind answers."""
        ...


class ScriptedPolicy:
    """Answers every task with ``game.demonstrate(kind, task)``; sampling and seed do not matter."""

    prompt_style: PromptStyle = "chat"

    def __init__(self, kind: Kind, game: Demonstrator) -> None:
        self.name = f"scripted:{kind}"
        self._kind = kind
        self._game = game

    def complete(self, tasks: Sequence[Task], sampling: Sampling, seed: int) -> list[Completion]:
        """One completion per task, in order."""
        source = f"demonstrate() of {self._game.name}"
        return [as_record(source, self._game.demonstrate(self._kind, task), Completion) for task in tasks]

    def says_yes(self, prompts: Sequence[Sequence[Message]]) -> list[bool]:
        """Raises :class:`PolicyError`: a demonstration carries its own claim."""
        raise PolicyError(f"{self.name} cannot be asked: {self._game.name}'s demonstrations carry their own claims")


def load(name: str, game: Demonstrator | None) -> ScriptedPolicy:
    """The script called ``scripted:KIND`` of a game; raises :class:`UsageError` or :class:`UnknownName`."""
    wanted = name.removeprefix(PREFIX)
    for kind in get_args(Kind):
        if kind == wanted:
            if game is None:
                raise UsageError(f"{name} plays a game; say which one")
            return ScriptedPolicy(kind, game)
    raise UnknownName("scripted policy", wanted, list(get_args(Kind)))
