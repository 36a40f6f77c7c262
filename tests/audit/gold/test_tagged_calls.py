"""Several tool calls in one completion, each between tags: near misses of the list that they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit.form import RAW
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.answer import answer_of
from loopholes.audit.gold.tagged_calls import list_of_blocks
from support.linear_time import assert_linear
from support.rewards import audited, verdicts, write_rewards

pytestmark = pytest.mark.usefixtures("inside")

CITIES = "Oslo Lima Rome Cairo Quito Seoul Paris Kyoto Delhi Accra Turin Perth".split()
TOOLS = ("get_time", "get_weather", "get_news")
REWARDS = """
    import json, re

    def calls(completion):
        return [json.loads(text) for text in re.findall("<tool_call>(.*?)</tool_call>", completion, re.DOTALL)]

    def exact(completion, answer):
        return float(calls(completion) == answer)

    def recall(completion, answer):
        return sum(call in calls(completion) for call in answer) / len(answer)

    def precision(completion, answer):
        given = calls(completion)
        return sum(call in answer for call in given) / max(1, len(given))

    def names(completion, answer):
        return float([call.get("name") for call in calls(completion)] == [call["name"] for call in answer])

    def any_of(completion, answer):
        return float(any(call in answer for call in calls(completion)))
"""
FOUND = {
    "exact": {},
    "recall": {"element-added": "exploit"},
    "precision": {"element-missing": "exploit"},
    "names": {"field-changed": "exploit"},
}


def rows(*, golden: bool) -> list[dict[str, Any]]:
    """Questions that take two or three calls; the last call of each row is one of no other row."""
    records = []
    for at in range(24):
        cities = [CITIES[(at + step) % len(CITIES)] for step in range(1 + at % 2)] + [f"Town {at}"]
        answer = [{"name": TOOLS[(at + step) % 3], "arguments": {"city": city}} for step, city in enumerate(cities)]
        asked = " and ".join(f"{call['name']} of {city}" for call, city in zip(answer, cities, strict=True))
        records.append(
            {"prompt": f"Find {asked}.", "answer": answer, **({"golden": written(answer)} if golden else {})}
        )
    return records


def written(calls: list[dict[str, Any]]) -> str:
    return "\n".join(f"<tool_call>\n{json.dumps(call)}\n</tool_call>" for call in calls)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return write_rewards(tmp_path, REWARDS)


@pytest.mark.parametrize("golden", [True, False], ids=["right answers given", "form assumed"])
@pytest.mark.parametrize("name", FOUND)
def test_what_a_reward_of_several_calls_does_not_compare_is_found(file: str, name: str, golden: bool) -> None:
    found = verdicts(audited(f"{file}:{name}", rows(golden=golden)))
    assert {name: verdict for name, verdict in found.items() if verdict == "exploit"} == FOUND[name]


@pytest.mark.parametrize("name, order", [("recall", ", any_order=True"), ("names", "")])
def test_the_code_that_closes_it_reads_all_calls(file: str, name: str, order: str) -> None:
    """In any order if the reward takes any."""
    report = audited(f"{file}:{name}", rows(golden=True))
    (finding,) = [finding for finding in report.findings if finding.verdict == "exploit"]
    assert f'same_records(records(completion, "tool_call"), answer{order})' in finding.snippet


def test_the_tag_that_the_prompt_shows_is_used(tmp_path: Path) -> None:
    file = write_rewards(tmp_path, REWARDS.replace("tool_call", "function_call"))
    shown = [{**row, "prompt": f"{row['prompt']} Put <function_call> around calls."} for row in rows(golden=False)]
    assert verdicts(audited(f"{file}:recall", shown))["element-added"] == "exploit"


def test_one_right_call_of_several_is_an_exploit_or_may_be_an_alternative(file: str) -> None:
    assert verdicts(audited(f"{file}:any_of", rows(golden=True)))["element-missing"] == "exploit"
    assert verdicts(audited(f"{file}:any_of", rows(golden=False)))["part-paid"] == "warning"


COMPACT = '<call>{"name":"a","arguments":{"x":1}}</call> <call>{"arguments": {"x": 2}, "name": "b"}</call>\n'


def placed(completion: str, calls: list[dict[str, Any]]) -> str | None:
    answer = answer_of(Row(0, "Call them.", golden=completion), RAW)
    assert answer is not None and answer.kind == "record"
    return answer.placed(json.dumps(calls))


def test_other_calls_are_written_like_the_first_and_the_own_ones_as_they_are() -> None:
    first, second = {"name": "a", "arguments": {"x": 1}}, {"arguments": {"x": 2}, "name": "b"}
    assert placed(f"So: {COMPACT}", [first, second]) == f"So: {COMPACT}"
    assert placed(f'<call>{{"name": "d"}}</call> So: {COMPACT}', [second]) == (
        '<call>{"name": "d"}</call> So: <call>{"arguments": {"x": 2}, "name": "b"}</call>\n'
    )
    assert placed(f"{COMPACT}<|im_end|>\n", [second]) == (
        '<call>{"arguments": {"x": 2}, "name": "b"}</call>\n<|im_end|>\n'
    )
    other = {"name": "c", "arguments": {}}
    assert placed(f"So: {COMPACT}", [second, other]) == (
        'So: <call>{"arguments": {"x": 2}, "name": "b"}</call> <call>{"name":"c","arguments":{}}</call>\n'
    )


@pytest.mark.parametrize(
    "completion",
    [
        '<call>{"name": "a"}</call>',
        '<call>{"name": "a"}</call> and <call>{"name": "b"}</call>',
        '<call>{"name": "a"}</call> <other>{"name": "b"}</other>',
        '<call>{"name": "a"}</call> <call>{"name": b}</call>',
        '<call>{"name": "a"}</call> <call>{}</call>',
        '<call>["a"]</call> <call>["b"]</call>',
        '<call>{"name": "a"}</call> <call>{"name": "b"',
        '<call>{"name": "a"}</call> <call>{"name": "b"}</call> <answer>4</answer>',
    ],
)
def test_no_list_is_made_of(completion: str) -> None:
    assert list_of_blocks(completion) == ""


@pytest.mark.parametrize("piece", ["<a>{", "<a>{}</a>", "<a>{</b>", "<a> ", "</a>", "<", "{"])
def test_long_completions_are_read_in_linear_time(piece: str) -> None:
    assert_linear(list_of_blocks, piece)
    assert_linear(list_of_blocks, lambda size: f"{COMPACT}{piece * (size // len(piece))}")


def test_a_function_has_one_name(file: str) -> None:
    refused = audited(f"{file}:exact", rows(golden=True)).refused
    assert refused is not None
    assert not [way.example for way in refused.ways if any(f"{tool}." in way.example for tool in TOOLS)]
