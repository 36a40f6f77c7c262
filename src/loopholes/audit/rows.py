"""A user's data as rows: JSON Lines, parquet, or a folder that ``datasets`` saved."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from loopholes.audit.answers import TRUTHS
from loopholes.audit.episodes.scripts import is_actions, script, with_leads
from loopholes.audit.frameworks.base import Prompt, Row
from loopholes.errors import DataError, UsageError, closest
from loopholes.files import DEEPEST, is_too_deep, json_rows, placed_rows
from loopholes.records import messages

MOST = 100_000
"""Maximum number of rows that are read; a sample of them is audited."""
READ = (".jsonl", ".parquet")
"""Suffixes of the files that are read."""
CONVERTED = {
    ".csv": "csv.DictReader(open('{path}'))",
    ".tsv": "csv.DictReader(open('{path}'), delimiter='\\t')",
    ".json": "json.load(open('{path}'))",
}
"""Suffixes of files that are not read, with the Python that gives their rows (for JSON: if it is a list of them)."""
PROMPTS = ("prompt", "question", "problem", "instruction", "input")
"""Names of the column with the prompt; the first that exists counts."""


def read_rows(path: str | Path, golden: str | None = None) -> list[Row]:
    """The rows of a data file or folder. ``golden`` is a template such as ``<answer>{answer}</answer>``.

    Without a template, the column ``golden`` holds whole right completions. A column ``floor`` may hold honest wrong
    ones, such as an admission that the answer is unknown. Raises :class:`DataError` in one sentence, and
    :class:`UsageError` for a template that names no column.
    """
    path = Path(path)
    read = enumerate(islice(_columns(path), MOST))
    rows = [_row(number, columns, golden, f"{path}, {place}") for number, (place, columns) in read]
    if not rows:
        raise DataError(f"{path} has no rows")
    return with_leads(rows)


def rows_from(records: Sequence[Mapping[str, Any]], golden: str | None = None) -> list[Row]:
    """The rows of records in memory, or of a ``datasets.Dataset``; see :func:`read_rows`."""
    read = enumerate(records)
    return with_leads([_row(number, dict(columns), golden, f"the data, row {number}") for number, columns in read])


def with_golden(rows: Sequence[Row], template: str | None) -> list[Row]:
    """The rows with golden completions from a template, if there is one."""
    if template is None:
        return list(rows)
    return [replace(row, golden=filled(template, row.columns, f"the target, row {row.number}")) for row in rows]


def _columns(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The columns of each row, with the place of the row in its file."""
    if path.is_dir():
        yield from _saved(path)
        return
    if not path.exists():
        raise DataError(f"there is no file {path}")
    if not path.is_file():
        raise DataError(f"{path} is no regular file, and --data is read more than once: save the rows to a file")
    suffix = path.suffix.lower()
    if suffix in CONVERTED and not (suffix == ".json" and _has_lines(path)):
        rows = CONVERTED[suffix].format(path=path)
        raise DataError(
            f"{path} is a {suffix[1:].upper()} file, and --data reads JSON Lines, parquet and datasets folders; this "
            f'makes it JSON Lines: python -c "import csv, json; [print(json.dumps(row)) for row in {rows}]" > '
            f"'{path.with_suffix('.jsonl')}'"
        )
    for place, row in placed_rows(path):
        if isinstance(row, ValueError):
            read = "" if suffix in READ else f" (--data reads {', '.join(READ)} and datasets folders)"
            raise DataError(f"{path}, {place}: {row}{read}")
        yield place, row


def _has_lines(path: Path) -> bool:
    """Whether a file with the suffix of JSON holds JSON Lines, as some have it."""
    return isinstance(next(json_rows(path), None), dict)


def _saved(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Records of a folder written by ``Dataset.save_to_disk``, or of a folder of parquet files."""
    files = sorted(path.glob("**/*.parquet"))
    if files and not (path / "dataset_info.json").exists():
        for file in files:
            yield from ((f"{file.relative_to(path)}, {place}", columns) for place, columns in _columns(file))
        return
    from datasets import DatasetDict, load_from_disk

    try:
        dataset = load_from_disk(str(path))
    except (FileNotFoundError, ValueError) as error:
        raise DataError(
            f"{path} is a folder, but neither a saved dataset nor one of parquet files: name one file, such as "
            f"{path / 'prompts.jsonl'}"
        ) from error
    records = next(iter(dataset.values())) if isinstance(dataset, DatasetDict) else dataset
    yield from ((f"row {number}", dict(record)) for number, record in enumerate(records))


def _row(number: int, columns: dict[str, Any], template: str | None, place: str) -> Row:
    name = next((name for name in PROMPTS if name in columns), None)
    if name is None:
        others = ", ".join(list(columns)[:8])
        raise DataError(f"{place} has no column {' or '.join(PROMPTS)}{f', only: {others}' if others else ''}")
    deep = next((name for name, value in columns.items() if is_too_deep(value)), None)
    if deep is not None:
        raise DataError(f"{place}: {deep} is nested more than {DEEPEST} deep")
    prompt, golden = _prompt(columns[name], place), _golden(columns, template, place)
    return Row(number, prompt, golden, _completion(columns, "floor", place), columns)


def _prompt(value: Any, place: str) -> Prompt:
    if isinstance(value, str) and not value.lstrip().startswith('[{"role"'):
        return value
    try:
        return messages(value)
    except ValueError as error:
        raise DataError(f"{place}: {error}") from None


def _golden(columns: Mapping[str, Any], template: str | None, place: str) -> str | None:
    if template is not None:
        return filled(template, columns, place)
    return _completion(columns, "golden", place)


def _completion(columns: Mapping[str, Any], name: str, place: str) -> str | None:
    """The completion in a column: a text, a list of messages (the last one counts), or the actions of an episode."""
    value = columns.get(name)
    if value is None or isinstance(value, str):
        return value
    if value and is_actions(value):
        return script(*value)
    if isinstance(value, list) and value and isinstance(value[-1], Mapping):
        return str(value[-1].get("content", ""))
    raise DataError(f"{place}: {name} is a {type(value).__name__}, not a completion")


def filled(template: str, columns: Mapping[str, Any], place: str) -> str | None:
    """A template with its ``{column}`` places filled in. Other braces stay as they are. None if a column is empty."""
    names = [name for name in columns if "{" + name + "}" in template]
    if not names:
        own = ", ".join(list(columns)[:8])
        advice = _meant(re.findall(r"\{(\w+)\}", template), columns)
        raise UsageError(f"{place}: --golden names none of its columns ({own}); {advice}")
    if any(columns[name] is None or columns[name] == "" for name in names):
        return None
    # In one pass, since a value may itself contain the name of a column in braces.
    marks = "|".join(re.escape("{" + name + "}") for name in names)
    return re.sub(marks, lambda name: _written(columns[name[0][1:-1]]), template)


def _meant(places: Sequence[str], columns: Mapping[str, Any]) -> str:
    """What to write into a template instead of the names in its braces, none of which is a column."""
    if (close := next((column for place in places if (column := closest(place, columns))), None)) is not None:
        return f"did you mean {{{close}}}?"
    answer = next((name for name in TRUTHS if name in columns), None)
    example = "" if answer is None else f", such as {{{answer}}}"
    if not places:
        return f"write a column's name in braces{example}"
    return f"{{{places[0]}}} is not a column: write the one with the right answer{example}"


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
