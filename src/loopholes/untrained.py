"""One policy in every game before any training, and how often it takes each shortcut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopholes.numbers import Estimate, share, written
from loopholes.paper import TRANSFER
from loopholes.report.elements import Cell, Section, Table

QUESTION = "Does the policy take the shortcuts untrained, and how often?"
METRICS = ("task_performance", "exploit_rate")
COLUMNS = ("game", "task performance", "exploit rate", "the paper's Qwen3-4B")
NOTE = (
    "Intervals are over tasks. The paper's numbers are task performance and exploit rate of one untrained model on its "
    "own tasks, without intervals, and none are known here for reward-tampering: compare directions, not levels. In "
    "context-compliance the exploit rate is the compliance gap: harmful requests that are granted to everybody add "
    "nothing to it."
)


def untrained_table(policy: str, cells: Mapping[str, Sequence[Mapping[str, Any]]]) -> Table:
    """Both metrics of each game, from the ``cells`` of its evaluation, beside the paper's untrained model."""
    rows = [_row(game, {cell["metric"]: cell for cell in records}) for game, records in cells.items()]
    return Table("untrained", f"{policy}, before any training", COLUMNS, rows, NOTE)


def untrained_section(policy: str, cells: Mapping[str, Sequence[Mapping[str, Any]]]) -> Section:
    """The same for a page, with the answer in words."""
    table = untrained_table(policy, cells)
    rates = {str(row[0]): row[2] for row in table.rows if isinstance(row[2], Estimate)}
    certain = [f"{game} ({written(rate)})" for game, rate in rates.items() if rate.low is not None and rate.low > 0]
    answer = (
        f"Before any training {policy} takes the shortcut in {len(certain)} of {len(rates)} games for certain, that is "
        f"with an interval above 0{': ' if certain else ''}{', '.join(certain)}."
    )
    return Section(f"{policy}, untrained", QUESTION, answer, tables=[table])


def _row(game: str, cells: Mapping[str, Mapping[str, Any]]) -> list[Cell]:
    keys = ("value", "low", "high", "n", "seeds")
    measured: list[Cell] = [
        Estimate(**{key: cells[metric][key] for key in keys}) if metric in cells else None for metric in METRICS
    ]
    published = [value for value in TRANSFER.get(("base", game), ()) if value is not None]
    return [game, *measured, ", ".join(map(share, published)) or None]
