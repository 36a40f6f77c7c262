"""Does one episode change the next?

The same policy plays the same row in a process that played nothing before, and in one that played other episodes. What
is shown first and what is paid should be the same. It is asked twice of fresh processes: where those differ already,
episodes are random, and nothing is said. Python's and NumPy's global random numbers begin anew with each episode, so
that they are no such difference. The earlier episodes are a column of the row, so that a finding can be replayed.
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
"""What episodes do beside right and wrong answers."""
ROWS = 2
"""Rows whose episodes are played before another one."""


class Leak(NamedTuple):
    """A policy whose episode is another one after other episodes: what it was paid ``alone``, and ``after`` them.

    ``row`` is that of the level with the earlier episodes.
    """

    level: Level
    row: Row
    text: str
    alone: Paid
    after: Paid

    @property
    def changes_start(self) -> bool:
        """Whether the episode begins otherwise, so that it may be another task."""
        return self.alone.shown != self.after.shown


def ask_leaks(scorer: Scorer, levels: Sequence[Level]) -> list[Leak]:
    """Every policy tried whose episode others changed; the reward's process is a fresh one at the end."""
    if not levels:
        return []
    level = next((level for level in levels if level.width is not None), levels[0])
    row = scorer.rows[level.row]
    alone = replace(row, columns={**row.columns, EARLIER: []})
    others = [*[other for other in levels if other is not level][: ROWS - 1], level]
    after = replace(row, columns={**row.columns, EARLIER: [one for other in others for one in _played(scorer, other)]})
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
    """What an episode is paid in a process that played nothing before."""
    scorer.restart()
    return scorer.pay_now([(row, text)])[0]


def _differs(first: Paid, second: Paid, later: Paid) -> bool:
    """Whether what was the same in two fresh processes is something else later."""
    starts_otherwise = first.shown == second.shown != later.shown
    return starts_otherwise or _result(first) == _result(second) != _result(later)


def _result(paid: Paid) -> tuple[str, bool]:
    return str(paid.value), bool(paid.problem)
