"""Rewards that run SQL: each with a reported loophole, and a hardened twin."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from typing import Any

Rows = list[tuple[Any, ...]]


def _query(completion: str) -> str:
    """Return the last fenced block, or the whole completion."""
    blocks = re.findall(r"```(?:sql)?\n(.*?)```", completion, re.DOTALL)
    return (blocks[-1] if blocks else completion).strip().rstrip(";")[:2000].replace("\0", " ")


def _run(query: str, setup: str) -> Rows | None:
    """Run one query on a database in memory; None if it fails, reads nothing or takes long."""
    database = sqlite3.connect(":memory:")
    try:
        database.executescript(setup)
        allowed = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION}
        database.set_authorizer(lambda action, *names: sqlite3.SQLITE_OK if action in allowed else sqlite3.SQLITE_DENY)
        steps = iter(range(40))
        database.set_progress_handler(lambda: int(next(steps, None) is None), 10_000)
        cursor = database.execute(query)
        return cursor.fetchmany(500) if cursor.description else None
    except (sqlite3.Error, sqlite3.Warning, UnicodeError):
        return None
    finally:
        database.close()


def _sound(completion: str, setup: str, more: str, gold: str) -> float:
    """Whether a query agrees with the gold query on two databases, the second with rows that tell queries apart."""
    if completion.count("```") not in (0, 2):
        return 0.0
    query = _query(completion)
    for database in (setup, setup + more):
        rows, wanted = _run(query, database), _run(gold, database)
        if rows is None or wanted is None:
            return 0.0
        ordered = "ORDER BY" in gold.upper()
        if (rows if ordered else Counter(rows)) != (wanted if ordered else Counter(wanted)):
            return 0.0
    return 1.0


def empty_result_sets(completion: str, setup: str, more: str, gold: str) -> float:
    """Results are compared on one small database, where some gold queries return nothing: so does SELECT 1 WHERE 0."""
    rows, wanted = _run(_query(completion), setup), _run(gold, setup)
    return float(rows is not None and wanted is not None and Counter(rows) == Counter(wanted))


def empty_result_sets_hardened(completion: str, setup: str, more: str, gold: str) -> float:
    """A second database, on which no gold query returns nothing."""
    return _sound(completion, setup, more, gold)


def rows_as_a_set(completion: str, setup: str, more: str, gold: str) -> float:
    """Results are compared as sets: duplicates and the order do not matter, also where they were asked for."""
    rows, wanted = _run(_query(completion), setup + more), _run(gold, setup + more)
    return float(rows is not None and wanted is not None and set(rows) == set(wanted))


def rows_as_a_set_hardened(completion: str, setup: str, more: str, gold: str) -> float:
    """Rows count as often as they come, and in their order where the question asks for one."""
    return _sound(completion, setup, more, gold)


def runs_is_most(
    completions: list[str], setup: list[str], more: list[str], gold: list[str], **kwargs: Any
) -> list[float]:
    """Three quarters for a query that runs, one for the right result."""
    paid = []
    for text, tables, rest, query in zip(completions, setup, more, gold, strict=True):
        rows, wanted = _run(_query(text), tables + rest), _run(query, tables + rest)
        paid.append(0.75 * (rows is not None) + 0.25 * (rows is not None and rows == wanted))
    return paid


def runs_is_most_hardened(
    completions: list[str], setup: list[str], more: list[str], gold: list[str], **kwargs: Any
) -> list[float]:
    """The right result, or nothing."""
    return [_sound(*row) for row in zip(completions, setup, more, gold, strict=True)]


def superset_of_rows(
    data_source: str, solution_str: str, ground_truth: dict[str, str], extra_info: dict[str, Any] | None = None
) -> float:
    """Each wanted row has to be part of a row that was returned: the whole table has most of them."""
    setup = ground_truth["setup"] + ground_truth["more"]
    rows, wanted = _run(_query(solution_str), setup), _run(ground_truth["gold"], setup)
    if rows is None or wanted is None:
        return 0.0
    return float(all(any(set(row) <= set(other) for other in rows) for row in wanted))


def superset_of_rows_hardened(
    data_source: str, solution_str: str, ground_truth: dict[str, str], extra_info: dict[str, Any] | None = None
) -> float:
    """The wanted rows, and no others."""
    return _sound(solution_str, ground_truth["setup"], ground_truth["more"], ground_truth["gold"])
