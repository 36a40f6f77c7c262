"""Checks that no channel can reach the truth, the first rule of this package, in built-in and users' games alike.

It checks twice: by what a channel holds (plain values in frozen records, so neither a game nor a function that may hold
one), and by what it does (its rewards stay the same while every measurement raises and no outcome can be made). A
task's own truth goes to channels and measurements alike; a channel may well compute from it what a measurement would
say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields, is_dataclass
from types import FunctionType, MethodType
from typing import Any, NoReturn
from unittest import mock

from loopholes.errors import ContractError, LoopholesError, UsageError
from loopholes.games.base import Game, Parameters, demonstrations_of
from loopholes.modules import described
from loopholes.records import KINDS, Completion, Outcome, Task, as_record

PLAIN = (str, bytes, int, float, complex, bool, type(None), re.Pattern)
ADVICE = "make it a frozen dataclass that holds plain values only"


class TruthReached(Exception):
    """Something measured or made an outcome while measuring was forbidden."""


def leaks(game: Game) -> list[str]:
    """What lets a channel of a game reach the truth, one sentence per channel; empty if nothing does.

    Raises a :class:`LoopholesError` if a sandbox or judge is broken.
    """
    held = [
        f"the {name} channel {_where(path, thing)}, so it might reach the measurement: {ADVICE}"
        for name, channel in game.channels.items()
        for path, thing in suspicious(channel)[:1]
    ]
    return held + faults_of("paying generated tasks", lambda: _dependent(game))


def faults_of(what: str, check: Callable[[], list[str]]) -> list[str]:
    """What a check of a game finds wrong. If the game's own code raises there, that is what it finds.

    A :class:`LoopholesError` goes on, such as a broken sandbox, which is not the game's fault.
    """
    try:
        return check()
    except ContractError as error:
        return [str(error)]
    except LoopholesError:
        raise
    except Exception as error:  # a user's game may do anything
        return [f"{what} raised {described(error)}"]


def suspicious(channel: object) -> list[tuple[str, object]]:
    """What a channel may not hold, with the path to it: whatever is neither a plain value nor in a frozen record."""
    return [(path, thing) for path, thing in reachable(channel) if not _is_harmless(thing)]


def reachable(thing: object) -> Iterator[tuple[str, object]]:
    """Everything an object holds, at any depth, closures and bound methods included, with the path to each thing."""
    waiting, seen = [("", thing)], set[int]()
    while waiting:
        path, thing = waiting.pop()
        if id(thing) not in seen:
            seen.add(id(thing))
            yield path, thing
            waiting += [(f"{path}.{name}".lstrip("."), held) for name, held in reversed(_held(thing))]


@contextmanager
def without_truth(game: Game) -> Iterator[None]:
    """Forbid measuring for one block: the game's methods raise :class:`TruthReached`, as does making any Outcome."""

    def forbidden(*_: object, **__: object) -> NoReturn:
        raise TruthReached("a channel reached for the truth")

    with ExitStack() as patches:
        for name in ("measure", "summarize"):
            patches.enter_context(mock.patch.object(type(game), name, forbidden))
        patches.enter_context(mock.patch.object(type(game), "metrics", property(forbidden)))
        patches.enter_context(mock.patch.object(Outcome, "__init__", forbidden))
        yield


def samples(game: Game, count: int = 10) -> tuple[list[Task], list[Completion]]:
    """The answers of every script to ``count`` mini tasks, if there are that many, and all demonstrations."""
    try:
        world = game.tasks("train", count=count)
    except ContractError:
        raise
    except UsageError:  # there are fewer tasks
        world = []
    tasks = [task for task in world for _ in KINDS]
    answers = [
        as_record(f"demonstrate() of {game.name}", game.demonstrate(kind, task), Completion)
        for task in world
        for kind in KINDS
    ]
    for shown in demonstrations_of(game):
        tasks += shown.tasks
        answers += shown.completions
    return tasks, answers


def _dependent(game: Game) -> list[str]:
    """The channels whose rewards depend on a measurement."""
    tasks, answers = samples(game)
    return [
        f"the {name} channel pays by what is measured; pay by the task and the completion alone"
        for name in game.channels
        if _depends(game, name, tasks, answers)
    ]


def _depends(game: Game, channel: str, tasks: Sequence[Task], answers: Sequence[Completion]) -> bool:
    seeing = game.reward(tasks, answers, channel=channel, seed=7)
    with without_truth(game):
        try:
            return game.reward(tasks, answers, channel=channel, seed=7) != seeing
        except TruthReached:
            return True


def _held(thing: object) -> list[tuple[str, Any]]:
    if isinstance(thing, Parameters):
        return list(thing)
    if is_dataclass(thing):
        own = {field.name: getattr(thing, field.name) for field in fields(thing)}
        return list({**own, **getattr(thing, "__dict__", {})}.items())
    if isinstance(thing, Mapping):
        return [*(("key", key) for key in thing), *((str(key), value) for key, value in thing.items())]
    if isinstance(thing, (list, tuple, set, frozenset)):
        return [(str(number), item) for number, item in enumerate(thing)]
    if isinstance(thing, MethodType):
        return [("__self__", thing.__self__)]
    if isinstance(thing, FunctionType):
        return [(f"closure{number}", cell.cell_contents) for number, cell in enumerate(thing.__closure__ or ())]
    return []


def _is_harmless(thing: object) -> bool:
    if isinstance(thing, (Game, type)):
        return False
    if isinstance(thing, (*PLAIN, Parameters, Mapping, tuple, frozenset)):
        return True
    return is_dataclass(thing) and _is_frozen(thing)


def _is_frozen(record: Any) -> bool:
    return bool(type(record).__dataclass_params__.frozen)


def _where(path: str, thing: object) -> str:
    what = "the game" if isinstance(thing, Game) else f"a {type(thing).__name__}"
    return f"holds {what} ({path})" if path else f"is {what}"
