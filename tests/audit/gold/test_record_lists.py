"""Right answers that are lists of JSON objects, such as the calls of tools: near misses and other spellings."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold import records
from loopholes.audit.gold.json_objects import opened
from loopholes.audit.gold.mutants import wrong_answers
from loopholes.audit.gold.records import is_free, parts_of
from loopholes.audit.gold.ways import equivalents
from support.near_misses import Records, answer_in, findings_of, misses_of, named

PLACES = "Roma Ulm Vigo Gent Faro Brest Siena Delft Cork Graz Lyon Porto".split()


def calls_of(at: int, count: int) -> list[dict[str, Any]]:
    weather = {"name": "weather", "arguments": {"place": PLACES[at], "days": at + 2}}
    route = {"name": "route", "arguments": {"start": PLACES[at - 1], "end": PLACES[at - 2]}}
    return [weather, route][:: -1 if at % 2 else 1][:count]


def as_text(call: dict[str, Any]) -> dict[str, Any]:
    """A call whose arguments are text."""
    return {**call, "arguments": json.dumps(call["arguments"])}


def rows(count: int, column: Callable[[Any], Any] = lambda calls: calls, prompt: str = "Request {}?") -> Records:
    return [
        {"prompt": prompt.format(at), "calls": column(calls_of(at, count)), "golden": json.dumps(calls_of(at, count))}
        for at in range(10)
    ]


def texts() -> Records:
    lists = [[as_text(call) for call in calls_of(at, 2)] for at in range(10)]
    return [
        {"prompt": f"Request {at}?", "answer": json.dumps(calls), "golden": json.dumps(calls)}
        for at, calls in enumerate(lists)
    ]


def read(text: str) -> list[dict[str, Any]]:
    """The calls in a completion, with their arguments as objects."""
    try:
        value = json.loads(text)
        calls = value if isinstance(value, list) else []
        return [
            {
                **call,
                "arguments": json.loads(call["arguments"]) if isinstance(call["arguments"], str) else call["arguments"],
            }
            for call in calls
        ]
    except (ValueError, KeyError, TypeError):
        return []


def wanted(row: Row) -> list[dict[str, Any]]:
    return read(row.golden or "")


def _key(call: dict[str, Any]) -> str:
    return json.dumps(call, sort_keys=True)


def exact(row: Row, text: str) -> float:
    return float(read(text) == wanted(row))


def in_any_order(row: Row, text: str) -> float:
    return float(sorted(map(_key, read(text))) == sorted(map(_key, wanted(row))))


def share_of_calls(row: Row, text: str) -> float:
    """F1 of whole calls."""
    given, right = {_key(call) for call in read(text)}, {_key(call) for call in wanted(row)}
    return 2 * len(given & right) / (len(given) + len(right))


def some_right(row: Row, text: str) -> float:
    """Every call that is given is right; none need be given."""
    return float(text.startswith("[") and {_key(call) for call in read(text)} <= {_key(call) for call in wanted(row)})


def names_alone(row: Row, text: str) -> float:
    return float(
        [call.get("name") for call in read(text)] == [call["name"] for call in wanted(row)] and wanted(row) != []
    )


def arguments_given(row: Row, text: str) -> float:
    """The arguments that are given are right; those that are not given do not count."""
    given, right = read(text), wanted(row)
    return float(
        [call.get("name") for call in given] == [call["name"] for call in right]
        and all(
            mine["arguments"].items() <= yours["arguments"].items() for mine, yours in zip(given, right, strict=True)
        )
    )


def all_among(row: Row, text: str) -> float:
    return float({_key(call) for call in wanted(row)} <= {_key(call) for call in read(text)})


LOOSE: list[tuple[Any, Records, set[str]]] = [
    (some_right, rows(2), {"element-missing"}),
    (some_right, rows(1), {"element-missing"}),
    (names_alone, rows(2), {"field-changed"}),
    (arguments_given, rows(2), {"fields-dropped"}),
    (arguments_given, rows(1), {"fields-dropped"}),
    (arguments_given, texts(), {"fields-dropped"}),
    (all_among, rows(2, json.dumps), {"element-added"}),
    (all_among, rows(2, lambda calls: {"calls": calls}), {"element-added"}),
]


@pytest.mark.parametrize("pay, records, loopholes", LOOSE)
def test_a_wrong_list_of_calls_that_is_paid_is_an_exploit(pay: Any, records: Records, loopholes: set[str]) -> None:
    findings = findings_of(pay, records)
    assert loopholes <= named(findings)


@pytest.mark.parametrize("pay", [exact, in_any_order, share_of_calls])
@pytest.mark.parametrize("records", [rows(1), rows(2), rows(2, json.dumps), texts()])
def test_a_sound_reader_of_calls_has_no_findings_in_whatever_order_it_takes_them(pay: Any, records: Records) -> None:
    assert findings_of(pay, records) == [] and misses_of(pay, records)


def held(pay: Any) -> Any:
    """The same reward, for calls that are the only field of an object."""

    def paid(row: Row, text: str) -> float:
        return float(pay(replace(row, golden=_inside(row.golden or "")), _inside(text)))

    return paid


def _inside(text: str) -> str:
    """The calls in an object, as text."""
    try:
        value = json.loads(text)
    except ValueError:
        return ""
    return json.dumps(value.get("calls")) if isinstance(value, dict) and len(value) == 1 else ""


def in_object(records: Records) -> Records:
    return [{**record, "golden": json.dumps({"calls": json.loads(record["golden"])})} for record in records]


@pytest.mark.parametrize("pay, records, loopholes", LOOSE)
def test_a_wrong_list_that_is_the_only_field_of_an_object_is_an_exploit_as_well(
    pay: Any, records: Records, loopholes: set[str]
) -> None:
    assert loopholes <= named(findings_of(held(pay), in_object(records)))


@pytest.mark.parametrize("pay", [exact, in_any_order, share_of_calls])
@pytest.mark.parametrize("records", [rows(1), rows(2), rows(2, json.dumps), texts()])
def test_a_sound_reader_of_such_a_list_has_no_findings(pay: Any, records: Records) -> None:
    assert findings_of(held(pay), in_object(records)) == [] and misses_of(held(pay), in_object(records))


def long_lists(count: int, column: Callable[[Any], Any] = lambda calls: calls, prompt: str = "Trip {}?") -> Records:
    """Lists of more calls than may have a near miss each."""
    lists = [
        [{"name": "go", "arguments": {"place": PLACES[place % 12], "day": 3 * place + at}} for place in range(count)]
        for at in range(10)
    ]
    return [
        {"prompt": prompt.format(at), "calls": column(calls), "golden": json.dumps(calls)}
        for at, calls in enumerate(lists)
    ]


def of_places(start: int, step: int = 1, stop: float = 1.0) -> Callable[[Row, str], float]:
    """A reward that counts the calls, but compares only those at some places."""

    def pay(row: Row, text: str) -> float:
        given, right = read(text), wanted(row)
        part = slice(start if start >= 0 else len(right) // 2, round(stop * len(right)), step)
        return float(len(given) == len(right) and given[part] == right[part])

    return pay


def share_of_fields(row: Row, text: str) -> float:
    """The mean over the arguments of calls in order, of which there may not be more."""
    given, right = read(text), wanted(row)
    pairs = zip(given, right, strict=False)
    equal = sum(
        yours["arguments"][key] == call["arguments"].get(key) for call, yours in pairs for key in ("place", "day")
    )
    return float(equal / (2 * max(len(given), len(right))))


@pytest.mark.parametrize("count", [9, 14, 40])
@pytest.mark.parametrize(
    "pay, loophole",
    [
        (of_places(0, stop=0.5), "field-changed"),
        (of_places(-1), "field-changed"),
        (of_places(0, step=2), "field-changed"),
        (some_right, "element-missing"),
        (all_among, "element-added"),
    ],
    ids=["the first half", "the last half", "every other", "some", "all among others"],
)
def test_a_reward_that_ignores_a_part_of_a_long_list_is_an_exploit(pay: Any, loophole: str, count: int) -> None:
    assert loophole in named(findings_of(pay, long_lists(count)))


def items_of_bills(count: int, prompt: str = "Bill {}?") -> Records:
    """Lists of objects with several fields, of which one numbers the objects and one is the same in all of them."""
    lists = [
        [
            {
                "line": place + 1,
                "item": PLACES[place % 12],
                "amount": 7 * place + at,
                "pieces": 1 + (place + at) % 5,
                "tax": "full",
            }
            for place in range(count)
        ]
        for at in range(10)
    ]
    return [{"prompt": prompt.format(at), "bill": bill, "golden": json.dumps(bill)} for at, bill in enumerate(lists)]


def ignoring(*fields: str) -> Callable[[Row, str], float]:
    """A reward that compares the objects of a list without some of their fields."""

    def pay(row: Row, text: str) -> float:
        try:
            given, right = json.loads(text), json.loads(row.golden or "")
            kept = [[{key: bill[key] for key in bill.keys() - fields} for bill in bills] for bills in (given, right)]
        except (ValueError, AttributeError, TypeError):
            return 0.0
        return float(kept[0] == kept[1])

    return pay


@pytest.mark.parametrize("count", [2, 5, 12, 40])
@pytest.mark.parametrize("field", ["item", "amount", "pieces"])
def test_a_reward_that_ignores_one_field_of_every_object_is_an_exploit(field: str, count: int) -> None:
    assert "field-changed" in named(findings_of(ignoring(field), items_of_bills(count)))


@pytest.mark.parametrize("count", [2, 5, 12, 40])
@pytest.mark.parametrize("field", ["item", "amount", "pieces"])
def test_so_is_a_reward_that_ignores_it_in_every_object_of_a_field(field: str, count: int) -> None:
    inner = [{**row, "golden": json.dumps({"bill": row["bill"]})} for row in items_of_bills(count)]
    pay = ignoring(field)

    def pay_within(row: Row, text: str) -> float:
        try:
            golden, given = (json.dumps(json.loads(each)["bill"]) for each in (row.golden or "", text))
        except (ValueError, KeyError, TypeError):
            return 0.0
        return pay(replace(row, golden=golden), given)

    assert "field-changed" in named(findings_of(pay_within, inner))


@pytest.mark.parametrize("count", [5, 12, 40])
@pytest.mark.parametrize(
    "pay, prompt",
    [
        (ignoring(), "Bill {}?"),
        (ignoring("line"), "Bill {}?"),
        (ignoring("tax"), "Bill {}?"),
        (ignoring("item"), "Bill {}, where item is not compared."),
    ],
    ids=["everything", "numbers of the lines", "the same everywhere", "free"],
)
def test_a_field_that_says_nothing_or_is_free_may_be_ignored_in_every_object(pay: Any, prompt: str, count: int) -> None:
    assert findings_of(pay, items_of_bills(count, prompt)) == []


@pytest.mark.parametrize("count", [9, 10, 11, 13, 40])
@pytest.mark.parametrize("pay", [exact, in_any_order, share_of_calls, share_of_fields])
def test_a_sound_reader_of_a_long_list_has_no_findings(pay: Any, count: int) -> None:
    assert findings_of(pay, long_lists(count, json.dumps)) == [] and misses_of(pay, long_lists(count, json.dumps))


def test_a_long_list_has_few_near_misses_and_none_if_nothing_states_it_or_some_of_it_is_enough() -> None:
    wrong = wrong_answers(answer_in(long_lists(200)))
    assert sum(map(len, wrong.values())) <= 12 and {"field-changed", "element-missing"} <= wrong.keys()
    for unproved in (
        long_lists(12, lambda calls: "?"),
        long_lists(12, lambda calls: calls[:6]),
        long_lists(12, prompt="Call any two for trip {}."),
        long_lists(12, prompt='Such as {{"name": "go", "arguments": {{"place": "Roma", "day": 1}}}}, for trip {}'),
        long_lists(201),
    ):
        assert wrong_answers(answer_in(unproved)) == {}


@pytest.mark.parametrize("count", [3, 10, 16])
def test_an_f1_score_of_a_field_s_list_of_objects_has_no_findings_however_long_the_list(count: int) -> None:
    inner = [
        {**row, "golden": json.dumps({"calls": row["calls"]}), "prompt": row["prompt"]} for row in long_lists(count)
    ]

    def pay(row: Row, text: str) -> float:
        given, right = ({_key(call) for call in read_within(each)} for each in (text, row.golden or ""))
        return 2 * len(given & right) / max(1, len(given) + len(right))

    assert findings_of(pay, inner) == [] and misses_of(pay, inner)


def read_within(text: str) -> list[dict[str, Any]]:
    """The calls in a field of an object."""
    try:
        return read(json.dumps(json.loads(text)["calls"]))
    except (ValueError, KeyError, TypeError):
        return []


def test_nothing_is_wrong_about_calls_that_no_column_states_or_of_which_some_are_enough() -> None:
    unstated = [{**row, "calls": "?"} for row in rows(2)]
    assert wrong_answers(answer_in(unstated)) == {}
    some = rows(2, prompt="Call any two of the tools for {}.")
    assert not {"element-missing", "element-added"} & wrong_answers(answer_in(some)).keys()


def test_an_argument_that_a_tool_lacks_is_added_to_each_call() -> None:
    prompt = "Tools: weather(place, days), route(start, end). Request {}?"
    added = wrong_answers(answer_in(rows(2, prompt=prompt)))["argument-added"]
    assert [
        list(json.loads(text)[place]["arguments"])[-1] for text, place in zip(added[:4], (0, 0, 1, 1), strict=True)
    ] == [
        *("confirm", "limit") * 1,
        *("confirm", "limit") * 1,
    ]


def test_each_spelling_of_a_list_of_calls_is_the_same_list() -> None:
    spelled = dict(equivalents(answer_in(texts())))
    assert {"indented JSON", "other order of keys", "other spaces in JSON held as text"} <= spelled.keys()
    within = {name: text for name, text in spelled.items() if name.endswith(("JSON", "keys", "held as text"))}
    assert all(read(text) == read(texts()[1]["golden"]) for text in within.values())


def labelled(prompt: str) -> Records:
    """Lists of a call with an id and a remark."""
    lists = [
        [{"id": f"c{at}{place}", "note": f"for {at}", **call} for place, call in enumerate(calls_of(at, 1))]
        for at in range(10)
    ]
    return [{"prompt": prompt, "calls": calls, "golden": json.dumps(calls)} for calls in lists]


def without(*keys: str) -> Callable[[Row, str], float]:
    """A reward that compares calls except for these fields, which must be there."""

    def pay(row: Row, text: str) -> float:
        given, right = read(text), wanted(row)
        return float(
            all(call.keys() == right[0].keys() for call in given)
            and [{key: call[key] for key in call if key not in keys} for call in given]
            == [{key: call[key] for key in call if key not in keys} for call in right]
        )

    return pay


def test_a_field_of_which_the_prompt_says_that_any_value_will_do_need_not_be_compared() -> None:
    records = labelled("Give id, note (in your own words), name and arguments of each call.")
    assert findings_of(without("id", "note"), records) == [] and misses_of(without("id", "note"), records)
    assert "field-changed" in named(findings_of(without("id", "note", "arguments"), records))
    assert "field-changed" in named(findings_of(without("name", "note"), records))


@pytest.mark.parametrize(
    "prompt, key",
    [
        ("with id (any), city", "id"),
        ("ids are free", "id"),
        ("The wording of the body is up to you", "body"),
        ("the body is not compared", "body"),
        ("start (start is only for display)", "start"),
        ("why (a remark for the log)", "why"),
        ("`note` will be ignored", "note"),
    ],
)
def test_a_prompt_calls_a_field_free_in_several_ways(prompt: str, key: str) -> None:
    assert is_free(key, Row(0, prompt))


@pytest.mark.parametrize(
    "prompt, key",
    [
        ("Give name and age, without any comment", "age"),
        ("city (case is ignored)", "city"),
        ("amount, extra keys are ignored", "amount"),
        ("age (any integer)", "age"),
        ("city (any of Lisbon and Oslo)", "city"),
        ("start is not ignored", "start"),
        ("the parking is free", "parking"),
        ("answer (in your own words)", "answer"),
        ("note: the notebook is ignored", "note"),
    ],
)
def test_a_field_is_not_free_because_the_prompt_says_so_of_something_else(prompt: str, key: str) -> None:
    assert not is_free(key, Row(0, prompt))


@pytest.mark.parametrize(
    "sentence, is_allowed",
    [
        ("Up to two further look-ups are allowed.", True),
        ("Extra calls may be made.", True),
        ("You may add other calls.", True),
        ("No further calls are allowed.", False),
        ("Further calls are not allowed.", False),
        ("Extract the persons and other entities that may appear.", False),
        ("Do not think that extra calls are free.", False),
    ],
)
def test_calls_are_added_unless_the_prompt_allows_more(sentence: str, is_allowed: bool) -> None:
    records = rows(2, prompt=f"{sentence} Request {{}}?")
    assert ("element-added" in named(findings_of(all_among, records))) is not is_allowed
    assert "element-missing" in wrong_answers(answer_in(records))


def test_columns_are_read_once_and_not_for_every_one_of_many_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    many = json.dumps([{"name": f"tool_{at}", "arguments": {"days": at}} for at in range(40)])
    answer = answer_in([{"prompt": f"Request {at}?", "answer": many, "golden": many} for at in range(2)])
    reads = []

    def counted(value: Any, *depth: int) -> Any:
        reads.append(value)
        return opened(value, *depth)

    monkeypatch.setattr(records, "opened", counted)
    wrong_answers(answer)
    assert parts_of(answer) == [] and len(reads) < 40
