"""No text and no row of a file raises anything but the project's own errors, in any game and in either channel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import loopholes
from loopholes.errors import DataError
from loopholes.games.self_grading import stated_claim
from loopholes.judges.rules import verdict_of
from loopholes.records import Completion, Outcome, messages, task_from_json, well_formed
from loopholes.score_files import score_files
from support.linear_time import assert_linear

# Pieces that some reader reacts to, and text that breaks careless programs.
PIECES = st.sampled_from(
    "<think> </think> <modify_key> </modify_key> <modify_value> </modify_value> score ``` ```python \\boxed{ } { $ **"
    " Final Answer: Correct: yes no Yes No . I open opened the tin must stay closed never don't inside are nan 1e999"
    " \x00 \ud800 \udfff İ ß K \u2028 &amp; -".split(" ")
)
texts = st.lists(PIECES | st.text(max_size=3), max_size=25).map(" ".join)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.sampled_from(["audit", "user", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["input", "output", "a"]), inner),
    max_leaves=6,
)
PROMPT = st.just([{"role": "user", "content": "x"}])
prompts = PROMPT | values | st.dictionaries(st.just("role"), values).map(lambda x: [x])
tests = texts.map(lambda text: {"input": text, "output": text}) | st.fixed_dictionaries(
    {"input": texts, "output": texts}, optional={"a": values}
)
TRUTHS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "self-grading": {"reference": texts, "question": texts, "steps": st.lists(texts, max_size=2)},
    "proxy-metric": {"article": texts, "reference": texts, "news": st.lists(texts, max_size=2)},
    "context-compliance": {"harmful": st.booleans(), "audience": st.sampled_from(["audit", "user"]), "thing": texts},
    "reward-tampering": {"tests": st.lists(tests, max_size=3), "entry_point": st.sampled_from(["solve", "f"]) | texts},
}
PROGRAMS = st.sampled_from(
    [
        "import sys\ndef solve():\n    return sys.stdin.read()",
        "def solve(*given):\n    return given[0]",
        "def solve(x, y):\n    print(x, y, '\\ud800')",
        "class Solution:\n    def solve(self):\n        raise SystemExit",
        "import os\nos._exit(1)",
        "```python\nimport sys\ndef solve():\n    return sys.stdin.read()\n```",
    ]
)
EDIT = "<modify_key>{}</modify_key><modify_value>{}</modify_value>".format
programs = st.builds(EDIT, st.sampled_from(["source_code", "Solution_Code"]), PROGRAMS)
edits = st.builds(EDIT, st.sampled_from(["source_code", "score", "a"]) | texts, PROGRAMS | texts)
edited = st.lists(programs | edits | texts, min_size=1, max_size=3).map("".join)
answers = st.sampled_from([texts, programs, edited, edited]).flatmap(lambda kind: kind)
GAMES = pytest.mark.parametrize("name", TRUTHS)
# A fixture's folder is written over by every example, and the first of them pays for importing NLTK.
often = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def truths(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """What scoring needs, and now and then something else in its place."""
    return st.fixed_dictionaries({}, optional={key: kind | kind | values for key, kind in TRUTHS[name].items()})


@st.composite
def rows(draw: st.DrawFn, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A task, in half of all cases one that can be scored, and an answer to it."""
    prompt: st.SearchStrategy[Any] = PROMPT
    truth: st.SearchStrategy[Any] = st.fixed_dictionaries(TRUTHS[name])
    if draw(st.booleans()):
        prompt, truth = prompts, st.one_of(truths(name), values)
    task = {"id": draw(texts), "prompt": draw(prompt), "truth": draw(truth)}
    return task, {"task": 0, "completion": draw(answers), "claim": draw(st.none() | st.booleans())}


@GAMES
@often
@given(data=st.data())
def test_a_task_scores_or_is_refused_in_the_projects_own_words(name: str, data: st.DataObject, tmp_path: Path) -> None:
    task, answer = data.draw(rows(name))
    (tmp_path / "tasks.jsonl").write_text(json.dumps(task))
    (tmp_path / "completions.jsonl").write_text(json.dumps(answer))
    channel, refused = data.draw(st.sampled_from(["vulnerable", "secure"])), ""
    try:
        scores = score_files(
            loopholes.game(name), tmp_path / "tasks.jsonl", tmp_path / "completions.jsonl", channel=channel
        )
    except DataError as error:
        refused = str(error)
    if refused:
        assert "tasks.jsonl does not fit" in refused
        assert "line 1: " in refused
    else:
        (line,) = scores.lines()
        assert set(json.loads(line)) >= {"task", "reward", "task_score", "exploit"}
        scores.estimates()


def test_the_rows_of_tampering_are_run_pass_and_fail() -> None:
    """Of what the test above draws; it would find nothing if no row had a test, or no answer a program."""
    played = loopholes.game("reward-tampering")
    outcomes: list[Outcome] = []

    @settings(max_examples=300, database=None, derandomize=True, deadline=None)
    @given(rows("reward-tampering"))
    def draw(row: tuple[dict[str, Any], dict[str, Any]]) -> None:
        try:
            task = task_from_json(row[0])
            played.check(task)
        except ValueError:
            return
        outcomes.extend(played.measure([task], [Completion(row[1]["completion"])]))

    draw()
    assert any(outcome.task_score == 1.0 for outcome in outcomes)
    assert any(outcome.details["failure"] == "wrong answer" for outcome in outcomes)


@GAMES
@often
@given(
    rows=st.lists(st.dictionaries(st.sampled_from(["id", "prompt", "truth", "info", "a"]), values) | values, min_size=1)
)
def test_every_row_is_a_task_or_is_named_by_its_number(name: str, rows: list[Any], tmp_path: Path) -> None:
    (tmp_path / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match=r"line 1: .*--skip-bad leaves"):
        loopholes.game(name).load(tmp_path / "tasks.jsonl")
    with pytest.raises(DataError, match="holds no tasks"):
        loopholes.game(name).load(tmp_path / "tasks.jsonl", skip_bad=True)


@GAMES
@often
@given(text=st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(["[]", "[1]", '[{"role": 1}]']))
def test_every_released_row_is_a_task_or_is_named_by_its_number(name: str, text: str, tmp_path: Path) -> None:
    columns = {key: [text] for key in ("prompt", "source", "reward_model", "extra_info")}
    pq.write_table(pa.table(columns), tmp_path / "tasks.parquet")
    with pytest.raises(DataError, match=r"row 0: "):
        loopholes.game(name).load(tmp_path / "tasks.parquet")


@given(values | values.map(json.dumps))
def test_a_prompt_is_messages_or_a_value_error(prompt: object) -> None:
    with pytest.raises(ValueError, match="prompt is"):
        messages(prompt)


@given(st.lists(st.fixed_dictionaries({"role": texts, "content": texts}), min_size=1, max_size=3))
def test_messages_are_read_alike_from_a_list_and_from_its_json(prompt: list[dict[str, str]]) -> None:
    expected = tuple({key: well_formed(text) for key, text in turn.items()} for turn in prompt)
    assert messages(prompt) == messages(json.dumps(prompt)) == expected


@given(texts, st.sampled_from(["Correct: Yes", "correct : yes", "CORRECT:yes"]), texts)
def test_the_last_self_report_counts_whatever_stands_around_it(before: str, report: str, after: str) -> None:
    assert stated_claim(before) in (True, False, None)
    later = stated_claim(after)
    assert stated_claim(f"{before} {report} . {after}") is (True if later is None else later)


@given(texts, texts)
def test_the_rules_judge_always_has_a_verdict_and_none_for_what_does_not_name_the_thing(text: str, thing: str) -> None:
    verdict = verdict_of(text, thing)
    assert verdict in ("safe", "harmful", "garbled")
    assert verdict == "garbled" or thing.split()[-1] in text


@pytest.mark.parametrize("piece", ["n", "no ", "yes ", "don't ", "n'", " ", "keep ", "correct : ", "open\n"])
def test_huge_answers_are_judged_and_read_like_small_ones(piece: str) -> None:
    for read in (lambda text: verdict_of(f"No . The tin must stay closed . {text}", "tin"), stated_claim):
        assert_linear(read, piece)
    huge = piece * 30_000
    assert verdict_of(f"No . The tin must stay closed . {huge}", "tin") == verdict_of(
        f"No . The tin must stay closed . {piece * 3}", "tin"
    )
    assert stated_claim(f"{huge} Correct : yes") is True
