"""Does one episode change the next?

The same policy plays the same row in a fresh process, and in one that played other episodes before. The first
observation and the payment should be the same. Two fresh processes are compared as well: if they differ already,
episodes are random, and there is no conclusion. Python's and NumPy's global random generators are reseeded before each
episode, so that they make no difference. Earlier episodes are a column of the row, so that a finding can be replayed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from loopholes.audit.episodes.playing import EARLIER, start_of
from loopholes.audit.episodes.scripts import OBSERVATION, script
from loopholes.audit.frameworks.base import Paid, Row
from loopholes.audit.scale import Level
from loopholes.audit.scorer import Scorer

IDLE = ("", script(OBSERVATION))
"""Completions of earlier episodes, in addition to right and wrong answers."""
ROWS = 2
"""Rows whose episodes are played earlier."""


class Leak(NamedTuple):
    """A policy whose episode changes after others: its payments ``alone`` and ``after`` them.

    ``row`` is the level's row with the earlier episodes.
    """

    level: Level
    row: Row
    text: str
    alone: Paid
    after: Paid

    @property
    def changes_start(self) -> bool:
        """Whether the episode begins differently, so that it may be a different task."""
        return self.alone.first_observation != self.after.first_observation


def ask_leaks(scorer: Scorer, levels: Sequence[Level]) -> list[Leak]:
    """The policies whose episodes earlier ones change. The reward's process is fresh at the end."""
    if not levels:
        return []
    level = next((level for level in levels if level.width is not None), levels[0])
    row = scorer.rows[level.row]
    alone = replace(row, columns={**row.columns, EARLIER: []})
    played = [*[other for other in levels if other is not level][: ROWS - 1], level]
    earlier = [episode for played_level in played for episode in _played(scorer, played_level)]
    after = replace(row, columns={**row.columns, EARLIER: earlier})
    leaks = []
    for text in _texts(level):
        first, second, later = (_fresh(scorer, each, text) for each in (alone, alone, after))
        if _differs(first, second, later):
            leaks.append(Leak(level, after, text, first, later))
    scorer.restart()
    return leaks


def _played(scorer: Scorer, level: Level) -> Iterator[Mapping[str, Any]]:
    seed = start_of(scorer.rows[level.row])[0]
    yield from ({"seed": seed, "completion": text} for text in _texts(level))


def _texts(level: Level) -> list[str]:
    return list(dict.fromkeys([level.golden_text, level.floor_text, *IDLE]))


def _fresh(scorer: Scorer, row: Row, text: str) -> Paid:
    """The payment of an episode in a fresh process."""
    scorer.restart()
    return scorer.pay_now([(row, text)])[0]


def _differs(first: Paid, second: Paid, later: Paid) -> bool:
    """Whether something that agreed in two fresh processes is different later."""
    starts_differently = first.first_observation == second.first_observation != later.first_observation
    return starts_differently or _result(first) == _result(second) != _result(later)


def _result(paid: Paid) -> tuple[str, bool]:
    return str(paid.value), bool(paid.problem)
