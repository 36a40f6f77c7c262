"""Checks a game against itself: its demonstrations are replayed, and its channels must not reach the truth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from copy import copy
from itertools import islice
from typing import Any, get_args

import numpy as np

from loopholes.games.base import Demonstration, Game, World, WorldParameters, demonstrations_of
from loopholes.games.isolation import faults_of, leaks
from loopholes.records import KINDS, draws
from loopholes.score import Scored, score

NEEDED_CHANNELS = ("vulnerable", "secure")
GENERATED = 300
"""Tasks that a game has to generate without an end."""


def validate(game: Game) -> list[str]:
    """What is wrong with a game, one sentence each; empty if nothing is.

    Every demonstration must give exactly what it expects: the rewards of all channels, with the demonstration's draws,
    the task scores, the exploits, and the exploit rate as the game's metrics report it. No channel may reach a
    measurement, by what it holds or by what it pays (:mod:`loopholes.games.isolation`), and tasks are generated without
    an end. A game whose world depends on the policy is checked in each world.
    """
    chosen = game.parameters
    if not isinstance(chosen, WorldParameters) or chosen.world != "auto":
        return _found_in(game)
    findings = {world: _found_in(_in_world(game, chosen, world)) for world in get_args(World)}
    everywhere = [finding for finding in findings["mini"] if all(finding in listed for listed in findings.values())]
    return everywhere + [
        f"in the {world} world, {finding}"
        for world, listed in findings.items()
        for finding in listed
        if finding not in everywhere
    ]


def _in_world(game: Game, chosen: WorldParameters, world: World) -> Game:
    """The same game in one world; a copy, since a user's game may be made from more than its parameters."""
    played = copy(game)
    played.parameters = chosen.model_copy(update={"world": world})
    return played


def _found_in(game: Game) -> list[str]:
    """What is wrong with a game in one world."""
    demonstrations: list[Demonstration] = []

    def collect() -> list[str]:
        demonstrations.extend(demonstrations_of(game))
        return []

    if faults := faults_of("demonstrations()", collect):
        return faults
    missing = [kind for kind in KINDS if kind not in {shown.kind for shown in demonstrations}]
    findings = [f"there is no {kind} demonstration" for kind in missing]
    findings += [f"there is no {name} channel" for name in NEEDED_CHANNELS if name not in game.channels]
    findings += [
        f"there is no metric {name}" for name in ("task_performance", "exploit_rate") if name not in game.metrics
    ]
    findings += [finding for shown in demonstrations for finding in _replayed(game, shown)]
    return list(dict.fromkeys(findings + leaks(game) + faults_of("generate()", lambda: _ending(game))))


def _ending(game: Game) -> list[str]:
    """A sentence if the game generates only so many tasks; no sentence if not."""
    count = sum(1 for _ in islice(game.generate(np.random.default_rng(0), "terse"), GENERATED))
    after = f"generate() ends after {count} task{'' if count == 1 else 's'}"
    return [] if count == GENERATED else [f"{after}: let it go on for ever, since every split and seed draws from it"]


def replay(game: Game, shown: Demonstration) -> Scored:
    """A demonstration, paid now by every channel and measured, with its own draws if it has any."""
    numbers = shown.draws or draws(0, 0, range(len(shown.tasks)))
    return score(game, shown.tasks, shown.completions, channels=list(game.channels), draws=numbers)


def _replayed(game: Game, shown: Demonstration) -> list[str]:
    kind = shown.kind
    return faults_of(f"{kind}: scoring", lambda: [f"{kind}: {difference}" for difference in _differences(game, shown)])


def _differences(game: Game, shown: Demonstration) -> Iterator[str]:
    """Every difference between what one demonstration expects and what it gets."""
    count = len(shown.tasks)
    if not count or len(shown.completions) != count:
        yield f"{count} tasks and {len(shown.completions)} completions"
        return
    scored = replay(game, shown)
    for name, payments in scored.payments.items():
        if name not in shown.rewards:
            yield f"no rewards are given for the {name} channel"
            continue
        yield from _unequal(f"{name} reward", [payment.reward for payment in payments], shown.rewards[name])
    outcomes = scored.outcomes
    yield from _unequal("task score", [outcome.task_score for outcome in outcomes], shown.task_scores)
    yield from _unequal("exploit", [outcome.exploit for outcome in outcomes], shown.exploits)
    if shown.exploit_rate is not None and "exploit_rate" in game.metrics:
        rate = game.summarize(shown.tasks, outcomes)["exploit_rate"].value
        yield from _unequal("exploit rate", [rate], [shown.exploit_rate])


def _unequal(what: str, actual: Sequence[float | None], expected: Sequence[float | None]) -> Iterator[str]:
    if len(actual) != len(expected):
        yield f"{what}: {len(actual)} numbers where {len(expected)} are expected"
    elif not all(map(_same, actual, expected)):
        yield f"{what} is {_shown(actual)}, not {_shown(expected)}"


def _same(actual: float | None, expected: float | None) -> bool:
    if actual is None or expected is None:
        return actual is expected
    return math.isclose(actual, expected, rel_tol=1e-9, abs_tol=1e-12)


def _shown(numbers: Sequence[Any]) -> str:
    texts = ["none" if number is None else f"{number:g}" for number in numbers]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
