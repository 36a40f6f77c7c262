"""Wrong lists: elements are exchanged, left out, added or repeated, and no sound score of shared elements pays them."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.near_findings import FORGIVABLE
from loopholes.audit.gold.wrong_lists import CALL_CHANGES, LIST_CHANGES
from support.near_misses import Pay, Records, answer_in, findings_of, misses_of, named, notes_of

WORDS = "fox cat dog owl bee ant hen cow pig elk emu rat yak ape bat eel jay kid ram sow".split()


def animals(count: int, prompt: str = "Which animals are in picture {}?") -> Records:
    """Rows that ask for this number of animals, which the golden completion separates by commas."""
    picked = [[WORDS[(7 * row + at) % len(WORDS)] for at in range(count)] for row in range(20)]
    return [
        {"prompt": prompt.format(row), "animals": items, "golden": ", ".join(items)} for row, items in enumerate(picked)
    ]


def elements(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def f1(hits: float, given: int, wanted: int) -> float:
    precision, recall = hits / max(1, given), min(1.0, hits / wanted)
    return 2 * precision * recall / (precision + recall) if hits else 0.0


def f1_of_sets(row: Row, text: str) -> float:
    given, wanted = set(elements(text)), set(row.columns["animals"])
    return f1(len(given & wanted), len(given), len(wanted))


def f1_of_multisets(row: Row, text: str) -> float:
    given, wanted = Counter(elements(text)), Counter(row.columns["animals"])
    return f1((given & wanted).total(), given.total(), wanted.total())


def f1_that_counts_repeats(row: Row, text: str) -> float:
    given, wanted = elements(text), row.columns["animals"]
    return f1(sum(item in wanted for item in given), len(given), len(wanted))


def one_for_every_place(row: Row, text: str) -> float:
    """As many elements as there should be, each of them right by itself."""
    given, wanted = elements(text), row.columns["animals"]
    return float(len(given) == len(wanted) and set(given) <= set(wanted))


def two_are_enough(row: Row, text: str) -> float:
    return float(len(set(elements(text)) & set(row.columns["animals"])) >= 2)


@pytest.mark.parametrize("pay", [f1_that_counts_repeats, one_for_every_place])
@pytest.mark.parametrize("count", [2, 4, 9])
def test_one_right_element_again_and_again_is_an_exploit_of_the_family_of_aggregation(pay: Pay, count: int) -> None:
    (finding,) = findings_of(pay, animals(count))
    assert finding.verdict == "exploit" and finding.family == "aggregation"
    assert "element-repeated" in named([finding])


@pytest.mark.parametrize("pay", [f1_of_sets, f1_of_multisets])
@pytest.mark.parametrize("count", range(2, 13))
def test_no_score_of_shared_elements_is_a_finding_however_long_the_list(pay: Pay, count: int) -> None:
    assert findings_of(pay, animals(count)) == []


def test_all_elements_with_one_of_them_twice_are_a_note_with_its_reason() -> None:
    (note,) = notes_of(f1_of_sets, animals(4))
    assert "(element-twice)" in note.message and note.message.endswith(FORGIVABLE["element-twice"])
    assert notes_of(f1_of_multisets, animals(4)) == []


def test_an_element_given_twice_is_no_note_beside_the_exploit_of_repeating_one() -> None:
    assert "element-twice" not in named(notes_of(f1_that_counts_repeats, animals(4)))


@pytest.mark.parametrize("prompt", ["Name at least two animals in {}.", "Name any two of the animals in {}."])
def test_no_list_is_wrong_if_the_prompt_asks_for_some_elements_only(prompt: str) -> None:
    misses = misses_of(two_are_enough, animals(5, prompt))
    assert findings_of(two_are_enough, animals(5)) and not misses.keys() & LIST_CHANGES.keys()


def test_a_list_of_equal_elements_cannot_be_repeated_wrongly() -> None:
    right = answer_in([{"prompt": f"Roll {at}?", "golden": f"{at}, {at}"} for at in range(3, 6)])
    assert list(LIST_CHANGES["element-repeated"](right)) == [] and list(LIST_CHANGES["element-missing"](right))


def test_an_exchanged_element_of_a_json_list_keeps_its_quotes() -> None:
    right = answer_in([{"prompt": f"Who is in {at}?", "golden": json.dumps(["Ada", f"Bo{at}"])} for at in range(4)])
    (text,) = LIST_CHANGES["element-exchanged"](right)
    assert json.loads(text) == ["Ada", "1oBx"]


@pytest.mark.parametrize(
    "golden, exchanged",
    [
        ("2.5, 1.5", "2.5, 18.5"),
        ("30%, 20%", "30%, 37%"),
        ("3 km, 5 km", "3 km, 22 km"),
        ("1/2, 3/4", "1/2, 20/4"),
        ("4, -3", "4, -20"),
        ("rent: 800\ntotal: 1,990.50", "rent: 800\ntotal: 2,007.50"),
    ],
)
def test_an_exchanged_number_keeps_its_form(golden: str, exchanged: str) -> None:
    columns = {"list": golden.split("\n")}
    right = answer_in([{"prompt": f"Which are in {at}?", "golden": golden, **columns} for at in "abc"])
    assert list(LIST_CHANGES["element-exchanged"](right)) == [exchanged]


def baskets(prompt: str, *columns: str) -> Records:
    """Rows that ask which three of six animals were bought. The prompt may list the six, and so may columns."""
    seen = [[WORDS[(row + at) % 18] for at in range(6)] for row in range(20)]
    return [
        {
            "prompt": f"{row}: {prompt.format(', '.join(words))}",
            "bought": words[::2],
            "golden": f"You bought {', '.join(words[::2])}",
            **dict.fromkeys(columns, words),
        }
        for row, words in enumerate(seen)
    ]


OFFERING = [
    baskets("I saw some animals. Which did I buy?", "seen"),
    baskets("Which did I buy? The options are: {}."),
]


def words_in(text: str) -> list[str]:
    return re.findall("[a-z]+", text.lower())


def no_other_that_was_offered(row: Row, text: str) -> float:
    """The right ones of those that the row offers, in a sentence that begins as the prompt says."""
    offered, given = row.columns.get("seen") or set(words_in(row.text)) & set(WORDS), words_in(text)
    is_right = {word for word in offered if word in given} == set(row.columns["bought"])
    return float(is_right and given[2] in offered and text.startswith("You bought "))


def all_of_them(row: Row, text: str) -> float:
    return float(set(row.columns["bought"]) <= set(words_in(text)))


@pytest.mark.parametrize("records", OFFERING, ids=["column", "prompt"])
def test_a_reward_may_pass_over_what_the_row_does_not_offer(records: Records) -> None:
    assert "element-added" in misses_of(no_other_that_was_offered, records)
    assert findings_of(no_other_that_was_offered, records) == []


@pytest.mark.parametrize("records", [*OFFERING, animals(3)], ids=["column", "prompt", "nothing offered"])
def test_a_reward_that_pays_anything_beside_the_right_elements_is_an_exploit(records: Records) -> None:
    wanted = [{**row, "bought": row.get("bought", row.get("animals"))} for row in records]
    assert "element-added" in named(findings_of(all_of_them, wanted))


CALLS: Records = [
    {"prompt": f"Wish {row}?", "golden": f"set({WORDS[row % 7]}.lamp, {level})"}
    for row, level in enumerate(["off", "low", "high"] * 7)
]


def arguments(text: str) -> list[str]:
    return [argument for call in re.findall(r"set\(([^()]*)\)", text) for argument in call.split(", ")]


def only_the_call(row: Row, text: str) -> float:
    """The right call, with any words around it."""
    return float(arguments(text) == arguments(row.golden or ""))


def first_argument(row: Row, text: str) -> float:
    return float(arguments(text)[:1] == arguments(row.golden or "")[:1])


def arguments_among_others(row: Row, text: str) -> float:
    return float(set(arguments(row.golden or "")) <= set(arguments(text)))


def test_a_reader_of_one_call_may_pass_over_what_stands_behind_it() -> None:
    assert findings_of(only_the_call, CALLS) == [] and "element-added" in misses_of(only_the_call, CALLS)


@pytest.mark.parametrize(
    "pay, loophole", [(first_argument, "element-exchanged"), (arguments_among_others, "element-added")]
)
def test_a_reader_of_a_part_of_a_call_s_arguments_is_an_exploit(pay: Pay, loophole: str) -> None:
    assert loophole in named(findings_of(pay, CALLS))


def test_the_arguments_of_a_call_are_changed_within_its_parentheses() -> None:
    right = answer_in([{"prompt": f"Wish {at}?", "golden": f"set(t, lamp={at})"} for at in range(3)])
    wrong = {name: list(texts) for name, change in CALL_CHANGES.items() if (texts := change(right))}
    assert wrong == {
        "element-exchanged": ["set(t, lamp=18)"],
        "element-added": ["set(t, lamp=1, tx)"],
        "element-repeated": ["set(lamp=1, lamp=1)", "set(t, t)"],
    }
