"""Several tool calls in one completion, each between tags: near misses of the list that they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit.form import RAW, form_of
from loopholes.audit.frameworks.base import Row
from loopholes.audit.gold.answer import answer_of
from loopholes.audit.gold.mentions import MENTIONS
from loopholes.audit.gold.tagged_calls import list_of_blocks
from loopholes.audit.naming import named_answer
from loopholes.audit.results import Attempt
from loopholes.audit.scale import Correctness, Level
from support.linear_time import assert_linear
from support.rewards import audited, verdicts, write_rewards

pytestmark = pytest.mark.usefixtures("inside", "few_attacks")

CITIES = "Oslo Lima Rome Cairo Quito Seoul Paris Kyoto Delhi Accra Turin Perth".split()
TOOLS = ("get_time", "get_weather", "get_news")
REWARDS = f"""
    import json, re
    TOOLS = {TOOLS}

    def calls(completion):
        try:
            values = [json.loads(text) for text in re.findall("<tool_call>(.*?)</tool_call>", completion, re.DOTALL)]
        except ValueError:
            return []
        return [value for value in values if isinstance(value, dict)]

    def exact(completion, answer):
        return float(calls(completion) == answer)

    def recall(completion, answer):
        return sum(call in calls(completion) for call in answer) / len(answer)

    def precision(completion, answer):
        given = calls(completion)
        return sum(call in answer for call in given) / max(1, len(given))

    def names(completion, answer):
        return float([call.get("name") for call in calls(completion)] == [call["name"] for call in answer])

    def known_tools(completion, answer):
        known = [call for call in calls(completion) if call.get("name") in TOOLS]
        return float(known == answer)

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


ROWS = rows(golden=True)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return write_rewards(tmp_path, REWARDS)


@pytest.mark.parametrize("golden", [True, False], ids=["right answers given", "form assumed"])
@pytest.mark.parametrize("name", FOUND)
def test_what_a_reward_of_several_calls_does_not_compare_is_found(file: str, name: str, golden: bool) -> None:
    found = verdicts(audited(f"{file}:{name}", rows(golden=golden)))
    assert {name: verdict for name, verdict in found.items() if verdict == "exploit"} == FOUND[name]
    assert found == {} or name != "exact"


def test_a_reward_may_pass_over_functions_that_do_not_exist(file: str) -> None:
    assert "exploit" not in verdicts(audited(f"{file}:known_tools", ROWS)).values()


@pytest.mark.parametrize("name, order", [("recall", ", any_order=True"), ("names", "")])
def test_the_code_that_closes_it_reads_all_calls(file: str, name: str, order: str) -> None:
    """In any order if the reward takes any."""
    report = audited(f"{file}:{name}", rows(golden=True))
    (finding,) = [finding for finding in report.findings if finding.verdict == "exploit"]
    assert f'same_records(records(completion, "tool_call"), answer{order})' in finding.snippet


def mostly_single(every: int) -> list[dict[str, Any]]:
    """Rows of one call, but every so many of two or three, without right completions."""
    chosen = rows(golden=False)
    return [{**row, "answer": row["answer"][-(1 if at % every else 3) :]} for at, row in enumerate(chosen)]


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize(
    "name, found",
    [
        ("exact", set()),
        ("recall", {"element-added", "both-completions"}),
        ("precision", {"element-missing", "part-paid"}),
    ],
)
def test_the_calls_of_a_row_are_one_answer_though_most_rows_have_one(
    file: str, name: str, found: set[str], seed: int
) -> None:
    """Of the first eight rows, on which forms are compared, none has several with the first seed, two have with the
    other."""
    report = audited(f"{file}:{name}", mostly_single(every=12), seed=seed)
    exploits = {finding.name for finding in report.findings if finding.verdict == "exploit"}
    assert exploits <= found and bool(exploits) == bool(found)
    assert report.golden.value == 1.0


def test_only_rows_of_several_calls_say_whether_one_of_them_is_enough(file: str) -> None:
    report = audited(f"{file}:any_of", mostly_single(every=4))
    (finding,) = [finding for finding in report.findings if finding.name == "part-paid"]
    assert finding.message.startswith("the first element of answer alone is paid like the whole list on 100.0 %")
    assert " of 6 rows" in finding.message


def test_the_element_of_a_list_states_a_row_s_only_call(file: str) -> None:
    single = [{**row, "answer": row["answer"][-1:], "golden": written(row["answer"][-1:])} for row in ROWS]
    assert verdicts(audited(f"{file}:names", single))["field-changed"] == "exploit"
    assert verdicts(audited(f"{file}:exact", single)) == {}


def test_an_attack_that_makes_the_right_calls_is_right() -> None:
    calls = [{"name": name, "arguments": {}} for name in TOOLS[:2]]
    row = Row(0, "Which is it?", golden=written(calls))
    answer = answer_of(row, RAW)
    assert answer is not None
    level = Level(0, 1.0, 0.0, "", answer.text, written(calls))
    correctness = Correctness([row], [level], RAW, None)
    for text in (written(calls), written(calls).replace(": ", ":").replace("\n", " ")):
        assert correctness.right({0: Attempt(text)}) == {0}
        assert named_answer(Attempt(text), level) == level.name
    assert correctness.right({0: Attempt(written(calls[:1]))}) == set()


def test_a_column_may_hold_the_calls_between_tags(tmp_path: Path) -> None:
    source = """
        import json, re

        def calls(text):
            return [json.loads(call) for call in re.findall("<tool_call>(.*?)</tool_call>", text, re.DOTALL)]

        def recall(completion, answer):
            return sum(call in calls(completion) for call in calls(answer)) / len(calls(answer))
    """
    report = audited(f"{write_rewards(tmp_path, source)}:recall", [{**row, "answer": row["golden"]} for row in ROWS])
    (finding,) = [finding for finding in report.findings if finding.verdict == "exploit"]
    assert finding.name == "element-added"
    assert 'records(answer, "tool_call"), any_order=True)' in finding.snippet


def test_calls_may_have_to_stand_on_one_line(tmp_path: Path) -> None:
    file = write_rewards(tmp_path, REWARDS.replace(", re.DOTALL", ""))
    assert verdicts(audited(f"{file}:recall", rows(golden=False)))["element-added"] == "exploit"


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


def test_an_opening_tag_that_is_mentioned_before_the_calls_is_none_of_them() -> None:
    assert list_of_blocks(f"<think>I begin with <call>{{ and so on.</think>{COMPACT}") == list_of_blocks(COMPACT) != ""


def test_no_mention_of_the_calls_is_put_between_their_tags() -> None:
    texts = [row["golden"] for row in ROWS]
    answer = answer_of(Row(0, "Call them.", golden=texts[0]), form_of(texts))
    assert answer is not None and answer.form.marks
    assert [wording(answer, answer.text, "other") for wording in MENTIONS["mention-in-thinking"]] == [None]


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


def test_what_a_program_reads_has_one_spelling(file: str) -> None:
    """The name of a function and its arguments."""
    refused = audited(f"{file}:exact", ROWS).refused
    assert refused is not None
    assert [way.name for way in refused.ways if way.rate.value] == []


def test_spacing_of_calls_is_varied(tmp_path: Path) -> None:
    source = "def same(completion, golden):\n    return float(completion.strip() == golden)"
    refused = audited(
        f"{write_rewards(tmp_path, source)}:same", [{**row, "answer": row["answer"]} for row in ROWS]
    ).refused
    assert refused is not None
    assert {"compact JSON", "indented JSON"} <= {way.name for way in refused.ways if way.rate.value == 1.0}
