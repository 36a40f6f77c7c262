"""A user's data as rows: columns with prompts and right answers, and files that are wrong in every way."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopholes.audit import read_rows, rows_from
from loopholes.audit.frameworks.base import Row
from loopholes.audit.rows import filled, with_golden
from loopholes.errors import DataError, UsageError
from loopholes.files import DEEPEST
from support.rewards import save_rows, sums

CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "3+4?"}]
READ: list[tuple[dict[str, Any], str, str | None, str | None]] = [
    ({"prompt": "3+4?"}, "3+4?", None, None),
    ({"question": "3+4?", "input": "x"}, "3+4?", None, None),
    ({"prompt": CHAT}, "Be brief.\n3+4?", None, None),
    ({"prompt": json.dumps(CHAT)}, "Be brief.\n3+4?", None, None),
    ({"prompt": '["a"]'}, '["a"]', None, None),
    ({"prompt": "", "golden": "7"}, "", "7", None),
    (
        {"prompt": "?", "golden": [{"role": "assistant", "content": "7"}], "floor": "I do not know"},
        "?",
        "7",
        "I do not know",
    ),
    ({"prompt": "?", "golden": None}, "?", None, None),
]


@pytest.mark.parametrize("record, text, golden, floor", READ)
def test_a_record_is_a_row(record: dict[str, Any], text: str, golden: str | None, floor: str | None) -> None:
    (row,) = rows_from([record])
    assert (row.number, row.text, row.golden, row.floor, row.columns) == (0, text, golden, floor, record)


FILLED: list[tuple[str, dict[str, Any], str | None]] = [
    ("<a>{answer}</a>", {"answer": "4"}, "<a>4</a>"),
    ("{answer} and {answer}", {"answer": 4}, "4 and 4"),
    ("\\boxed{{answer}}", {"answer": "4"}, "\\boxed{4}"),
    ("{x} {y}", {"x": "{y}", "y": "{x}"}, "{y} {x}"),
    ("{answer}", {"answer": "{answer}"}, "{answer}"),
    ("{parts}", {"parts": ["a", "é"]}, '["a", "é"]'),
    ("{answer} {other}", {"answer": "4"}, "4 {other}"),
    ("{answer}", {"answer": ""}, None),
    ("{answer}", {"answer": None}, None),
    ("{answer}", {"answer": 0}, "0"),
    ("{a.b}", {"a.b": "4", "axb": "5"}, "4"),
    ("{answer}", {"answer": "\\1 \\g<0>"}, "\\1 \\g<0>"),
]


@pytest.mark.parametrize("template, columns, text", FILLED)
def test_a_template_is_filled_with_columns(template: str, columns: dict[str, Any], text: str | None) -> None:
    assert filled(template, columns, "the data, row 0") == text


def test_a_template_goes_before_a_column_golden_and_to_rows_of_other_origin() -> None:
    (row,) = rows_from([{"prompt": "?", "golden": "no", "answer": "4"}], "<a>{answer}</a>")
    assert row.golden == "<a>4</a>"
    assert [row.golden for row in with_golden([Row(0, "?", None, None, {"answer": "5"})], "{answer}!")] == ["5!"]
    assert with_golden([row], None) == [row]


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "folder", "datasets"])
def test_every_layout_gives_the_same_rows(tmp_path: Path, kind: str) -> None:
    records = sums(3)
    path = tmp_path / "data"
    if kind == "jsonl":
        path = Path(save_rows(tmp_path, records))
    elif kind == "datasets":
        pytest.importorskip("datasets").Dataset.from_list(records).save_to_disk(path)
    else:
        path.mkdir()
        pq.write_table(pa.Table.from_pylist(records[:2]), path / "a.parquet")
        pq.write_table(pa.Table.from_pylist(records[2:]), path / "b.parquet")
        if kind == "parquet":
            path = tmp_path / "all.parquet"
            pq.write_table(pa.Table.from_pylist(records), path)
    assert read_rows(path) == rows_from(records)


BAD = [
    ("nowhere.jsonl", None, "there is no file"),
    ("a.jsonl", b"", "has no rows"),
    ("a.jsonl", b"\n \n", "has no rows"),
    ("a.jsonl", b'{"prompt": "a"}\n{"prompt": "b', "line 2: not JSON"),
    ("a.jsonl", b"[1]\n", "line 1: not a JSON object"),
    ("a.jsonl", b'{"prompt": "a"}\n\n[1]\n', "line 3: not a JSON object"),
    ("a.jsonl", b'{"prompt": "\xe9"}\n', "line 1: not UTF-8"),
    ("a.jsonl", b"[" * 100_000, "line 1: not JSON"),
    (
        "a.jsonl",
        b'{"answer": 4, "id": 1}\n',
        "line 1 has no column prompt or question or problem or instruction or input, only: answer, id",
    ),
    ("a.jsonl", b"{}\n", "line 1 has no column prompt"),
    ("a.jsonl", b'{"prompt": 4}\n', "line 1: prompt is not a list of messages"),
    ("a.jsonl", b'{"prompt": null}\n', "line 1: prompt is not a list of messages"),
    (
        "a.jsonl",
        b'{"prompt": [{"role": "user", "content": ["x"]}]}\n',
        "line 1: prompt is not a list of {role, content}",
    ),
    ("a.jsonl", b'{"prompt": "a", "golden": 4}\n', "line 1: golden is a int, not a completion"),
    ("a.jsonl", b'{"prompt": "a", "floor": []}\n', "line 1: floor is a list, not a completion"),
    ("a.parquet", b"PAR1", "cannot be read as parquet"),
    ("a.parquet", b"", "cannot be read as parquet"),
]


@pytest.mark.parametrize("name, content, sentence", BAD)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_rows(tmp_path / name)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"inner": value}
    return value


def test_a_column_nested_too_deep_is_refused_in_one_sentence_that_names_the_row(tmp_path: Path) -> None:
    records = [{"prompt": "?", "meta": nested(depth)} for depth in (DEEPEST, DEEPEST + 1)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, records)))
    with pytest.raises(DataError, match=rf"a\.jsonl, line 2: meta is nested more than {DEEPEST} deep$"):
        read_rows(tmp_path / "a.jsonl")
    assert rows_from(records[:1])


def test_a_truncated_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(sums(50)), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="cannot be read as parquet"):
        read_rows(path)


def test_a_folder_of_neither_kind_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    with pytest.raises(DataError, match="neither a saved dataset nor one of parquet files: name one file, such as"):
        read_rows(tmp_path)


def test_a_template_that_names_no_column_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"--golden names none of its columns \(prompt, answer\); did you mean {answer}"
    ):
        rows_from([{"prompt": "?", "answer": "4"}], "<a>{anwser}</a>")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["prompt", "golden", "floor", "answer", "question"]) | st.text(max_size=4)
LINES = st.one_of(
    st.dictionaries(NAMES, JSON, max_size=5).map(lambda record: json.dumps(record).encode()), st.binary(max_size=40)
)


@given(lines=st.lists(LINES, max_size=5), template=st.none() | st.text(max_size=12) | st.just("<a>{answer}</a>"))
def test_any_file_gives_rows_or_one_sentence(lines: list[bytes], template: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_bytes(b"\n".join(lines))
        try:
            rows = read_rows(path, template)
        except (DataError, UsageError):
            return
    assert rows and all(isinstance(row.text, str) for row in rows)
    assert all(row.golden is None or isinstance(row.golden, str) for row in rows)
