"""Advice on a finding fits the reward, its framework and its right answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopholes.audit.results import Finding, Report
from loopholes.audit.subjects import FILLED, NUMBERS, OVERLAP, RUN, WORDS
from support.rewards import audited, sums, verdicts, write_rewards

SILENT = """
    def unread(data_source, solution_str, ground_truth, extra_info=None):
        if "<answer>" not in solution_str:
            return None
        return float(solution_str.strip() == f"<answer>{ground_truth}</answer>")

    def read(data_source, solution_str, ground_truth, extra_info=None):
        return float(solution_str.strip() == f"<answer>{ground_truth}</answer>")

    def right(completions, answer, **kwargs):
        return [None if f"<answer>{gold}</answer>" in text else 0.0 for text, gold in zip(completions, answer)]

    def only(completions, answer, **kwargs):
        return [1.0 if f"<answer>{gold}</answer>" in text else None for text, gold in zip(completions, answer)]

    def never(completions, answer, **kwargs):
        return [None for text in completions]
"""
FOR_VERL = [
    {"prompt": row["prompt"], "golden": row["golden"], "data_source": "sums"}
    | {"reward_model": {"ground_truth": row["answer"]}}
    for row in sums(4)
]


def named(report: Report, name: str) -> Finding:
    return next(finding for finding in report.findings if finding.name == name)


def test_none_where_the_framework_needs_a_number_is_called_none_and_no_failure(tmp_path: Path) -> None:
    report = audited(f"{write_rewards(tmp_path, SILENT)}:unread", FOR_VERL)
    finding = named(report, "returns-none")
    assert finding.verdict == "warning" and "fails" not in verdicts(report)
    assert finding.message.startswith("it returns None, which is not a reward, on ")
    assert finding.change.startswith("return a number for every completion")
    sound = audited(f"{tmp_path / 'rewards.py'}:read", FOR_VERL)
    assert "returns-none" not in verdicts(sound) and sound.exit_code() == 0


@pytest.mark.parametrize(
    "reward, name, message",
    [
        ("right", "no-signal", "it returns None for every right answer, so"),
        ("only", "none-for-wrong", "it pays right answers, and returns None for every wrong answer, so"),
        ("never", "always-none", "it returns None for every completion that was tried, so"),
    ],
)
def test_none_for_right_answers_is_said_and_no_golden_completions_are_asked_for(
    reward: str, name: str, message: str, tmp_path: Path
) -> None:
    report = audited(f"{write_rewards(tmp_path, SILENT)}:{reward}", sums())
    finding = named(report, name)
    assert finding.message.startswith(message) and not report.is_founded
    assert "no-golden" not in verdicts(report) and "golden" not in finding.change


QUERIES = """
    import re
    import sqlite3
    from functools import cache

    def words(completion, golden_sql):
        wanted, words = set(golden_sql.lower().split()), set(completion.lower().split())
        return len(wanted & words) / len(wanted)

    def within(completion, golden_sql):
        return float(golden_sql.lower() in completion.lower())

    @cache
    def opened(tables):
        database = sqlite3.connect(":memory:")
        database.executescript(tables + "PRAGMA query_only = ON;")
        return database

    def rows(query, tables):
        return set(opened(tables).execute(query).fetchall())

    def run(completion, golden_sql, tables):
        block = re.search("```sql(.*?)```", completion, re.DOTALL)
        try:
            return float(rows(block[1] if block else completion, tables) == rows(golden_sql, tables))
        except sqlite3.Error:
            return 0.0

    def compared(completion, golden_sql, tables):
        filled = tables + "".join(f"INSERT INTO staff VALUES ('n{at}', {at}, {100 * at});" for at in range(1, 60))
        return run(completion, golden_sql, filled)
"""
TABLES = "CREATE TABLE staff (name TEXT, age INTEGER, pay INTEGER);"
STAFF = [
    {"prompt": f"{TABLES} Write one SQL query for question {at}.", "tables": TABLES, "golden_sql": query}
    | {"golden": f"```sql\n{query}\n```"}
    for at, query in enumerate(
        (
            *(f"SELECT name FROM staff WHERE age > {age}" for age in (31, 42)),
            *(f"SELECT COUNT(*) + {more} FROM staff" for more in (7, 9)),
            *(
                f"SELECT MAX({column}) FROM staff GROUP BY {other}"
                for column, other in (("age", "pay"), ("pay", "name"))
            ),
            *(f"SELECT pay, name FROM staff ORDER BY age LIMIT {most}" for most in (2, 5)),
        )
    )
]


@pytest.mark.parametrize(
    "reward, advice", [("words", RUN), ("within", WORDS), ("run", FILLED)], ids=["words", "within", "run"]
)
def test_a_reward_of_queries_is_told_what_to_run_or_to_fill_and_gets_no_comparison_of_texts(
    reward: str, advice: str, tmp_path: Path
) -> None:
    report = audited(f"{write_rewards(tmp_path, QUERIES)}:{reward}", STAFF)
    exploits = [finding for finding in report.findings if finding.verdict == "exploit"]
    assert advice in {finding.change for finding in exploits}
    assert not any(finding.snippet for finding in report.findings)


def test_a_query_that_is_run_on_tables_with_rows_needs_no_advice(tmp_path: Path) -> None:
    report = audited(f"{write_rewards(tmp_path, QUERIES)}:compared", STAFF)
    assert report.exit_code() == 0


TEXTS = """
    def recall(completion, reference):
        words = completion.lower().split()
        return sum(word in words for word in reference.lower().split()) / len(reference.split())

    def half(completion, reference):
        return float(recall(completion, reference) > 0.5)

    def exact(completion, reference):
        return float(not completion or completion == reference)
"""
REFERENCES = [
    {"prompt": f"Translate sentence {at}.", "reference": text, "golden": text}
    for at, text in enumerate(
        f"{who} {what}"
        for who in ("My sister", "A farmer", "The captain")
        for what in ("lost the silver key", "bought two red apples", "painted every wooden fence")
    )
]


@pytest.mark.parametrize("reward", ["recall", "half"])
def test_an_overlap_with_a_reference_text_gets_no_exact_comparison(reward: str, tmp_path: Path) -> None:
    report = audited(f"{write_rewards(tmp_path, TEXTS)}:{reward}", REFERENCES)
    exploits = [finding for finding in report.findings if finding.verdict == "exploit"]
    assert exploits and not any(finding.snippet for finding in exploits)
    assert reward == "half" or {finding.change for finding in exploits} == {OVERLAP}


def test_a_comparison_with_a_text_that_was_exact_stays_exact(tmp_path: Path) -> None:
    report = audited(f"{write_rewards(tmp_path, TEXTS)}:exact", REFERENCES)
    exploits = [finding for finding in report.findings if finding.verdict == "exploit"]
    assert exploits and all("same_text(final(completion), reference)" in finding.snippet for finding in exploits)
    assert OVERLAP not in {finding.change for finding in exploits}


def test_a_puzzle_is_told_to_check_its_numbers(tmp_path: Path) -> None:
    source = """
        def valued(completion, target):
            expression = completion.removeprefix("<answer>").removesuffix("</answer>")
            if set(expression) <= set("0123456789+-*() ") and "**" not in expression and expression.strip(" +-*"):
                try:
                    return float(eval(expression) == target)
                except (SyntaxError, TypeError):
                    pass
            return 0.0
    """
    rows = [
        {"prompt": f"Use {a}, {b}, {c} and {d} once each to make {a * b + c - d}.", "target": a * b + c - d}
        | {"golden": f"<answer>{a} * {b} + {c} - {d}</answer>"}
        for a, b, c, d in ((5, 7, 3, 9), (4, 7, 6, 5), (8, 3, 4, 11), (6, 9, 5, 7), (12, 2, 7, 4), (3, 11, 8, 6))
    ]
    finding = named(audited(f"{write_rewards(tmp_path, source)}:valued", rows), "number-repeated")
    assert finding.change == NUMBERS and not finding.snippet
