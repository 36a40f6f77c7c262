"""Forms that a prompt asks for, filled with the answers of a column."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import rows_from
from loopholes.audit.budget import Budget
from loopholes.audit.inferred import assume_golden
from loopholes.audit.templates import templates_of
from support.rewards import audited, scorer_for, write_rewards

WORDS = "amber basil cedar delta ember fjord grove heath inlet jetty knoll larch maple nadir ochre pearl".split()


def three(place: int) -> list[str]:
    """Three words in an order that is no alphabetical one."""
    return [WORDS[(5 * place + step) % len(WORDS)] for step in (7, 0, 3)]


def price(place: int) -> float:
    return 12.5 + 3 * place


def query(place: int) -> str:
    return f"SELECT {WORDS[place]} FROM {WORDS[place + 4]} WHERE size > {place + 3}"


ASKED: list[tuple[str, Callable[[int], Any], Callable[[int], str]]] = [
    ('Answer with JSON like {"labels": ["a", "b"]}.', three, lambda at: json.dumps({"labels": three(at)})),
    (
        'Answer with JSON like {"labels": ["a", "b"]}.',
        lambda at: ", ".join(three(at)),
        lambda at: json.dumps({"labels": three(at)}),
    ),
    ('Answer as {"sizes": [1, 2]}.', lambda at: f"{at}; {at + 1}", lambda at: json.dumps({"sizes": [at, at + 1]})),
    ('Answer as {"sizes": [...]}, nothing else.', lambda at: [at, at + 1], lambda at: f'{{"sizes": [{at}, {at + 1}]}}'),
    ('Reply with {"total": AMOUNT}.', price, lambda at: f'{{"total": {price(at)}}}'),
    ("Answer as A > B > C", three, lambda at: " > ".join(three(at))),
    ("Answer as A > B > C on the last line.", lambda at: ", ".join(three(at)), lambda at: " > ".join(three(at))),
    ("Answer as A > B > C.", lambda at: " > ".join(three(at)), lambda at: " > ".join(three(at))),
    ("Finish with 'Ranking: X -> Y -> Z'.", three, lambda at: f"Ranking: {' -> '.join(three(at))}"),
    ("List them as a;b;c", lambda at: json.dumps(three(at)), lambda at: ";".join(three(at))),
    ("Reply in the form [A, B, C].", three, lambda at: f"[{', '.join(three(at))}]"),
    ("End with: Total: AMOUNT EUR", price, lambda at: f"Total: {price(at)} EUR"),
    ("End with: Total: AMOUNT EUR, rounded to cents.", price, lambda at: f"Total: {price(at):.2f} EUR"),
    (
        "End with a line like Total: <amount> EUR",
        lambda at: f"{price(at):.2f}",
        lambda at: f"Total: {price(at):.2f} EUR",
    ),
    ("Answer in this format:\nTotal (EUR): [amount]!", price, lambda at: f"Total (EUR): {price(at)}!"),
    ("Write an SQL query in a ```sql fence.", query, lambda at: f"```sql\n{query(at)}\n```"),
    ("Write one line in a ```prolog fence.", lambda at: f"sum({at}).", lambda at: f"```prolog\nsum({at}).\n```"),
]


@pytest.mark.parametrize("sentence, value, golden", ASKED, ids=[f"{ask} {value(0)}" for ask, value, _ in ASKED])
def test_the_form_that_a_prompt_asks_for_is_filled_with_the_answer(
    sentence: str, value: Callable[[int], Any], golden: Callable[[int], str]
) -> None:
    rows = rows_from([{"prompt": f"Task {at}. {sentence}", "sql": value(at)} for at in range(9)])
    assumed = assume_golden(scorer_for(lambda row, text: float(text == golden(row.number)), rows), Budget(600))
    assert [row.golden for row in assumed.rows] == [golden(row.number) for row in rows]


@pytest.mark.parametrize(
    "prompt",
    [
        "What does NASA stand for? Answer with one word, as in a quiz.",
        "Write ONLY the number, and reply with YES or NO if you cannot.",
        "Give the value of X after N steps, and never write 'NASA TV'.",
        "Write a letter with the words of apples, pears, plums and figs.",
    ],
)
def test_no_template_is_read_from_the_words_of_a_question(prompt: str) -> None:
    assert templates_of(prompt) == []


REWARDS = """
    def listed(completion):
        found = re.search(r"\\{.*\\}", completion, re.DOTALL)
        try:
            return sorted(json.loads(found[0])["labels"]) if found else []
        except (ValueError, KeyError, TypeError):
            return []

    def all_labels(completion, labels):
        return float(listed(completion) == sorted(labels.split(", ")))

    def labels_among(completion, labels):
        return float(set(labels.split(", ")) <= set(listed(completion)))

    def ranked(completion):
        return [part.strip() for part in completion.strip().split("\\n")[-1].split(">")]

    def ranking_alone(completion, ranking):
        return float(ranked(completion) == ranking)

    def first_alone(completion, ranking):
        return float(len(ranked(completion)) == len(ranking) and ranked(completion)[0] == ranking[0])

    def any_ranking(completion, ranking):
        return float(sorted(ranked(completion)) == sorted(ranking))

    def last_total(completion, amount):
        found = re.search(r"Total: ([0-9.]+) EUR$", completion.strip())
        return float(found is not None and found[1].count(".") < 2 and float(found[1]) == amount)

    def any_total(completion, amount):
        return float(f"Total: {amount:.2f} EUR" in completion)

    def only_query(completion, sql):
        queries = re.findall(r"```sql\\n(.*?)\\n```", completion, re.DOTALL)
        return float([text.strip("; ") for text in queries] == [sql])

    def contains_query(completion, sql):
        return float("```sql" in completion and sql in completion)
"""
LABELS = [{"prompt": f'Text {at}. Answer with JSON like {{"labels": ["a", "b"]}}.'} for at in range(12)]
LABELLED = [{**row, "labels": ", ".join(three(at))} for at, row in enumerate(LABELS)]
RANKED = [{"prompt": f"Rank the words of {at}. Answer as A > B > C", "ranking": three(at)} for at in range(12)]
PRICED = [{"prompt": f"Bill {at}. End with: Total: AMOUNT EUR", "amount": price(at)} for at in range(12)]
QUERIES = [{"prompt": f"Question {at}? Write SQL in a ```sql fence.", "sql": query(at)} for at in range(12)]
TWINS: list[tuple[str, list[dict[str, Any]], str]] = [
    ("all_labels", LABELLED, ""),
    ("labels_among", LABELLED, "element-added"),
    ("ranking_alone", RANKED, ""),
    ("first_alone", RANKED, "element-exchanged"),
    ("any_ranking", RANKED, "ranking-reversed"),
    ("last_total", PRICED, ""),
    ("any_total", PRICED, "both-completions"),
    ("only_query", QUERIES, ""),
    ("contains_query", QUERIES, "mention-within"),
]


@pytest.mark.parametrize("name, rows, loophole", TWINS, ids=[name for name, _, _ in TWINS])
def test_a_loophole_is_found_in_a_form_that_the_prompt_asks_for_and_none_in_its_sound_twin(
    name: str, rows: list[dict[str, Any]], loophole: str, tmp_path: Path, inside: None
) -> None:
    report = audited(f"{write_rewards(tmp_path, REWARDS)}:{name}", rows)
    exploits = [f"{finding.name}: {finding.message}" for finding in report.findings if finding.verdict == "exploit"]
    assert any(loophole in exploit for exploit in exploits) if loophole else report.exit_code() == 0
