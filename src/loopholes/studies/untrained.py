"""One policy in every game before any training: how often it takes each shortcut by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopholes.numbers import Estimate, share
from loopholes.report.elements import Cell, Table
from loopholes.studies.paper import TRANSFER

METRICS = ("task_performance", "exploit_rate")
COLUMNS = ("game", "task performance", "exploit rate", "paper's Qwen3-4B: task", "exploit")
NOTE = (
    "Intervals are over tasks. The paper's numbers are one untrained model on its own tasks, without intervals, and it "
    "gives none for reward-tampering in this layout: compare directions, not levels. In context-compliance the exploit "
    "rate is the compliance gap, and a harmful request that is granted to everybody adds nothing to it."
)


def untrained_table(policy: str, cells: Mapping[str, Sequence[Mapping[str, Any]]]) -> Table:
    """Both metrics of each game, from the ``cells`` of its evaluation, beside the paper's untrained model."""
    rows = [_row(game, {cell["metric"]: cell for cell in found}) for game, found in cells.items()]
    return Table("untrained", f"{policy}, before any training", COLUMNS, rows, NOTE)


def _row(game: str, cells: Mapping[str, Mapping[str, Any]]) -> list[Cell]:
    keys = ("value", "low", "high", "n", "seeds")
    measured: list[Cell] = [
        Estimate(**{key: cells[metric][key] for key in keys}) if metric in cells else None for metric in METRICS
    ]
    published = TRANSFER.get(("base", game), (None, None))
    return [game, *measured, *(None if value is None else share(value) for value in published)]
