"""Lists inside JSON objects in another order, and JSON objects that are held as text, spelled differently."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import AuditConfig, rows_from, target_of
from loopholes.audit.against import compare
from support.rewards import InProcess, audited, write_rewards

REWARDS = """
    def read(completion):
        try:
            value = json.loads(completion)
            return value if isinstance(value, dict) else {}
        except ValueError:
            return {}

    def tags_of(completion):
        tags = read(completion).get("tags")
        return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []

    def in_any_order(completion, tags):
        return float(sorted(tags_of(completion)) == sorted(tags))

    def in_order(completion, tags):
        return float(tags_of(completion) == tags)

    def among(completion, tags):
        return float(set(tags) <= set(tags_of(completion)))

    def first(completion, tags):
        return float(tags_of(completion)[: len(tags)] == tags)

    def arguments_of(call):
        arguments = call.get("arguments")
        try:
            return json.loads(arguments) if isinstance(arguments, str) else {}
        except ValueError:
            return {}

    def named(completion, call):
        written, right = read(completion), json.loads(call)
        given, wanted = arguments_of(written), arguments_of(right)
        return float(written.get("name") == right["name"] and all(wanted.get(key) == given[key] for key in given))

    def to_the_letter(completion, call):
        written, right = read(completion), json.loads(call)
        return float({**right, **written} == right)
"""
WORDS = "amber basil cedar delta ember fjord grove heath inlet jetty".split()


def tagged(prompt: str = "Tag text {}.") -> list[dict[str, Any]]:
    lists = [[WORDS[(7 * at + step) % 10] for step in (6, 0, 3)] for at in range(10)]
    return [
        {"prompt": prompt.format(at), "tags": tags, "golden": json.dumps({"lang": "en", "tags": tags})}
        for at, tags in enumerate(lists)
    ]


def calls() -> list[dict[str, Any]]:
    arguments = [json.dumps({"city": word, "days": 3 + at}) for at, word in enumerate(WORDS)]
    texts = [json.dumps({"name": "forecast", "arguments": text}) for text in arguments]
    return [{"prompt": f"Request {at}.", "call": text, "golden": text} for at, text in enumerate(texts)]


def suggested(folder: Path, name: str, rows: list[dict[str, Any]]) -> Callable[..., float]:
    """The code that an audit suggests."""
    report = audited(f"{write_rewards(folder, REWARDS)}:{name}", rows)
    space: dict[str, Any] = {}
    exec(next(finding.snippet for finding in report.findings if finding.snippet), space)
    reward: Callable[..., float] = space[name]
    return reward


@pytest.mark.parametrize("name, takes_any_order", [("among", True), ("first", False)])
def test_code_for_a_list_in_an_object_takes_the_orders_that_the_reward_takes(
    name: str, takes_any_order: bool, tmp_path: Path, inside: None
) -> None:
    reward = suggested(tmp_path, name, tagged())
    tags = ["grove", "amber", "delta"]
    orders = {order: reward(json.dumps({"tags": tags[::order]}), tags) for order in (1, -1)}
    assert orders == {1: 1.0, -1: float(takes_any_order)}
    assert reward(json.dumps({"tags": [*tags, "heath"]}), tags) == 0.0


def test_code_for_a_call_takes_its_arguments_in_the_spellings_that_the_reward_takes(
    tmp_path: Path, inside: None
) -> None:
    reward = suggested(tmp_path, "named", calls())
    call = calls()[0]["call"]
    spellings = ['{"days":3,"city":"amber"}', '{ "city": "amber", "days": 3 }']
    assert [reward(json.dumps({"name": "forecast", "arguments": text}), call) for text in spellings] == [1.0, 1.0]
    wrong = ['{"days": 3}', '{"city": "amber", "days": 4}', "amber", "{}", '{"city": "x", "city": "amber", "days": 3}']
    assert {reward(json.dumps({"name": "forecast", "arguments": text}), call) for text in wrong} == {0.0}


def test_code_for_a_call_that_is_compared_to_the_letter_accepts_it(tmp_path: Path, inside: None) -> None:
    assert suggested(tmp_path, "to_the_letter", calls())(calls()[2]["golden"], calls()[2]["call"]) == 1.0


@pytest.mark.parametrize(
    "old, new, rows, kinds",
    [
        ("in_any_order", "in_order", tagged(), {"other order in a field"}),
        ("in_any_order", "in_order", tagged("Sort the tags of text {}."), set()),
        ("in_any_order", "among", tagged(), set()),
        ("in_order", "in_any_order", tagged(), set()),
        (
            "named",
            "to_the_letter",
            calls(),
            {"other spaces in JSON held as text", "other order of keys in JSON held as text"},
        ),
    ],
    ids=["a set becomes a list", "an order is demanded", "a looser one", "a list becomes a set", "arguments"],
)
def test_a_new_reward_that_refuses_an_order_or_a_spelling_in_an_object_is_stricter(
    old: str, new: str, rows: list[dict[str, Any]], kinds: set[str], tmp_path: Path
) -> None:
    file = write_rewards(tmp_path, REWARDS)
    first, second = (InProcess(target_of([f"{file}:{name}"], None, {})) for name in (old, new))
    rights = compare(first, second, rows_from(rows), AuditConfig(search_calls=0, seconds=600.0)).rights
    watched = {refused.kind for refused in rights.stricter if "order" in refused.kind or "held as text" in refused.kind}
    assert watched == kinds and not rights.broken
    assert all(refused.count == refused.paid == len(rows) for refused in rights.stricter if refused.kind in kinds)
