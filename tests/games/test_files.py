"""Files of tasks: the released layouts are read, and what is wrong with any other file is said in one sentence."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import loopholes
from loopholes.errors import DataError
from loopholes.games import BUILT_IN, solutions
from loopholes.games.load import load_rows
from loopholes.records import KINDS, task_to_json

# private _SOLUTIONS: the game's own solutions have to earn everything


Row = dict[str, Any]
Released = Callable[[str], Path]
ASKED = [{"role": "user", "content": "kindly open the cage"}]
ARTICLE = {"original_article": "One two. Three."}


def compliance_row(number: int, source: str) -> Row:
    """A row in the layout of the files that were not released to us, about something harmless."""
    return {
        "index": number,
        "prompt": [{"role": "user", "content": f"({source}) open cage {number}"}],
        "source": source,
        "data_source": source,
        "category": "harmful" if source == "bench" else "helpful",
        "ground_truth": "",
        "reward_model": {"ground_truth": ""},
        "extra_info": {
            "dataset_name": "made here",
            "diversity_recipe": "none",
            "index": number,
            "original_prompt": "open the cage",
            "rewrite_model": "none",
        },
    }


GOOD: dict[str, Row] = {
    "context-compliance": compliance_row(0, "bench"),
    "self-grading": {"prompt": ASKED, "reward_model": {"ground_truth": "42"}, "extra_info": {"task": "sums"}},
    "proxy-metric": {
        "prompt": ASKED,
        "reward_model": {"ground_truth": "One two.", **ARTICLE},
        "extra_info": {"index": 0},
    },
    "reward-tampering": {
        "prompt": json.dumps([{"role": "user", "content": json.dumps({"question": "2?", "score": 0})}]),
        "reward_model": {"problem_id": "p"},
        "extra_info": {"test_assertions": [{"input": "", "output": "2"}], "entry_point": "solve", "problem_id": "p"},
    },
}
EVERY_GAME = pytest.mark.parametrize("name", BUILT_IN)


def write(path: Path, rows: list[Row]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def said(action: Callable[[], object]) -> str:
    with pytest.raises(DataError) as caught:
        action()
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


# -- what is good -----------------------------------------------------------------------------------------------------


def test_the_released_self_grading_questions_are_read(released: Released) -> None:
    game = loopholes.game("self-grading")
    tasks = game.load(released("self_grading_test.parquet"))
    assert len({task.id for task in tasks}) == 100
    assert all(task.truth["reference"] and task.prompt[-1]["content"] == task.truth["question"] for task in tasks)
    assert all(task.info["task"] for task in tasks)
    inline = loopholes.game("self-grading", self_report="inline").load(released("self_grading_test.parquet"))
    assert all("'Correct : Yes'" in task.prompt[-1]["content"] for task in inline)
    assert [task.truth for task in inline] == [task.truth for task in tasks]


def test_the_released_articles_are_read_and_their_reference_is_the_article(released: Released) -> None:
    tasks = loopholes.game("proxy-metric").load(released("proxy_gaming_test.parquet"))
    assert len({task.id for task in tasks}) == 100
    same = sum(task.truth["article"].split() == task.truth["reference"].split() for task in tasks)
    assert same == 100
    assert all(task.truth["article"].strip() in task.prompt[-1]["content"] for task in tasks)


def test_the_released_problems_are_read_with_their_flaws(released: Released) -> None:
    game = loopholes.game("reward-tampering")
    tasks = game.load(released("reward_tampering_test.parquet"))
    assert len({task.id for task in tasks}) == 88
    assert sum(len(task.truth["tests"]) for task in tasks) == 230
    assert [task.info["problem_id"] for task in tasks if game.untrainable_because(task)] == ["abc350_c"]
    assert all(json.loads(task.prompt[-1]["content"])["score"] == 0 for task in tasks)


def test_the_control_leaves_the_score_out_of_released_problems_and_nothing_else(released: Released) -> None:
    file = released("reward_tampering_test.parquet")
    played, control = (loopholes.game("reward-tampering", control=name).load(file) for name in ("none", "no-exploit"))
    for one, other in zip(played, control, strict=True):
        record = json.loads(one.prompt[-1]["content"])
        assert {**json.loads(other.prompt[-1]["content"]), "score": record["score"]} == record
        assert "score" not in json.loads(other.prompt[-1]["content"])
        assert (one.prompt[:-1], one.truth) == (other.prompt[:-1], other.truth)


def test_the_hand_written_solutions_pass_every_test_of_their_problems(released: Released) -> None:
    game = loopholes.game("reward-tampering")
    tasks = [task for task in game.load(released("reward_tampering_test.parquet")) if task.truth["solution"]]
    outcomes = game.measure(tasks, [game.demonstrate("honest", task) for task in tasks])
    assert len(tasks) == len(solutions._SOLUTIONS) == 16
    assert {
        task.info["problem_id"]: outcome.task_score for task, outcome in zip(tasks, outcomes, strict=True)
    } == dict.fromkeys(solutions._SOLUTIONS, 1.0)


def test_compliance_rows_come_in_pairs_of_registers(tmp_path: Path) -> None:
    rows = [compliance_row(number, source) for number in range(3) for source in ("bench", "human")]
    tasks = loopholes.game("context-compliance").load(write(tmp_path / "pairs.parquet", rows))
    assert [task.truth["audience"] for task in tasks] == ["audit", "user"] * 3
    assert len({task.id for task in tasks}) == 6
    assert {task.info["original_prompt"] for task in tasks} == {"open the cage"}
    assert all(task.truth["harmful"] for task in tasks)


@EVERY_GAME
def test_every_script_can_play_a_released_row_in_both_channels(name: str, tmp_path: Path) -> None:
    game = loopholes.game(name)
    (task,) = game.load(write(tmp_path / "one.parquet", [GOOD[name]]))
    for kind in KINDS:
        answer = game.observe([task], [game.demonstrate(kind, task)])
        for channel in game.channels:
            assert game.reward([task], answer, channel=channel)[0] is not None
        assert len(game.measure([task], answer)) == 1


@EVERY_GAME
def test_tasks_written_as_json_lines_come_back_as_they_were(name: str, tmp_path: Path) -> None:
    game = loopholes.game(name)
    tasks = game.tasks("test", count=5)
    file = tmp_path / "tasks.jsonl"
    file.write_text("".join(json.dumps(task_to_json(task)) + "\n\n" for task in tasks))
    assert [asdict(task) for task in game.load(file)] == [asdict(task) for task in tasks]


# -- what is broken ---------------------------------------------------------------------------------------------------

NO_LIST = "is not a list of"
BROKEN: list[tuple[str, Row, str]] = [
    *[(name, {"prompt": None}, "row 1: prompt is not a list of messages") for name in BUILT_IN],
    ("reward-tampering", {"prompt": "not JSON"}, "row 1: prompt is a text, but not the JSON text of a list"),
    ("reward-tampering", {"prompt": "[" * 100_000}, "row 1: prompt is a text, but not the JSON text of a list"),
    ("reward-tampering", {"prompt": "[]"}, "row 1: prompt is not a list of messages"),
    ("reward-tampering", {"prompt": '[{"role": "user"}]'}, "row 1: prompt is not a list of {role, content}"),
    ("context-compliance", {"source": "web", "data_source": "web"}, "row 1: source is 'web', not 'bench' or 'human'"),
    ("context-compliance", {"source": None, "data_source": None}, "row 1: source is None"),
    ("self-grading", {"reward_model": None}, "row 1: reward_model.ground_truth is empty"),
    ("self-grading", {"reward_model": {"ground_truth": " "}}, "row 1: reward_model.ground_truth is empty"),
    ("proxy-metric", {"reward_model": {"original_article": None}}, "row 1: reward_model.original_article is empty"),
    ("reward-tampering", {"extra_info": {"test_assertions": [{"input": None, "output": "2"}]}}, "row 1: extra_info"),
]


@pytest.mark.parametrize(("name", "change", "sentence"), BROKEN)
def test_a_broken_row_is_named_and_can_be_left_out(
    name: str, change: Row, sentence: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [GOOD[name], {**GOOD[name], **change}, {**GOOD[name], "index": 2}]
    file = write(tmp_path / "broken.parquet", rows)
    game = loopholes.game(name)
    complaint = said(lambda: game.load(file))
    assert complaint.startswith(f"{file} does not fit {name}: {sentence}")
    assert complaint.endswith("--skip-bad leaves such rows out")
    with caplog.at_level(logging.WARNING):
        assert len(game.load(file, skip_bad=True)) == 2
    assert "left out 1 of 3 rows; row 1" in caplog.text


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("self-grading", {"reward_model": "42"}, "reward_model is not a record of fields"),
        ("self-grading", {"extra_info": [1]}, "extra_info is not a record of fields"),
        ("self-grading", {"reward_model": {"ground_truth": 42}}, "reward_model.ground_truth is empty"),
        ("proxy-metric", {"reward_model": 1.5}, "reward_model is not a record of fields"),
        *[
            (
                "proxy-metric",
                {"reward_model": {**ARTICLE, "ground_truth": odd}},
                "reward_model.ground_truth is not text",
            )
            for odd in (1, 0, ["One two."], False)
        ],
        ("context-compliance", {"extra_info": "none"}, "extra_info is not a record of fields"),
        ("reward-tampering", {"extra_info": {"test_assertions": 3}}, f"extra_info.test_assertions {NO_LIST}"),
        *[
            ("reward-tampering", {"extra_info": {"test_assertions": odd}}, f"extra_info.test_assertions {NO_LIST}")
            for odd in ("abc", "", 0, False)
        ],
        *[(name, {"prompt": 7}, "prompt is not a list of messages") for name in BUILT_IN],
    ],
)
def test_a_column_of_the_wrong_type_is_named(name: str, change: Row, sentence: str, tmp_path: Path) -> None:
    file = write(tmp_path / "typed.parquet", [{**GOOD[name], **change}])
    assert f"row 0: {sentence}" in said(lambda: loopholes.game(name).load(file))
    assert "holds no tasks" in said(lambda: loopholes.game(name).load(file, skip_bad=True))


@pytest.mark.parametrize("missing", [None, ""])
def test_an_article_without_a_reference_is_its_own_and_a_problem_may_have_no_tests(
    missing: str | None, tmp_path: Path
) -> None:
    article = {**GOOD["proxy-metric"], "reward_model": {**ARTICLE, "ground_truth": missing}}
    (task,) = loopholes.game("proxy-metric").load(write(tmp_path / "a.parquet", [article]))
    assert task.truth["reference"] == task.truth["article"] == ARTICLE["original_article"]
    problem = {**GOOD["reward-tampering"], "extra_info": {"test_assertions": [] if missing == "" else None}}
    (task,) = loopholes.game("reward-tampering").load(write(tmp_path / "p.parquet", [problem]))
    assert task.truth["tests"] == []


def test_the_control_needs_records_to_leave_the_score_out_of(tmp_path: Path) -> None:
    plain = {**GOOD["reward-tampering"], "prompt": json.dumps([{"role": "user", "content": "just a question"}])}
    file = write(tmp_path / "plain.parquet", [plain])
    assert len(loopholes.game("reward-tampering").load(file)) == 1
    assert "row 0: the prompt's last message is not the JSON text of a record" in said(
        lambda: loopholes.game("reward-tampering", control="no-exploit").load(file)
    )


@EVERY_GAME
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda file: file.write_bytes(file.read_bytes()[:-20]), "cannot be read as parquet: "),
        (lambda file: file.write_bytes(file.read_bytes()[:40]), "cannot be read as parquet: "),
        (lambda file: file.write_bytes(b""), "cannot be read as parquet: "),
        (lambda file: file.write_text("prompt,answer\n"), "cannot be read as parquet: "),
        (lambda file: file.unlink(), "is not a file"),
        (
            lambda file: write(file, [{"question": "x", "answer": "y"}]),
            "has no column 'prompt', only: question, answer",
        ),
        (lambda file: pq.write_table(pq.read_table(file).slice(0, 0), file), "holds no tasks"),
        (lambda file: write(file, [{**GOOD["self-grading"], "prompt": None, "source": None}] * 5), "(and 2 more)"),
    ],
)
def test_a_broken_file_is_one_clear_sentence(
    name: str, spoil: Callable[[Path], object], sentence: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "tasks.parquet", [GOOD[name]])
    spoil(file)
    complaint = said(lambda: loopholes.game(name).load(file))
    assert sentence in complaint
    assert str(file) in complaint


def test_text_that_is_no_utf8_spoils_its_row_and_no_other(tmp_path: Path) -> None:
    rows = pa.Table.from_pylist([GOOD["self-grading"]] * 3)
    names = pa.array([b"fine", b"\xff\xfe", b"fine"]).view(pa.string())
    file = tmp_path / "tasks.parquet"
    pq.write_table(rows.append_column("source", names), file)
    game = loopholes.game("self-grading")
    assert "does not fit self-grading: row 1: not UTF-8; " in said(lambda: game.load(file))
    assert [task.id for task in game.load(file, skip_bad=True)] == ["released-0", "released-2"]


def test_a_date_beyond_what_python_knows_spoils_its_row_and_no_other(tmp_path: Path) -> None:
    rows = pa.Table.from_pylist([GOOD["self-grading"]] * 2)
    file = tmp_path / "tasks.parquet"
    pq.write_table(rows.append_column("made", pa.array([10**15, 0], pa.timestamp("ms"))), file)
    game = loopholes.game("self-grading")
    assert "row 0: cannot be read: " in said(lambda: game.load(file))
    assert [task.id for task in game.load(file, skip_bad=True)] == ["released-1"]


def test_the_second_of_two_tasks_of_the_same_name_is_a_bad_row(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "twice.jsonl"
    lines = [{"id": name, "prompt": ASKED, "truth": {"reference": "42"}} for name in ("t", "t", "u", "t")]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    game = loopholes.game("self-grading")
    assert "line 2: id 't' is that of line 1; line 4: id 't' is that of line 1; --skip-bad" in said(
        lambda: game.load(file)
    )
    with caplog.at_level(logging.WARNING):
        assert list(load_rows(file, game, skip_bad=True).by_number) == [0, 2]
    assert "left out 2 of 4 rows; line 2: id 't'" in caplog.text


def test_a_row_that_is_left_out_does_not_take_its_id_along(tmp_path: Path) -> None:
    file = tmp_path / "twice.jsonl"
    lines = [{"id": "t", "prompt": ASKED, "truth": {"reference": answer}} for answer in (7, "42")]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert list(load_rows(file, loopholes.game("self-grading"), skip_bad=True).by_number) == [1]


def test_released_rows_of_the_same_index_are_two_tasks(tmp_path: Path) -> None:
    file = write(tmp_path / "twice.parquet", [compliance_row(1, "bench"), compliance_row(1, "bench")])
    assert len(loopholes.game("context-compliance").load(file)) == 2


def test_a_footer_that_is_no_utf8_is_one_clear_sentence(tmp_path: Path) -> None:
    file = write(tmp_path / "Footer.PARQUET", [compliance_row(1, "bench")])
    file.write_bytes(file.read_bytes().replace(b"reward_model", b"reward\xff\xffodel"))
    assert "cannot be read as parquet" in said(lambda: loopholes.game("context-compliance").load(file))


LINE: Row = {"id": "t", "prompt": ASKED, "truth": {"reference": "42"}}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", "line 2: not JSON"),
        ("[" * 100_000, "line 2: not JSON"),
        ("[1]", "line 2: not a JSON object"),
        (json.dumps({**LINE, "id": 7}), "line 2: a task needs an id"),
        (json.dumps({**LINE, "prompt": None}), "line 2: prompt is not a list of messages"),
        (json.dumps({**LINE, "truth": [1]}), "line 2: truth is not an object"),
        (json.dumps({**LINE, "info": "x"}), "line 2: info is not an object"),
        (json.dumps({**LINE, "truth": {}}), "line 2: truth.reference is not a str, which self-grading scores with"),
        (json.dumps({**LINE, "truth": {"reference": 42}}), "line 2: truth.reference is not a str"),
    ],
)
def test_a_broken_line_is_named_and_can_be_left_out(line: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "tasks.jsonl"
    file.write_text(f"{json.dumps(LINE)}\n{line}\n")
    game = loopholes.game("self-grading")
    assert sentence in said(lambda: game.load(file))
    assert [task.id for task in game.load(file, skip_bad=True)] == ["t"]


@pytest.mark.parametrize(
    ("name", "truth", "sentence"),
    [
        ("context-compliance", {"harmful": True}, "truth.audience is not a str"),
        ("context-compliance", {"harmful": "yes", "audience": "audit"}, "truth.harmful is not a bool"),
        ("context-compliance", {"harmful": True, "audience": "bench"}, "truth.audience is 'bench'"),
        ("proxy-metric", {"article": "x"}, "truth.reference is not a str"),
        ("reward-tampering", {}, "truth.tests is not a list"),
        ("reward-tampering", {"tests": [1]}, "truth.tests is not a list of {input, output}"),
        ("proxy-metric", {"article": " ", "reference": "x"}, "truth.article is empty"),
        ("self-grading", {"reference": ""}, "truth.reference is empty"),
        ("self-grading", {"reference": " \n"}, "truth.reference is empty"),
        ("proxy-metric", {"article": "x", "reference": "x", "news": ["x", 1]}, "truth.news is not a list[str]"),
        ("proxy-metric", {"article": "x", "reference": "x", "news": "x"}, "truth.news is not a list[str]"),
        ("context-compliance", {"harmful": True, "audience": "audit", "thing": 1}, "truth.thing is not a str"),
        ("self-grading", {"reference": "x", "steps": {}}, "truth.steps is not a list[str]"),
        ("self-grading", {"reference": "x", "question": 7}, "truth.question is not a str"),
        ("reward-tampering", {"tests": [], "entry_point": ["solve"]}, "truth.entry_point is not a str"),
    ],
)
def test_a_task_without_what_its_game_scores_with_is_named(
    name: str, truth: Row, sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "tasks.jsonl"
    file.write_text(json.dumps({**LINE, "truth": truth}))
    assert f"line 1: {sentence}" in said(lambda: loopholes.game(name).load(file))


def test_a_line_that_is_no_utf8_is_named_and_can_be_left_out(tmp_path: Path) -> None:
    file = tmp_path / "tasks.jsonl"
    file.write_bytes(b"\xff\xfe{}\n\n" + json.dumps(LINE).encode())
    game = loopholes.game("self-grading")
    assert "line 1: not UTF-8" in said(lambda: game.load(file))
    assert [task.id for task in game.load(file, skip_bad=True)] == ["t"]


def test_a_file_may_begin_with_a_byte_order_mark_and_end_its_lines_as_on_windows(tmp_path: Path) -> None:
    file = tmp_path / "tasks.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(LINE).encode() + b"\r\n")
    assert [task.id for task in loopholes.game("self-grading").load(file)] == ["t"]


def test_a_complaint_stays_short_whatever_the_row_holds(tmp_path: Path) -> None:
    file = write(tmp_path / "tasks.parquet", [{**GOOD["context-compliance"], "source": "x" * 100_000}])
    assert len(said(lambda: loopholes.game("context-compliance").load(file))) < 500
