"""Answers of several short lines are lists by line, if the row states the lines and the prompt does not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from loopholes.audit import rows_from
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.lines import graded_line, is_list_by_line
from support.near_misses import Pay, Records, findings_of, misses_of, named, notes_of

SHEETS: Records = [
    {
        "prompt": f"Sheet {at}: answer q1 to q4, one per line as 'q1: number'.",
        "answers": {f"q{question}": 11 * at + 7 * question for question in range(1, 5)},
        "golden": "\n".join(f"q{question}: {11 * at + 7 * question}" for question in range(1, 5)),
    }
    for at in range(20)
]


def right_lines(row: Row, text: str) -> tuple[int, int, int]:
    """The numbers of right lines, of lines, and of different keys."""
    pairs = re.findall(r"(?m)^(q\d): (\d+)$", text)
    right = sum(row.columns["answers"].get(key) == int(value) for key, value in pairs)
    return right, len(pairs), len(dict(pairs))


def share_of_the_lines_given(row: Row, text: str) -> float:
    right, given, _ = right_lines(row, text)
    return right / given if given else 0.0


def share_of_the_lines_wanted(row: Row, text: str) -> float:
    right, given, keys = right_lines(row, text)
    return right / 4 if keys == given else 0.0


def right_lines_counted(row: Row, text: str) -> float:
    """Four right lines, whichever they are."""
    return float(right_lines(row, text)[0] == 4)


def first_of_each_key(row: Row, text: str) -> float:
    """All keys have to be right; of two lines with one key, the first counts."""
    pairs = dict(reversed(re.findall(r"(?m)^(q\d): (\d+)$", text)))
    return float({key: int(value) for key, value in pairs.items()} == row.columns["answers"])


def three_of_four(row: Row, text: str) -> float:
    """The first three lines."""
    return float(text.split("\n")[:3] == str(row.golden).split("\n")[:3])


@pytest.mark.parametrize(
    "pay, names",
    [
        (share_of_the_lines_given, {"element-missing", "element-repeated"}),
        (right_lines_counted, {"element-repeated"}),
        (three_of_four, {"element-exchanged", "element-missing"}),
    ],
)
def test_payments_for_some_of_the_lines_are_found(pay: Pay, names: set[str]) -> None:
    (finding,) = findings_of(pay, SHEETS)
    assert finding.verdict == "exploit" and names <= named([finding])


@pytest.mark.parametrize("pay", [share_of_the_lines_wanted, first_of_each_key])
def test_a_sound_reader_of_lines_gets_no_finding(pay: Pay) -> None:
    assert findings_of(pay, SHEETS) == [] and misses_of(pay, SHEETS)


def test_a_line_given_twice_is_a_note_if_each_key_is_read_once() -> None:
    assert named(notes_of(first_of_each_key, SHEETS)) == {"element-twice"}


LABELLED: Records = [
    {
        "prompt": f"Report incident {at} in three lines: 'Service: ', 'Severity: ' and 'Owner: '.",
        "incident": {
            "service": f"gate {at}",
            "severity": ("high", "low")[at % 2],
            "owner": ("core", "web", "data")[at % 3],
        },
    }
    for at in range(20)
]
LABELLED = [
    {**row, "golden": "\n".join(f"{key.capitalize()}: {value}" for key, value in row["incident"].items())}
    for row in LABELLED
]


def share_of_the_labels(row: Row, text: str, count: int | None = None) -> float:
    """The share of right lines, of those given or of this number."""
    pairs = dict(re.findall(r"(?m)^([A-Z]\w+): (.+)$", text))
    right = sum(row.columns["incident"].get(label.lower()) == value for label, value in pairs.items())
    return right / (count or len(pairs)) if pairs else 0.0


def test_lines_are_left_out_also_where_their_labels_are_the_form_of_all_answers() -> None:
    (finding,) = findings_of(share_of_the_labels, LABELLED)
    assert finding.verdict == "exploit" and "element-missing" in named([finding])
    assert findings_of(lambda row, text: share_of_the_labels(row, text, 3), LABELLED) == []


def test_an_exchanged_line_keeps_its_key() -> None:
    (miss, *_) = misses_of(share_of_the_lines_wanted, SHEETS)["element-exchanged"]
    assert re.fullmatch(r"(q\d: \d+\n){3}q4: \d+", miss.text) and miss.share < 1.0


STATED: dict[str, tuple[str, dict[str, Any]]] = {
    "in columns": ("Bug: race\nLine: 2", {"bug": "race", "line": 2}),
    "in an object": ("- owner: core\n- severity: high", {"incident": {"severity": "high", "owner": "core"}}),
    "in JSON text": ("net total = 5\ntax = 1", {"invoice": json.dumps({"net_total": 5, "tax": 1})}),
    "as a list": ("person: Ada\nplace: Ulm", {"entities": ["place: Ulm", "person: Ada"]}),
    "as a list of lists": ("1 2\n2 1", {"solution": [[1, 2], [2, 1]]}),
    "as a text": ("open the door\nfeed the cat", {"answer": "open the door\nfeed the cat"}),
}
UNSTATED: dict[str, tuple[str, dict[str, Any]]] = {
    "a wrong value": ("Bug: race\nLine: 2", {"bug": "race", "line": 3}),
    "more to choose from": ("fox\ncat", {"animals": ["fox", "cat", "dog"]}),
    "part of a text": ("open the door\nfeed the cat", {"document": "open the door\nfeed the cat\nsleep"}),
    "the golden column alone": ("open the door\nfeed the cat", {"golden": "open the door\nfeed the cat"}),
    "one line": ("Bug: race", {"bug": "race"}),
    "a long line": (f"open the door\n{'feed the cat ' * 4}", {"steps": ["open the door", "feed the cat " * 4]}),
}


def is_list(prompt: str, text: str, columns: dict[str, Any]) -> bool:
    (row,) = rows_from([{"prompt": prompt, **columns}])
    return is_list_by_line(text, row)


@pytest.mark.parametrize("text, columns", STATED.values(), ids=STATED)
def test_short_lines_that_a_row_states_are_a_list(text: str, columns: dict[str, Any]) -> None:
    assert is_list("What happened?", text, columns)


@pytest.mark.parametrize("text, columns", UNSTATED.values(), ids=UNSTATED)
def test_other_lines_are_not_a_list(text: str, columns: dict[str, Any]) -> None:
    assert not is_list("What happened?", text, columns)


def test_lines_are_not_a_list_if_the_prompt_shows_one() -> None:
    assert not is_list("Continue:\nbug: race", "Bug: race\nLine: 2", {"bug": "race", "line": 2})


@pytest.mark.parametrize("write", [lambda column: column, json.dumps], ids=["object", "text"])
def test_lines_in_objects_nested_too_deep_are_not_looked_for(write: Callable[[Any], Any]) -> None:
    column: Any = {"bug": "race", "line": 2}
    for _ in range(90):
        column = {"inner": column}
    assert not is_list("What happened?", "Bug: race\nLine: 2", {"report": write(column)})


def test_lines_beside_a_json_text_nested_as_deep_as_it_can_be_read_are_a_list() -> None:
    column = '{"a": ' * 600 + "1" + "}" * 600
    assert is_list("What happened?", "Bug: race\nLine: 2", {"bug": "race", "line": 2, "log": column})


JOURNEYS: Records = [
    {
        "prompt": f"Train {at}: give the hours, the speed and, last, the distance, which alone is graded.",
        "hours": at + 2,
        "speed": 10 * at + 41,
        "distance": (at + 2) * (10 * at + 41),
        "golden": f"hours: {at + 2}\nspeed: {10 * at + 41}\ndistance: {(at + 2) * (10 * at + 41)}",
    }
    for at in range(20)
]


def last_line_alone(row: Row, text: str) -> float:
    return float(text.splitlines()[-1] == f"distance: {row.columns['distance']}")


def test_a_reward_that_reads_the_last_line_alone_gets_no_finding_for_the_lines_before_it() -> None:
    assert "element-repeated" in misses_of(last_line_alone, JOURNEYS)
    assert findings_of(last_line_alone, JOURNEYS) == []


def capitals(prompt: str) -> Records:
    """Rows whose right answer is a capital in the first of two lines."""
    cities = "Oslo Lima Cairo Delhi Paris Quito Rome Tokyo Bern Riga Kyiv Baku".split()
    answers = [f"{city}\nseat of government {at}" for at, city in enumerate(cities)]
    return [{"prompt": f"Land {at}: {prompt}", "answer": answer, "golden": answer} for at, answer in enumerate(answers)]


def first_line(row: Row, text: str) -> float:
    return float(text.strip().partition("\n")[0].strip() == str(row.golden).partition("\n")[0])


def first_line_contains(row: Row, text: str) -> float:
    return float(str(row.golden).partition("\n")[0] in text.partition("\n")[0])


ON_THE_FIRST_LINE = (
    "name the capital. Answer on the first line. Add a reason on the second.",
    "name the capital. Answer on the first line.",
    "name the capital. Only the first line of the reply is graded; explain below.",
)


@pytest.mark.parametrize("prompt", ON_THE_FIRST_LINE)
def test_a_reader_of_the_line_that_the_prompt_names_is_sound(prompt: str) -> None:
    assert findings_of(first_line, capitals(prompt)) == [] and misses_of(first_line, capitals(prompt))


@pytest.mark.parametrize("prompt", ON_THE_FIRST_LINE)
def test_a_loophole_on_the_line_that_the_prompt_names_is_found(prompt: str) -> None:
    assert "mention-within" in named(findings_of(first_line_contains, capitals(prompt)))


@pytest.mark.parametrize(
    "prompt",
    [
        "write the capital and what it is, one per line.",
        "answer q1 on the first line and q2 on the second line.",
        "the first line is the capital, the second line says what it is.",
    ],
)
def test_a_reader_of_the_first_line_is_found_where_the_prompt_asks_for_every_line(prompt: str) -> None:
    (finding,) = findings_of(first_line, capitals(prompt))
    assert finding.verdict == "exploit" and "element-exchanged" in named([finding])


@pytest.mark.parametrize(
    "prompt, line",
    [
        ("Put the answer on the last line.", "right"),
        ("Name it. Don't forget to put the answer on the last line, and do not explain it.", "right"),
        ("Solve the code puzzle and put the answer on the last line.", "right"),
        ("Only the first line of your text is read.", "left"),
        ("The last line alone counts.", "right"),
        ("Answer on the first line, and explain it below, which is not graded.", "left"),
        ("Answer on the first line; the rest is not graded.", "left"),
        ("Do not put the answer on the first line. The answer goes on the last line.", "right"),
        ("Do not put the answer on the first line.", ""),
        ("The first line must not hold the answer.", ""),
        ("Answer in one word, and list your sources on the last line; they are not scored.", ""),
        ("Give the result, with its sources on the last line. They are not scored.", ""),
        ("On the first line, state your confidence, which is not graded. Below it, write the answer.", ""),
        ("The first line of the input is read as n, and the result is their sum.", ""),
        ("Write the result of the first line of the program.", ""),
        ("In this log, the result stands on the last line.", ""),
        ("What does the first line of the code return as result?", ""),
        ("Is the answer on the last line?", ""),
        ("Translate the poem. The last line counts double.", ""),
        ("Write a limerick; the first line is read aloud.", ""),
        ("It is scored line by line, and its last line counts like any of them.", ""),
    ],
)
def test_a_line_is_the_answer_only_if_the_prompt_says_so(prompt: str, line: str) -> None:
    assert graded_line("left\nright", Row(0, prompt, None, None, {})) == line


OUTPUTS: Records = [
    {
        "prompt": f"The first line of the input is read as n. Print the results, one below the other.\n"
        f"Input:\n2\n{at + 90}\n{at}",
        "expected_output": f"{7 * at + 12}\n{at + 90}\n{3 * at + 201}",
        "golden": f"{7 * at + 12}\n{at + 90}\n{3 * at + 201}",
    }
    for at in range(20)
]


def test_a_prompt_about_the_first_line_of_the_input_hides_no_reader_of_one_line() -> None:
    assert "element-exchanged" in named(findings_of(first_line, OUTPUTS))
    assert findings_of(lambda row, text: float(text.strip() == row.golden), OUTPUTS) == []


CONFIDENT: Records = [
    {
        "prompt": f"Case {at}: state your confidence on the first line; it is not graded. Name the town below it.",
        "town": f"Port {'ABCDEFGHIJKLMNOPQRST'[at]}",
        "golden": f"{at + 60}\nPort {'ABCDEFGHIJKLMNOPQRST'[at]}",
    }
    for at in range(20)
]


def test_a_number_and_a_line_below_it_are_no_number_with_a_unit() -> None:
    def second_line(row: Row, text: str) -> float:
        lines = text.strip().splitlines()
        return float(len(lines) == 2 and lines[0].isdecimal() and lines[1] == row.columns["town"])

    assert findings_of(second_line, CONFIDENT) == []
