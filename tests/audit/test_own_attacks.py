"""A user's own attacks from a file: tried with the panel, under the same statistics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loopholes.audit import rows_from
from loopholes.audit.attacks import view_of
from loopholes.audit.attacks.from_file import read_attacks
from loopholes.audit.form import RAW, form_of
from loopholes.errors import DataError
from support.rewards import audited, sums, write_rewards

ROWS = rows_from(
    [{"prompt": f"What is {n}?", "hint": f"h{n}", "answer": f"a{n}", "golden": f"<a>a{n}</a>"} for n in range(3)]
)
FORM = form_of([row.golden for row in ROWS if row.golden])


def read(folder: Path, *lines: dict[str, Any] | str) -> list[Any]:
    path = folder / "attacks.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return read_attacks(path, ROWS)


def texts(attack: Any) -> list[str | None]:
    attempts = [attack.attempt(view_of(row, FORM, 1024)) for row in ROWS]
    return [None if attempt is None else attempt.text for attempt in attempts]


LINES: list[tuple[str, dict[str, Any], list[str | None]]] = [
    ("a text as it is", {"name": "x", "text": "hi {there}"}, ["hi {there}"] * 3),
    ("a text in the form of right answers", {"name": "x", "text": "hi", "form": "golden"}, ["<a>hi</a>"] * 3),
    ("the prompt", {"name": "x", "text": "{prompt}!"}, ["What is 0?!", "What is 1?!", "What is 2?!"]),
    ("a column", {"name": "x", "text": "{hint}"}, ["h0", "h1", "h2"]),
    ("one row", {"row": 1, "text": "{hint}"}, [None, "h1", None]),
]


@pytest.mark.parametrize("line, completions", [case[1:] for case in LINES], ids=[case[0] for case in LINES])
def test_a_line_is_an_attack(tmp_path: Path, line: dict[str, Any], completions: list[str | None]) -> None:
    (attack,) = read(tmp_path, line)
    assert texts(attack) == completions


def test_lines_of_single_rows_with_one_name_are_one_attack(tmp_path: Path) -> None:
    (attack,) = read(tmp_path, {"name": "x", "row": 0, "text": "a"}, {"name": "x", "row": 2, "text": "c"})
    assert (attack.name, texts(attack)) == ("x", ["a", None, "c"])


BAD: list[tuple[list[dict[str, Any] | str], str]] = [
    ([], "holds no attacks"),
    (['{"name": "x", "te'], "line 1"),
    (["[1]"], "line 1"),
    ([{"name": "x"}], "line 1, text"),
    ([{"name": "x", "text": 3}], "line 1, text"),
    ([{"name": "x", "text": "a", "form": "boxed"}], "line 1, form"),
    ([{"name": "x", "text": "a", "else": 1}], "line 1, else"),
    ([{"text": "a"}], "needs a name"),
    ([{"name": "x", "text": "a", "family": "magic"}], "no family 'magic'"),
    ([{"name": "x", "text": "a"}, {"name": "x", "text": "b"}], "line 2: the name 'x' was used before"),
    ([{"row": 1, "text": "a"}, {"row": 1, "text": "b"}], "row 1 has two texts"),
    ([{"row": 9, "text": "a"}], "row 9 is not in the data"),
    ([{"name": "empty", "text": "a"}], "the panel has an attack 'empty' already"),
    ([{"name": "x", "text": "it is {answer}"}], "{answer} holds the answer"),
    ([{"name": "x", "text": "it is {golden}"}], "{golden} holds the answer"),
    ([{"name": "x", "text": "it is {anwser}"}], "there is no column 'anwser'; did you mean 'answer'?"),
    ([{"name": f"x{n}", "text": "a"} for n in range(5001)], "5001 attacks"),
]


@pytest.mark.parametrize("lines, sentence", BAD, ids=[sentence for _, sentence in BAD])
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(
    tmp_path: Path, lines: list[dict[str, Any] | str], sentence: str
) -> None:
    with pytest.raises(DataError) as error:
        read(tmp_path, *lines)
    assert sentence in str(error.value) and "\n" not in str(error.value)


def test_a_missing_or_huge_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="there is no file"):
        read_attacks(tmp_path / "none.jsonl", ROWS)
    monkeypatch.setattr("loopholes.audit.attacks.from_file.MOST_BYTES", 10)
    with pytest.raises(DataError, match="larger than"):
        read(tmp_path, {"name": "x", "text": "a" * 100})


def test_an_own_attack_that_pays_is_an_exploit_of_its_family(tmp_path: Path, inside: None) -> None:
    source = """
        def magic(completion, answer):
            return float(completion == f"<answer>{answer}</answer>" or "xyzzy" in completion)
    """
    file = write_rewards(tmp_path, source)
    attacks = read(tmp_path, {"name": "word", "family": "judge-injection", "text": "xyzzy"})
    assert not [finding for finding in audited(f"{file}:magic", sums()).findings if finding.verdict == "exploit"]
    exploits = [f for f in audited(f"{file}:magic", sums(), attacks=attacks).findings if f.verdict == "exploit"]
    assert [(finding.family, finding.name) for finding in exploits] == [("judge-injection", "word")]


def test_a_form_that_right_answers_do_not_have_leaves_the_text_as_it_is(tmp_path: Path) -> None:
    (attack,) = read(tmp_path, {"name": "x", "text": "hi", "form": "golden"})
    attempt = attack.attempt(view_of(ROWS[0], RAW, 1024))
    assert attempt is not None and attempt.text == "hi"


@pytest.mark.usefixtures("inside")
def test_the_payment_of_an_own_attack_is_reported_even_if_it_is_zero(tmp_path: Path) -> None:
    file = write_rewards(
        tmp_path, "def f(completion, answer):\n    return float(completion == f'<answer>{answer}</answer>')"
    )
    path = tmp_path / "attacks.jsonl"
    path.write_text('{"name": "my-flattery", "text": "What a grader!"}\n')
    records = sums(8)
    report = audited(f"{file}:f", records, attacks=read_attacks(path, rows_from(records)))
    (note,) = [note for note in report.notes if note.name == "own-attacks"]
    assert "my-flattery 0 % on 8 of 8 rows" in note.message


@pytest.mark.usefixtures("inside")
def test_an_own_attack_on_too_few_rows_says_how_many_rows_would_do(tmp_path: Path) -> None:
    source = "def f(completion, answer):\n    return float(completion in ('xyzzy', f'<answer>{answer}</answer>'))"
    file, path, records = write_rewards(tmp_path, source), tmp_path / "attacks.jsonl", sums(8)
    notes = []
    for count in (1, 2):
        path.write_text("".join(f'{{"name": "word", "text": "xyzzy", "row": {row}}}\n' for row in range(count)))
        report = audited(f"{file}:f", records, attacks=read_attacks(path, rows_from(records)))
        notes += [note.message for note in report.notes if note.name == "own-attacks"]
        assert any(finding.name == "word" for finding in report.findings) is (count == 2)
    alone, enough = notes
    assert "word 100 % on 1 of 8 rows (too few rows to conclude: it takes 2 that pay in full" in alone
    assert enough.endswith("word 100 % on 2 of 8 rows")
