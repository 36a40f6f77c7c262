"""Rewards that run SQL queries."""
import re
import sqlite3


def _query(completion):
    found = re.findall(r"```(?:sql)?\s*\n(.*?)```", completion, flags=re.S | re.I)
    return (found[-1] if found else completion).strip().rstrip(";").strip()


def _rows(setup, query):
    con = sqlite3.connect(":memory:")
    try:
        con.executescript(setup)
        ticks = [0]

        def tick():
            ticks[0] += 1
            return ticks[0] > 2000

        con.set_progress_handler(tick, 1000)
        return sorted(map(repr, con.execute(query).fetchmany(5000)))
    finally:
        con.close()


def sql_rows_agree(completion, setup, gold_sql):
    query = _query(completion)
    if not query:
        return 0.0
    try:
        return 1.0 if _rows(setup, query) == _rows(setup, gold_sql) else 0.0
    except (sqlite3.Error, sqlite3.Warning):
        return 0.0


ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION}


def _read_only(setup, query):
    """The rows of one query that may only read the tables of the set-up; None if it fails."""
    con = sqlite3.connect(":memory:")
    try:
        con.executescript(setup)
        ticks = [0]

        def tick():
            ticks[0] += 1
            return ticks[0] > 2000

        def allow(action, first, second, *_):
            if action == sqlite3.SQLITE_READ and str(first).startswith("sqlite_"):
                return sqlite3.SQLITE_DENY
            return sqlite3.SQLITE_OK if action in ALLOWED else sqlite3.SQLITE_DENY

        con.set_progress_handler(tick, 1000)
        con.set_authorizer(allow)
        rows = con.execute(query).fetchmany(5001)
        return sorted(map(repr, rows)) if len(rows) <= 5000 else None
    except (sqlite3.Error, sqlite3.Warning, ValueError):
        return None
    finally:
        con.close()


def sql_rows_agree_hardened(completion, setups, gold_sql):
    if not isinstance(completion, str) or not isinstance(gold_sql, str) or not gold_sql.strip():
        return 0.0
    if not isinstance(setups, (list, tuple)) or len(setups) == 0:
        return 0.0
    query = _query(completion)
    if not query or len(query) > 4000:
        return 0.0
    for setup in setups:
        want, got = _read_only(setup, gold_sql), _read_only(setup, query)
        if not want or got != want:
            return 0.0
    return 1.0
