"""A section is stored whole: its page is made again from the file alone, and a file that cannot be read says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loopholes.errors import RunError
from loopholes.report import write_page
from loopholes.report.store import read_section, read_sections, write_section
from loopholes.studies.samples import sampled
from support.page_sections import game_section, study_section

MORE = {"version": "0.1.0", "config": {}, "cells": [{"cell": "g/base/mini", "metric": "exploit_rate"}], "tests": []}


def stored(folder: Path) -> Path:
    """A section with charts, every kind of cell, and rollouts, in its file."""
    file = folder / "transfer.json"
    write_section(file, sampled(study_section("transfer")), 3, MORE)
    return file


def test_a_section_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    for number, section in enumerate((sampled(study_section("transfer")), sampled(game_section()))):
        write_section(tmp_path / f"{section.name}.json", section, number, MORE)
        again = read_section(tmp_path / f"{section.name}.json")
        assert (again.schema, again.place) == (2, number)
        assert [list(row) for table in again.section.tables for row in table.rows] == [
            list(row) for table in section.tables for row in table.rows
        ]
        assert again.section.rollouts == section.rollouts
        for name in ("question", "answer", "facts", "command", "rollouts_total"):
            assert getattr(again.section, name) == getattr(section, name)
        assert list(again.section.notes) == list(section.notes)
        page = write_page("A page", [again.section], tmp_path / "page.html").read_bytes()
        write_section(tmp_path / f"{section.name}.json", again.section, number, MORE)
        twice = read_section(tmp_path / f"{section.name}.json").section
        assert write_page("A page", [twice], tmp_path / "page.html").read_bytes() == page
    assert [one.section.name for one in read_sections(tmp_path)] == ["transfer", "reward-tampering"]


def test_programs_find_their_records_and_each_prompt_once(tmp_path: Path) -> None:
    record = json.loads(stored(tmp_path).read_text())
    assert record["cells"] == MORE["cells"] and record["schema"] == 2
    assert record["prompts"] == ["2 + 2?"] and {row["prompt"] for row in record["rollouts"]} == {0}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"schema": 3}, "has schema 3; this version of loopholes reads schema 2 and older"),
        ({"charts": [{"name": "c"}]}, "was edited or damaged; run the command that made it again"),
        ({"rollouts": [{"arm": "a", "prompt": 7}]}, "was edited or damaged"),
        ({"tables": None}, "was edited or damaged"),
        ({"schema": 1, "cells": 7}, "was edited or damaged"),
    ],
)
def test_a_file_of_a_later_schema_or_a_damaged_one_is_one_sentence(
    tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    file = stored(tmp_path)
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(RunError, match=sentence):
        read_section(file)


def test_a_file_that_was_cut_off_is_one_sentence(tmp_path: Path) -> None:
    file = stored(tmp_path)
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(RunError, match="cannot be read as JSON"):
        read_sections(tmp_path)


def test_an_older_file_shows_its_cells_and_says_what_is_missing(tmp_path: Path) -> None:
    cells = [
        {"cell": "g/vulnerable/mini", "metric": metric, "value": value, "low": low, "high": high, "seeds": 5, "n": 9}
        for metric, value, low, high in (
            ("exploit_rate", 0.5, 0.25, 0.75),
            ("exploit_change", 0.4, 0.3, 0.5),
            ("first_appearance", 8.0, None, None),
            ("domination", None, None, None),
            ("blind_spot", 1.0, None, None),
            ("area", 0.314, 0.2, 0.4),
        )
    ]
    record = {
        "study": "old",
        "question": "?",
        "answer": "Yes.",
        "command": "make",
        "cells": cells,
        "notes": ["A note."],
    }
    (tmp_path / "old.json").write_text(json.dumps(record))
    (again,) = read_sections(tmp_path)
    (table,) = again.section.tables
    shown = ["50.0 % [25.0, 75.0]", "+40.0 points [30.0, 50.0]", "step 8", None, True, "0.31 [0.20, 0.40]"]
    assert table.rows == [["g/vulnerable/mini", *shown]]
    assert again.section.answer == "Yes." and "charts" in again.section.notes[-1] and not again.section.charts


def test_other_json_beside_it_is_left_alone(tmp_path: Path) -> None:
    for name, text in (("summary.json", "{}"), ("list.json", "[1]"), ("study.json", '{"format": 1}'), ("x.json", "no")):
        (tmp_path / name).write_text(text)
    assert read_sections(tmp_path) == []
