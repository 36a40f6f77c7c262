"""Wrong JSON objects: fields that the row states are changed and left out, also in objects within the object."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.json_objects import record_of
from loopholes.audit.gold.records import is_optional
from loopholes.audit.gold.wrong_records import RECORD_CHANGES
from support.near_misses import Records, answer_in, findings_of, named

Compare = Callable[[Mapping[str, Any], Mapping[str, Any]], float]
PLACES = "Roma Ulm Vigo Gent Faro Brest Siena Delft Cork Graz Lyon Porto".split()


Write = Callable[[Any], Any]


def unchanged(call: Any) -> Any:
    return call


def with_text(call: Any) -> Any:
    """A call whose arguments are text."""
    return {**call, "arguments": json.dumps(call["arguments"])}


def with_compact_text(call: Any) -> Any:
    return {**call, "arguments": json.dumps(call["arguments"], separators=(",", ":"))}


def function(call: Any) -> Any:
    """A call as OpenAI writes it."""
    return {"id": f"call_{call['name']}", "type": "function", "function": with_text(call)}


def calls(column: Write = unchanged, template: str = "<tool_call>{}</tool_call>", write: Write = unchanged) -> Records:
    """Calls with three arguments, in a column and, as ``write`` writes them, within the golden completion."""
    wanted = [
        {"name": f"book_{hour}", "arguments": {"place": place, "hour": hour, "people": hour % 5 + 2}}
        for hour, place in enumerate(PLACES, 10)
    ]
    return [
        {"prompt": f"Request {at}?", "call": column(call), "golden": template.format(json.dumps(write(call)))}
        for at, call in enumerate(wanted)
    ]


def called(call: Any) -> dict[str, Any]:
    """The name and the arguments of a call, however it is written."""
    record: dict[str, Any] = record_of(call) if isinstance(call, str) else call
    record = record.get("function", record)
    arguments = record.get("arguments")
    return {**record, "arguments": record_of(arguments) or None} if isinstance(arguments, str) else record


def pay(compare: Compare) -> Callable[[Row, str], float]:
    """Pays for the arguments if the name is right."""

    def paid(row: Row, text: str) -> float:
        call = row.columns["call"]
        wanted, answered = called(call), called(re.sub("</?tool_call>", "", text))
        if answered.get("name") != wanted["name"] or not isinstance(answered.get("arguments"), dict):
            return 0.0
        return compare(answered["arguments"], wanted["arguments"])

    return paid


def those_that_are_given(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
    return float(given.items() <= wanted.items())


def at_least_one(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
    return float(bool(given) and given.items() <= wanted.items())


def all_but_the_second(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
    return float({**given, "hour": 0} == {**wanted, "hour": 0} and given.keys() == wanted.keys())


def keys_alone(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
    return float(given.keys() == wanted.keys())


def exact(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
    return float(given == wanted)


def share(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
    """A half for the name, and the rest for the share of all arguments that are right."""
    right: int = sum(given.get(key) == value for key, value in wanted.items())
    return 0.5 + 0.5 * right / len({*given, *wanted})


def f1(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
    """A half for the name, and the rest for the F1 score of the arguments."""
    return 0.5 + len(given.items() & wanted.items()) / (len(given) + len(wanted))


@pytest.mark.parametrize("records", [calls(), calls(json.dumps), calls(template="{}")], ids=["object", "text", "bare"])
def test_a_call_without_its_arguments_is_a_near_miss(records: Records) -> None:
    (finding,) = findings_of(pay(those_that_are_given), records)
    assert finding.verdict == "exploit" and (finding.name, finding.family) == ("fields-dropped", "aggregation")


@pytest.mark.parametrize(
    "compare, name",
    [(at_least_one, "fields-dropped"), (all_but_the_second, "field-changed"), (keys_alone, "field-changed")],
)
def test_arguments_that_are_not_compared_are_found(compare: Compare, name: str) -> None:
    (finding,) = findings_of(pay(compare), calls())
    assert finding.verdict == "exploit" and name in named([finding])


@pytest.mark.parametrize(
    "column, write",
    [
        (unchanged, with_text),
        (with_text, with_text),
        (with_text, with_compact_text),
        (with_text, function),
        (unchanged, function),
        (function, function),
    ],
)
def test_arguments_that_are_text_are_changed_like_an_object(column: Write, write: Write) -> None:
    (finding,) = findings_of(pay(keys_alone), calls(column, write=write))
    assert finding.verdict == "exploit" and "field-changed" in named([finding])
    (finding,) = findings_of(pay(at_least_one), calls(column, write=write))
    assert finding.verdict == "exploit" and "fields-dropped" in named([finding])
    assert not any(findings_of(pay(compare), calls(column, write=write)) for compare in (exact, share, f1))


@pytest.mark.parametrize("compare", [exact, share, f1])
def test_a_sound_comparison_of_arguments_gets_no_finding(compare: Compare) -> None:
    assert findings_of(pay(compare), calls()) == []


def test_one_of_many_arguments_is_too_small_a_part_to_count() -> None:
    arguments = {f"size_{at}": at + 4 for at in range(6)}
    call = {"name": "cut", "arguments": arguments}
    right = answer_in([{"prompt": f"Cut {at}.", "call": call, "golden": json.dumps(call)} for at in range(4)])
    changed = [json.loads(text)["arguments"] for text in RECORD_CHANGES["field-changed"](right)]
    assert all(given == arguments or not given.items() & arguments.items() for given in changed)


def test_a_sentence_in_an_object_is_not_changed() -> None:
    record = {"town": "Ulm", "reason": "The letter was posted in the north."}
    right = answer_in(
        [{"prompt": f"Where was {at} sent?", "sent": record, "golden": json.dumps(record)} for at in "abc"]
    )
    (text,) = RECORD_CHANGES["field-changed"](right)
    assert json.loads(text) == {**record, "town": "UlmmlU"}


def dropped(prompt: str, call: Mapping[str, Any] = calls()[1]["call"], **columns: Any) -> list[Any]:
    """The arguments of a call for which some of its fields are left out."""
    row = {"prompt": prompt, "call": call, "golden": json.dumps(call), **columns}
    texts = RECORD_CHANGES["fields-dropped"](answer_in([row, row]))
    return [record["arguments"] for record in map(json.loads, texts) if len(record) == len(call)]


def test_fields_of_an_inner_object_are_left_out_altogether_and_all_but_one() -> None:
    assert dropped("Book it.") == [{}, {"place": "Ulm"}, {"people": 3}]


@pytest.mark.parametrize(
    "prompt, columns",
    [
        ("Book it with book_11(place, hour, people=3).", {}),
        ("Book it. The argument people is optional.", {}),
        ("Book it.", {"tools": [{"name": "book_11", "parameters": {"people": {"type": "integer", "default": 3}}}]}),
        ("Book it.", {"tools": {"name": "book_11", "parameters": {"required": ["place", "hour"]}}}),
    ],
)
def test_an_argument_that_may_be_left_out_stays(prompt: str, columns: dict[str, Any]) -> None:
    assert dropped(prompt, **columns) == [{"people": 3}, {"place": "Ulm", "people": 3}, {"hour": 11, "people": 3}]


def test_an_argument_that_the_prompt_shows_stays() -> None:
    assert dropped('Book it for "people": 3.') == [
        {"people": 3},
        {"place": "Ulm", "people": 3},
        {"hour": 11, "people": 3},
    ]


def test_an_object_without_stated_fields_is_left_alone() -> None:
    call = calls()[1]["call"]
    right = answer_in([{"prompt": f"Book {at}.", "golden": json.dumps(call)} for at in range(3)])
    assert list(RECORD_CHANGES["fields-dropped"](right)) == []


@pytest.mark.parametrize("write", [with_text, with_compact_text])
def test_arguments_that_are_text_stay_text_with_the_same_white_space(write: Write) -> None:
    call = calls()[1]["call"]
    row = {"prompt": "Book it.", "call": call, "golden": json.dumps(write(call))}
    texts = RECORD_CHANGES["fields-dropped"](answer_in([row, row]))
    arguments = [json.loads(text)["arguments"] for text in texts if "arguments" in text and "name" in text]
    kept = [{}, {"place": "Ulm"}, {"people": 3}]
    assert arguments == [write({"arguments": fields})["arguments"] for fields in kept]


def test_one_argument_of_a_text_is_changed_and_the_others_stay() -> None:
    call = calls()[1]["call"]
    row = {"prompt": "Book it.", "call": with_text(call), "golden": json.dumps(function(call))}
    texts = RECORD_CHANGES["field-changed"](answer_in([row, row]))
    changed = [called(text)["arguments"] for text in texts]
    assert {**call["arguments"], "hour": 14} in changed and {**call["arguments"], "people": 4} in changed


def test_an_argument_is_added_to_arguments_that_are_text() -> None:
    call = calls()[1]["call"]
    prompt = "Book it with book_11(place, hour, people)."
    row = {"prompt": prompt, "call": call, "golden": json.dumps(function(call))}
    texts = list(RECORD_CHANGES["argument-added"](answer_in([row, row])))
    assert [called(text)["arguments"] for text in texts] == [
        {**call["arguments"], extra: 1} for extra in ("confirm", "limit")
    ]


def test_arguments_that_are_text_and_that_the_prompt_shows_are_left_alone() -> None:
    call = with_text(calls()[1]["call"])
    prompts = [json.dumps(call), json.dumps(calls()[1]["call"])]
    rows = [{"prompt": f"Repeat {prompt}.", "call": call, "golden": json.dumps(call)} for prompt in prompts]
    assert not any([*RECORD_CHANGES["field-changed"](answer_in([row, row]))] for row in rows)


def test_many_arguments_of_a_function_are_changed_at_once_and_its_name_stays() -> None:
    call = function({"name": "cut", "arguments": {f"size_{at}": at + 4 for at in range(6)}})
    right = answer_in([{"prompt": f"Cut {at}.", "call": call, "golden": json.dumps(call)} for at in range(4)])
    changed = [called(text) for text in RECORD_CHANGES["field-changed"](right)]
    arguments = [record["arguments"] for record in changed if record["name"] == "cut"]
    assert arguments == [{f"size_{at}": at + 4 + max(1, (at + 4) // 3) for at in range(6)}]


def test_an_argument_that_the_prompt_shows_in_a_text_stays() -> None:
    call = function(calls()[1]["call"])
    row = {"prompt": r"Book it for \"people\": 3.", "call": call, "golden": json.dumps(call)}
    (text,) = [text for text in RECORD_CHANGES["fields-dropped"](answer_in([row, row])) if r"\"place\"" not in text][:1]
    assert called(text)["arguments"] == {"people": 3}


ORDER = {"amount": 861, "item": "chair", "note": "fragile"}


def outermost(prompt: str, order: Mapping[str, Any] = ORDER, **columns: Any) -> list[Any]:
    """What is left of an order for which fields of the outermost object are left out."""
    row = {"prompt": prompt, "order": order, "golden": json.dumps(order), **columns}
    return list(map(json.loads, RECORD_CHANGES["fields-dropped"](answer_in([row, row]))))


def test_fields_of_the_outermost_object_are_left_out_unless_all_of_them_are_optional() -> None:
    each = [{key: value} for key, value in ORDER.items()]
    assert outermost("Read the order.") == each
    assert outermost("Read the order. The note is optional, and so is the item; the amount counts.") == each[1:]
    assert outermost("Read the order.", schema={"required": ["amount"]}) == each[1:]
    assert outermost("Read the order.", schema={"required": []}) == []


@pytest.mark.parametrize(
    "prompt, optional",
    [
        ("Read the order: amount, item (optional).", "item"),
        ("Read the order: amount, remark (optional).", ""),
        ("Read the order: item (optional), amount.", "item"),
        ("Read amount (number), item (text, optional), note (text).", "item"),
        ("Read amount: number, item: text, optional, note: text.", "item"),
        ("Read the amount and the item (optional).", "item"),
        ("Read the order. Amount and item are optional.", "amount item"),
        ("Read amount, item and note; the item and the note may be optional.", "item note"),
        ("Read the order. Optional fields: item, note.", "item note"),
        ("Read the order. The note, which is optional, comes last.", "note"),
        ('Read {"amount": 1, "item": "optional", "note": "text"}.', "item"),
        ("Read the order, with the optional note.", "note"),
        ("Read the amount and the item; optionally the note.", "note"),
        ("Read the amount, the item and optionally the note.", "note"),
        ("Read the amount, the item, and optionally note.", "note"),
        ('Read "amount", "item" and, optionally, "note".', "note"),
        ("Read `amount`, `item` and optionally `note`.", "note"),
        ("Read the amount, the item and optionally a short note.", "note"),
        ("Read the amount, the item and an optional note.", "note"),
        ("Read the amount. The item is optionally the note.", "item"),
        ("Read the amount and the item; the note is optionally given.", "note"),
        ("Read the amount, the item and, if it is not empty, the note.", "note"),
        ("Read the amount, the item, and the note, which may be left out.", "note"),
    ],
)
def test_a_field_is_optional_if_the_word_is_next_to_its_name(prompt: str, optional: str) -> None:
    right = answer_in([{"prompt": prompt, "order": ORDER, "golden": json.dumps(ORDER)}] * 2)
    assert [key for key in ORDER if is_optional(right, (key,))] == optional.split()


def test_a_schema_of_the_arguments_does_not_make_the_name_of_a_call_optional() -> None:
    call = calls()[1]["call"]
    left = outermost("Book it.", call, tools={"name": "book_11", "parameters": {"required": ["place", "hour"]}})
    assert {"name": call["name"]} in left and {"arguments": call["arguments"]} in left


def test_unfinished_lists_of_required_fields_are_passed_over() -> None:
    assert len(outermost('"required": [' * 50_000)) == 3


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "NaN"])
def test_a_number_that_is_not_finite_is_changed_into_one_that_is(number: str) -> None:
    row = {"prompt": "How far?", "limit": float(number), "golden": f'{{"limit": {number}}}'}
    assert list(RECORD_CHANGES["field-changed"](answer_in([row, row]))) == ['{"limit": 0}']


def test_a_number_too_large_for_a_float_is_changed() -> None:
    row = {"prompt": "How many?", "count": 10**400, "golden": json.dumps({"count": 10**400})}
    (text,) = RECORD_CHANGES["field-changed"](answer_in([row, row]))
    assert json.loads(text)["count"] > 10**400


def test_an_object_nested_as_deep_as_it_can_be_read_is_not_changed() -> None:
    deep = '{"a": ' * 600 + "1" + "}" * 600
    assert answer_in([{"prompt": f"What is in {at}?", "a": 1, "golden": deep} for at in "abc"]).kind == "long"
